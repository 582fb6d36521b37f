"""Facts and totals out of the embedded store's file, read from its columns and labels.

No document is decoded: what is counted stands in columns of its own. One look runs for at most
its budget of seconds.
"""

from __future__ import annotations

import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from audit.errors import QueryTooCostly
from audit.ledger import Checkpoint, LedgerState
from audit.value import from_json
from storage.database import Database
from storage.records.facts import FactPage, Facts, StateCount, TapProgress
from storage.records.planning_sqlite import planned
from storage.records.query import Query

__all__ = ["SqliteFacts"]

T = TypeVar("T")

# How many virtual-machine steps SQLite takes between looks at the clock.
_STEPS = 10_000

_FIELDS = (
    "id",
    "received_at",
    "consumer",
    "day",
    "dialect",
    "ending",
    "deployment",
    "status",
    "input",
    "output",
    "tokens",
    "latency",
    "ttft",
)
_COLUMNS = ", ".join(f"r.{name}" for name in ("number", *_FIELDS))
_FOUND = "FROM records AS r WHERE {} ORDER BY r.received_at DESC, r.id DESC LIMIT ?"
# The cross join makes SQLite go from the records to their labels; the other way round it would
# read the labels of the whole store.
_LABELS = (
    "SELECT l.record, l.kind, l.label, l.count FROM json_each(?) AS f"
    " CROSS JOIN labels AS l INDEXED BY labels_by_record ON l.record = f.value"
    " WHERE l.kind IN ('model', 'signal', 'entity') ORDER BY l.record, l.kind, l.label"
)
_STATES = "SELECT consumer, day, state, count(*) FROM ledger GROUP BY consumer, day, state"
_LAST = (
    'SELECT json FROM checkpoints AS c WHERE "index" ='
    ' (SELECT max("index") FROM checkpoints AS o WHERE (o.tap, o.boot) = (c.tap, c.boot))'
    " ORDER BY tap, boot"
)
_SETTLED = "SELECT tap, boot, count(*) FROM ledger GROUP BY tap, boot"


class SqliteFacts:
    """Implements `RecordFacts` and `LedgerTotals` over a file opened for reading."""

    def __init__(self, database: Database, budget: float = 10.0) -> None:
        self._database = database
        self._budget = budget

    async def facts(self, query: Query, limit: int) -> FactPage:
        """The facts of the newest `limit` records that the query finds."""
        return await self._within(lambda db: _facts(db, query, limit))

    async def states(self) -> Sequence[StateCount]:
        """How many numbers are in each state, by consumer and day."""
        rows = await self._within(lambda db: db.execute(_STATES).fetchall())
        return [StateCount(who, day, LedgerState(state), n) for who, day, state, n in rows]

    async def progress(self) -> Sequence[TapProgress]:
        """Each boot that has sent a checkpoint."""
        return await self._within(_progress)

    async def _within(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._database.read(lambda db: _bounded(db, self._budget, work))


def _bounded(db: sqlite3.Connection, budget: float, work: Callable[[sqlite3.Connection], T]) -> T:
    """Do work that is given up when `budget` seconds have passed."""
    deadline = time.monotonic() + budget
    db.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    try:
        return work(db)
    except sqlite3.OperationalError as problem:
        if problem.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            raise QueryTooCostly from None
        raise
    finally:
        db.set_progress_handler(None, _STEPS)


def _facts(db: sqlite3.Connection, query: Query, limit: int) -> FactPage:
    # Both look at one state of the file: a record that is erased in between would lose its labels.
    db.execute("BEGIN")
    try:
        condition, parameters = planned(db, query)
        found = _FOUND.format(condition)
        rows = db.execute(f"SELECT {_COLUMNS} {found}", [*parameters, limit + 1]).fetchall()
        numbers = msgspec.json.encode([row[0] for row in rows[:limit]]).decode()
        labels = db.execute(_LABELS, (numbers,)).fetchall()
    finally:
        db.execute("COMMIT")
    by_record: dict[int, list[tuple[str, str, int]]] = defaultdict(list)
    for record, kind, label, count in labels:
        by_record[record].append((kind, label, count))
    kept = [_row(row, by_record.get(row[0], [])) for row in rows[:limit]]
    return FactPage(kept, len(rows) > limit)


def _row(row: Sequence[Any], labels: Sequence[tuple[str, str, int]]) -> Facts:
    """Make facts of a row: its number, then `_FIELDS`."""
    models = tuple(label for kind, label, _ in labels if kind == "model")
    signals = tuple(label for kind, label, _ in labels if kind == "signal")
    entities = tuple((label, count) for kind, label, count in labels if kind == "entity")
    named = dict(zip(_FIELDS, row[1:], strict=True))
    return Facts(**named, models=models, signals=signals, entities=entities)


def _progress(db: sqlite3.Connection) -> list[TapProgress]:
    settled = {(tap, boot): count for tap, boot, count in db.execute(_SETTLED)}
    last = [from_json(json, Checkpoint) for (json,) in db.execute(_LAST)]
    return [
        TapProgress(
            tap=each.tap,
            boot=each.boot,
            opened=each.opened,
            unrecorded=sum(end - start + 1 for start, end, _ in each.unrecorded),
            settled=settled.get((each.tap, each.boot), 0),
            at=each.at,
        )
        for each in last
    ]
