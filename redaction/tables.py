"""Tables in text: cells that their column's heading says something about.

A cell `219-09-9999` means nothing by itself; under `ssn` it does. Found are Markdown tables and
rows separated by commas, semicolons, tabs or bars, with a heading of words. What is found comes on
top of the text itself: a cell is read once in its place and once more alone, under its heading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Cell", "cells"]

# A heading has so many columns at most, each so long; other lines are no headings.
_MOST_COLUMNS, _LONGEST = 60, 48
_HEADING = re.compile(r"[^\W\d_][^\n|;\t,]{0,47}")
# A comma also stands in prose and code: headings between commas are a word or three, no more.
_SHORT_HEADING = re.compile(r"[^\W\d_][\w.\-/#°]{0,23}(?: [\w.\-/#°]{1,15}){0,2}(?<![.\-])")
_RULE = re.compile(r"[\s|:+\-=]+")
_SIGNS = ("\t", ";", "|", ",")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: where it stands in the text, and its column's heading."""

    start: int
    end: int
    heading: str = field(repr=False)


def cells(text: str) -> Iterator[Cell]:
    """Give the cells of every table in `text`, in reading order, without the space around them."""
    if "\n" not in text:
        return
    headings: list[str] = []
    sign = ""
    for start, line in _lines(text):
        if headings and _is_row(line, sign, len(headings)):
            if not _RULE.fullmatch(line):
                yield from _row(line, start, sign, headings)
            continue
        headings, sign = _headings(line)


def _is_row(line: str, sign: str, columns: int) -> bool:
    count = line.count(sign) + 1
    if sign == "|":
        return count >= columns
    return count == columns or (count > columns and '"' in line)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for line in text.split("\n"):
        yield start, line
        start += len(line) + 1


def _headings(line: str) -> tuple[list[str], str]:
    """Read a line as headings; gives none when it is none."""
    if len(line) > _MOST_COLUMNS * _LONGEST:
        return [], ""
    for sign in _SIGNS:
        if sign not in line:
            continue
        shape = _SHORT_HEADING if sign == "," else _HEADING
        columns = [_plain(column) for column in _inner(line, sign).split(sign)]
        if 2 <= len(columns) <= _MOST_COLUMNS and all(map(shape.fullmatch, columns)):
            return columns, sign
    return [], ""


def _plain(column: str) -> str:
    return column.strip().strip("\"'`*_ ")


def _inner(line: str, sign: str) -> str:
    """Leave off the bars around a row of a Markdown table."""
    stripped = line.strip()
    if sign == "|" and stripped.startswith("|"):
        return stripped[1:].removesuffix("|")
    return line


def _row(line: str, start: int, sign: str, headings: list[str]) -> Iterator[Cell]:
    inner = _inner(line, sign)
    at = start + line.index(inner)
    # Two columns are often names and values: what the first cell says belongs to the second.
    named = _plain(inner.split(sign)[0]) if len(headings) == 2 else ""
    for heading, column in zip(headings, _columns(inner, sign), strict=False):
        bare = column.strip().strip('"')
        if bare:
            place = at + column.index(bare)
            said = f"{heading} {named}" if named and column is not inner else heading
            yield Cell(place, place + len(bare), said[-80:])
        at += len(column) + len(sign)


def _columns(row: str, sign: str) -> list[str]:
    """Split a row; a quoted cell may hold the sign itself."""
    if '"' not in row:
        return row.split(sign)
    pieces: list[str] = []
    quoted = False
    for piece in row.split(sign):
        if quoted:
            pieces[-1] += sign + piece
        else:
            pieces.append(piece)
        if piece.count('"') % 2:
            quoted = not quoted
    return pieces
