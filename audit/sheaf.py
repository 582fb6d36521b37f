"""Sheaves: the records of one exchange where it has several, and what they are called.

The law: an exchange has one number, one id and one ledger entry, however many records it has. Its
first record bears the exchange's id, the n-th `id/n`. Where there is one, nothing about it says so:
it is what it would be if there were no sheaves. Each of several says in `tap.record` which it is
and in `tap.records` how many there are, so that one that is found by itself leads to the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from audit.errors import RecordInvalid
from audit.record import AuditRecord
from audit.value import to_json

__all__ = [
    "MOST_RECORDS",
    "Sheaf",
    "exchange_of",
    "read_sheaf",
    "record_id",
    "record_ids",
    "sheaf_json",
]

# One exchange's clear records in their order: one at least.
Sheaf: TypeAlias = tuple[AuditRecord, ...]

# Each record is put and synced for itself, and repeats who called: so many take a worker some
# seconds. A session of an hour, the longest that is offered, with a response every ten seconds has
# fewer. What is beyond it stands in the last record, flagged `sheaf_full`.
MOST_RECORDS = 500

_DECODER: msgspec.json.Decoder[AuditRecord | Sheaf] = msgspec.json.Decoder(AuditRecord | Sheaf)


def record_id(exchange_id: str, nth: int) -> str:
    """What the n-th record of an exchange is called, counted from 1."""
    return exchange_id if nth == 1 else f"{exchange_id}/{nth}"


def record_ids(exchange_id: str, records: int) -> tuple[str, ...]:
    """What the records of an exchange are called, in their order."""
    return tuple(record_id(exchange_id, nth) for nth in range(1, records + 1))


def exchange_of(record_id: str) -> str:
    """The id of the exchange that a record of this id belongs to; its own, of a single one."""
    exchange_id, _, nth = record_id.rpartition("/")
    return exchange_id if exchange_id and nth.isdecimal() else record_id


def sheaf_json(records: Sheaf) -> bytes:
    """Encode clear records: one as itself, several as a list, which no reader takes for one."""
    return to_json(records[0] if len(records) == 1 else records)


def read_sheaf(json: bytes) -> Sheaf:
    """Decode what `sheaf_json` wrote, or the one record that older taps wrote.

    Raises `RecordInvalid` for anything else; its message holds nothing of what was read.
    """
    try:
        read = _DECODER.decode(json)
    except msgspec.DecodeError:
        # The decoder's message may name a key that came from the wire.
        raise RecordInvalid from None
    records = (read,) if isinstance(read, AuditRecord) else read
    if not _is_whole(records):
        raise RecordInvalid("the records of one exchange do not belong together")
    return records


def _is_whole(records: Sequence[AuditRecord]) -> bool:
    """Whether these are all the records of one exchange, in their order, each saying so."""
    if not records:
        return False
    first, ids = records[0], record_ids(records[0].id, len(records))
    shared = (first.tap.name, first.tap.boot, first.tap.seq, first.consumer, first.day)
    return all(
        (each.tap.name, each.tap.boot, each.tap.seq, each.consumer, each.day) == shared
        and (each.id, each.tap.record, each.tap.records) == (ids[at], at + 1, len(records))
        and (each.level, each.integrity) == (first.level, first.integrity)
        for at, each in enumerate(records)
    )
