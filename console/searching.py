"""What the search page shows: the filter in words, its conditions, and facets to refine it by.

The law: every click gives a whole new filter in the same language that one types, so that what
the page does can be read, kept and typed again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from audit.errors import QueryInvalid
from audit.reading.neutral import neutral_line
from storage.records.facts import FactPage, Facts
from storage.records.query import All, Match, Node, Query, Some, describe, render

__all__ = ["Condition", "Facet", "FacetValue", "Problem", "conditions", "facets", "problem_of"]

_FACETS: tuple[tuple[str, str], ...] = (
    ("consumer", "Consumer"),
    ("ending", "Ending"),
    ("model", "Model"),
    ("deployment", "Deployment"),
    ("dialect", "Dialect"),
    ("signal", "Safety signal"),
    ("entity", "Taken out"),
    ("day", "Day (UTC)"),
)
# More than these are one click away.
_SHOWN = 6
_MOST = 60

_SPACE = re.compile(r"\s")
_AT = re.compile(r" \(at character ([0-9]+)\)$| at character ([0-9]+)\b")


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value, how many of the counted records have it, and the filter that a click gives."""

    label: str
    count: int
    active: bool
    filter: str = field(repr=False)
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Facet:
    """A field with its values, the most frequent first; those of `more` are folded away."""

    field: str
    title: str
    values: tuple[FacetValue, ...]
    more: tuple[FacetValue, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of the filter in words, and the filter without it."""

    words: str = field(repr=False)
    without: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a filter, and the word that it is wrong with, where that is known.

    The word is from character `at` (from 0) up to `until`.
    """

    message: str
    at: int | None = None
    until: int = 0


def problem_of(text: str, error: QueryInvalid) -> Problem:
    """Say where in a filter an error lies."""
    message = str(error)
    found = _AT.search(message)
    at = int(found[1] or found[2]) - 1 if found else None
    if at is None or at > len(text):
        return Problem(message)
    space = _SPACE.search(text, at + 1)
    return Problem(message, at, space.start() if space else max(len(text), at + 1))


def conditions(query: Query) -> list[Condition]:
    """The conditions that all must hold, each with what is left when it is taken away."""
    parts = _parts(query)
    return [
        Condition(
            neutral_line(describe(Query(part))).removeprefix("records where "),
            render(_all(parts[:place] + parts[place + 1 :])),
        )
        for place, part in enumerate(parts)
    ]


def facets(text: str, query: Query, page: FactPage) -> list[Facet]:
    """Count what was found by each facet's values. `text` is the filter as it was typed."""
    return [
        facet
        for name, title in _FACETS
        if (facet := _facet(text, query, name, title, page.rows)) is not None
    ]


def _facet(text: str, query: Query, name: str, title: str, rows: Sequence[Facts]) -> Facet | None:
    # What acts instead of showing could neither be shown as it is nor be typed again.
    counts = Counter(v for row in rows for v in _values(row, name) if neutral_line(v) == v)
    chosen = [p for p in _parts(query) if isinstance(p, Match) and p.field == name and not p.glob]
    for part in chosen:
        counts.setdefault(part.value, 0)
    if not counts:
        return None
    ranked = sorted(counts.items(), reverse=True) if name == "day" else _ranked(counts)
    values = [_value(text, query, name, label, n, len(rows)) for label, n in ranked[:_MOST]]
    return Facet(name, title, tuple(values[:_SHOWN]), tuple(values[_SHOWN:]))


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _value(text: str, query: Query, name: str, label: str, count: int, of: int) -> FacetValue:
    wanted = Match(name, label)
    parts = _parts(query)
    active = wanted in parts
    if active:
        after = render(_all([part for part in parts if part != wanted]))
    else:
        after = _joined(text, query, wanted)
    return FacetValue(neutral_line(label), count, active, after, count / of if of else 0.0)


def _joined(text: str, query: Query, wanted: Match) -> str:
    """Add a condition to what was typed: the text stays as it is where it can."""
    added = render(Query(wanted))
    if not text.strip():
        return added
    # A filter of alternatives needs brackets, or the addition would narrow the last one only.
    return f"({text}) {added}" if isinstance(query.where, Some) else f"{text.strip()} {added}"


def _values(row: Facts, name: str) -> Iterable[str]:
    match name:
        case "signal":
            return row.signals
        case "model":
            return row.models
        case "entity":
            return (kind for kind, _ in row.entities)
        case _:
            value = getattr(row, name)
            return (value,) if value is not None else ()


def _parts(query: Query) -> list[Node]:
    return list(query.where.of) if isinstance(query.where, All) else [query.where]


def _all(parts: Sequence[Node]) -> Query:
    return Query(parts[0]) if len(parts) == 1 else Query(All(tuple(parts)))
