"""The messages of one queue or of its dead-letter queue, with their locks. Pure: time is given.

A message is here once, in one of four states: scheduled, available, locked, deferred. A lock
names its message by a token; who shows a token that lapsed changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from heapq import heappop, heappush
from uuid import UUID, uuid4

from tests.emulators.service_bus.message import Message

__all__ = ["Held", "Shelf", "State"]


class State(Enum):
    """As `x-opt-message-state` counts, but for a lock, which peeking does not show."""

    AVAILABLE = 0
    DEFERRED = 1
    SCHEDULED = 2
    LOCKED = 3


@dataclass(slots=True)
class Held:
    """A message at rest. Instants are seconds since the epoch; `count` is of failed deliveries.

    `home` is the state that it goes back to when a lock comes off: a deferred message stays one.
    """

    sequence: int
    message: Message = field(repr=False)
    enqueued_at: float
    size: int
    count: int = 0
    expires_at: float | None = None
    state: State = State.AVAILABLE
    home: State = State.AVAILABLE
    token: UUID | None = None
    locked_until: float = 0.0
    reason: str | None = None
    description: str | None = None


class Shelf:
    """Messages by sequence number; the available ones come out oldest first."""

    def __init__(self) -> None:
        self._held: dict[int, Held] = {}
        self._available: list[int] = []
        self._locks: dict[UUID, Held] = {}
        # By the clock: when a lock ends, a message expires or is due. Checked when it comes up.
        self._agenda: list[tuple[float, int]] = []

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Held]:
        """All messages, by sequence number."""
        return iter(sorted(self._held.values(), key=lambda held: held.sequence))

    def put(self, held: Held) -> None:
        """Take a message in."""
        self._held[held.sequence] = held
        if held.expires_at is not None:
            self.remind(held.expires_at, held)
        if held.state is State.SCHEDULED:
            self.remind(held.enqueued_at, held)
        elif held.state is State.AVAILABLE:
            heappush(self._available, held.sequence)

    def remind(self, at: float, held: Held) -> None:
        """Have `due` name this message at that instant."""
        heappush(self._agenda, (at, held.sequence))

    def first(self) -> Held | None:
        """The oldest available message."""
        while self._available:
            held = self._held.get(self._available[0])
            if held is not None and held.state is State.AVAILABLE:
                return held
            heappop(self._available)
        return None

    def get(self, sequence: int) -> Held | None:
        """The message of that number, in whatever state."""
        return self._held.get(sequence)

    def lock(self, held: Held, until: float) -> UUID:
        """Lock a message under a fresh token."""
        held.state, held.token, held.locked_until = State.LOCKED, uuid4(), until
        self._locks[held.token] = held
        self.remind(until, held)
        return held.token

    def locked(self, token: UUID, now: float) -> Held | None:
        """What the token stands for; None when it lapsed."""
        held = self._locks.get(token)
        return held if held is not None and now < held.locked_until else None

    def renew(self, held: Held, until: float) -> None:
        """Let the lock last until then."""
        held.locked_until = until
        self.remind(until, held)

    def free(self, held: Held) -> None:
        """Take the lock off, if there is one, and put the message back to where it belongs."""
        if held.token is not None:
            del self._locks[held.token]
        held.token, held.state = None, held.home
        if held.state is State.AVAILABLE:
            heappush(self._available, held.sequence)
        if held.expires_at is not None:
            self.remind(held.expires_at, held)  # it may have come while the lock held

    def take(self, held: Held) -> None:
        """Take the message out for good."""
        if held.token is not None:
            del self._locks[held.token]
        held.token = None
        del self._held[held.sequence]

    def next_due(self) -> float | None:
        """When something is due next."""
        return self._agenda[0][0] if self._agenda else None

    def due(self, now: float) -> Iterator[Held]:
        """Messages for which an instant has come; the caller sees which one it was."""
        while self._agenda and self._agenda[0][0] <= now:
            held = self._held.get(heappop(self._agenda)[1])
            if held is not None:
                yield held

    def count(self, *states: State) -> int:
        """How many are in one of these states."""
        return sum(held.state in states for held in self._held.values())
