"""How the shipped model is read: the same tokens, features and odds as its own, only sooner."""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.lang.lex_attrs import word_shape

from bench.redaction.texts import negatives, samples
from redaction.detectors.names_network import Network
from redaction.detectors.names_words import CHUNK, Reader, shape_of
from redaction.detectors.shipped_pipeline import Tagger

_TOLD: list[int | str] = ["IDX", "LENGTH", "NORM", "PREFIX", "SUFFIX", "SHAPE"]


@functools.cache
def _tagger() -> Tagger:
    tagger = Tagger()
    tagger.load(resources.files("redaction.model").joinpath("weights.bin").read_bytes())
    return tagger


@functools.cache
def _reader() -> Reader:
    return Reader()


def _as_spacy_reads(texts: Sequence[str]) -> list[list[tuple[int, ...]]]:
    """For each token of each text its place, its length and its features."""
    with _tagger().forgetting():
        return [
            [tuple(row) for row in doc.to_array(_TOLD).astype(np.uint64).tolist()]
            for doc in _tagger().split(texts)
        ]


def _as_read(texts: Sequence[str]) -> list[list[tuple[int, ...]]]:
    words = _reader().read(texts)
    features = iter(words.features[words.numbers].tolist())
    return [
        [(start, end - start, *next(features)) for start, end in edges.tolist()]
        for edges in words.edges
    ]


def _drawn() -> list[str]:
    """Every text of the evaluation set, with values of this run, and those without any."""
    drawn = samples(random.SystemRandom().randrange(10**6))
    return [sample.text for sample in (*drawn, *negatives())]


def test_tokens_and_features_are_those_that_the_network_learnt() -> None:
    """Over the evaluation set, prose, code and tables, to the last token."""
    texts = _drawn()
    assert _as_read(texts) == _as_spacy_reads(texts)


_PIECES = st.sampled_from([
    "word", "Word", "WORD", "don't", "it's", "5GB", "10km", "12.50", "a.", "z.", "U.S.", "e.g.",
    "a..b", "1..2", "end.Start", "8.5kg", "x_y.z",
    "3", "2024", "https://a.example/b?c=d", "a@b.example", "C++", "\u00a0", "\\n", "\\t", "—", "…",
    "...", ":)", "(-:", "xD", "8)", "¯\\(ツ)/¯", "°C.", "€", "C$", "--", "O'Neil", "Émile",
    "Straße", "ﬁ", "İ", "一二", "١٢", "e\u0301", "😀", "nsubj", "PERSON", "conj", "aaaaaaaa",
    "Xxxxxxxx", *".,;:!?/\\()[]{}<>=+-*%#&^~|@$'\"`_«»“”’ \n\t", "’s", "'S", "  ", "\r\n", "\x1f",
    "\x85", "\u2028", "x" * 130,
])  # fmt: skip


@given(st.lists(st.lists(_PIECES | st.text(max_size=3), max_size=12).map("".join), max_size=3))
@settings(max_examples=200, deadline=None)
def test_any_text_has_the_tokens_that_spacy_gives(texts: list[str]) -> None:
    """Whatever stands side by side, and whatever else is read with it.

    Stretch by stretch: in `(: )`, a space between them, spaCy lets one smile hide another.
    """
    stretches = [[(m[1] or m[0], m.start()) for m in CHUNK.finditer(text)] for text in texts]
    read = iter(_as_spacy_reads([chunk for row in stretches for chunk, _ in row]))
    expected = [
        [(at + place, *told) for _, at in row for place, *told in next(read)] for row in stretches
    ]
    assert _as_read(texts) == expected


@given(
    st.text(min_size=1, max_size=130)
    | st.text("aA1-é", min_size=1, max_size=20)
    | st.from_regex(r"[a-z]{1,12}[A-Z]{0,8}[0-9]{0,8}-{0,7}", fullmatch=True)
)
@settings(max_examples=300, deadline=None)
def test_a_shape_is_the_one_that_spacy_gives(word: str) -> None:
    """For any word, however long and of whatever characters."""
    assert shape_of(word) == word_shape(word)


def test_the_odds_are_those_of_the_network_itself() -> None:
    """But for rounding: for texts of any length, read together, empty ones among them."""
    texts = ["", *_drawn()[::7], "", "one", " ", "\n\n", "a b"]
    with _tagger().forgetting():
        expected = _tagger().judge(_tagger().split(texts))
    found = Network(_tagger().model).odds(_reader().read(texts))
    for own, other in zip(found, expected, strict=True):
        assert own.shape == other.shape
        np.testing.assert_allclose(own, other, atol=1e-5)


@pytest.mark.parametrize("texts", [[], [""], ["", ""]])
def test_nothing_has_no_tokens(texts: list[str]) -> None:
    """No text, and texts without a character, are read like any other."""
    odds = Network(_tagger().model).odds(_reader().read(texts))
    assert [len(each) for each in odds] == [0] * len(texts)
