"""Nothing stored can act on a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from audit.reading.indent import indented, is_json
from audit.reading.neutral import neutral, neutral_line
from cli.render.marks import Marks
from cli.render.styles import entity_style
from tests.unit.cli.records import found

PATH = "/request/messages/0/parts/0/text"


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[2J\x1b]0;owned\x07", "␛[2J␛]0;owned␇"),
        ("\x9b31m", "⟨U+009B⟩31m"),
        ("user\u202etxt.exe", "user⟨U+202E⟩txt.exe"),
        ("a\rb", "a␍b"),
        ("a\r\nb\tc", "a\nb\tc"),
        ("\x7f\x00", "␡␀"),
        ("zero\u200bwidth\ufeff", "zero⟨U+200B⟩width⟨U+FEFF⟩"),
        ("\U000e0041", "⟨U+E0041⟩"),
        ("\u2028", "⟨U+2028⟩"),
        ("\ud800", "⟨U+D800⟩"),
        ("naïve 👩\u200d💻 日本", "naïve 👩\u200d💻 日本"),
    ],
)
def test_what_acts_is_shown_instead(stored: str, shown: str) -> None:
    """Escapes, overrides and invisible characters become visible, ordinary text stays."""
    assert neutral(stored) == shown


@given(st.text())
def test_no_acting_character_is_left(text: str) -> None:
    """Whatever goes in, only line feeds, tabs and joiners come out of the acting categories."""
    left = {mark for mark in neutral(text) if unicodedata.category(mark) in {"Cc", "Cf", "Cs"}}
    assert left <= set("\n\t\u200c\u200d")
    neutral(text).encode()


@given(st.text())
def test_a_line_is_one_line(text: str) -> None:
    """White space of every kind becomes a space."""
    assert len(neutral_line(text).splitlines()) <= 1


@given(st.text(alphabet='{}[],:"\\ \nab1'))
def test_layout_loses_nothing(text: str) -> None:
    """Laid out, a text has the same characters as before; only white space was moved."""
    laid_out = "".join(piece for piece, _ in indented(text))
    assert "".join(laid_out.split()) == "".join(text.split())


@given(st.text(alphabet='{}[],:"\\ \nab1'))
def test_every_piece_knows_where_it_came_from(text: str) -> None:
    """A piece with an offset is the text at that offset."""
    for piece, at in indented(text):
        assert at is None or text[at : at + len(piece)] == piece


def test_json_is_laid_out_with_its_duplicates_and_its_broken_end() -> None:
    """Members are not merged, numbers not rounded, and a cut string stays cut."""
    text = '{"a":1.10,"a":[],"b":{"c":"tru'
    laid_out = "".join(piece for piece, _ in indented(text))
    assert laid_out == '{\n  "a": 1.10,\n  "a": [],\n  "b": {\n    "c": "tru'


@pytest.mark.parametrize(
    ("text", "whole"), [('{"a": 1}', True), (" [1]", True), ("[INST] hi", False), ("7", False)]
)
def test_only_whole_json_counts_as_json(text: str, whole: bool) -> None:
    """Prose that begins with a bracket is prose."""
    assert is_json(text) is whole


def _marked(text: Text) -> list[tuple[str, str]]:
    return [(text.plain[span.start : span.end], str(span.style)) for span in text.spans]


def test_a_mark_stands_exactly_on_its_token() -> None:
    """Characters that were made visible before it do not shift it."""
    text = "\x1b\u202e to <EMAIL_ADDRESS_1>, and <EMAIL_ADDRESS_1>"
    token = "<EMAIL_ADDRESS_1>"
    findings = [
        found(PATH, text, token, "EMAIL_ADDRESS", start=text.rindex(token)),
        found(PATH, text, token, "EMAIL_ADDRESS"),
    ]
    painted = Marks(findings).block(text, PATH)
    assert _marked(painted) == [(token, entity_style("EMAIL_ADDRESS"))] * 2


def test_marks_survive_the_layout_of_json() -> None:
    """Offsets are into the stored arguments, wherever the layout moves the token."""
    text = '{"to":["<EMAIL_ADDRESS_1>"],"card":"<CREDIT_CARD_1>"}'
    findings = [
        found(PATH, text, "<EMAIL_ADDRESS_1>", "EMAIL_ADDRESS"),
        found(PATH, text, "<CREDIT_CARD_1>", "CREDIT_CARD"),
    ]
    painted = Marks(findings).json(text, PATH)
    assert [said for said, _ in _marked(painted)] == ["<EMAIL_ADDRESS_1>", "<CREDIT_CARD_1>"]


def test_a_finding_that_does_not_fit_paints_nothing() -> None:
    """Offsets that cut out something else, or nothing, are not believed."""
    text = "to <EMAIL_ADDRESS_1>"
    token = "<EMAIL_ADDRESS_1>"
    shifted = [found(PATH, text, token, "EMAIL_ADDRESS", start=at) for at in (-3, 0, 4, 999)]
    painted = Marks(shifted).block(text, PATH)
    assert painted.plain == text
    assert _marked(painted) == []


def test_overlapping_findings_are_painted_once() -> None:
    """Two findings of one place do not double the text."""
    text = "to <EMAIL_ADDRESS_1>"
    finding = found(PATH, text, "<EMAIL_ADDRESS_1>", "EMAIL_ADDRESS")
    painted = Marks([finding, finding]).line(text, PATH)
    assert painted.plain == text
    assert len(_marked(painted)) == 1


def test_families_have_colours_of_their_own() -> None:
    """Secrets, money, identity numbers, network and people are told apart."""
    kinds = ("API_KEY", "CREDIT_CARD", "US_SSN", "IP_ADDRESS", "PERSON")
    assert len({entity_style(kind) for kind in kinds}) == 5
