"""The embedded ledger: two tables beside the records, without a word of content.

What became of a number is entered once; only a state that says "not stored, for now" gives way
to a later one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import msgspec

from audit.errors import RecordInvalid
from audit.ids import ExchangeNumber
from audit.ledger import Amendment, Checkpoint, LedgerEntry, LedgerState
from audit.value import from_json, to_json
from storage.database import Database

__all__ = ["SqliteLedger"]

_Row: TypeAlias = tuple[Any, ...]  # a row as SQLite gives it: the columns below, in their order

_COLUMNS = "tap, boot, seq, id, state, consumer, day, commitment, record_digest, amendments, at"
_CHUNK = 1000


class SqliteLedger:
    """Implements `LedgerWriter`, and `LedgerReader` also over a file opened for reading."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enter(self, entry: LedgerEntry) -> bool:
        """Enter what became of a number, durably; false when what was there stays."""
        row = _row(entry)
        changed = await self._database.write(
            lambda db: (
                db.execute(
                    f"INSERT INTO ledger ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants
                    " ON CONFLICT (tap, boot, seq) DO UPDATE SET id = excluded.id,"
                    " state = excluded.state, consumer = excluded.consumer, day = excluded.day,"
                    " commitment = excluded.commitment, record_digest = excluded.record_digest,"
                    " amendments = excluded.amendments, at = excluded.at"
                    " WHERE ledger.state IN ('dead_lettered', 'unreadable')"
                    " AND ledger.state != excluded.state",
                    row,
                ).rowcount
            )
        )
        return changed == 1

    async def entry(self, number: ExchangeNumber) -> LedgerEntry | None:
        """What became of a number, as far as the ledger knows."""
        row = await self._database.read(
            lambda db: db.execute(
                f"SELECT {_COLUMNS} FROM ledger WHERE (tap, boot, seq) = (?, ?, ?)",  # noqa: S608 - constants
                (number.tap, number.boot, number.seq),
            ).fetchone()
        )
        return None if row is None else _entry(row)

    async def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep a tap's checkpoint; the same one twice is a success."""
        json = to_json(checkpoint).decode()
        key = (checkpoint.tap, checkpoint.boot, checkpoint.index)
        kept = await self._database.write(
            lambda db: db.execute(
                'INSERT INTO checkpoints (tap, boot, "index", json) VALUES (?, ?, ?, ?)'
                ' ON CONFLICT (tap, boot, "index") DO UPDATE SET json = json RETURNING json',
                (*key, json),
            ).fetchone()[0]
        )
        if kept != json:
            raise RecordInvalid("another checkpoint of this index is in the ledger")

    async def entries(self) -> AsyncIterator[LedgerEntry]:
        """All entries, ordered by tap, boot and number."""
        after: tuple[str, str, int] = ("", "", 0)
        while rows := await self._after(f"SELECT {_COLUMNS} FROM ledger", "seq", after):  # noqa: S608 - constants
            after = rows[-1][:3]
            for row in rows:
                yield _entry(row)

    async def checkpoints(self) -> AsyncIterator[Checkpoint]:
        """All checkpoints, ordered by tap, boot and index."""
        after: tuple[str, str, int] = ("", "", -1)
        select = 'SELECT tap, boot, "index", json FROM checkpoints'
        while rows := await self._after(select, '"index"', after):
            after = rows[-1][:3]
            for row in rows:
                yield _checkpoint(row)

    async def _after(self, select: str, last: str, after: tuple[str, str, int]) -> list[_Row]:
        key = f"(tap, boot, {last})"
        statement = f"{select} WHERE {key} > (?, ?, ?) ORDER BY tap, boot, {last} LIMIT {_CHUNK}"
        return await self._database.read(lambda db: db.execute(statement, after).fetchall())


def _row(entry: LedgerEntry) -> _Row:
    number = entry.number
    return (
        number.tap,
        number.boot,
        number.seq,
        entry.id,
        entry.state.value,
        entry.consumer,
        entry.day,
        entry.commitment,
        entry.record_digest,
        to_json(entry.amendments).decode(),
        entry.at,
    )


def _entry(row: _Row) -> LedgerEntry:
    try:
        return LedgerEntry(
            number=ExchangeNumber(tap=row[0], boot=row[1], seq=row[2]),
            id=row[3],
            state=LedgerState(row[4]),
            consumer=row[5],
            day=row[6],
            commitment=row[7],
            record_digest=row[8],
            amendments=msgspec.json.decode(row[9], type=tuple[Amendment, ...]),
            at=row[10],
        )
    except (ValueError, msgspec.DecodeError):
        raise RecordInvalid(f"the ledger's entry {row[0]}/{row[1]}/{row[2]} is damaged") from None


def _checkpoint(row: _Row) -> Checkpoint:
    try:
        return from_json(row[3], Checkpoint)
    except msgspec.DecodeError:
        raise RecordInvalid(f"the checkpoint {row[0]}/{row[1]}#{row[2]} is damaged") from None
