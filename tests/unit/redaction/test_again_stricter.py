"""Redacting again under a stricter policy: what an earlier one left around a token goes with it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

import msgspec
import pytest

from audit.record import RedactedRecord
from redaction.again import reread
from redaction.finding import Passage, Span
from redaction.policy import Action, EntityRule, Policy
from redaction.redactor import Redactor
from tests.unit.redaction.exchanges import KEY, a_record, redact, text_of

FORMS = {
    "PERSON": re.compile(r"Mrs Haverkamp"),
    "ADDRESS": re.compile(r"[0-9]+ \S+ (?:Street|(?P<unsure>Road))"),
}
TEXT = "Mrs Haverkamp of 12 Haverkamp Street"


class _Finder:
    """Finds what `FORMS` says, as a model of names would; of roads it is less sure."""

    version = "1"

    def __init__(self, name: str = "names") -> None:
        self.name = name

    async def detect(self, passages: Sequence[Passage]) -> Sequence[Sequence[Span]]:
        """Find each in each passage."""
        return [
            [
                Span(*match.span(), kind, 0.6 if match.groupdict().get("unsure") else 0.9, "names")
                for kind, form in FORMS.items()
                for match in form.finditer(each.text)
            ]
            for each in passages
        ]


STRICT = Policy(name="strict", version="1", required=("names",))
KEEPING = msgspec.structs.replace(
    STRICT, name="keeping", entities={"ADDRESS": EntityRule(action=Action.KEEP)}
)
SURE = msgspec.structs.replace(STRICT, name="sure", entities={"ADDRESS": EntityRule(threshold=0.8)})


def by(policy: Policy) -> Redactor:
    """A redactor with the same detector, whatever the policy."""
    return Redactor(policy, [_Finder()], pseudonym_key=KEY)


def again(record: RedactedRecord, policy: Policy) -> RedactedRecord:
    """The record after a reading under a policy."""
    reading = reread([record], by(policy), at="2026-11-26T10:00:00.000000Z", order="o-1")
    (made,) = asyncio.run(reading)
    return made.record


def made_under(policy: Policy, text: str) -> RedactedRecord:
    """A record with this prompt."""
    return redact(a_record(text), by(policy))


@pytest.mark.parametrize(
    ("before", "text", "left", "then"),
    [
        (KEEPING, TEXT, "<PERSON_1> of 12 <PERSON_1> Street", "<PERSON_1> of <ADDRESS_1>"),
        (
            SURE,
            f"{TEXT}, 7 Haverkamp Road",
            "<PERSON_1> of <ADDRESS_1>, 7 <PERSON_1> Road",
            "<PERSON_1> of <ADDRESS_1>, <ADDRESS_2>",
        ),
    ],
)
def test_what_an_earlier_policy_left_around_a_token_is_taken_out(
    before: Policy, text: str, left: str, then: str
) -> None:
    """Its detector saw that too, but the policy kept the type, or it was not sure enough."""
    old = made_under(before, text)
    assert text_of(old) == left
    made = again(old, STRICT)
    assert text_of(made) == then
    assert text_of(again(made, STRICT)) == then


def test_what_another_reading_took_says_nothing_of_this_one() -> None:
    """Each reading is believed of the types that it took itself, with the detectors that it had."""
    old = made_under(KEEPING, TEXT)
    engines = tuple(msgspec.structs.replace(each, version="0") for each in old.redaction.engines)
    later = again(made_under(KEEPING, "1 Elm Street"), STRICT).redaction.receipts[0]
    later = msgspec.structs.replace(later, policy="other", engines=engines)
    redaction = msgspec.structs.replace(
        old.redaction, counts={"ADDRESS": 1, "PERSON": 2}, reviews=(later,)
    )
    made = again(msgspec.structs.replace(old, redaction=redaction), STRICT)
    assert text_of(made) == "<PERSON_1> of <ADDRESS_1>"


@pytest.mark.parametrize("before", [KEEPING, SURE, STRICT])
def test_the_policy_that_made_a_record_leaves_it_as_it_is(before: Policy) -> None:
    """Also where a token makes its detector see what was no address before."""
    old = made_under(before, "12 Mrs Haverkamp Street")
    assert text_of(again(old, before)) == text_of(old) == "12 <PERSON_1> Street"


def test_what_was_taken_elsewhere_is_believed_around_a_token() -> None:
    """A policy that takes what the earlier one took takes no token along for the gap beside it."""
    renamed = msgspec.structs.replace(STRICT, name="renamed")
    text = "1 Elm Street: 12 Mrs Haverkamp Street"
    old = made_under(STRICT, text)
    assert text_of(again(old, renamed)) == text_of(old)
