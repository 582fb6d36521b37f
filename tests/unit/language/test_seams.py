"""Seams: what overlapping chunks found, once, and whole."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from redaction.detectors.azure_language_chunks import Chunk, Measure, chunks
from redaction.detectors.azure_language_seams import joined
from redaction.finding import Span

SMALL = Measure(elements=60, points=150, overlap=10, slack=20)


def span(start: int, end: int, kind: str = "PERSON", score: float = 0.9) -> Span:
    """A finding."""
    return Span(start, end, kind, score, "azure_language")


def test_what_both_chunks_found_is_said_once() -> None:
    """With the higher of two scores."""
    first, second = Chunk(0, "0123456789"), Chunk(6, "6789abcdef")
    found = [(first, [span(7, 9, score=0.6)]), (second, [span(1, 3, score=0.8)])]
    assert joined(found) == [span(7, 9, score=0.8)]


def test_what_lies_across_an_edge_becomes_one_finding() -> None:
    """Each chunk saw a part of it; together they cover it."""
    first, second = Chunk(0, "0123456789"), Chunk(6, "6789abcdef")
    found = [(first, [span(5, 10)]), (second, [span(0, 8)])]
    assert joined(found) == [span(5, 14)]


def test_types_stay_apart() -> None:
    """Which one names the place is decided where all detectors' findings are."""
    first, second = Chunk(0, "0123456789"), Chunk(6, "6789abcdef")
    found = [(first, [span(7, 10, "PHONE_NUMBER")]), (second, [span(1, 8, "CREDIT_CARD")])]
    assert joined(found) == [span(7, 10, "PHONE_NUMBER"), span(7, 14, "CREDIT_CARD")]


def test_findings_that_only_touch_stay_apart() -> None:
    """Two names side by side are two."""
    assert joined([(Chunk(0, "0123456789"), [span(0, 4), span(4, 8)])]) == [span(0, 4), span(4, 8)]


@given(
    st.integers(0, 190),
    st.integers(1, 300),
    st.sampled_from(["word ", "語", "a", "e\u0301 "]),
)
@settings(max_examples=200, deadline=None)
def test_a_value_of_any_length_is_found_whole_wherever_it_stands(
    start: int, length: int, filler: str
) -> None:
    """Each chunk finds what it sees of it, down to a piece; the finding is all of it."""
    text = filler * 200
    end = min(start + length, len(text))
    found = []
    for chunk in chunks(text, SMALL):
        seen = max(start, chunk.start), min(end, chunk.end)
        spans = [span(seen[0] - chunk.start, seen[1] - chunk.start)] if seen[0] < seen[1] else []
        found.append((chunk, spans))
    assert joined(found) == [span(start, end)]
