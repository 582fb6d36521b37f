"""A query compiled to SQL for the SQLite store.

Every piece of SQL stands in this file; what comes from the query goes into parameters, never
into the text. `compile_query` gives an expression over `records AS r`; `candidates` gives the
lists of records that a search can begin with instead of reading through time (`planning_sqlite`).
Words are looked for within runs of record numbers, which `bound` says: `[[first, last], …]`.

SQL's unknown is neither true nor false: a comparison with NULL, negated, would find nothing.
Below a negation the unknown is therefore made false first, so that `-status:500` finds an
exchange that never got an answer.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
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

__all__ = [
    "LISTED",
    "RUNS",
    "Sql",
    "bound",
    "candidates",
    "compile_query",
    "labels_fitting",
    "without_text",
]

Sql: TypeAlias = tuple[str, list[object]]

# Stands among the parameters for the runs of numbers within which words are looked for.
RUNS = object()

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
_LABEL = "EXISTS (SELECT TRUE FROM labels WHERE record = r.number AND kind = ? AND label {} ?)"
# One record after the other would ask the text index anew for each: that takes a hundred times as
# long as listing whoever has the words, within runs of numbers.
_TEXT = (
    "r.number IN (SELECT t.rowid FROM json_each(?) AS run CROSS JOIN texts AS t WHERE"
    " t.texts MATCH ? AND t.rowid >= json_extract(run.value, '$[0]')"
    " AND t.rowid <= json_extract(run.value, '$[1]'))"
)

# The columns that have an index of their own: a list of their records is had without a search.
LISTED = (
    *("id", "consumer", "day", "trace", "session", "user", "app", "deployment", "ending", "status"),
)
_LIST = 'SELECT number FROM records WHERE "{}" {}'
_LIST_LABEL = "SELECT record FROM labels WHERE kind = ? AND label = ?"
_LIST_TEXT = "SELECT rowid FROM texts WHERE texts MATCH ?"

_LABELS_FITTING = (
    "WITH RECURSIVE known (label) AS (SELECT min(label) FROM labels WHERE kind = ?1 UNION ALL"
    " SELECT (SELECT min(label) FROM labels WHERE kind = ?1 AND label > known.label) FROM known"
    " WHERE known.label IS NOT NULL LIMIT ?3)"
    " SELECT label, label GLOB ?2 FROM known WHERE label IS NOT NULL"
)


def compile_query(query: Query) -> Sql:
    """Give the SQL expression and its parameters. Raises `QueryInvalid` for a field unknown."""
    try:
        return _compiled(query.where)
    except KeyError:
        raise QueryInvalid("the query asks for a field that this store does not have") from None


def candidates(query: Query) -> Iterator[Sql]:
    """Lists of numbers, each of which has every record that is found; the cheaper ones first.

    A list may name a record twice, and records that are not found.
    """
    parts = query.where.of if isinstance(query.where, All) else (query.where,)
    said = [part for part in parts if isinstance(part, Contains)]
    for part in parts:
        if not isinstance(part, Contains) and (found := _list(part)):
            yield found
    if said:
        # The index intersects words of itself, and skips what they do not have in common.
        yield _LIST_TEXT, [" AND ".join(f"({_words(part)})" for part in said)]


def without_text(query: Query) -> Sql:
    """The same of all conditions that must hold and ask for no words."""
    parts = query.where.of if isinstance(query.where, All) else (query.where,)
    plain = [each for each in map(_compiled, parts) if RUNS not in each[1]]
    sql = " AND ".join(each for each, _ in plain)
    return f"({sql or 'TRUE'})", [value for _, values in plain for value in values]


def bound(parameters: Sequence[object], runs: Sequence[tuple[int, int]]) -> list[object]:
    """The parameters for records of these runs of numbers, first and last included."""
    said = f"[{','.join(f'[{first},{last}]' for first, last in runs)}]"
    return [said if each is RUNS else each for each in parameters]


def labels_fitting(kind: str, pattern: str, most: int) -> Sql:
    """Each label of a kind, and whether the pattern fits it; `most` of them.

    It goes from one label to the next, so that how often each occurs does not matter.
    """
    return _LABELS_FITTING, [kind, _glob(pattern), most]


def _list(node: Node) -> Sql | None:
    match node:
        case Contains():
            return _LIST_TEXT, [_words(node)]
        case Match(field, value, glob):
            return _list_of_value(field, value, glob)
        case Compare(field, Comparison.IS, amount) if field in LISTED:
            return _LIST.format(field, "= ?"), [amount]
        case All(of):
            return next((found for each in of if (found := _list(each))), None)
        case Some(of):
            return _union([_list(each) for each in of])
        case _:
            return None


def _list_of_value(field: str, value: str, glob: bool) -> Sql | None:
    if field in LABELS and not glob:
        return _LIST_LABEL, [field, value]
    if field not in LISTED:
        return None
    if not glob:
        return _LIST.format(field, "= ?"), [value]
    begins = value.partition("*")[0]
    beyond = _next(begins)
    return (_LIST.format(field, f'>= ? AND "{field}" < ?'), [begins, beyond]) if beyond else None


def _next(begins: str) -> str | None:
    """The least text that is greater than all that begin so; None where there is none."""
    if not begins or begins[-1] == chr(sys.maxunicode):
        return None
    code = ord(begins[-1]) + 1
    return begins[:-1] + chr(0xE000 if 0xD800 <= code < 0xE000 else code)


def _union(lists: Sequence[Sql | None]) -> Sql | None:
    """All lists as one; None where one of them cannot be had, since it may have any record."""
    known = [each for each in lists if each is not None]
    if len(known) < len(lists) or not known:
        return None
    return " UNION ALL ".join(sql for sql, _ in known), [v for _, values in known for v in values]


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
    # What stands in the record itself is looked at first: often that settles it.
    parts = sorted(map(_compiled, nodes), key=lambda part: "SELECT" in part[0])
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
        case Contains():
            return _TEXT, [RUNS, _words(node)]


def _matched(field: str, value: str, glob: bool) -> Sql:
    comparison, wanted = ("GLOB", _glob(value)) if glob else ("=", value)
    if field in LABELS:
        return _LABEL.format(comparison), [field, wanted]
    return f"{_COLUMNS[field]} {comparison} ?", [wanted]


def _glob(value: str) -> str:
    """Keep only `*` special: SQLite's GLOB also knows `?` and `[`."""
    return value.replace("[", "[[]").replace("?", "[?]")


def _words(node: Contains) -> str:
    """Say it in the language of FTS5, which is a string of its own inside the parameter.

    A phrase is quoted there.
    """
    escaped = node.text.replace("\0", " ").replace('"', '""')
    return f'{_IN_TEXT[node.field]}"{escaped}" {"*" if node.prefix else ""}'
