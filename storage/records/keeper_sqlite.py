"""The embedded store's doors of lawful change: record, indexes and ledger in one transaction.

Nobody sees a record gone whose entry still says stored, or the reverse, and no crash leaves it
so. What is removed leaves no bytes behind: freed space is overwritten (`secure_delete`), and so is
what rows left where they stood before (`storage.residue`), the text index is merged until no word
of a removed text is in it, and the journal is cut off.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from typing import TypeVar

from audit.errors import RecordHeld, RecordInvalid, StoreUnavailable
from audit.ledger import LedgerEntry, LedgerState
from audit.record import RedactedRecord
from audit.value import to_json
from storage.database import Database
from storage.records.keeper import check_amendable, check_rewritable, in_order
from storage.records.ledger_rows import AS_BYTES, INSERT, Row, entry_at, entry_of, row_of
from storage.records.port import StoredDocument
from storage.records.sqlite import replace_row

__all__ = ["SqliteFinder", "SqliteKeeper"]

T = TypeVar("T")

# Documents read at once: each may have megabytes.
_CHUNK = 20

# As bytes: a text that is no UTF-8 any more is then one damaged record, and no damaged file.
_JSON = "CAST(json AS BLOB)"
_DOCUMENT = f"SELECT {_JSON} FROM records WHERE id = ?"  # noqa: S608 - constants

# All records of an exchange: of several the others are `id/n`, and "0" is what follows "/".
_OF_EXCHANGE = "id = ?1 OR (id >= ?1 || '/' AND id < ?1 || '0')"
_DOCUMENTS = f"SELECT id, {_JSON} FROM records WHERE {_OF_EXCHANGE}"  # noqa: S608 - constants

_OVERDUE = "SELECT COUNT(*), MIN(expires_at) FROM records WHERE expires_at <= ? AND NOT hold"

# Asked in this order, since the ledger has an index of consumers for what was erased only.
_KNOWS = (
    "SELECT EXISTS (SELECT 1 FROM records WHERE consumer = ?1)"
    " OR EXISTS (SELECT 1 FROM ledger WHERE consumer = ?1)"
)

# An index page has some 4 KB: a step costs milliseconds, and the writers get between two steps.
_MERGE_PAGES = 500

# SQLite says of a merge that had nothing left to do that it changed fewer rows than this.
_MERGE_DONE = 2

# How long a bounded scrub waits for readers before it leaves the journal for another time.
_PATIENCE = 0.1

# Over how many steps of pages a bounded scrub goes for what rows left: 16 MiB each.
_STEPS = 16


class SqliteKeeper:
    """Implements `Keeper`. The database is closed by whoever opened it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Whether nothing is left to scrub; the page at which a bounded scrub goes on, how often
        # it is to reach the last one yet; whether it is going, and how often something moved.
        self._settled, self._page, self._rounds = False, 0, 2
        self._going, self._moves = False, 0

    async def document(self, record_id: str) -> StoredDocument | None:
        """The stored record of this id, if there is one."""
        row = await self._database.read(lambda db: db.execute(_DOCUMENT, (record_id,)).fetchone())
        return None if row is None else StoredDocument(record_id, row[0])

    async def documents(self, exchange_id: str) -> Sequence[StoredDocument]:
        """All stored records of an exchange, in the order of their ids."""
        rows = await self._database.read(
            lambda db: db.execute(_DOCUMENTS, (exchange_id,)).fetchall()
        )
        return in_order([StoredDocument(record_id, json) for record_id, json in rows])

    async def remove(self, entries: Sequence[LedgerEntry]) -> int:
        """Remove the exchanges' records and let the entries stand, all or none of them."""
        return await self._changed(lambda db: sum(_removed(db, each) for each in entries))

    async def amend(
        self, record: RedactedRecord, entry: LedgerEntry, further: Sequence[RedactedRecord] = ()
    ) -> bool:
        """Put each record in place of the stored one of its id; false when one is not there."""
        return await self._changed(lambda db: _amended(db, (record, *further), entry))

    async def rewrite(
        self, record: RedactedRecord, entry: LedgerEntry, further: Sequence[RedactedRecord] = ()
    ) -> bool:
        """As `amend`, with all that the records are found by."""
        return await self._changed(lambda db: _rewritten(db, (record, *further), entry))

    async def looked_back(self) -> None:
        """Never: there is nothing to look for, see `SqliteFinder.left_behind`."""

    async def look_back_done(self, until: str) -> None:
        """Nothing to keep."""

    async def scrub(self, *, thorough: bool) -> bool:
        """Merge the text index, overwrite what rows left where they stood, cut the journal off.

        False when something is left to do.
        """
        database = self._database
        if thorough:
            await database.write(lambda db: db.execute(_TEXTS, ("optimize", None)).rowcount)
            return await database.overwrite_all_residue() and await database.truncate_journal()
        if self._settled:
            return True
        if not await database.write(_merged):
            self._moved()
        if self._rounds:
            await self._go_on()
        self._settled = await database.truncate_journal(_PATIENCE) and not self._rounds
        return self._settled

    async def _changed(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._database.write(work)
        finally:
            self._moved()

    def _moved(self) -> None:
        """Have all pages gone over twice, after what is left of the round that has begun."""
        self._settled = False
        self._moves += 1
        self._rounds = 3 if self._page or self._going else 2

    async def _go_on(self) -> None:
        """Go over some more pages; one undisturbed call that goes over all of them is enough."""
        start, moves, self._going = self._page, self._moves, True
        try:
            done = await self._database.overwrite_residue(start, _STEPS, _PATIENCE)
        finally:
            self._going = False
        if done is None:
            return
        self._page = done.next
        if not done.next:
            whole = not start and not done.disturbed and moves == self._moves
            self._rounds = 0 if whole else self._rounds - 1


class SqliteFinder:
    """Implements `Finder`; also over a file opened for reading."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def entry_of(self, record_id: str) -> LedgerEntry | None:
        """What became of the exchange of this id."""
        rows = await self._entered("id = ? LIMIT 1", record_id)
        return entry_of(rows[0]) if rows else None

    async def removed_by(self, consumer: str, orders: Collection[str]) -> Sequence[LedgerEntry]:
        """The consumer's entries that were erased by one of these orders."""
        rows = await self._entered("consumer = ? AND state = 'erased'", consumer)
        erased = [entry for row in rows if (entry := _readable(row)) is not None]
        return [each for each in erased if each.amendments and each.amendments[-1].order in orders]

    async def left_behind(self, since: str, until: str) -> Sequence[LedgerEntry]:
        """Nothing: a put looks at the ledger and writes in one transaction, as a removal does."""
        del since, until
        return ()

    async def knows(self, consumer: str) -> bool:
        """Whether any record or any ledger entry names this consumer."""
        row = await self._database.read(lambda db: db.execute(_KNOWS, (consumer,)).fetchone())
        return bool(row[0])

    def of_consumer(self, consumer: str) -> AsyncGenerator[StoredDocument, None]:
        """Every record of a consumer, oldest first."""
        return self._walk("consumer = ?", "received_at", consumer)

    async def overdue(self, now: str) -> tuple[int, str]:
        """How many records `expired` would give, and when the first was to."""
        row = await self._database.read(lambda db: db.execute(_OVERDUE, (now,)).fetchone())
        return row[0], row[1] or now

    def expired(self, now: str, since: str = "") -> AsyncGenerator[StoredDocument, None]:
        """Every record that expires from `since` to `now` and is not held."""
        return self._walk("expires_at <= ? AND NOT hold", "expires_at", now, since)

    async def _entered(self, condition: str, *values: str) -> list[Row]:
        statement = f"SELECT {AS_BYTES} FROM ledger WHERE {condition}"  # noqa: S608 - constants
        return await self._database.read(lambda db: db.execute(statement, values).fetchall())

    async def _walk(
        self, condition: str, key: str, value: str, since: str = ""
    ) -> AsyncGenerator[StoredDocument, None]:
        statement = (
            f"SELECT {key}, id, {_JSON} FROM records WHERE {condition}"  # noqa: S608 - constants
            f" AND ({key}, id) > (?, ?) ORDER BY {key}, id LIMIT {_CHUNK}"
        )
        place = (since, "")
        while rows := await self._rows(statement, (value, *place)):
            place = rows[-1][:2]
            for _, record_id, json in rows:
                yield StoredDocument(record_id, json)

    async def _rows(self, statement: str, values: tuple[str, ...]) -> list[tuple[str, str, bytes]]:
        return await self._database.read(lambda db: db.execute(statement, values).fetchall())


_TEXTS = "INSERT INTO texts (texts, rank) VALUES (?, ?)"  # how FTS5 takes its commands


def _readable(row: Row) -> LedgerEntry | None:
    try:
        return entry_of(row)
    except RecordInvalid:
        return None


def _removed(db: sqlite3.Connection, entry: LedgerEntry) -> bool:
    found = db.execute(
        f"SELECT number, hold FROM records WHERE {_OF_EXCHANGE}",  # noqa: S608 - constants
        (entry.id,),
    ).fetchall()
    if any(hold for _, hold in found):
        raise RecordHeld(f"a hold forbids to remove the record {entry.id}")
    for number, _ in found:
        db.execute("DELETE FROM texts WHERE rowid = ?", (number,))
        db.execute("DELETE FROM labels WHERE record = ?", (number,))
        db.execute("DELETE FROM records WHERE number = ?", (number,))
    return _stands(db, entry)


def _amended(db: sqlite3.Connection, records: Sequence[RedactedRecord], entry: LedgerEntry) -> bool:
    if not _may_stand(db, records, entry, check_amendable):
        return False
    # Nothing of retention is in the other indexes: they stay as they are.
    db.executemany(
        "UPDATE records SET json = ?, expires_at = ?, hold = ? WHERE id = ?",
        [
            (to_json(each).decode(), each.retention.expires_at, int(each.retention.hold), each.id)
            for each in records
        ],
    )
    return True


def _rewritten(
    db: sqlite3.Connection, records: Sequence[RedactedRecord], entry: LedgerEntry
) -> bool:
    if not _may_stand(db, records, entry, check_rewritable):
        return False
    for each in records:
        replace_row(db, each)
    return True


def _may_stand(
    db: sqlite3.Connection,
    records: Sequence[RedactedRecord],
    entry: LedgerEntry,
    check: Callable[[bytes, RedactedRecord], None],
) -> bool:
    """Let the entry stand where all records are there and pass the check."""
    for record in records:
        there = db.execute(_DOCUMENT, (record.id,)).fetchone()
        if there is None:
            return False
        check(there[0], record)
    if not _stands(db, entry):
        raise StoreUnavailable(f"the record {entry.id} was removed meanwhile")
    return True


def _stands(db: sqlite3.Connection, entry: LedgerEntry) -> bool:
    """Let the entry stand in place of the one it was made of; false after a removal."""
    there = entry_at(db, entry.number)
    if there is not None:
        if there.id != entry.id:
            raise RecordInvalid(f"the ledger has another exchange as {entry.number!r}")
        if there.state in (LedgerState.ERASED, LedgerState.EXPIRED):
            return False
        if there.amendments != entry.amendments[: len(there.amendments)]:
            raise StoreUnavailable(f"the entry of {entry.number!r} was changed meanwhile")
    db.execute(INSERT, row_of(entry))
    return True


def _merged(db: sqlite3.Connection) -> bool:
    """Go one step on towards one index without the words of what was removed."""
    before = db.total_changes
    # Negative: everything is to become one, not only what is worth merging for speed.
    db.execute(_TEXTS, ("merge", -_MERGE_PAGES))
    return db.total_changes - before < _MERGE_DONE
