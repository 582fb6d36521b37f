"""The embedded record store: the write door and the reading side over one SQLite file.

A record is put with all its indexes in one transaction: it is found by every filter or not
there. Reading opens the file read-only, and goes on while a worker writes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

from audit.errors import QueryTooCostly, RecordInvalid
from audit.record import RedactedRecord
from audit.value import to_json
from storage.database import Database
from storage.records.budget_sqlite import collected, one_state
from storage.records.cursor import check_limit, read_cursor, write_cursor
from storage.records.findable import SCALARS, Findable, findable
from storage.records.planning_sqlite import Key, newest
from storage.records.port import Budget, Page, StoredDocument, StoredRef
from storage.records.query import Query
from storage.records.query_sqlite import compile_query
from storage.records.reference import reference

__all__ = ["SqliteRecordReader", "SqliteRecordWriter", "insertion", "replace_row"]

_NAMES = ("id", "boot", "seq", "expires_at", "hold", "json", *SCALARS)
_INSERT = (
    f"INSERT INTO records ({', '.join(_NAMES)})"  # noqa: S608 - names of this file, no input
    f" VALUES ({', '.join('?' * len(_NAMES))}) ON CONFLICT (id) DO NOTHING RETURNING number"
)
_UPDATE = (
    f"UPDATE records SET ({', '.join(_NAMES)})"  # noqa: S608 - names of this file, no input
    f" = ({', '.join('?' * len(_NAMES))}) WHERE id = ? RETURNING number"
)
_REMOVED = (
    "SELECT 1 FROM ledger WHERE (tap, boot, seq) = (?, ?, ?) AND state IN ('erased', 'expired')"
)

# As bytes: one whose text is no UTF-8 any more is a damaged record, and no damaged file.
_STORED = "SELECT CAST(json AS BLOB) FROM records WHERE id = ?"

_CHUNK = 200

Rows: TypeAlias = list[tuple[str, str, str]]


class SqliteRecordWriter:
    """The write door. The database is closed by whoever opened it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, record: RedactedRecord) -> bool:
        """Store the record durably; false when one of its id is there, or was removed.

        The type is looked at here too, for what a type checker never saw.
        """
        if type(record) is not RedactedRecord:
            raise RecordInvalid("only a redacted record may be stored")
        return await self._database.write(insertion(record))

    async def stored(self, record: RedactedRecord) -> bytes | None:
        """The text of the stored record of this one's id; None when there is none."""
        row = await self._database.read(lambda db: db.execute(_STORED, (record.id,)).fetchone())
        return None if row is None else bytes(row[0])


class SqliteRecordReader:
    """The reading side; one query runs for at most `budget` seconds."""

    def __init__(self, database: Database, budget: float = 10.0) -> None:
        self._database = database
        self._budget = budget

    async def get(self, record_id: str) -> StoredDocument | None:
        """Fetch one record by id; None when there is none."""
        row = await self._database.read(
            lambda db: db.execute("SELECT json FROM records WHERE id = ?", (record_id,)).fetchone()
        )
        return None if row is None else StoredDocument(record_id, row[0].encode())

    async def search(self, query: Query, limit: int, cursor: str | None = None) -> Page:
        """Find records, newest opening first."""
        check_limit(limit)
        compile_query(query)  # what cannot be asked is said before anything is read
        after = read_cursor(cursor) if cursor is not None else None
        # One more than asked for tells whether there is a next page.
        rows, spent = await self._database.read(
            lambda db: _found(db, query, limit + 1, after, self._budget)
        )
        if spent and not rows:
            raise QueryTooCostly
        shown = rows[:limit]
        more = len(rows) > limit or spent
        return Page(
            [StoredDocument(found, json.encode()) for found, _, json in shown],
            write_cursor(shown[-1][1], shown[-1][0]) if more else None,
            spent=Budget.SECONDS if len(rows) <= limit and spent else None,
        )

    async def references(self) -> AsyncIterator[StoredRef]:
        """Walk every stored record in the order of storing."""
        after = 0
        while chunk := await self._database.read(lambda db, after=after: _chunk(db, after)):  # type: ignore[misc]  # mypy cannot infer a lambda's default
            after = chunk[-1][0]
            for _, found in chunk:
                yield found


