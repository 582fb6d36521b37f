"""A stored document boiled down to what verification needs."""

from __future__ import annotations

import hashlib

import msgspec

from audit.digest import document_digest
from audit.ids import ExchangeNumber
from audit.record import Integrity, TapRef
from audit.value import Value
from storage.records.port import StoredRef

__all__ = ["reference"]


class _Head(Value, frozen=True):
    """The fields of a document that say who it is."""

    id: str
    tap: TapRef
    consumer: str
    day: str
    integrity: Integrity = Integrity()


def reference(
    record_id: str, tap: str, boot: str, seq: int, consumer: str, day: str, json: bytes
) -> StoredRef:
    """Digest a document as it stands; the columns speak only where it can no longer be read.

    A document that is no record any more digests to the SHA-256 of its bytes, which no record's
    digest equals, so that it shows as altered; so does one whose columns tell another story.
    """
    number = ExchangeNumber(tap=tap, boot=boot, seq=seq)
    try:
        document = msgspec.json.decode(json)
        head = msgspec.convert(document, _Head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        damaged = hashlib.sha256(json).hexdigest()
        return StoredRef(record_id, number, consumer, day, None, damaged)
    told = (head.id, head.tap.name, head.tap.boot, head.tap.seq, head.consumer, head.day)
    actual = document_digest(document)
    if told != (record_id, tap, boot, seq, consumer, day):
        actual = hashlib.sha256(
            f"{actual}|{record_id}|{number!r}|{consumer}|{day}".encode()
        ).hexdigest()
    integrity = head.integrity
    return StoredRef(record_id, number, consumer, day, integrity.record_digest, actual, integrity)
