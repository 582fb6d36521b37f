"""The prefilter: it may ask too many, and never keeps anyone from finding."""

from __future__ import annotations

import functools
import random
import re
import unicodedata

import pytest
import re2  # type: ignore[import-untyped] # it ships no types
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.redaction.texts import samples
from redaction.detectors.literals import as_pattern, literals
from redaction.detectors.patterns import PatternDetector
from redaction.detectors.prefilter import Needle, Prefilter, loosened
from redaction.detectors.secrets import SecretDetector
from redaction.detectors.table_detector import TableDetector
from redaction.encoded import MAY_BE_ENCODED
from redaction.finding import Passage

PATTERNS = [
    r"(?<!\d)\d{3}([ -])\d\d\1\d{4}(?!\d)", r"\bab+c{2,40}?\b", r"(?:x|yz){3,}+[^a-c]",
    r"(?i)né(?:e)? le",
    r"[\w.]+@\w+\.\w{2,}", r"(?P<kind>a|b)-(?P=kind)", r"a(?=b)|c(?!d)", r"\S\D\W+$", r"(?>a+)b",
]  # fmt: skip


@functools.cache
def _detectors() -> tuple[TableDetector, ...]:
    return PatternDetector(), SecretDetector()


@given(st.sampled_from(PATTERNS), st.data())
@settings(max_examples=300, deadline=None)
def test_a_loosened_pattern_matches_wherever_the_pattern_does(
    pattern: str, data: st.DataObject
) -> None:
    """For any text that a pattern is found in, its looser form is found too."""
    matching = data.draw(st.from_regex(pattern))
    around = data.draw(st.text(max_size=10))
    text = around + matching + around
    need = loosened(pattern)
    assert need is not None
    if re.search(pattern, text):
        assert Prefilter([need, "never-ever"]).regions(text)[0]


async def test_whoever_finds_anything_was_asked() -> None:
    """Over all texts of the evaluation set, asking by hits finds all that asking everyone finds."""
    drawn = samples(random.SystemRandom().randrange(10**6))
    passage = Passage("\n\n".join(sample.text for sample in drawn))
    for detector in _detectors():
        (answer,) = await detector.detect([passage])
        hidden = {place for span in answer for place in range(span.start, span.end)}
        for recogniser in detector._recognisers:
            # What is less likely than not is looked for where its context stands, and only there.
            for span in recogniser.find(passage, 0, len(passage.text)):
                value = passage.text[span.start : span.end]
                assert span.score < 0.5 or set(range(span.start, span.end)) <= hidden, value


def test_one_without_needs_is_asked_everywhere() -> None:
    """So is one whose pattern the automaton does not take."""
    regions = Prefilter([None, "a(?=b)", "zzz"]).regions("x" * 5000)
    assert regions == {0: [(0, 5000)], 1: [(0, 5000)]}


def test_a_long_text_is_asked_about_in_stretches() -> None:
    """Whoever needs a word looks where it stands, and not everywhere."""
    text = "x" * 10_000 + "needle" + "x" * 10_000
    (stretch,) = Prefilter(["needle"]).regions(text)[0]
    assert stretch[0] <= 10_000 < stretch[1]
    assert stretch[1] - stretch[0] <= 4_096


@pytest.mark.parametrize(
    "text", ["ÀÉ password ü", "\ud800 password", "pass word password", "x" * 3000]
)
def test_a_needle_gives_places_in_characters(text: str) -> None:
    """Whatever the text is encoded to, places are counted as Python counts."""
    found = list(Needle("password").starts(text, 0, len(text)))
    assert found == [match.start() for match in re.finditer("password", text)]


@given(st.lists(st.sampled_from(["key", "s", "ecret", "é", "日", "my ", "x" * 700]), max_size=12))
@settings(max_examples=300, deadline=None)
def test_a_needle_gives_places_inside_one_another(pieces: list[str]) -> None:
    """A find that is none to who looks closer hides none that begins inside it."""
    text = "".join(pieces)
    found = list(Needle(r"(?:my )?keys?|secret|x{3}").starts(text, 2, len(text) - 2))
    word = re.compile(r"(?:my )?keys?|secret|x{3}")
    assert found == [place for place in range(2, len(text) - 2) if word.match(text, place)]


EVERYTHING = "".join(chr(point) for point in range(0x110000) if unicodedata.category(chr(point))
                     not in {"Cs", "Cn"})  # fmt: skip
