"""The redactor: what it promises of a whole record, and when it refuses."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Sequence

import msgspec
import pytest
import tldextract

from audit.digest import record_digest
from audit.errors import (
    DetectorFailed,
    DetectorUnavailable,
    PolicyViolation,
    SettingInvalid,
    TextTooLarge,
)
from audit.exchange import Identity, Level
from audit.parts import Text, ToolCall
from audit.record import AuditRecord, RedactedRecord, Safety, Verdict
from audit.value import Json, to_json
from redaction.build import NO_NAME_MODEL, build_redactor
from redaction.detectors.patterns import PatternDetector
from redaction.finding import Passage, Span
from redaction.policy import Policy
from redaction.policy_file import default_policy, read_policy
from redaction.redactor import Redactor
from tests.unit.redaction.exchanges import KEY, a_record, redact, redact_text, redactor, text_of

MAIL = "ada@lovelace.example"


class ScriptedDetector:
    """A detector that finds given words, or fails as told."""

    version = "1"

    def __init__(
        self,
        name: str = "scripted",
        words: dict[str, str] | None = None,
        failure: Exception | None = None,
    ) -> None:
        self.name = name
        self.words = words or {}
        self.failure = failure
        self.asked = 0

    async def detect(self, passages: Sequence[Passage]) -> Sequence[Sequence[Span]]:
        """Find each word once per passage."""
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return [
            [
                Span(passage.text.index(word), passage.text.index(word) + len(word), kind, 1.0, "s")
                for word, kind in self.words.items()
                if word in passage.text
            ]
            for passage in passages
        ]


def _policy(*required: str, optional: tuple[str, ...] = (), more: str = "") -> Policy:
    head = f'name = "t"\nversion = "1"\nrequired = {json.dumps(required)}\n'
    return read_policy(f"{head}optional = {json.dumps(optional)}\n{more}", "t.toml")


def _with(*detectors: ScriptedDetector, more: str = "") -> Redactor:
    policy = _policy(*(d.name for d in detectors), more=more)
    return Redactor(policy, detectors, pseudonym_key=KEY)


def _arguments(record: RedactedRecord) -> str:
    part = record.response.outputs[0].parts[0]
    assert isinstance(part, ToolCall)
    return part.arguments


def test_a_value_has_one_token_through_the_exchange() -> None:
    """Prompt, arguments and parameters speak of the same person by the same token."""
    record = redact(
        a_record(
            f"I am {MAIL}, not bob@other.example",
            json.dumps({"to": MAIL.upper()}),
            parameters={"metadata": {"by": MAIL}},
        )
    )
    assert text_of(record) == "I am <EMAIL_ADDRESS_1>, not <EMAIL_ADDRESS_2>"
    assert _arguments(record) == '{"to": "<EMAIL_ADDRESS_1>"}'
    assert record.request.parameters == {"metadata": {"by": "<EMAIL_ADDRESS_1>"}}
    assert record.redaction.counts == {"EMAIL_ADDRESS": 4}


def test_what_is_not_taken_out_stays_to_the_byte() -> None:
    """Spaces, escapes and order of a JSON document survive around a replacement."""
    arguments = '{ "a":\t"\\u00e9\\/x",\n"mail" : "' + MAIL + '" , "n":1.50e3 , "a":[ ] }'
    record = redact(a_record(arguments=arguments))
    assert _arguments(record) == arguments.replace(MAIL, "<EMAIL_ADDRESS_1>")


def test_a_number_that_identifies_becomes_a_string() -> None:
    """At any depth the document stays valid."""
    inner = json.dumps({"ssn": 219099999, "n": 5})
    record = redact(a_record(arguments=json.dumps({"card": 4111111111111111, "s": inner})))
    outer = json.loads(_arguments(record))
    assert outer["card"] == "<CREDIT_CARD_1>"
    assert json.loads(outer["s"]) == {"ssn": "<US_SSN_1>", "n": 5}


def test_a_stream_that_was_cut_is_redacted_as_text() -> None:
    """Arguments that end in the middle of a string hold their values no less."""
    record = redact(
        a_record(arguments='{"to": "x", "note": "call +14155552671 or ada@lovel.example, a')
    )
    assert "lovel" not in _arguments(record)
    assert "4155552671" not in _arguments(record)


def test_findings_cut_exactly_their_tokens() -> None:
    """Path and offsets lead to the token in the record's own JSON."""
    record = redact(
        a_record(
            f"{MAIL} " * 3 + "é 😀 " + MAIL,
            json.dumps({"deep": json.dumps({"x/y": MAIL})}),
            parameters={MAIL: {"a~b": MAIL}},
            identity=Identity(user="u-4711"),
        )
    )
    document = json.loads(to_json(record))
    assert len(record.redaction.findings) == 7
    for finding in record.redaction.findings:
        held = document
        for step in finding.path.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            held = held[int(name)] if isinstance(held, list) else held[name]
        assert held[finding.start : finding.end] == finding.token


