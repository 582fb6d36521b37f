"""Texts redacted by themselves: as a record's text is, with places in the text as it came."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec
import pytest

from audit.errors import DetectorUnavailable, TextTooLarge
from audit.exchange import Level
from redaction.build import build_redactor
from redaction.detector import Detector
from redaction.finding import Passage, Span
from redaction.policy import Action
from redaction.policy_file import default_policy
from redaction.redactor import Redactor
from redaction.trial import Place, RedactedText
from tests.unit.redaction.exchanges import KEY, PLANTS, redact_text, redactor

MAIL = "ann.lee@example.org"


def tried(*texts: str, by: Redactor | None = None) -> list[RedactedText]:
    """Redact texts with the policy that ships."""
    return asyncio.run((by or redactor()).redact_texts(texts))


def taken(made: RedactedText) -> list[Place]:
    """What was taken out."""
    return [place for place in made.places if place.action is not Action.KEEP]


def in_json(value: str) -> str:
    """A tool's arguments, inside JSON inside JSON, with all that can be escaped."""
    inner = json.dumps({"note": f'"é"\n{value}\t\N{GRINNING FACE}'})
    return json.dumps({"arguments": inner, "after": "nothing \N{GRINNING FACE}"})


WAYS: dict[str, Callable[[str], str]] = {
    "prose": lambda value: f"Please use {value} today.",
    "emoji": lambda value: f"\N{GRINNING FACE}\N{GRINNING FACE} {value} \N{GRINNING FACE}",
    "combining": lambda value: f"cafe\u0301 cafe\u0301: {value}\r\nmai\u0308s",
    "json": in_json,
    "markdown": lambda value: f"| name | value |\n|---|---|\n| x | {value} |\n",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("plant", PLANTS)
def test_a_text_is_redacted_as_the_text_of_a_record_is(plant: str, way: str) -> None:
    """Trying a policy shows what workers do with it, to the character."""
    rng = random.Random(f"{plant} {way}")
    text = WAYS[way](PLANTS[plant](rng))
    (made,) = tried(text)
    assert made.text == redact_text(text)


@pytest.mark.parametrize("way", WAYS)
def test_a_place_is_exactly_what_was_taken_out(way: str) -> None:
    """Offsets count code points of the text as it came; what is around them stays as it was."""
    text = WAYS[way](MAIL)
    (made,) = tried(text)
    (place,) = taken(made)
    assert text[place.start : place.end] == MAIL
    assert text[: place.start] + f"<{place.type}_1>" + text[place.end :] == made.text


def test_an_escaped_value_is_located_as_it_is_written() -> None:
    """What a tool wrote with escapes is taken out with them."""
    text = '{"to": "ann\\u002elee\\u0040example.org", "ssn": 219099999}'
    (made,) = tried(text)
    assert [text[place.start : place.end] for place in taken(made)] == [
        "ann\\u002elee\\u0040example.org",
        "219099999",
    ]
    assert json.loads(made.text) == {"to": "<EMAIL_ADDRESS_1>", "ssn": "<US_SSN_1>"}


def test_each_text_is_an_exchange_of_its_own() -> None:
    """Numbers begin anew, and nothing that one text gave away is looked for in another."""
    alone = "The word Quillerby means nothing here."
    one, two, three = tried(
        f"a@example.org, {MAIL}", f"{MAIL}, password: Quillerby-77x and Quillerby-77x", alone
    )
    assert one.text == "<EMAIL_ADDRESS_1>, <EMAIL_ADDRESS_2>"
    assert two.text.startswith("<EMAIL_ADDRESS_1>, ")
    assert "Quillerby" not in two.text
    assert three.text == alone


def test_an_empty_text_is_a_text() -> None:
    """It is given back as it is, between others too."""
    assert [made.text for made in tried("", MAIL, "")] == ["", "<EMAIL_ADDRESS_1>", ""]
    assert tried() == []


def test_what_a_policy_leaves_standing_is_told_apart() -> None:
    """What is allowed is a place too, with the action `keep`, and no place overlaps another."""
    rules = msgspec.structs.replace(default_policy(), allow=("kept@example.org",))
    by = build_redactor(rules, pseudonym_key=KEY)
    text = f"kept@example.org wrote to {MAIL}"
    (made,) = tried(text, by=by)
    assert [text[p.start : p.end] for p in taken(made)] == [MAIL]
    stays = [p for p in made.places if p.action is Action.KEEP]
    assert "kept@example.org" in [text[p.start : p.end] for p in stays]
    ordered = [(p.start, p.end) for p in made.places]
    assert ordered == sorted(ordered)
    assert all(one[1] <= other[0] for one, other in pairwise(ordered))


def test_at_level_pseudonymised_a_value_has_one_pseudonym_in_all_texts() -> None:
    """The same value is the same token in each of them."""
    made = asyncio.run(redactor().redact_texts([MAIL, f"To {MAIL}"], Level.PSEUDONYMISED))
    assert made[1].text == f"To {made[0].text}"
    assert made[0].text.startswith("<EMAIL_ADDRESS_")
    assert made[0].text != tried(MAIL)[0].text
    assert made[0].places[0].action is Action.PSEUDONYM


def test_a_text_beyond_the_budget_is_not_redacted_in_part() -> None:
    """It raises, and so nothing of it is there to be printed."""
    small = msgspec.structs.replace(default_policy(), max_text_chars=20, max_record_chars=20)
    with pytest.raises(TextTooLarge):
        tried("x" * 21, by=build_redactor(small, pseudonym_key=KEY))


class Down:
    """A detector that does not answer."""

    name = "patterns"
    version = "0"

    async def detect(self, passages: Sequence[Passage]) -> Sequence[Sequence[Span]]:
        """Raise, as one does whose service is away."""
        del passages
        raise DetectorUnavailable


def with_patterns_down(**named: tuple[str, ...]) -> Redactor:
    """A redactor one of whose detectors is away."""
    policy = msgspec.structs.replace(default_policy(), **named)
    down: Detector = Down()
    return Redactor(policy, [down], pseudonym_key=KEY)


def test_a_required_detector_that_does_not_answer_raises() -> None:
    """A text counts as read only when all have read it."""
    with pytest.raises(DetectorUnavailable):
        tried(MAIL, by=with_patterns_down(required=("patterns",)))


def test_an_optional_detector_that_does_not_answer_is_named() -> None:
    """Whoever tries a policy is told what was not looked for."""
    (made,) = tried(MAIL, by=with_patterns_down(required=(), optional=("patterns",)))
    assert made.missing == ("patterns",)
    assert MAIL not in repr(made)
