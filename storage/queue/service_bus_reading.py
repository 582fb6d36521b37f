"""What the SDK received, read as the port speaks of it.

The law: nothing that lies in a queue makes these functions raise, be it ours, damaged or someone
else's.
"""

from __future__ import annotations

from datetime import UTC, datetime

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.amqp import AmqpMessageBodyType

from storage.queue.port import DeadLetter, Message, QueuedNumber
from storage.queue.service_bus_labels import Labels, SetAsideNote, labels_of, note_of, note_text

__all__ = [
    "body_of",
    "dead_letter_of",
    "description_for",
    "enqueued_at",
    "locked_until",
    "message_labels",
    "message_of",
    "queued_of",
]

# How the broker names what it set aside by itself, and nothing longer.
_LONGEST_CODE = 64


def message_labels(received: ServiceBusReceivedMessage) -> Labels:
    """The names on a message."""
    return labels_of(received.application_properties, received.sequence_number or 0)


def message_of(received: ServiceBusReceivedMessage) -> Message:
    """A message with its body; `DAMAGED` where its labels are not ours."""
    labels = message_labels(received)
    return Message(labels.id, labels.kind, labels.number, body_of(received))


def body_of(received: ServiceBusReceivedMessage) -> bytes:
    """The bytes of the body; none where a stranger sent a value or a sequence."""
    if received.body_type is not AmqpMessageBodyType.DATA:
        return b""
    body = received.body
    return body if isinstance(body, bytes) else b"".join(body)


def locked_until(received: ServiceBusReceivedMessage) -> float | None:
    """When its lock lapses, in seconds since the epoch; None where the broker does not say."""
    until = received.locked_until_utc
    return None if until is None else until.timestamp()


def description_for(said: str, attempt: int, at: float) -> str:
    """What a dead letter's description holds: words, the attempt, and the instant."""
    return note_text(SetAsideNote(said, attempt, at), datetime.fromtimestamp(at, UTC))


def queued_of(received: ServiceBusReceivedMessage, *, dead: bool) -> QueuedNumber:
    """A message as it is listed."""
    labels = message_labels(received)
    return QueuedNumber(labels.id, labels.kind, labels.number, dead=dead)


def dead_letter_of(received: ServiceBusReceivedMessage) -> DeadLetter:
    """A message of the dead-letter queue.

    The broker keeps neither the instant nor, once it was looked at, the attempt; they stand in
    the description. Where the broker set it aside, it is the instant of sending, and its count.
    """
    labels = message_labels(received)
    said = received.dead_letter_error_description or ""
    note = note_of(said) or SetAsideNote(
        said, max(1, received.delivery_count or 0), enqueued_at(received)
    )
    return DeadLetter(
        labels.id,
        labels.kind,
        labels.number,
        (received.dead_letter_reason or "unknown")[:_LONGEST_CODE],
        note.said,
        note.attempt,
        dead_since=note.at,
        size=len(body_of(received)),
        replays=labels.replays,
    )


def enqueued_at(received: ServiceBusReceivedMessage) -> float:
    """When the broker took it, in seconds since the epoch."""
    at = received.enqueued_time_utc
    return 0.0 if at is None else at.timestamp()