def test_a_token_typed_by_a_user_stays_theirs() -> None:
    """The reader can tell the typed one from ours by its number and by the findings."""
    assert redact_text(f"<EMAIL_ADDRESS_1> is {MAIL}") == "<EMAIL_ADDRESS_1> is <EMAIL_ADDRESS_2>"


async def test_a_value_found_once_is_taken_out_everywhere() -> None:
    """A detector that misses the second place does not matter."""
    by = _with(ScriptedDetector(words={"Ada Lovelace": "PERSON"}))
    record = await by.redact(
        a_record(
            "Ada Lovelace, ADA LOVELACE", '{"ada lovelace": "ADA LOVELACES", "x": "ADALOVELACE"}'
        )
    )
    assert text_of(record) == "<PERSON_1>, <PERSON_1>"
    assert _arguments(record) == '{"<PERSON_1>": "<PERSON_1>", "x": "ADALOVELACE"}'


async def test_allow_and_deny_lists_are_obeyed() -> None:
    """What the policy names is taken out or left, whatever detectors say."""
    more = 'allow = ["ada"]\n[deny]\n"Project Nightingale" = "CODENAME"\n'
    by = _with(ScriptedDetector(words={"Ada": "PERSON"}), more=more)
    record = await by.redact(a_record("Ada runs project nightingale"))
    assert text_of(record) == "Ada runs <CODENAME_1>"


def test_a_user_is_a_pseudonym_that_lasts() -> None:
    """The same user in two exchanges of a tenant can be followed, and not be named."""
    identity = Identity(user="ada-77", tenant_id="t1")
    one = redact(a_record("hello, ada-77 here", identity=identity)).identity.user
    two = redact(a_record("bye", identity=identity)).identity.user
    other = redact(a_record("bye", identity=Identity(user="ada-77", tenant_id="t2"))).identity.user
    assert one == two != other
    assert one is not None
    assert re.fullmatch(r"<USER_ID_[a-z2-7]{16}>", one)


def test_a_user_id_that_is_an_address_is_a_pseudonym_too() -> None:
    """What it looks like does not make everybody the first address of their exchange."""
    users = [
        redact(a_record("hi", identity=Identity(user=user, tenant_id="t1"))).identity.user
        for user in (MAIL, "someone.else@example.org", MAIL, "+49 171 1234567")
    ]
    assert all(re.fullmatch(r"<USER_ID_[a-z2-7]{16}>", user or "") for user in users)
    assert users[0] == users[2]
    assert len(set(users)) == 3


def test_pseudonymised_links_people_but_not_credentials() -> None:
    """At that level tokens of people last, those of secrets are numbered."""
    record = redact(a_record(f"{MAIL} password: hunter2", level=Level.PSEUDONYMISED))
    assert re.fullmatch(r"<EMAIL_ADDRESS_[a-z2-7]{16}> password: <PASSWORD_1>", text_of(record))


