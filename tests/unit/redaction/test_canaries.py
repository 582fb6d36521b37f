"""Canaries: drawn again from their id, found wherever they leak, made by nobody without a key."""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
import json
import secrets
import string
from collections.abc import Callable
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.exchange import Identity, Level
from audit.parts import Text
from audit.record import AuditRecord, Message, Output, RedactedRecord, Redaction, Request, Response
from redaction.build import build_redactor
from redaction.canaries import ENTROPY, Canaries, Canary, Result, judge
from redaction.canary_search import places
from redaction.canary_values import TYPES, Family
from redaction.policy import Action, EntityRule, Policy
from redaction.policy_file import default_policy
from redaction.redactor import Redactor
from tests.unit.redaction.exchanges import KEY, a_record, redactor

CANARIES = Canaries(KEY)
chance = st.binary(min_size=ENTROPY, max_size=ENTROPY)
families = st.sets(st.sampled_from(Family), max_size=len(Family) - 1)


def asked(canary: Canary, text: str, answer: str = "noted") -> AuditRecord:
    """The exchange of a canary: what was asked under its trace id, and what was answered."""
    bare = a_record(identity=Identity(trace_id=canary.trace_id))
    request = Request(messages=(Message(role="user", parts=(Text(text=text),)),))
    output = Output(index=0, role="assistant", parts=(Text(text=answer),))
    return msgspec.structs.replace(bare, request=request, response=Response(outputs=(output,)))


def left(canary: Canary, text: str, answer: str = "noted") -> RedactedRecord:
    """The record of that exchange as nobody has redacted it."""
    made = msgspec.to_builtins(asked(canary, text, answer))
    made.pop("level")
    made["redaction"] = msgspec.to_builtins(Redaction(level=Level.REDACTED, policy="none@0"))
    return msgspec.convert(made, RedactedRecord)


def blanked(canary: Canary, but: Family | None = None) -> str:
    """What a canary says once its values are gone, all but one family's."""
    text = canary.text
    for each in canary.planted:
        if each.family is not but:
            text = text.replace(each.value, f"<{TYPES[each.family]}_1>")
    return text


@given(chance, families)
def test_a_canary_is_drawn_again_from_its_id(entropy: bytes, without: set[Family]) -> None:
    """Its id and the key give the same values and text; it plants what was asked for."""
    canary = CANARIES.hatch(entropy, without)
    assert set(canary.trace_id) <= set(string.hexdigits.lower())
    assert len(canary.trace_id) == 32
    assert Canaries(KEY).recognise(canary.trace_id) == canary
    assert [each.family for each in canary.planted] == [f for f in Family if f not in without]
    assert all(canary.text.count(each.value) == 1 for each in canary.planted)


def test_what_a_version_draws_stays_as_it_is() -> None:
    """A canary of this version has these values for ever; else its key has another purpose."""
    canary = Canaries(bytes(32)).hatch(bytes(ENTROPY))
    assert canary.trace_id == "0fff000000000000a409cd8d6a5c4019"
    assert hashlib.sha256(canary.text.encode()).hexdigest()[:16] == "1715595dc1bfd4b8"


@given(st.text() | st.text(alphabet="0123456789abcdef", min_size=32, max_size=32) | st.none())
def test_nobody_without_the_key_makes_a_canary(trace_id: str | None) -> None:
    """Whatever stands in a trace id, it is no canary, and nothing is raised."""
    assert CANARIES.recognise(trace_id) is None


@given(chance, st.integers(0, 31), st.sampled_from(string.hexdigits.lower()))
def test_an_altered_id_is_no_canary(entropy: bytes, at: int, digit: str) -> None:
    """Another digit in any place, or another key, and it is not known; families included."""
    whole = CANARIES.hatch(entropy).trace_id
    altered = whole[:at] + digit + whole[at + 1 :]
    assert altered == whole or CANARIES.recognise(altered) is None
    assert Canaries(bytes(32)).recognise(whole) is None


DISGUISES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in capitals": str.upper,
    "spaced": " ".join,
    "percent-encoded": lambda value: quote(value, safe=""),
    "all percent-encoded": lambda value: "".join(f"%{byte:02x}" for byte in value.encode()),
    "base 64": lambda value: base64.b64encode(value.encode()).decode(),
    "base 64 twice": lambda value: base64.b64encode(base64.b64encode(value.encode())).decode(),
    "hexadecimal": lambda value: value.encode().hex(),
    "JSON in JSON": lambda value: json.dumps({"a": [json.dumps({"b": value})]}),
    "escaped": lambda value: "".join(f"\\u{ord(sign):04x}" for sign in value),
    "full-width": lambda value: "".join(
        chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in value
    ),
    "cut at its end": lambda value: (
        value[: len(value) - 1 - len(value) // 5] if len(value) > 24 else value
    ),
}


