"""Windows: what a recogniser needs stands near where its match begins, wherever that is.

A block is read with a little of what follows it. Whoever needs both ends of something long would
be asked only where both happen to stand in one window.
"""

from __future__ import annotations

import random
import re
from re import _constants as op  # type: ignore[attr-defined] # the parser's own names
from re import _parser  # type: ignore[attr-defined] # as above
from typing import Any

import pytest

from redaction.detectors.announced import AnnouncedRecogniser
from redaction.detectors.passwords import _PAIR, PairRecogniser
from redaction.detectors.patterns import PatternDetector
from redaction.detectors.prefilter import _AFTER, Prefilter
from redaction.detectors.recogniser import Recogniser, ShapeRecogniser
from redaction.detectors.secrets import SecretDetector
from redaction.finding import Passage

RECOGNISERS: list[Recogniser] = [
    recogniser
    for detector in (PatternDetector(), SecretDetector())
    for recogniser in detector._recognisers
]
REPEATS = {op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT}
PLACES = {op.ASSERT, op.ASSERT_NOT, op.AT}
LONG = 3000
ALPHABET, DIGITS = "aK7dQ3xZ0m", "0123456789"
PAD = "Lorem ipsum dolor sit amet consectetur. " * 60


def _sought(recogniser: Recogniser) -> re.Pattern[str] | None:
    """The pattern whose matches begin where the recogniser is to be asked."""
    if isinstance(recogniser, ShapeRecogniser):
        return recogniser.context if recogniser._by_context else recogniser.pattern
    if isinstance(recogniser, AnnouncedRecogniser):
        return recogniser._compiled[0]
    return _PAIR if isinstance(recogniser, PairRecogniser) else None


def _name(recogniser: Recogniser) -> str:
    return str(getattr(recogniser, "name", type(recogniser).__name__))


def _longest(tree: Any) -> int:
    """How long a match can be."""
    return sum(_longest_of(kind, argument) for kind, argument in tree)


def _longest_of(kind: Any, argument: Any) -> int:
    if kind in REPEATS:
        return int(argument[1]) * _longest(argument[2])
    if kind is op.SUBPATTERN:
        return _longest(argument[-1])
    if kind is op.BRANCH:
        return max(map(_longest, argument[1]))
    return 0 if kind in PLACES else 1


def _settled(tree: Any) -> int:
    """By how many characters it is certain at the latest that a pattern matches."""
    before = settled = 0
    for kind, argument in tree:
        own = _settled_of(kind, argument)
        settled = before + own if own else settled
        before += _longest_of(kind, argument)
    return settled


def _settled_of(kind: Any, argument: Any) -> int:
    if kind in REPEATS:
        least = int(argument[0])
        return (least - 1) * _longest(argument[2]) + _settled(argument[2]) if least else 0
    if kind is op.SUBPATTERN:
        return _settled(argument[-1])
    if kind is op.BRANCH:
        ways = [_settled(branch) for branch in argument[1]]
        return max(ways) if all(ways) else 0
    return 0 if kind in PLACES else 1


def _drawn(tree: Any, chance: random.Random) -> str:
    """Draw what a pattern could match, looking around apart."""
    return "".join(_drawn_of(kind, argument, chance) for kind, argument in tree)


def _drawn_of(kind: Any, argument: Any, chance: random.Random) -> str:
    if kind is op.LITERAL:
        return chr(argument)
    if kind is op.IN:
        return _member(argument, chance)
    if kind in REPEATS:
        least, most = int(argument[0]), min(int(argument[1]), LONG)
        times, drawn = chance.choice((least, min(least + 3, most), most)), ""
        for count in range(max(least, times)):
            drawn += _drawn(argument[2], chance) if count < least or len(drawn) < LONG else ""
        return drawn
    if kind is op.SUBPATTERN:
        return _drawn(argument[-1], chance)
    if kind is op.BRANCH:
        return _drawn(chance.choice(argument[1]), chance)
    return "" if kind in PLACES or kind is op.GROUPREF else "x"


