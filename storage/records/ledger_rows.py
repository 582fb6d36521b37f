"""Rows of the embedded ledger, and the entries they are.

What is read is taken as bytes: a row that is no longer UTF-8, or no longer JSON, is then one
damaged row, and the others can still be read.
"""

from __future__ import annotations

import sqlite3
from typing import Any, TypeAlias

import msgspec

from audit.errors import RecordInvalid
from audit.ids import ExchangeNumber
from audit.ledger import Amendment, LedgerEntry, LedgerState
from audit.value import to_json

__all__ = ["AS_BYTES", "INSERT", "Row", "entry_at", "entry_of", "name_of", "row_of"]

Row: TypeAlias = tuple[Any, ...]  # a row as SQLite gives it: the columns below, in their order

COLUMNS = (
    "tap, boot, seq, id, state, consumer, day, commitment, record_digest, amendments, at,"
    " signature, records"
)
_NUMBERS = ("seq", "records")
AS_BYTES = ", ".join(
    name if name in _NUMBERS else f"CAST({name} AS BLOB)" for name in COLUMNS.split(", ")
)
INSERT = (
    f"INSERT INTO ledger ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants
    " ON CONFLICT (tap, boot, seq) DO UPDATE SET id = excluded.id,"
    " state = excluded.state, consumer = excluded.consumer, day = excluded.day,"
    " commitment = excluded.commitment, record_digest = excluded.record_digest,"
    " amendments = excluded.amendments, at = excluded.at, signature = excluded.signature,"
    " records = excluded.records"
)


def entry_at(db: sqlite3.Connection, number: ExchangeNumber) -> LedgerEntry | None:
    """What became of a number. Raises `RecordInvalid` for a damaged row."""
    row = db.execute(
        f"SELECT {AS_BYTES} FROM ledger WHERE (tap, boot, seq) = (?, ?, ?)",  # noqa: S608 - constants
        (number.tap, number.boot, number.seq),
    ).fetchone()
    return None if row is None else entry_of(row)


def row_of(entry: LedgerEntry) -> Row:
    """The row that holds an entry."""
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
        entry.signature,
        entry.records,
    )


def entry_of(row: Row) -> LedgerEntry:
    """The entry in a row of `AS_BYTES`. Raises `RecordInvalid` for a damaged one."""
    try:
        tap, boot, record_id, state = (row[n].decode() for n in (0, 1, 3, 4))
        consumer, day, commitment, digest, at, signature = (
            _text(row[n]) for n in (5, 6, 7, 8, 10, 11)
        )
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
            signature=signature,
            records=row[12],
        )
    except (ValueError, msgspec.DecodeError, RecursionError):
        name = f"{name_of(row[0])}/{name_of(row[1])}/{row[2]}"
        raise RecordInvalid(f"the ledger's entry {name} is damaged") from None


def name_of(value: bytes) -> str:
    """A key's text for a message, whatever bytes it has become."""
    return value.decode(errors="backslashreplace")


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()
