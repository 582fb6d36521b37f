"""A query compiled to SQL for the SQLite store.

Every piece of SQL stands in this file; what comes from the query goes into parameters, never
into the text. `compile_query` gives an expression over `records AS r`.

SQL's unknown is neither true nor false: a comparison with NULL, negated, would find nothing.
Below a negation the unknown is therefore made false first, so that `-status:500` finds an
exchange that never got an answer.
"""

from __future__ import annotations

from typing import TypeAlias

from audit.errors import QueryInvalid
from storage.records.findable import LABELS, SCALARS
from storage.records.query_ast import (
    All,
    Compare,
    Comparison,
    Contains,
    Match,
    Node,
    Not,
    Query,
    Received,
    Some,
    Truth,
)

__all__ = ["Sql", "compile_query", "probes", "scanning"]

Sql: TypeAlias = tuple[str, list[object]]

_COLUMNS: dict[str, str] = {name: f'r."{name}"' for name in ("id", *SCALARS)}
_COMPARED: dict[Comparison, str] = {
    Comparison.IS: "=",
    Comparison.OVER: ">",
    Comparison.UNDER: "<",
    Comparison.AT_LEAST: ">=",
    Comparison.AT_MOST: "<=",
}
_RECEIVED = {"after": 'r."received_at" >= ?', "before": 'r."received_at" < ?'}
_IN_TEXT = {"text": "", "prompt": "{prompt} : ", "answer": "{answer} : "}
_LABEL = "r.number IN (SELECT record FROM labels WHERE kind = ? AND label {} ?)"
_TEXT = "r.number IN (SELECT rowid FROM texts WHERE texts MATCH ?)"


def compile_query(query: Query) -> Sql:
    """Give the SQL expression and its parameters. Raises `QueryInvalid` for a field unknown."""
    try:
        return _compiled(query.where)
    except KeyError:
        raise QueryInvalid("the query asks for a field that this store does not have") from None


def scanning(sql: str) -> str:
    """The same expression, of which SQLite makes no use to find its way to the records.

    A unary plus changes no value and keeps a column from being looked up. Then the records are
    read in the order of time, and what is in the list of numbers is only checked.
    """
    return sql.replace("r.number IN", "+r.number IN")


def probes(query: Query, most: int) -> list[Sql]:
    """For each word or label that every record found must have: count, up to `most`, who has it."""
    parts = query.where.of if isinstance(query.where, All) else (query.where,)
    return [
        (f"SELECT count(*) FROM ({_numbers(part)[0]} LIMIT ?)", [*_numbers(part)[1], most])  # noqa: S608 - constants
        for part in parts
        if isinstance(part, Contains) or (isinstance(part, Match) and part.field in LABELS)
    ]


def _numbers(part: Node) -> Sql:
    """The subquery of a condition on words or labels: the numbers of the records that have it."""
    sql, parameters = _compiled(part)
    return sql.removeprefix("r.number IN (").removesuffix(")"), parameters


def _compiled(node: Node) -> Sql:
    match node:
        case All(of):
            return _joined(" AND ", of, "TRUE")
        case Some(of):
            return _joined(" OR ", of, "FALSE")
        case Not(of):
            sql, parameters = _compiled(of)
            return f"NOT coalesce({sql}, FALSE)", parameters
        case Match(field, value, glob):
            return _matched(field, value, glob)
        case _:
            return _leaf(node)


def _joined(word: str, nodes: tuple[Node, ...], of_none: str) -> Sql:
    parts = [_compiled(node) for node in nodes]
    sql = word.join(part for part, _ in parts) if parts else of_none
    return f"({sql})", [value for _, parameters in parts for value in parameters]


def _leaf(node: Compare | Truth | Received | Contains) -> Sql:
    match node:
        case Compare(field, comparison, amount):
            return f"{_COLUMNS[field]} {_COMPARED[comparison]} ?", [amount]
        case Truth(field, value):
            return f"{_COLUMNS[field]} = ?", [int(value)]
        case Received(field, at):
            return _RECEIVED[field], [at]
        case Contains(text, prefix, field):
            return _TEXT, [f"{_IN_TEXT[field]}{_phrase(text)}{'*' if prefix else ''}"]


def _matched(field: str, value: str, glob: bool) -> Sql:
    comparison, wanted = ("GLOB", _glob(value)) if glob else ("=", value)
    if field in LABELS:
        return _LABEL.format(comparison), [field, wanted]
    return f"{_COLUMNS[field]} {comparison} ?", [wanted]


def _glob(value: str) -> str:
    """Keep only `*` special: SQLite's GLOB also knows `?` and `[`."""
    return value.replace("[", "[[]").replace("?", "[?]")


def _phrase(text: str) -> str:
    """Quote for FTS5, where the phrase is a string of its own language inside the parameter."""
    escaped = text.replace("\0", " ").replace('"', '""')
    return f'"{escaped}" '
