"""The little Markdown that the reference is made of: headings, tables, code.

The law: lines in, lines out; what is in a table's cell cannot leave it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

__all__ = ["code", "coded", "codes", "table", "title"]


def title(text: str, sentence: str, level: int = 2) -> Iterator[str]:
    """A heading of a level, and a sentence below it unless it is empty."""
    yield f"{'#' * level} {text}"
    yield ""
    if sentence:
        yield sentence
        yield ""


def coded(name: str, items: Iterable[tuple[object, str]]) -> Iterator[str]:
    """A table of codes, each with its sentence; `name` heads the first column."""
    yield from table((name, "Meaning"), ((code(each), meaning) for each, meaning in items))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table, and the empty line that ends it."""
    yield row(head)
    yield row(["---"] * len(head))
    for cells in rows:
        yield row(cells)
    yield ""


def row(cells: Sequence[str]) -> str:
    """One line of a table; a bar inside a cell does not end it."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def code(value: object) -> str:
    """A value in code type; nothing for an empty one."""
    return f"`{value}`" if str(value) else ""


def codes(values: Iterable[object]) -> str:
    """Values in code type, separated by commas."""
    return ", ".join(map(code, values))
