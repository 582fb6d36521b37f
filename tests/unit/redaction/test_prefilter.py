"""The prefilter: it may ask too many, and never keeps anyone from finding."""

from __future__ import annotations

import functools
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.redaction.texts import samples
from redaction.detectors.patterns import PatternDetector
from redaction.detectors.prefilter import Needle, Prefilter, loosened
from redaction.detectors.secrets import SecretDetector
from redaction.detectors.table_detector import TableDetector
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
