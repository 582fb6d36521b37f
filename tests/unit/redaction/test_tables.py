"""Tables in text: which cells stand under which heading, and what is no table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction.tables import cells

TABLES = {
    "commas": "name,ssn\nada,219099999\nbob,1\n",
    "semicolons": "name;ssn\nada;219099999\n",
    "tabs": "name\tssn\nada\t219099999\n",
    "Markdown": "| name | ssn |\n| --- | --- |\n| ada | 219099999 |\n",
    "Markdown without outer bars": "name | ssn\n--- | ---\nada | 219099999\n",
    "quoted cells": 'name,ssn\n"ada",219099999\n',
    "text before and after": "Here it is:\n\nname,ssn\nada,219099999\n\nThank you.",
    "two tables": "a,b\n1,2\n\nname,ssn\nada,219099999\n",
}
NO_TABLES = [
    "", "one line", "Dear Ada, thank you.\nWe met on Monday, as agreed.\n",
    "def f(a, b):\n    return a, b\n", "x = [1, 2,\n     3, 4]\n", "1,2\n3,4\n",
    "First, we go to the market and buy bread.\nThen, we go home and eat it.\n",
]  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_cell_knows_its_heading(name: str) -> None:
    """Whatever separates the columns, the value under `ssn` is told so."""
    text = TABLES[name]
    under = {text[cell.start : cell.end]: cell.heading for cell in cells(text)}
    assert under["219099999"].split()[0] == "ssn"
    assert under["ada"].split()[0] == "name"


@pytest.mark.parametrize("text", NO_TABLES)
def test_prose_and_code_are_no_tables(text: str) -> None:
    """Commas alone make no columns."""
    assert not list(cells(text))


def test_the_first_cell_of_two_names_the_second() -> None:
    """A list of fields and values is read across."""
    text = "| Field | Value |\n|---|---|\n| Date of birth | 12/03/1985 |\n"
    (_, value) = cells(text)
    assert text[value.start : value.end] == "12/03/1985"
    assert "Date of birth" in value.heading


def test_a_quoted_cell_may_hold_the_sign() -> None:
    """It is one cell, and those behind it keep their headings."""
    text = 'born,city,ssn\n"March 12, 1985",York,219099999\n'
    read = [(text[cell.start : cell.end], cell.heading) for cell in cells(text)]
    assert read == [("March 12, 1985", "born"), ("York", "city"), ("219099999", "ssn")]


@given(st.text(alphabet='ab,;|\t\n" 1-:'))
def test_cells_lie_inside_the_text(text: str) -> None:
    """For any text, cells do not overlap, are in order and not empty."""
    done = 0
    for cell in cells(text):
        assert done <= cell.start < cell.end <= len(text)
        done = cell.end