def insertion(record: RedactedRecord) -> Callable[[sqlite3.Connection], bool]:
    """What puts a record within a write transaction, all else about it being computed already."""
    values, found = _row(record), findable(record)
    number = (record.tap.name, record.tap.boot, record.tap.seq)
    return lambda db: _insert(db, number, values, found)


def _row(record: RedactedRecord) -> list[object]:
    found = findable(record)
    json = to_json(record).decode()
    kept = record.retention
    own = [record.id, record.tap.boot, record.tap.seq, kept.expires_at, int(kept.hold), json]
    return [*own, *(found.scalars[name] for name in SCALARS)]


def _insert(
    db: sqlite3.Connection, number: tuple[object, ...], values: list[object], found: Findable
) -> bool:
    # Looked at under the write lock: whoever enters an erasure comes before or after, and a
    # worker that was held up for long brings nothing back.
    if db.execute(_REMOVED, number).fetchone():
        return False
    row = db.execute(_INSERT, values).fetchone()
    if row is None:
        return False
    _insert_found(db, row[0], found)
    return True


def _insert_found(db: sqlite3.Connection, number: int, found: Findable) -> None:
    db.executemany(
        "INSERT INTO labels (kind, label, record, count) VALUES (?, ?, ?, ?)",
        [
            (kind, label, number, count)
            for kind, labels in found.labels.items()
            for label, count in labels.items()
        ],
    )
    db.execute(
        "INSERT INTO texts (rowid, prompt, answer) VALUES (?, ?, ?)",
        (number, found.prompt, found.answer),
    )


def replace_row(db: sqlite3.Connection, record: RedactedRecord) -> None:
    """Put a record in place of the one of its id, which is there, with all it is found by.

    For a transaction of the keeper.
    """
    (number,) = db.execute(_UPDATE, [*_row(record), record.id]).fetchone()
    db.execute("DELETE FROM texts WHERE rowid = ?", (number,))
    db.execute("DELETE FROM labels WHERE record = ?", (number,))
    _insert_found(db, number, findable(record))


def _found(
    db: sqlite3.Connection, query: Query, limit: int, after: Key | None, seconds: float
) -> tuple[Rows, bool]:
    """Rows, and whether time ran out.

    The records themselves are read last, when it is known which: they are most of the file.
    """
    with one_state(db):
        wanted = newest(db, "r.number, r.id, r.received_at", query, limit, after)
        keys, spent = collected(db, seconds, wanted)
        return [(found, at, _document(db, number)) for number, found, at in keys], spent


def _document(db: sqlite3.Connection, number: int) -> str:
    return str(db.execute("SELECT json FROM records WHERE number = ?", (number,)).fetchone()[0])


def _chunk(db: sqlite3.Connection, after: int) -> list[tuple[int, StoredRef]]:
    rows = db.execute(
        "SELECT number, CAST(id AS BLOB), CAST(tap AS BLOB), CAST(boot AS BLOB), seq,"
        " CAST(consumer AS BLOB), CAST(day AS BLOB), CAST(json AS BLOB) FROM records"
        " WHERE number > ? ORDER BY number LIMIT ?",
        (after, _CHUNK),
    )
    return [(row[0], _reference(*row[1:])) for row in rows]


def _reference(
    record_id: bytes, tap: bytes, boot: bytes, seq: int, consumer: bytes, day: bytes, json: bytes
) -> StoredRef:
    """Columns that are no text any more get a spelling, which no document agrees with."""
    names = [each.decode(errors="backslashreplace") for each in (record_id, tap, boot)]
    others = [each.decode(errors="backslashreplace") for each in (consumer, day)]
    return reference(names[0], names[1], names[2], seq, others[0], others[1], json)
