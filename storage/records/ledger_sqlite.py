"""The embedded ledger: two tables beside the records, without a word of content.

What became of a number is entered once; only a state that says "not stored, for now" gives way
to a later one. Removal has a door of its own (`keeper_sqlite`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import msgspec

from audit.completeness import DamagedRow
from audit.errors import RecordInvalid
from audit.ids import ExchangeNumber
from audit.ledger import Checkpoint, LedgerEntry
from audit.value import from_json, to_json
from storage.database import Database
from storage.records.ledger_rows import AS_BYTES, INSERT, Row, entry_at, entry_of, name_of, row_of
from storage.records.port import TellDamage

__all__ = ["SqliteLedger"]

T = TypeVar("T")

# Only a state that says "not stored, for now" gives way to another one.
_ENTER = (
    f"{INSERT} WHERE ledger.state IN ('dead_lettered', 'unreadable')"
    " AND ledger.state != excluded.state"
)
_ENTRIES = f"SELECT {AS_BYTES} FROM ledger"  # noqa: S608 - constants
_CHECKPOINTS = (
    'SELECT CAST(tap AS BLOB), CAST(boot AS BLOB), "index", CAST(json AS BLOB) FROM checkpoints'
)
_CHUNK = 1000


class SqliteLedger:
    """Implements `LedgerWriter`, and `LedgerReader` also over a file opened for reading."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enter(self, entry: LedgerEntry) -> bool:
        """Enter what became of a number, durably; false when what was there stays."""
        row = row_of(entry)
        changed = await self._database.write(lambda db: db.execute(_ENTER, row).rowcount)
        return changed == 1

    async def entry(self, number: ExchangeNumber) -> LedgerEntry | None:
        """What became of a number, as far as the ledger knows."""
        return await self._database.read(lambda db: entry_at(db, number))

    async def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep a tap's checkpoint; the same one twice is a success, whenever it was drawn up."""
        json = to_json(checkpoint).decode()
        key = (checkpoint.tap, checkpoint.boot, checkpoint.index)
        kept = await self._database.write(
            lambda db: db.execute(
                'INSERT INTO checkpoints (tap, boot, "index", json) VALUES (?, ?, ?, ?)'
                ' ON CONFLICT (tap, boot, "index") DO UPDATE SET json = json RETURNING json',
                (*key, json),
            ).fetchone()[0]
        )
        if kept != json and _unsigned(from_json(kept, Checkpoint)) != _unsigned(checkpoint):
            raise RecordInvalid("another checkpoint of this index is in the ledger")

    async def entries(self, tell: TellDamage | None = None) -> AsyncIterator[LedgerEntry]:
        """All entries, ordered by tap, boot and number."""
        async for row in self._rows(_ENTRIES, "seq"):
            damaged = DamagedRow(name_of(row[0]), name_of(row[1]), seq=row[2])
            if (entry := _told(entry_of, row, damaged, tell)) is not None:
                yield entry

    async def checkpoints(self, tell: TellDamage | None = None) -> AsyncIterator[Checkpoint]:
        """All checkpoints, ordered by tap, boot and index."""
        async for row in self._rows(_CHECKPOINTS, '"index"'):
            damaged = DamagedRow(name_of(row[0]), name_of(row[1]), index=row[2])
            if (checkpoint := _told(_checkpoint, row, damaged, tell)) is not None:
                yield checkpoint

    async def _rows(self, select: str, last: str) -> AsyncIterator[Row]:
        key = f"(tap, boot, {last})"
        after = "(CAST(? AS TEXT), CAST(? AS TEXT), ?)"
        statement = f"{select} WHERE {key} > {after} ORDER BY tap, boot, {last} LIMIT {_CHUNK}"
        # Numbers and indexes below zero are read too: nothing but a forger writes them.
        seen: Row = (b"", b"", -(1 << 63))
        while rows := await self._read(statement, seen):
            seen = rows[-1][:3]
            for row in rows:
                yield row

    async def _read(self, statement: str, after: Row) -> list[Row]:
        return await self._database.read(lambda db: db.execute(statement, after).fetchall())


def _told(
    read: Callable[[Row], T], row: Row, damaged: DamagedRow, tell: TellDamage | None
) -> T | None:
    try:
        return read(row)
    except RecordInvalid:
        if tell is None:
            raise
        tell(damaged)
        return None


def _checkpoint(row: Row) -> Checkpoint:
    """Read a checkpoint; one that names another place than its row is damaged as well."""
    place = (name_of(row[0]), name_of(row[1]), row[2])
    try:
        checkpoint = from_json(row[3], Checkpoint)
    except (ValueError, msgspec.DecodeError, RecursionError):
        checkpoint = None
    if checkpoint is None or (checkpoint.tap, checkpoint.boot, checkpoint.index) != place:
        raise RecordInvalid(f"the checkpoint {place[0]}/{place[1]}#{place[2]} is damaged")
    return checkpoint


def _unsigned(checkpoint: Checkpoint) -> Checkpoint:
    """What it says, whenever and with whichever key: a later boot may have to say it again."""
    return msgspec.structs.replace(checkpoint, signature=None, at="")
