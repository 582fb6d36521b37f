"""Whether a stored record is what a worker signed, so that it may be changed or go for its age.

When a record expires is written in the record itself. Whoever may write the store could move
that day, and an expiry would cover up what they did; so would a hold, which signs the record anew.
So nothing is taken from the columns beside the document, and both the document and its ledger
entry have to bear a worker's signature.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from audit.digest import document_digest, sheaf_digest
from audit.errors import RecordInvalid
from audit.ledger import LedgerEntry, LedgerState
from audit.record import RedactedRecord
from audit.sheaf import record_ids
from audit.signing import Role, Trust, entry_statement, record_statement
from workers.changes import current_digest, entry_of_records, number_of, read_record

__all__ = ["amendable", "is_over", "is_signed", "signed_copy", "vouched_for"]


def vouched_for(
    documents: Sequence[bytes], entry: LedgerEntry, trust: Trust
) -> Sequence[RedactedRecord]:
    """An exchange's records, if they are all there, agree with the entry and are signed.

    Empty where anything differs. An entry that says expired already vouches for what it had: a
    removal that was cut short is finished, however many of the records it has left.
    """
    records = _signed_all(documents, trust)
    if not records or not is_signed(entry, trust) or not _of_entry(records, entry):
        return ()
    if entry.state is LedgerState.EXPIRED and entry.records > 1:
        return records
    vouching = entry.state in (LedgerState.STORED, LedgerState.EXPIRED)
    return records if vouching and _digest(records, entry) == current_digest(entry) else ()


def amendable(documents: Sequence[bytes], entry: LedgerEntry, trust: Trust) -> bool:
    """Whether a worker may sign documents and entry anew: it repeats only what one has signed.

    They may differ in how far an amendment has come. An entry that is not in the ledger yet is
    unsigned, and then says of the records what they say.
    """
    records = _signed_all(documents, trust)
    if not _of_entry(records, entry) or len(records) != entry.records:
        return False
    return entry == entry_of_records(records, at=entry.at or "") or is_signed(entry, trust)


def is_signed(entry: LedgerEntry, trust: Trust) -> bool:
    """Whether a worker signed the entry, its number and its state included."""
    return trust.bears_out(Role.WORKER, entry_statement(entry), entry.signature)


def signed_copy(json: bytes, record: RedactedRecord, trust: Trust) -> RedactedRecord | None:
    """The stored document, if it is this record as a worker signed it, in whatever redaction."""
    there = _signed(json, trust)
    same = there is not None and (there.id, number_of(there)) == (record.id, number_of(record))
    return there if same else None


def is_over(record: RedactedRecord, now: str) -> bool:
    """Whether the record's time has come and no hold keeps it."""
    retention = record.retention
    return retention.expires_at is not None and retention.expires_at <= now and not retention.hold


def _of_entry(records: Sequence[RedactedRecord], entry: LedgerEntry) -> bool:
    """Whether each is one that the entry speaks of, and none is there twice."""
    ids = [each.id for each in records]
    return len(set(ids)) == len(ids) and set(ids) <= set(record_ids(entry.id, entry.records))


def _digest(records: Sequence[RedactedRecord], entry: LedgerEntry) -> str | None:
    """What the records are entered by; None where one is missing or in another's place."""
    if tuple(each.id for each in records) != record_ids(entry.id, entry.records):
        return None
    return sheaf_digest([each.integrity.record_digest or "" for each in records])


def _signed_all(documents: Sequence[bytes], trust: Trust) -> Sequence[RedactedRecord]:
    """The records, if of each the digest is its content's and a worker signed it."""
    records = [each for json in documents if (each := _signed(json, trust)) is not None]
    return records if len(records) == len(documents) else ()


def _signed(json: bytes, trust: Trust) -> RedactedRecord | None:
    """The record, if its digest is its content's and a worker signed it."""
    try:
        record = read_record(json)
        actual = document_digest(msgspec.json.decode(json))
    except (RecordInvalid, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    integrity = record.integrity
    statement = record_statement(record.id, integrity)
    signed = trust.bears_out(Role.WORKER, statement, integrity.signature)
    return record if signed and actual == integrity.record_digest else None
