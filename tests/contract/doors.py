"""All doors of one store, on each adapter; and records and entries to go through them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from audit.digest import record_digest
from audit.ledger import Amendment, LedgerEntry, LedgerState
from audit.record import RedactedRecord, Retention
from audit.sheaf import record_id as name_of
from storage.records.keeper import Finder, Keeper, OrderBook
from storage.records.port import LedgerWriter, RecordReader, RecordWriter
from tests.contract.samples import a_record, an_entry, record_id

__all__ = ["AT", "LATER", "Doors", "gone", "kept", "part", "store"]


AT = "2026-11-21T10:00:00.000000Z"

LATER = "2026-11-22T10:00:00.000000Z"


@dataclass
class Doors:
    """All doors of one store.

    `stands` lets an entry stand as a removal does, and leaves the records: what a store is like
    for whoever looked before that. None where record and ledger are changed at once.
    """

    writer: RecordWriter
    reader: RecordReader
    ledger: LedgerWriter
    keeper: Keeper
    finder: Finder
    book: OrderBook
    stands: Callable[[LedgerEntry], Awaitable[bool]] | None = None


def kept(
    seq: int, *, expires_at: str | None = None, hold: bool = False, consumer: str = "demo"
) -> RedactedRecord:
    """A record with this retention."""
    bare = msgspec.structs.replace(
        a_record(seq, consumer=consumer), retention=Retention(expires_at=expires_at, hold=hold)
    )
    stated = msgspec.structs.replace(bare.integrity, record_digest=record_digest(bare))
    return msgspec.structs.replace(bare, integrity=stated)


def gone(seq: int, state: LedgerState = LedgerState.ERASED, order: str = "o-1") -> LedgerEntry:
    """The entry of a record that is removed."""
    last = Amendment(at=AT, kind=state.value, record_digest="ab", order=order)
    entry = msgspec.structs.replace(an_entry(seq, state), consumer="demo", commitment="c0")
    return msgspec.structs.replace(entry, amendments=(last,))


async def store(doors: Doors, *records: RedactedRecord) -> None:
    """Put records and enter them."""
    for record in records:
        assert await doors.writer.put(record)
        entry = an_entry(record.tap.seq)
        await doors.ledger.enter(msgspec.structs.replace(entry, consumer=record.consumer))


def part(nth: int, *, seq: int = 1, hold: bool = False) -> RedactedRecord:
    """The n-th of a session's three records."""
    whole = kept(seq, hold=hold)
    tap = msgspec.structs.replace(whole.tap, record=nth, records=3)
    bare = msgspec.structs.replace(whole, id=name_of(record_id(seq), nth), tap=tap)
    stated = msgspec.structs.replace(bare.integrity, record_digest=record_digest(bare))
    return msgspec.structs.replace(bare, integrity=stated)