def test_level_none_keeps_no_body() -> None:
    """Whatever the record brought along, only metadata is kept."""
    record = redact(a_record("hello", '{"a": 1}', parameters={"x": "y"}, level=Level.NONE))
    assert record.request.messages == ()
    assert record.request.parameters == {}
    assert record.response.outputs == ()
    assert record.redaction.level is Level.NONE
    assert record.request.prompt_digest == "9f" * 32


def test_the_record_says_how_it_was_made() -> None:
    """Policy, engines, languages and gaps are on it, and its digest is right."""
    record = redact(a_record(f"mail {MAIL}"))
    said = record.redaction
    assert said.policy == default_policy().label == redactor().policy
    assert [engine.name for engine in said.engines] == ["patterns", "secrets", "presidio", "names"]
    assert said.engines == redactor().engines
    assert said.languages == default_policy().languages
    assert said.gaps == redactor().gaps == ()
    assert said.degraded == ()
    assert record.integrity.record_digest == record_digest(record)
    assert record.integrity.commitment == "ab" * 32
    assert record.integrity.salt == "00ff"


def test_redacting_twice_gives_the_same_record() -> None:
    """Redaction depends on record, policy and key alone."""
    clear = a_record(f"{MAIL} +14155552671 {MAIL}", parameters={"user": "u-12345"})
    assert to_json(redact(clear)) == to_json(redact(clear))


@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        (DetectorUnavailable("busy", retry_after=3.0), DetectorUnavailable),
        (DetectorFailed("no"), DetectorFailed),
        (ValueError(f"could not read {MAIL}"), DetectorFailed),
        (TimeoutError(MAIL), DetectorFailed),
    ],
)
async def test_a_required_detector_that_fails_stops_the_record(
    failure: Exception, raised: type[Exception]
) -> None:
    """Nothing comes out, and what is raised quotes nothing."""
    by = _with(ScriptedDetector("one"), ScriptedDetector("two", failure=failure))
    with pytest.raises(raised) as stopped:
        await by.redact(a_record(MAIL))
    assert MAIL not in str(stopped.value)
    assert stopped.value.__cause__ is None


async def test_a_redactor_that_can_never_redact_is_not_ready() -> None:
    """One whose detector is unavailable now is: its records wait for it."""
    failed = ScriptedDetector("one", failure=DetectorFailed("no"))
    with pytest.raises(DetectorFailed):
        await _with(failed).prepare()
    await _with(ScriptedDetector("one", failure=DetectorUnavailable("busy"))).prepare()


async def test_an_optional_detector_that_fails_is_named() -> None:
    """The record is made, and says that it was made with less."""
    broken = ScriptedDetector("extra", failure=DetectorUnavailable())
    detectors = [ScriptedDetector("base", words={"Ada": "PERSON"}), broken]
    policy = _policy("base", optional=("extra",))
    record = await Redactor(policy, detectors, pseudonym_key=KEY).redact(a_record("Ada"))
    assert record.redaction.degraded == ("extra",)
    assert [engine.name for engine in record.redaction.engines] == ["base"]
    assert text_of(record) == "<PERSON_1>"


class _Mute(ScriptedDetector):
    """Answers for fewer passages than it was asked about."""

    async def detect(self, passages: Sequence[Passage]) -> Sequence[Sequence[Span]]:
        """Leave the last one out."""
        return [[] for _ in passages[1:]]


class _Beyond(ScriptedDetector):
    """Finds something behind the end."""

    async def detect(self, passages: Sequence[Passage]) -> Sequence[Sequence[Span]]:
        """Point past the text."""
        return [[Span(0, len(p.text) + 1, "X", 1.0, "x")] for p in passages]


@pytest.mark.parametrize("detector", [_Mute(), _Beyond()])
async def test_an_answer_that_makes_no_sense_is_a_failure(detector: ScriptedDetector) -> None:
    """Unsure means raise."""
    with pytest.raises(DetectorFailed):
        await _with(detector).redact(a_record("hello"))


