"""From a sealed message to the clear records in it.

The law: a body that is not what its message says it is does not pass. Id and number stand on
the envelope in the clear; whoever swaps two bodies is noticed here.
"""

from __future__ import annotations

from audit.errors import EnvelopeDamaged
from audit.ids import ExchangeNumber
from audit.sheaf import Sheaf, read_sheaf
from storage.envelope import OpenedRemnant
from storage.queue.port import Message
from workers.ports import OpensEnvelope, Reassembles

__all__ = ["clear_records"]


def clear_records(message: Message, open_envelope: OpensEnvelope, reassemble: Reassembles) -> Sheaf:
    """Open, decode or reassemble. Blocking: decryption and parsing of up to many megabytes.

    Gives the exchange's records: several for a session, else one. Raises `KeyMissing`,
    `EnvelopeDamaged`, or `RecordInvalid` for records of another shape.
    """
    opened = open_envelope(message.body)
    if isinstance(opened, OpenedRemnant):
        records = reassemble(opened)
    else:
        records = read_sheaf(opened.record_json)
    first = records[0]
    number = ExchangeNumber(tap=first.tap.name, boot=first.tap.boot, seq=first.tap.seq)
    if (first.id, number) != (message.id, message.number):
        raise EnvelopeDamaged("the record in the envelope is not the one the message names")
    return records
