"""From a sealed message to the clear record in it.

The law: a body that is not what its message says it is does not pass. Id and number stand on
the envelope in the clear; whoever swaps two bodies is noticed here.
"""

from __future__ import annotations

import msgspec

from audit.errors import EnvelopeDamaged, RecordInvalid
from audit.ids import ExchangeNumber
from audit.record import AuditRecord
from audit.value import from_json
from storage.envelope import OpenedRemnant
from storage.queue.port import Message
from workers.ports import OpensEnvelope, Reassembles

__all__ = ["clear_record"]


def clear_record(
    message: Message, open_envelope: OpensEnvelope, reassemble: Reassembles
) -> AuditRecord:
    """Open, decode or reassemble. Blocking: decryption and parsing of up to many megabytes.

    Raises `KeyMissing`, `EnvelopeDamaged`, or `RecordInvalid` for a record of another shape.
    """
    opened = open_envelope(message.body)
    if isinstance(opened, OpenedRemnant):
        record = reassemble(opened)
    else:
        record = _decoded(opened.record_json)
    number = ExchangeNumber(tap=record.tap.name, boot=record.tap.boot, seq=record.tap.seq)
    if (record.id, number) != (message.id, message.number):
        raise EnvelopeDamaged("the record in the envelope is not the one the message names")
    return record


def _decoded(json: bytes) -> AuditRecord:
    try:
        return from_json(json, AuditRecord)
    except msgspec.DecodeError:
        # The decoder's message may name a key that came from the wire.
        raise RecordInvalid from None