async def test_a_text_over_budget_is_refused_before_it_is_read() -> None:
    """Neither one long text nor many together get through unread."""
    detector = ScriptedDetector()
    by = _with(detector, more="max_text_chars = 100\nmax_record_chars = 300\n")
    with pytest.raises(TextTooLarge):
        await by.redact(a_record("x" * 101))
    with pytest.raises(TextTooLarge):
        await by.redact(a_record(parameters={"x": ["y" * 90] * 4}))
    assert detector.asked == 0


async def test_the_self_check_refuses_what_still_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a replacement ever left out, the record would not come out."""
    by = _with(ScriptedDetector(words={"Ada Lovelace": "PERSON"}))
    replace = by._replacer.replace
    monkeypatch.setattr(by._replacer, "replace", lambda text, cuts: replace(text, cuts[:1]))
    with pytest.raises(PolicyViolation) as refused:
        await by.redact(a_record("Ada Lovelace and Ada Lovelace"))
    assert "Ada" not in str(refused.value)


def test_a_redactor_without_what_its_policy_names_cannot_be_made() -> None:
    """A missing detector or a weak key is found at start."""
    with pytest.raises(SettingInvalid, match="elsewhere"):
        Redactor(_policy("patterns", "elsewhere"), [PatternDetector()], pseudonym_key=KEY)
    with pytest.raises(SettingInvalid, match="elsewhere"):
        build_redactor(_policy("elsewhere"), pseudonym_key=KEY)
    with pytest.raises(SettingInvalid, match="16 bytes"):
        Redactor(_policy("patterns"), [PatternDetector()], pseudonym_key=b"short")


async def test_building_and_redacting_touch_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model is fetched, no list of domains: not even a name is resolved."""
    touched: list[object] = []

    def refuse(*what: object, **_: object) -> None:
        touched.append(what)
        raise OSError

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    # The library's own function fetches its list on first use, and hides that it could not.
    monkeypatch.setattr(tldextract, "extract", refuse)
    models = {"en": "en_core_web_lg", "de": "de_core_news_sm"}
    without = msgspec.structs.replace(default_policy(), required=("patterns", "presidio"))
    by = build_redactor(without, spacy_models=models, pseudonym_key=KEY)
    await by.prepare()
    record = await by.redact(
        a_record(f"{MAIL} https://unheard-of.museum bob@xn--bcher-kva.example")
    )
    assert touched == []
    assert record.redaction.gaps == (NO_NAME_MODEL,)


def test_a_policy_that_seeks_no_names_says_so_on_every_record() -> None:
    """One with the model that ships says it of parts in languages that the model does not read."""
    asked = msgspec.structs.replace(default_policy(), required=("patterns", "names"))
    assert build_redactor(asked, pseudonym_key=KEY).gaps == ()
    none = msgspec.structs.replace(asked, required=("patterns",))
    assert build_redactor(none, pseudonym_key=KEY).gaps == (NO_NAME_MODEL,)


async def test_a_value_in_a_list_of_signals_is_taken_out() -> None:
    """Lists of texts are changed like any other text, whatever they were made of."""
    clear = msgspec.structs.replace(a_record("hello"), safety=Safety(signals=(f"{MAIL}: seen",)))
    by = build_redactor(_policy("patterns"), pseudonym_key=KEY)
    (signal,) = (await by.redact(clear)).safety.signals
    assert signal == "<EMAIL_ADDRESS_1>: seen"


def test_signals_and_verdicts_stay_readable() -> None:
    """One alerts on them; the policy that ships takes none of their words for somebody's name."""
    categories = ("jailbreak", "indirect_attack", "profanity", "hate", "self_harm", "sexual",
                  "violence", "custom_blocklists", "protected_material_code")  # fmt: skip
    verdicts = tuple(Verdict(category=each, severity="high") for each in categories)
    signals = tuple(f"{each}.{said}" for each in categories for said in ("detected", "filtered"))
    safety = Safety(prompt=verdicts, signals=(*signals, "filter.not_run", "blocklist.matched"))
    assert redact(msgspec.structs.replace(a_record("hello"), safety=safety)).safety == safety