def _member(members: Any, chance: random.Random) -> str:
    """Draw one of a set: a letter or a digit, where those are in it."""
    kind, argument = chance.choice([each for each in members if each[0] is not op.NEGATE])
    negated = members[0][0] is op.NEGATE
    if not negated and kind is op.LITERAL:
        return chr(argument)
    if not negated and kind is op.RANGE:
        return chr(chance.randint(*argument))
    return chance.choice(ALPHABET if negated or "DIGIT" not in str(argument) else DIGITS)


@pytest.mark.parametrize("recogniser", RECOGNISERS, ids=_name)
def test_what_is_needed_is_settled_within_a_window(recogniser: Recogniser) -> None:
    """Nothing long and unknown stands between two ends that are both needed."""
    sought = _sought(recogniser)
    if sought is not None and getattr(recogniser, "telling", None) is None:
        assert _settled(_parser.parse(sought.pattern, sought.flags)) <= _AFTER


@pytest.mark.parametrize("recogniser", RECOGNISERS, ids=_name)
def test_whoever_has_a_match_is_asked_where_it_begins(recogniser: Recogniser) -> None:
    """At any offset in a long text, and however long the match is."""
    sought, needs = _sought(recogniser), recogniser.needs
    if sought is None or needs is None:
        return
    tree = _parser.parse(sought.pattern, sought.flags)
    chance, prefilter = random.Random(needs), Prefilter([needs])
    for _ in range(12):
        before = PAD[: chance.randrange(1500)]
        text = f"{before} {_drawn(tree, chance)} {PAD}"
        asked = prefilter.regions(text).get(0, [])
        for match in sought.finditer(text):
            if not _is_looked_for(recogniser, match):
                continue
            assert any(start <= match.start() < end for start, end in asked), match[0][:80]


def _is_looked_for(recogniser: Recogniser, match: re.Match[str]) -> bool:
    """What to look for first may know more than the pattern: what proves itself must hold it."""
    if not isinstance(recogniser, ShapeRecogniser) or recogniser.telling is None:
        return True
    return recogniser.proof(match[recogniser._value])


@pytest.mark.parametrize("recogniser", RECOGNISERS, ids=_name)
def test_no_proof_raises_for_what_its_pattern_matches(recogniser: Recogniser) -> None:
    """Numbers with leading zeros are judged like any other."""
    if not isinstance(recogniser, ShapeRecogniser):
        return
    tree = _parser.parse(recogniser.pattern.pattern, recogniser.pattern.flags)
    chance = random.Random(recogniser.name)
    for _ in range(40):
        for match in recogniser.pattern.finditer(_drawn(tree, chance)):
            recogniser.proof(match[recogniser._value])


PUTTY = (
    "PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\nComment: rsa-key\nPublic-Lines: 6\n"
    + "AAAAB3NzaC1yc2EAAAADAQABAAABAQCq" * 12
    + "\nPrivate-Lines: 14\n"
    + "xTlk5wEAAAEAD93nZb0LmQy7RfKpUv2s" * 28
    + "\nPrivate-MAC: a1b2c3d4e5a1b2c3d4e5a1b2c3d4e5a1b2c3d4e5"
)
HEADER = "eyJhbGciOiJSU0EtT0FFUC0yNTYiLCJlbmMiOiJBMjU2R0NNIn0"
PART = "aB3dE5gH"
JWE = f"{HEADER}.{PART * 40}.{PART * 2}.{PART * 190}.{PART * 3}"
JWT = f"eyJ{PART * 225}.eyJ{PART * 40}.{PART * 43}"


@pytest.mark.parametrize("value", [PUTTY, JWE, JWT], ids=["putty", "jwe", "jwt"])
@pytest.mark.parametrize("offset", [0, 200, 700, 1000])
async def test_a_long_key_is_found_wherever_it_begins(value: str, offset: int) -> None:
    """A block that holds its beginning only is enough."""
    text = f"{PAD[:offset]}\n{value}\n{PAD}"
    ((*found,),) = await SecretDetector().detect([Passage(text)])
    start = text.index(value)
    assert any(span.start <= start and start + len(value) <= span.end for span in found)
