"""Chunks: every character is read, nothing short is cut in two, and offsets lead back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
import regex  # type: ignore[import-untyped] # it ships no types
from hypothesis import given, settings
from hypothesis import strategies as st

from redaction.detectors.azure_language_chunks import (
    ELEMENTS,
    OVERLAP,
    POINTS,
    Chunk,
    Measure,
    chunks,
    elements,
)
from tests.emulators.language.finding import text_elements

SMALL = Measure(elements=60, points=150, overlap=10, slack=20)

FAMILY, FLAG, THUMB = "👨‍👩‍👧‍👦", "🇩🇪", "👍🏽"
MARKED, CONJUNCT, HANGUL = "e\u0301\u0323", "क्षि", "\u1112\u1161\u11ab"
# What texts are made of: words, ends of lines, and characters of several code points.
PIECES = st.sampled_from(
    [
        *("a", "word", "  ", " ", "\n", "\r\n", "\t", ".", "。", "日本語", "ß", "0123456789" * 4),
        *(FAMILY, FLAG, THUMB, MARKED, CONJUNCT, HANGUL, "\u0301", "\u200d", "\u0600", "\x00"),
    ]
)
TEXTS = st.lists(PIECES, max_size=150).map("".join) | st.text(max_size=300)


def characters(text: str) -> Iterator[tuple[int, int]]:
    """Where each user-perceived character begins and ends."""
    for found in regex.finditer(r"\X", text):
        yield found.start(), found.end()


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_every_character_is_covered_and_offsets_map_back(text: str) -> None:
    """Chunks are stretches of the text, in order, without a gap, from its start to its end."""
    found = list(chunks(text, SMALL))
    assert all(text[each.start : each.end] == each.text for each in found)
    reached = 0
    for each in found:
        assert each.start <= reached < each.end
        reached = each.end
    assert reached == len(text)


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_whatever_is_no_longer_than_the_overlap_is_whole_in_some_chunk(text: str) -> None:
    """Wherever it stands."""
    found = list(chunks(text, SMALL))
    for start in range(len(text)):
        end = min(start + SMALL.overlap, len(text))
        assert any(each.start <= start and end <= each.end for each in found)


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_no_chunk_is_larger_than_a_document_may_be(text: str) -> None:
    """By the service's count and by ours, which is never less."""
    for each in chunks(text, SMALL):
        assert text_elements(each.text) <= elements(each.text) <= SMALL.elements
        assert len(each.text) <= SMALL.points


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_no_character_is_cut_in_two(text: str) -> None:
    """Not a family, not a flag, not a letter with its marks, not the end of a line."""
    inside = {
        place
        for start, end in characters(text)
        if end - start <= SMALL.slack // 2
        for place in range(start + 1, end)
    }
    for each in chunks(text, SMALL):
        assert each.start not in inside
        assert each.end not in inside


@pytest.mark.parametrize(
    "piece", [FAMILY, FLAG, THUMB, MARKED, CONJUNCT, HANGUL, "\r\n", "e", "語"]
)
def test_long_texts_of_one_piece_are_cut_between_pieces(piece: str) -> None:
    """With a document's real size, for characters of each kind."""
    text = piece * (12_000 // len(piece))
    found = list(chunks(text))
    assert len(found) > 1 or piece == MARKED
    for each in found:
        assert each.start % len(piece) == 0
        assert each.end % len(piece) == 0
        assert text_elements(each.text) <= ELEMENTS
        assert len(each.text) <= POINTS


def test_a_character_longer_than_a_document_is_read_all_the_same() -> None:
    """A letter with 40,000 marks: each of them is in a chunk."""
    text = "a" + "\u0301" * 40_000 + " b"
    found = list(chunks(text))
    assert found[0].start == 0
    assert found[-1].end == len(text)
    assert all(after.start <= before.end for before, after in pairwise(found))


def test_texts_are_cut_between_words_where_there_are_any() -> None:
    """A chunk begins with a word and ends behind one."""
    text = "word after word " * 1_000
    for each in chunks(text):
        assert each.start == 0 or text[each.start - 1] == " "
        assert each.end == len(text) or text[each.end - 1] == " "


def test_what_fits_is_one_chunk() -> None:
    """Up to the last text element; nothing is none."""
    assert list(chunks("")) == []
    assert list(chunks("x" * ELEMENTS)) == [Chunk(0, "x" * ELEMENTS)]
    assert len(list(chunks("x" * (ELEMENTS + 1)))) == 2
    marked = "e\u0301" * ELEMENTS
    assert list(chunks(marked)) == [Chunk(0, marked)]


def test_overlap_costs_less_than_one_document_in_forty() -> None:
    """A text of 200 KB takes 41 documents where 40 would hold it without overlap."""
    assert len(list(chunks(("some words of prose " * 11_000)[: 40 * ELEMENTS]))) == 41
    assert OVERLAP * 40 < ELEMENTS
