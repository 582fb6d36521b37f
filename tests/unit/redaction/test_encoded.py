"""Encoded runs: what decodes to text is read, what decodes to bytes is not."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction.encoded import runs

NOT_TEXT = [
    "internationalization and telecommunications",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "a6a1fcd0dcf84c4a9b0d1f2e3c4b5a69",
    "id 550e8400-e29b-41d4-a716-446655440000",
    "com.example.application.internal.Component",
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ",
]


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), min_size=12))
def test_encoded_text_is_read(said: str) -> None:
    """For any line of text with a word in it, its base 64 is one run that says the line."""
    words = f"ab {said}"
    text = f"see {base64.b64encode(words.encode()).decode()} there"
    assert [run.text for run in runs(text, 0, len(text))] == [words]


@pytest.mark.parametrize("text", NOT_TEXT)
def test_words_digests_and_pictures_are_no_runs(text: str) -> None:
    """They decode to nothing anyone could read."""
    assert not list(runs(text, 0, len(text)))


def test_a_run_is_found_where_it_begins() -> None:
    """Asked about a stretch, only runs that begin in it are given, and whole."""
    run = base64.b64encode(b"ada@analytical.org").decode()
    text = f"{run} {run}"
    assert [found.start for found in runs(text, 3, len(text))] == [len(run) + 1]
    assert [found.end for found in runs(text, 0, 1)] == [len(run)]
