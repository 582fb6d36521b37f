"""What a filter asks, as frozen values.

A query is a tree of conditions. It says nothing of SQL, of a store or of the text it was parsed
from; instants in it are absolute, so that one query means one thing on all its pages, and beside
them stands how long ago was asked for. Every string in it may come from a hostile hand and is only
ever passed on as a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as datafield
from enum import StrEnum
from typing import TypeAlias

__all__ = [
    "All",
    "Compare",
    "Comparison",
    "Contains",
    "Match",
    "Node",
    "Not",
    "Query",
    "Received",
    "Some",
    "Truth",
    "either",
    "every",
]


class Comparison(StrEnum):
    """How a number is compared, as it is written."""

    IS = ":"
    AT_LEAST = ">="
    AT_MOST = "<="
    OVER = ">"
    UNDER = "<"


@dataclass(frozen=True, slots=True)
class Match:
    """A field's value is `value`; with `glob`, each `*` in it stands for any characters."""

    field: str
    value: str = datafield(repr=False)
    glob: bool = False


@dataclass(frozen=True, slots=True)
class Compare:
    """A number stands so to `amount`; durations are milliseconds. An unknown number never does."""

    field: str
    comparison: Comparison
    amount: float


@dataclass(frozen=True, slots=True)
class Truth:
    """A yes-or-no field has this value."""

    field: str
    value: bool


@dataclass(frozen=True, slots=True)
class Received:
    """The exchange was opened at or `after` an instant, or `before` it.

    `at` is UTC text with six decimals, as in the record. `ago` is how it was asked for, where that
    was by how long before now: a search for the last two days, kept, is one for them tomorrow.
    """

    field: str
    at: str
    ago: str | None = datafield(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Contains:
    """The redacted text holds these words next to each other, in this order.

    `field` is `text` (prompt or answer), `prompt` or `answer`. With `prefix`, the last word may
    go on. Case and accents do not matter.
    """

    text: str = datafield(repr=False)
    prefix: bool = False
    field: str = "text"


@dataclass(frozen=True, slots=True)
class Not:
    """The condition does not hold; what is unknown does not hold either."""

    of: Node


@dataclass(frozen=True, slots=True)
class All:
    """Each of the conditions holds; of none, always."""

    of: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of the conditions holds."""

    of: tuple[Node, ...]


Node: TypeAlias = Match | Compare | Truth | Received | Contains | Not | All | Some


@dataclass(frozen=True, slots=True)
class Query:
    """A whole filter; without conditions it finds every record."""

    where: Node = All(())


def every(nodes: tuple[Node, ...]) -> Node:
    """Join by "and", flat: one condition stays itself, a nested "and" becomes part of this one."""
    flat: list[Node] = []
    for node in nodes:
        flat.extend(node.of if isinstance(node, All) else (node,))
    return flat[0] if len(flat) == 1 else All(tuple(flat))


def either(nodes: tuple[Node, ...]) -> Node:
    """Join by "or", flat like `every`."""
    flat: list[Node] = []
    for node in nodes:
        flat.extend(node.of if isinstance(node, Some) else (node,))
    return flat[0] if len(flat) == 1 else Some(tuple(flat))
