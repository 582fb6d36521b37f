"""Whether a stored record is what a worker signed, so that it may be changed or go for its age.

When a record expires is written in the record itself. Whoever may write the store could move
that day, and an expiry would cover up what they did; so would a hold, which signs the record anew.
So nothing is taken from the columns beside the document, and both the document and its ledger
entry have to bear a worker's signature.
"""

from __future__ import annotations

import msgspec

from audit.digest import document_digest
from audit.errors import RecordInvalid
from audit.ledger import LedgerEntry, LedgerState
from audit.record import RedactedRecord
from audit.signing import Role, Trust, entry_statement, record_statement
from workers.changes import current_digest, entry_of_record, read_record

__all__ = ["amendable", "is_over", "is_signed", "vouched_for"]


def vouched_for(json: bytes, entry: LedgerEntry, trust: Trust) -> RedactedRecord | None:
    """The record, if document and entry agree and are signed; None where anything differs.

    An entry that says expired already vouches for exactly the record that had: a removal that
    was cut short is finished.
    """
    record = _signed(json, trust)
    if record is None or entry.state not in (LedgerState.STORED, LedgerState.EXPIRED):
        return None
    agree = (record.id, record.integrity.record_digest) == (entry.id, current_digest(entry))
    return record if agree and is_signed(entry, trust) else None


def amendable(json: bytes, entry: LedgerEntry, trust: Trust) -> bool:
    """Whether a worker may sign document and entry anew: it repeats only what one has signed.

    The two may differ in how far an amendment has come. An entry that is not in the ledger yet is
    unsigned, and then says of the record what the record says.
    """
    record = _signed(json, trust)
    if record is None or record.id != entry.id:
        return False
    return entry == entry_of_record(record, at=entry.at or "") or is_signed(entry, trust)


def is_signed(entry: LedgerEntry, trust: Trust) -> bool:
    """Whether a worker signed the entry, its number and its state included."""
    return trust.bears_out(Role.WORKER, entry_statement(entry), entry.signature)


def is_over(record: RedactedRecord, now: str) -> bool:
    """Whether the record's time has come and no hold keeps it."""
    retention = record.retention
    return retention.expires_at is not None and retention.expires_at <= now and not retention.hold


def _signed(json: bytes, trust: Trust) -> RedactedRecord | None:
    """The record, if its digest is its content's and a worker signed it."""
    try:
        record = read_record(json)
        actual = document_digest(msgspec.json.decode(json))
    except (RecordInvalid, msgspec.DecodeError, UnicodeDecodeError):
        return None
    integrity = record.integrity
    statement = record_statement(record.id, integrity)
    signed = trust.bears_out(Role.WORKER, statement, integrity.signature)
    return record if signed and actual == integrity.record_digest else None
