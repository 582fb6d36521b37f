"""Facts and totals out of the embedded store's file, read from its columns and labels.

No document is decoded: what is counted stands in columns of its own. One look runs for at most
its budget of seconds.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from audit.errors import QueryTooCostly
from audit.ledger import Checkpoint, LedgerState
from audit.value import from_json
from storage.database import Database
from storage.records.budget_sqlite import collected, one_state
from storage.records.facts import FactPage, Facts, StateCount, TapProgress
from storage.records.planning_sqlite import newest
from storage.records.port import Budget
from storage.records.query import Query

__all__ = ["SqliteFacts"]

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

    glance = 0.15

    def __init__(self, database: Database, budget: float = 10.0) -> None:
        self._database = database
        self._budget = budget

    async def facts(self, query: Query, limit: int, seconds: float | None = None) -> FactPage:
        """The facts of the newest `limit` records that the query finds."""
        most = self._budget if seconds is None else min(seconds, self._budget)
        return await self._database.read(lambda db: _facts(db, query, limit, most))

    async def states(self) -> Sequence[StateCount]:
        """How many numbers are in each state, by consumer and day."""
        rows = await self._all(_STATES)
        return [StateCount(who, day, LedgerState(state), n) for who, day, state, n in rows]

    async def progress(self) -> Sequence[TapProgress]:
        """Each boot that has sent a checkpoint."""
        settled = {(tap, boot): count for tap, boot, count in await self._all(_SETTLED)}
        last = [from_json(json, Checkpoint) for (json,) in await self._all(_LAST)]
        return [_progress(each, settled.get((each.tap, each.boot), 0)) for each in last]

    async def _all(self, sql: str) -> list[Any]:
        """Every row of a count, or none of them."""

        def count(db: sqlite3.Connection) -> list[Any]:
            rows, spent = collected(db, self._budget, _lazily(db, sql))
            if spent:
                raise QueryTooCostly
            return rows

        return await self._database.read(count)


def _lazily(db: sqlite3.Connection, sql: str) -> Iterator[Any]:
    """Begin when the first row is asked for: counting may come before it."""
    yield from db.execute(sql)


def _facts(db: sqlite3.Connection, query: Query, limit: int, seconds: float) -> FactPage:
    # Both look at one state of the file: a record that is erased in between would lose its labels.
    with one_state(db):
        rows, spent = collected(db, seconds, newest(db, _COLUMNS, query, limit + 1))
        if spent and not rows:
            raise QueryTooCostly
        numbers = msgspec.json.encode([row[0] for row in rows[:limit]]).decode()
        labels = db.execute(_LABELS, (numbers,)).fetchall()
    by_record: dict[int, list[tuple[str, str, int]]] = defaultdict(list)
    for record, kind, label, count in labels:
        by_record[record].append((kind, label, count))
    kept = [_row(row, by_record.get(row[0], [])) for row in rows[:limit]]
    more = len(rows) > limit
    return FactPage(kept, more or spent, Budget.SECONDS if spent and not more else None)


def _row(row: Sequence[Any], labels: Sequence[tuple[str, str, int]]) -> Facts:
    """Make facts of a row: its number, then `_FIELDS`."""
    models = tuple(label for kind, label, _ in labels if kind == "model")
    signals = tuple(label for kind, label, _ in labels if kind == "signal")
    entities = tuple((label, count) for kind, label, count in labels if kind == "entity")
    named = dict(zip(_FIELDS, row[1:], strict=True))
    return Facts(**named, models=models, signals=signals, entities=entities)


def _progress(last: Checkpoint, settled: int) -> TapProgress:
    return TapProgress(
        tap=last.tap,
        boot=last.boot,
        opened=last.opened,
        unrecorded=sum(end - start + 1 for start, end, _ in last.unrecorded),
        settled=settled,
        at=last.at,
    )