CASED = sorted({cased for one in EVERYTHING for cased in (one, one.lower(), one.upper())
                if len(cased) == 1 and one.lower() != one.upper()})  # fmt: skip


@pytest.mark.parametrize(
    "pattern",
    [r"\w", r"\d", r"\s", r"\S", r"\D", r"[^\s]", r"[^\w]", "(?i)[a-z]", "(?i)[A-Z]", "(?i)[^a-z]",
     "(?i)[h-j]", "(?i)[^i]", "(?i)[ı]", "(?i:[İ])", "(?i)(?-i:i)", "(?-i:I)", "(?i)[à-ÿ]"],
)  # fmt: skip
def test_a_loosened_set_holds_all_that_the_set_holds(pattern: str) -> None:
    """Over every character that there is."""
    loose = loosened(pattern)
    assert loose is not None
    assert set(re.findall(pattern, EVERYTHING)) <= set(re2.findall(loose, EVERYTHING))


def test_a_loosened_letter_is_what_the_letter_is_whatever_its_case() -> None:
    """Over every letter that has a case: `re` takes İ, with its dot, for `i`."""
    cased = "".join(CASED)
    for letter in CASED:
        loose = loosened(letter, re.IGNORECASE)
        assert loose is not None
        exact = set(re.findall(letter, cased, re.IGNORECASE))
        assert exact <= set(re2.findall(loose, cased)), letter
        told = literals(loose)
        assert told is not None
        assert all(any(re2.search(as_pattern(each), one) for each in told) for one in exact)


@given(st.sampled_from(PATTERNS), st.data())
@settings(max_examples=300, deadline=None)
def test_a_text_in_which_a_pattern_matches_holds_one_of_its_literals(
    pattern: str, data: st.DataObject
) -> None:
    """Letter case aside, and whatever stands around."""
    need = loosened(pattern)
    assert need is not None
    told = literals(need)
    text = data.draw(st.text(max_size=5)) + data.draw(st.from_regex(pattern))
    if told is not None and re2.search(need, text.encode("utf-8", "replace").decode()):
        assert any(re2.search(as_pattern(each), text) for each in told)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"(?:^|[^\pL])(?i:passport|reisepass)(?:$|[^\pL])", {"passport", "reisepass"}),
        (r"ab?c[ _-]x", {"abc x", "abc_x", "abc-x", "ac x", "ac_x", "ac-x"}),
        (r"[a-z]+@x|y@[a-z]", {"@x", "y@"}),
        (r"(?:foo|[a-z]*)bar[0-9]{2}x", {"bar\ue000\ue000x"}),
        (r"(?:abc){2,}d?", {"abcabc"}),
        (r"a|[a-z]+", None),
        (r"(?:abc)?", None),
        (r"(", None),
    ],
)
def test_the_most_telling_literals_are_chosen(pattern: str, expected: set[str] | None) -> None:
    """The longest of which it is certain that one is there; none where nothing is certain."""
    assert literals(pattern) == expected


def test_asking_by_literals_asks_whom_every_pattern_by_itself_would_ask() -> None:
    """Over the evaluation set, cut into blocks, for each pattern of each detector."""
    drawn = samples(random.SystemRandom().randrange(10**6))
    text = "\n\n".join(sample.text for sample in drawn)
    for detector in _detectors():
        by_literals = detector._prefilter
        needs = [recogniser.needs for recogniser in detector._recognisers]
        one_by_one = Prefilter([*needs, MAY_BE_ENCODED])
        one_by_one._literals = _Failed()
        assert by_literals.regions(text) == one_by_one.regions(text)


class _Failed:
    """An automaton that has run out of memory: it matches nothing, not even its sentinel."""

    def Match(self, _: bytes) -> None:  # noqa: N802 - the name is RE2's
        """Give nothing."""


def test_when_an_automaton_fails_everyone_is_asked() -> None:
    """Nobody is passed over because there was no answer."""
    prefilter = Prefilter(["needle", "@", "[0-9]"])
    prefilter._automata = (_Failed(),) * 3
    assert prefilter.regions("a needle @ 7") == {0: [(0, 12)], 1: [(0, 12)], 2: [(0, 12)]}
    prefilter = Prefilter(["needle", "@", "[0-9]"])
    prefilter._literals = _Failed()
    assert prefilter.regions("a needle @") == {0: [(0, 10)], 1: [(0, 10)]}