async def test_what_a_policy_denies_is_taken_out_of_signals() -> None:
    """Names are not sought in them; what is named or found elsewhere is."""
    by = _with(ScriptedDetector(words={"Ada": "PERSON"}), more='[deny]\n"nightingale" = "CODENAME"')
    safety = Safety(signals=("nightingale.filtered",))
    record = await by.redact(msgspec.structs.replace(a_record("hello"), safety=safety))
    assert record.safety.signals == ("<CODENAME_1>.filtered",)


async def test_values_that_repeat_are_read_once() -> None:
    """What comes back with every turn is remembered, not read again, and found all the same."""
    clear = a_record(f"system prompt for {MAIL}")
    by = build_redactor(_policy("patterns"), pseudonym_key=KEY)
    first, second = await by.redact(clear), await by.redact(clear)
    assert first == second


def test_nothing_of_a_passage_or_a_reading_shows_in_a_repr() -> None:
    """What ends up in a traceback or a debugger holds no text."""
    assert MAIL not in repr(Passage(MAIL, MAIL))
    assert MAIL not in repr(a_record(MAIL))
    assert msgspec.structs.asdict(a_record(MAIL))["id"] in repr(a_record(MAIL))
    assert isinstance(a_record(MAIL), AuditRecord)
    assert MAIL not in repr(Text(text=MAIL))


def test_the_name_of_a_field_is_not_its_value() -> None:
    """A field that is taken out whole keeps its name, and the name may be spoken of."""
    asked: dict[str, Json] = {
        "safety_identifier": "emp-00017",
        "metadata": {"user_id": "u-78"},
    }
    record = redact(a_record("what does safety_identifier mean", parameters=asked))
    assert "emp-00017" not in str(record.request.parameters)
    assert "u-78" not in str(record.request.parameters)
    assert set(record.request.parameters) == set(asked)
    assert text_of(record) == "what does safety_identifier mean"


async def test_the_records_of_a_session_are_redacted_as_one() -> None:
    """One token for a value wherever it stands; what only one gives away, all of them hide."""
    told = [f"my name on the list is {MAIL}", "the list has ADA@lovelace.example", "nobody here"]
    records = [msgspec.structs.replace(a_record(text), id=f"r/{n}") for n, text in enumerate(told)]
    redacted = await redactor().redact_sheaf(records)
    assert [each.id for each in redacted] == [each.id for each in records]
    assert [text_of(each) for each in redacted] == [
        "my name on the list is <EMAIL_ADDRESS_1>",
        "the list has <EMAIL_ADDRESS_1>",
        "nobody here",
    ]
    for each in redacted:
        assert each.integrity.record_digest == record_digest(each)
    assert [each.redaction.counts.get("EMAIL_ADDRESS", 0) for each in redacted][2] == 0


async def test_a_value_that_one_record_gives_away_is_taken_out_of_all() -> None:
    """Found by its context in the last one, it stands in none."""
    detector = ScriptedDetector(words={"Lovelace": "PERSON"})
    clear = [a_record("call Lovelace"), a_record("LOVELACE was out"), a_record("<PERSON_1> or")]
    redacted = await _with(detector).redact_sheaf(clear)
    assert [text_of(each) for each in redacted] == [
        "call <PERSON_2>",
        "<PERSON_2> was out",
        "<PERSON_1> or",
    ]


async def test_the_budget_is_for_all_records_of_a_session() -> None:
    """What is too much for one record is too much for several."""
    policy = msgspec.structs.replace(default_policy(), max_record_chars=3000)
    by = build_redactor(policy, pseudonym_key=KEY)
    await by.redact_sheaf([a_record("x" * 1000)] * 2)
    with pytest.raises(TextTooLarge):
        await by.redact_sheaf([a_record("x" * 1000)] * 3)
