"""A query held against one record, in plain Python: what every compiled form must agree with.

Words are runs of letters and digits, without case and accents, as the full-text index cuts them.
"""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Callable

from storage.records.findable import LABELS, Findable, Scalar
from storage.records.query_ast import (
    All,
    Compare,
    Comparison,
    Contains,
    Match,
    Node,
    Not,
    Received,
    Some,
    Truth,
)

__all__ = ["matches", "words"]

_COMPARED: dict[Comparison, Callable[[float, float], bool]] = {
    Comparison.IS: operator.eq,
    Comparison.OVER: operator.gt,
    Comparison.UNDER: operator.lt,
    Comparison.AT_LEAST: operator.ge,
    Comparison.AT_MOST: operator.le,
}


def matches(node: Node, record: Findable) -> bool:
    """Whether the condition holds for the record."""
    match node:
        case All(of):
            return all(matches(part, record) for part in of)
        case Some(of):
            return any(matches(part, record) for part in of)
        case Not(of):
            return not matches(of, record)
        case Contains(text, prefix, field):
            return _contains(record, field, text, prefix)
        case _:
            return _holds(node, record)


def _holds(node: Match | Compare | Truth | Received, record: Findable) -> bool:
    match node:
        case Match(field, value, glob):
            return any(_is(found, value, glob) for found in _values(record, field))
        case Compare(field, comparison, amount):
            found = record.scalars[field]
            return isinstance(found, int | float) and _COMPARED[comparison](found, amount)
        case Truth(field, value):
            return record.scalars[field] == int(value)
        case Received("after", at):
            return str(record.scalars["received_at"]) >= at
        case Received(_, at):
            return str(record.scalars["received_at"]) < at


def _values(record: Findable, field: str) -> tuple[Scalar, ...]:
    if field in LABELS:
        return tuple(record.labels[field])
    return (record.id,) if field == "id" else (record.scalars[field],)


def _is(found: Scalar, value: str, glob: bool) -> bool:
    if not isinstance(found, str):
        return False
    if not glob:
        return found == value
    pattern = ".*".join(re.escape(piece) for piece in value.split("*"))
    return re.fullmatch(pattern, found, re.DOTALL) is not None


def _contains(record: Findable, field: str, text: str, prefix: bool) -> bool:
    wanted = words(text)
    columns = {"text": (record.prompt, record.answer)}.get(field, (getattr(record, field, ""),))
    return any(_holds_phrase(words(column), wanted, prefix) for column in columns)


def _holds_phrase(said: list[str], wanted: list[str], prefix: bool) -> bool:
    *whole, last = wanted
    for start in range(len(said) - len(wanted) + 1):
        end = said[start + len(whole)]
        ends = end.startswith(last) if prefix else end == last
        if ends and said[start : start + len(whole)] == whole:
            return True
    return False


def words(text: str) -> list[str]:
    """Cut a text into its words, without case and accents."""
    plain = (c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    spaced = "".join(c if c.isalnum() else " " for c in plain)
    return spaced.casefold().split()
