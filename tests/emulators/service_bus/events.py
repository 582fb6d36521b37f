"""What a queue writes down: enough to build it again, in the order in which it happened.

Locks are not among them. A broker that starts again has forgotten who held what, as Service Bus
does when it moves a queue to another node: the messages are available, the old tokens lapsed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

__all__ = ["Counted", "Created", "DeadLettered", "Deferred", "Enqueued", "Event", "Removed", "Sub"]


class Sub(StrEnum):
    """A queue and its dead-letter queue."""

    MAIN = ""
    DEAD = "$deadletterqueue"


@dataclass(frozen=True, slots=True)
class Created:
    """A queue came to be with `rules`, the fields of `QueueRules`."""

    queue: str
    rules: dict[str, object]


@dataclass(frozen=True, slots=True)
class Enqueued:
    """A message was taken at `at`; `content` is what the client sent."""

    queue: str
    sequence: int
    at: float
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Removed:
    """A message was completed, received and deleted, or expired without a trace."""

    queue: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Counted:
    """`count` deliveries of a message have failed."""

    queue: str
    sequence: int
    count: int


@dataclass(frozen=True, slots=True)
class Deferred:
    """A message waits to be asked for by its sequence number."""

    queue: str
    sequence: int


@dataclass(frozen=True, slots=True)
class DeadLettered:
    """A message was moved to the dead-letter queue, for a reason."""

    queue: str
    sequence: int
    count: int
    reason: str | None
    description: str | None


Event: TypeAlias = Created | Enqueued | Removed | Counted | Deferred | DeadLettered
