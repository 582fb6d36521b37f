"""Lawful changes as values: what an entry or a record says after it.

The law: an entry only grows. Id, number, commitment and all earlier amendments stay, so that
whoever verifies later sees what was there, what became of it, and by which order. Nothing here is
signed; whoever hands a change to the store signs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from audit.digest import record_digest, sheaf_digest
from audit.errors import RecordInvalid
from audit.ids import ExchangeNumber
from audit.ledger import Amendment, LedgerEntry, LedgerState
from audit.record import AuditRecord, RedactedRecord
from audit.sheaf import exchange_of
from audit.value import from_json

__all__ = [
    "amended_entry",
    "current_digest",
    "entry_of_records",
    "number_of",
    "read_record",
    "read_records",
    "removed_entry",
    "with_hold",
]


def removed_entry(
    entry: LedgerEntry, state: LedgerState, *, at: str, kind: str, order: str | None = None
) -> LedgerEntry:
    """The entry of a record that is gone: erased by an order, or expired."""
    last = Amendment(at=at, kind=kind, record_digest=current_digest(entry) or "", order=order)
    return msgspec.structs.replace(
        entry, state=state, amendments=(*entry.amendments, last), at=at, signature=None
    )


def amended_entry(
    entry: LedgerEntry, records: Sequence[RedactedRecord], *, at: str, kind: str, order: str | None
) -> LedgerEntry:
    """The entry of an exchange whose records, all of them given, stay and have changed."""
    digest = sheaf_digest([e.integrity.record_digest or record_digest(e) for e in records])
    amendment = Amendment(at=at, kind=kind, record_digest=digest, order=order)
    return msgspec.structs.replace(entry, amendments=(*entry.amendments, amendment), signature=None)


def with_hold(record: RedactedRecord, *, hold: bool) -> RedactedRecord:
    """The record with its hold set or lifted, and the digest that then is its own."""
    retention = msgspec.structs.replace(record.retention, hold=hold)
    changed = msgspec.structs.replace(record, retention=retention)
    integrity = msgspec.structs.replace(
        record.integrity, record_digest=record_digest(changed), signature=None
    )
    return msgspec.structs.replace(changed, integrity=integrity)


def entry_of_records(
    records: Sequence[AuditRecord] | Sequence[RedactedRecord], *, at: str
) -> LedgerEntry:
    """The entry that says of an exchange that it is stored.

    Where not all of its records are given, or one has no digest yet, the entry has none.
    """
    first = records[0]
    digests = [d for each in records if (d := each.integrity.record_digest) is not None]
    whole = len(digests) == len(records) == first.tap.records
    return LedgerEntry(
        number=number_of(first),
        id=exchange_of(first.id),
        state=LedgerState.STORED,
        consumer=first.consumer,
        day=first.day,
        commitment=first.integrity.commitment,
        record_digest=sheaf_digest(digests) if whole else None,
        at=at,
        records=first.tap.records,
    )


def current_digest(entry: LedgerEntry) -> str | None:
    """What the digest of all its records is, or last was, as the ledger has it."""
    return entry.amendments[-1].record_digest if entry.amendments else entry.record_digest


def number_of(record: AuditRecord | RedactedRecord) -> ExchangeNumber:
    """The number that the record was made under."""
    return ExchangeNumber(tap=record.tap.name, boot=record.tap.boot, seq=record.tap.seq)


def read_records(documents: Iterable[bytes]) -> list[RedactedRecord] | None:
    """Stored documents as records; None where any of them cannot be read."""
    try:
        return [read_record(each) for each in documents]
    except RecordInvalid:
        return None


def read_record(json: bytes) -> RedactedRecord:
    """A stored document as a record. Raises `RecordInvalid` for one of another shape.

    What nobody knows in it is skipped, but not followed into any depth.
    """
    try:
        return from_json(json, RedactedRecord)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RecordInvalid("a stored record has another shape than its schema version") from None