@given(chance, st.sampled_from(Family), st.sampled_from(sorted(DISGUISES)), st.booleans())
def test_a_value_that_is_left_is_found(
    entropy: bytes, family: Family, disguise: str, in_answer: bool
) -> None:
    """Of any family, in any disguise, in question or answer; and it is the only leak."""
    canary = CANARIES.hatch(entropy)
    (value,) = [each.value for each in canary.planted if each.family is family]
    told = f"it says {DISGUISES[disguise](value)} there"
    said = blanked(canary)
    record = left(canary, said, told) if in_answer else left(canary, f"{said}\n{told}")
    verdict = judge(canary, record)
    assert verdict.result is Result.LEAKED
    assert {leak.family for leak in verdict.leaks} == {family}
    assert verdict.types == (TYPES[family],)
    assert verdict.groups == (("response.outputs",) if in_answer else ("request.messages",))
    assert value not in repr(verdict) + repr(canary)


@given(chance, families)
def test_a_record_without_the_values_is_clean(entropy: bytes, without: set[Family]) -> None:
    """Digests, ids, instants and tokens look like none of them."""
    canary = CANARIES.hatch(entropy, without)
    assert judge(canary, left(canary, blanked(canary), blanked(canary))).result is Result.CLEAN


@given(chance, st.text(), st.text())
def test_another_text_under_a_canarys_id_shows_nothing(
    entropy: bytes, text: str, answer: str
) -> None:
    """Whatever it is, nothing is raised, and it is neither clean nor a leak."""
    canary = CANARIES.hatch(entropy)
    assert judge(canary, left(canary, text, answer)).result is Result.UNREAD


def test_a_canary_that_was_cut_or_drowned_shows_nothing() -> None:
    """Without its last sentence, without any body, or in a text that is too long to be its own."""
    canary = CANARIES.hatch(bytes(ENTROPY))
    said = blanked(canary)
    for text in (said[:-3], "", said + "a " * 100_000):
        assert judge(canary, left(canary, text, said)).result is Result.UNREAD


def test_every_text_of_a_document_has_its_place() -> None:
    """Texts, numbers and the names of members, with a pointer to each; lists count from 0."""
    document = {"a": {"x": ["one", {"m~/n": 7, "t": True, "u": None, "v": 8.0}]}, "b": "two"}
    found = places(document, 100)
    assert found is not None
    told = [(place.path, place.group, place.readings[0]) for place in found]
    assert told == [
        ("/a", "a", "a"),
        ("/a/x", "a.x", "x"),
        ("/a/x/0", "a.x", "one"),
        ("/a/x/1/m~0~1n", "a.x", "mn"),
        ("/a/x/1/m~0~1n", "a.x", "7"),
        ("/a/x/1/t", "a.x", "t"),
        ("/a/x/1/u", "a.x", "u"),
        ("/a/x/1/v", "a.x", "v"),
        ("/a/x/1/v", "a.x", "8"),
        ("/b", "b", "b"),
        ("/b", "b", "two"),
    ]
    assert places(document, 10) is None


def fares(canary: Canary, by: Redactor, level: Level = Level.REDACTED) -> tuple[str, ...]:
    """Redact the canary's exchange, its own text repeated in the answer; give what leaks."""
    record = msgspec.structs.replace(asked(canary, canary.text, canary.text), level=level)
    verdict = judge(canary, asyncio.run(by.redact(record)))
    assert verdict.result is (Result.LEAKED if verdict.leaks else Result.CLEAN)
    return verdict.types


@pytest.mark.parametrize("level", [Level.REDACTED, Level.PSEUDONYMISED])
def test_the_policy_that_ships_takes_everything_out(level: Level) -> None:
    """Whatever is drawn, question and answer are clean; and the canary's sentences stay."""
    for _ in range(3):
        canary = CANARIES.hatch(secrets.token_bytes(ENTROPY))
        assert fares(canary, redactor(), level) == (), canary.trace_id


@functools.cache
def careless() -> Redactor:
    """A redactor without a name model, whose policy keeps what it finds of network addresses."""
    shipped = default_policy()
    keeping: Policy = msgspec.structs.replace(
        shipped,
        required=("patterns", "secrets"),
        entities={**shipped.entities, "IP_ADDRESS": EntityRule(action=Action.KEEP)},
    )
    return build_redactor(keeping, pseudonym_key=KEY)


@given(chance)
@settings(max_examples=8, deadline=None)
def test_what_a_policy_keeps_leaks_unless_it_is_not_planted(entropy: bytes) -> None:
    """Exactly the types that it does not take out; without their families the canary is clean."""
    kept = {Family.IP_ADDRESS, Family.PERSON, Family.ADDRESS}
    assert fares(CANARIES.hatch(entropy), careless()) == ("ADDRESS", "IP_ADDRESS", "PERSON")
    assert fares(CANARIES.hatch(entropy, kept), careless()) == ()
