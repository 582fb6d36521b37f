"""How a search over the embedded store goes: from a short list of records, or through time.

SQLite does not know how common a word or a value is. So it is asked: the records of each value,
label and word that every record found must have are listed, up to so many. A list that ends
before that is where the search begins: its records are fetched, held against the rest of the
query and put in order. Without one the records are read newest first out of an index that has
every column a query can ask for, and the first page is found after a few of them. Where words are
asked for, that goes in windows, and the text index is asked once for each.

A pattern over labels becomes the labels that it fits, where the store knows few: they are looked
up, and patterns are not.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, TypeAlias

import msgspec

from storage.records.findable import LABELS
from storage.records.query import All, Match, Node, Not, Query, Some
from storage.records.query_sqlite import (
    RUNS,
    Sql,
    bound,
    candidates,
    compile_query,
    labels_fitting,
    without_text,
)

__all__ = ["Key", "newest"]

# Where a record stands in time: when it was opened, and its id.
Key: TypeAlias = tuple[str, str]

# Fetching and sorting so many records takes some 20 ms where they are in memory, and ten times that
# where the disk is asked; where more have a value, the newest fifty of them are found sooner on
# the way through time.
_FEW = 5_000
# A list as short as that is not worth looking for a shorter one.
_VERY_FEW = 200
# So many labels of a kind are looked through for a pattern; a kind has some dozens of them, unless
# callers make names up.
_LABELS = 1_000
# Records met in the first window and in the largest; a common word's first page is in the first.
_WINDOW, _WIDEST = 2_000, 64_000

_KEY = "SELECT received_at, id FROM records WHERE number = ?"
_EVERYWHERE = ((0, 2**62),)
_ORDER = "ORDER BY r.received_at DESC, r.id DESC LIMIT ?"
_BEFORE = "(r.received_at, r.id) < (?, ?)"
_DOWN_TO = "(r.received_at, r.id) >= (?, ?)"
_OF_LIST = "records AS r NOT INDEXED WHERE r.number IN (SELECT value FROM json_each(?)) AND"
_OF_DAY = "records AS r INDEXED BY records_by_day WHERE"
_OF_TIME = "records AS r INDEXED BY records_by_time WHERE"


def newest(
    db: sqlite3.Connection, columns: str, query: Query, limit: int, after: Key | None = None
) -> Iterator[tuple[Any, ...]]:
    """Give `columns` of `records AS r`, constants, of what a query finds: newest first, as found.

    At most `limit` rows; with `after`, only what comes after that place. Raises `QueryInvalid`
    for a field unknown.
    """
    compile_query(query)  # what cannot be asked is said before anything is read
    known = Query(_with_labels(db, query.where))
    condition, parameters = compile_query(known)
    numbers = _shortest(db, known)
    if numbers is None and RUNS in parameters:
        yield from _in_windows(db, columns, known, limit, after)
        return
    way: Sql = (_OF_DAY if _of_one_day(known) else _OF_TIME, [])
    if numbers is not None:
        way = _OF_LIST, [msgspec.json.encode(numbers).decode()]
    if after is not None:
        condition, parameters = f"{condition} AND {_BEFORE}", [*parameters, *after]
    yield from _rows(db, columns, way, (condition, bound(parameters, _EVERYWHERE)), limit)


def _rows(
    db: sqlite3.Connection, columns: str, way: Sql, condition: Sql, limit: int
) -> sqlite3.Cursor:
    statement = f"SELECT {columns} FROM {way[0]} {condition[0]} {_ORDER}"  # noqa: S608 - made of constants; values are parameters
    return db.execute(statement, [*way[1], *condition[1], limit])


def _in_windows(
    db: sqlite3.Connection, columns: str, query: Query, limit: int, after: Key | None
) -> Iterator[tuple[Any, ...]]:
    """Hold one stretch of time after the other against the whole query, each longer than the last.

    A stretch is as long as it takes to meet so many records that all but the words hold for; where
    few do, the words are asked of few.
    """
    (first, values), (rest, words) = without_text(query), compile_query(query)
    size, left = _WINDOW, limit
    before: Sql = (_BEFORE, list(after)) if after else ("TRUE", [])
    plain = (f"{first} AND {before[0]}", [*values, *before[1]])
    met = _rows(db, "r.number", (_OF_TIME, []), plain, -1)
    while left > 0 and (numbers := [number for (number,) in met.fetchmany(size)]):
        last = db.execute(_KEY, (numbers[-1],)).fetchone()
        within = f"{rest} AND {before[0]} AND {_DOWN_TO}"
        parameters = [*bound(words, _runs(sorted(numbers), size)), *before[1], *last]
        for row in _rows(db, columns, (_OF_TIME, []), (within, parameters), left):
            left -= 1
            yield row
        before, size = (_BEFORE, list(last)), min(2 * size, _WIDEST)


def _runs(numbers: Sequence[int], gap: int) -> list[tuple[int, int]]:
    """Join numbers to runs; a record that arrived late makes one of its own, beyond a gap."""
    runs = [(numbers[0], numbers[0])]
    for each in numbers:
        if each - runs[-1][1] > gap:
            runs.append((each, each))
        runs[-1] = (runs[-1][0], each)
    return runs


def _shortest(db: sqlite3.Connection, query: Query) -> list[int] | None:
    """The shortest list that every record found is in; None where all are long."""
    shortest: list[int] | None = None
    most = _FEW
    for sql, parameters in candidates(query):
        rows = db.execute(f"{sql} LIMIT ?", [*parameters, most]).fetchall()
        if len(rows) < most:
            shortest, most = list(chain.from_iterable(rows)), len(rows)
        if most <= min(_VERY_FEW, _FEW):
            break
    return shortest


def _of_one_day(query: Query) -> bool:
    parts = query.where.of if isinstance(query.where, All) else (query.where,)
    return any(isinstance(each, Match) and each.field == "day" and not each.glob for each in parts)


def _with_labels(db: sqlite3.Connection, node: Node) -> Node:
    match node:
        case Match(field, value, True) if field in LABELS:
            return _fitting(db, field, value) or node
        case All(of):
            return All(tuple(_with_labels(db, each) for each in of))
        case Some(of):
            return Some(tuple(_with_labels(db, each) for each in of))
        case Not(of):
            return Not(_with_labels(db, of))
        case _:
            return node


def _fitting(db: sqlite3.Connection, kind: str, pattern: str) -> Node | None:
    """The labels that a pattern fits, as alternatives; None where there are too many to look."""
    labels = db.execute(*labels_fitting(kind, pattern, _LABELS)).fetchall()
    if len(labels) >= _LABELS:
        return None
    return Some(tuple(Match(kind, label) for label, fits in labels if fits))
