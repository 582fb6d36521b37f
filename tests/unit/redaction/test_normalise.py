"""Normalisation: what looks the same reads the same, and every character knows its place."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction.normalise import normalised

SAME = [
    ("４１１１　１１１１", "4111 1111"),
    ("ａｄａ＠ｅｘａｍｐｌｅ．ｏｒｇ", "ada@example.org"),
    ("٤١١١", "4111"),
    ("𝟜𝟙𝟙𝟙", "4111"),
    ("𝐀𝐊𝐈𝐀", "AKIA"),
    ("41\u200b11", "4111"),
    ("41\u200b11\u200b \u200b2222", "4111 2222"),
    ("pass\u00adword", "password"),
    ("4111\u00a01111\u20111111", "4111 1111-1111"),
    ("DЕ89", "DE89"),
    ("ѕk-рroj-1", "sk-proj-1"),
    (unicodedata.normalize("NFD", "Müller"), "Müller"),
]
UNTOUCHED = [
    "plain ASCII, 4111", "Müller, Łódź, naïve", "Привет, мир", "Καλημέρα κόσμε", "日本語のテキスト",
    "m² and 5ª and ½", "👩\u200d💻 at work", "«quoted» „text“ …", "Москва 2024 года", "fiancé",
]  # fmt: skip


@pytest.mark.parametrize(("written", "read"), SAME)
def test_what_looks_alike_reads_alike(written: str, read: str) -> None:
    """Digits, letters, spaces and hyphens of any script become the plain ones."""
    assert normalised(written)[0] == read


@pytest.mark.parametrize("text", UNTOUCHED)
def test_honest_text_stays_as_it_is(text: str) -> None:
    """Other languages, emoji and signs are no disguise."""
    assert normalised(text) == (text, range(len(text) + 1))


@given(st.text())
def test_the_map_leads_back(text: str) -> None:
    """For any text there is one place for each character, in order, from first to last."""
    plain, origin = normalised(text)
    assert len(origin) == len(plain) + 1
    assert list(origin) == sorted(origin)
    assert origin[len(plain)] == len(text)
    assert all(0 <= place <= len(text) for place in origin)


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_normalising_twice_changes_nothing(text: str) -> None:
    """What was made plain is plain."""
    plain, _ = normalised(text)
    assert normalised(plain)[0] == plain
