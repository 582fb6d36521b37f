"""The embedded ledger: two tables beside the records, without a word of content.

What became of a number is entered once; only a state that says "not stored, for now" gives way
to a later one. What is read is taken as bytes: a row that is no longer UTF-8, or no longer JSON,
is then one damaged row, and the others can still be read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias, TypeVar

import msgspec

from audit.completeness import DamagedRow
from audit.errors import RecordInvalid
from audit.ids import ExchangeNumber
from audit.ledger import Amendment, Checkpoint, LedgerEntry, LedgerState
from audit.value import from_json, to_json
from storage.database import Database
from storage.records.port import TellDamage

__all__ = ["SqliteLedger"]

T = TypeVar("T")

_Row: TypeAlias = tuple[Any, ...]  # a row as SQLite gives it: the columns below, in their order

_COLUMNS = "tap, boot, seq, id, state, consumer, day, commitment, record_digest, amendments, at"
_AS_BYTES = ", ".join(
    name if name == "seq" else f"CAST({name} AS BLOB)" for name in _COLUMNS.split(", ")
)
_ENTRIES = f"SELECT {_AS_BYTES} FROM ledger"  # noqa: S608 - constants
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
                f"SELECT {_AS_BYTES} FROM ledger WHERE (tap, boot, seq) = (?, ?, ?)",  # noqa: S608 - constants
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

    async def entries(self, tell: TellDamage | None = None) -> AsyncIterator[LedgerEntry]:
        """All entries, ordered by tap, boot and number."""
        async for row in self._rows(_ENTRIES, "seq"):
            damaged = DamagedRow(_name(row[0]), _name(row[1]), seq=row[2])
            if (entry := _told(_entry, row, damaged, tell)) is not None:
                yield entry

    async def checkpoints(self, tell: TellDamage | None = None) -> AsyncIterator[Checkpoint]:
        """All checkpoints, ordered by tap, boot and index."""
        async for row in self._rows(_CHECKPOINTS, '"index"'):
            damaged = DamagedRow(_name(row[0]), _name(row[1]), index=row[2])
            if (checkpoint := _told(_checkpoint, row, damaged, tell)) is not None:
                yield checkpoint

    async def _rows(self, select: str, last: str) -> AsyncIterator[_Row]:
        key = f"(tap, boot, {last})"
        after = "(CAST(? AS TEXT), CAST(? AS TEXT), ?)"
        statement = f"{select} WHERE {key} > {after} ORDER BY tap, boot, {last} LIMIT {_CHUNK}"
        # Numbers and indexes below zero are read too: nothing but a forger writes them.
        seen: _Row = (b"", b"", -(1 << 63))
        while rows := await self._read(statement, seen):
            seen = rows[-1][:3]
            for row in rows:
                yield row

    async def _read(self, statement: str, after: _Row) -> list[_Row]:
        return await self._database.read(lambda db: db.execute(statement, after).fetchall())


def _told(
    read: Callable[[_Row], T], row: _Row, damaged: DamagedRow, tell: TellDamage | None
) -> T | None:
    try:
        return read(row)
    except RecordInvalid:
        if tell is None:
            raise
        tell(damaged)
        return None


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
        tap, boot, record_id, state = (row[n].decode() for n in (0, 1, 3, 4))
        consumer, day, commitment, digest, at = (_text(row[n]) for n in (5, 6, 7, 8, 10))
        return LedgerEntry(
            number=ExchangeNumber(tap=tap, boot=boot, seq=row[2]),
            id=record_id,
            state=LedgerState(state),
            consumer=consumer,
            day=day,
            commitment=commitment,
            record_digest=digest,
            amendments=msgspec.json.decode(row[9], type=tuple[Amendment, ...]),
            at=at,
        )
    except (ValueError, msgspec.DecodeError):
        name = f"{_name(row[0])}/{_name(row[1])}/{row[2]}"
        raise RecordInvalid(f"the ledger's entry {name} is damaged") from None


def _checkpoint(row: _Row) -> Checkpoint:
    """Read a checkpoint; one that names another place than its row is damaged as well."""
    place = (_name(row[0]), _name(row[1]), row[2])
    try:
        checkpoint = from_json(row[3], Checkpoint)
    except (ValueError, msgspec.DecodeError):
        checkpoint = None
    if checkpoint is None or (checkpoint.tap, checkpoint.boot, checkpoint.index) != place:
        raise RecordInvalid(f"the checkpoint {place[0]}/{place[1]}#{place[2]} is damaged")
    return checkpoint


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def _name(value: bytes) -> str:
    """A key's text for a message, whatever bytes it has become."""
    return value.decode(errors="backslashreplace")
