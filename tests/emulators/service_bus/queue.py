"""A queue as Service Bus keeps one: duplicates, locks, delivery counts, expiry, dead letters.

Pure: time is an argument, and what must outlive the process is handed to `record` before the
method returns, so whoever acknowledges after that acknowledges what is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from uuid import UUID

from tests.emulators.service_bus.events import (
    Counted,
    Created,
    DeadLettered,
    Deferred,
    Enqueued,
    Event,
    Removed,
    Sub,
)
from tests.emulators.service_bus.history import History
from tests.emulators.service_bus.message import Message, parse
from tests.emulators.service_bus.rules import QueueRules
from tests.emulators.service_bus.shelf import Held, Shelf, State
from tests.emulators.service_bus.states import Outcome, Settlement

__all__ = ["Queue"]


class Queue:
    """One queue with its dead-letter queue."""

    def __init__(
        self, name: str, rules: QueueRules, record: Callable[[Sequence[Event]], None]
    ) -> None:
        self.name = name
        self.rules = rules
        self.shelves = {Sub.MAIN: Shelf(), Sub.DEAD: Shelf()}
        self._record = record
        self._last = 0
        self._history = History(rules.duplicate_window)
        record([Created(name, asdict(rules))])

    def change(self, rules: QueueRules) -> None:
        """Hold to other rules from now on; messages that are there keep their expiry."""
        self._record([Created(self.name, asdict(rules))])
        self.rules = rules
        self._history.window = rules.duplicate_window

    def enqueue(self, contents: Sequence[bytes], now: float) -> int:
        """Take messages; give how many were no duplicates. All are recorded when it returns.

        Raises `CodecError` when one of them is no message; then none is taken.
        """
        parsed = [(content, parse(content)) for content in contents]
        taken: list[tuple[Enqueued, Message]] = []
        for content, message in parsed:
            if self._history.new(message.message_id, now):
                self._last += 1
                taken.append((Enqueued(self.name, self._last, now, content), message))
        self._record([event for event, _ in taken])
        for event, message in taken:
            self._enqueued(event, message)
        return len(taken)

    def acquire(self, sub: Sub, now: float) -> Held | None:
        """Lock the oldest available message."""
        shelf = self.shelves[sub]
        held = shelf.first()
        if held is not None:
            shelf.lock(held, now + self.rules.lock_duration)
        return held

    def take(self, sub: Sub) -> Held | None:
        """Receive and delete the oldest available message."""
        held = self.shelves[sub].first()
        if held is not None:
            self._do(Removed(self.name, held.sequence))
        return held

    def recall(self, sub: Sub, sequence: int, now: float) -> Held | None:
        """Lock a deferred message."""
        held = self.shelves[sub].get(sequence)
        if held is None or held.state is not State.DEFERRED:
            return None
        self.shelves[sub].lock(held, now + self.rules.lock_duration)
        return held

    def renew(self, sub: Sub, token: UUID, now: float) -> float | None:
        """Give the lock its full duration again; its new end, or None when it had lapsed."""
        held = self.shelves[sub].locked(token, now)
        if held is None:
            return None
        self.shelves[sub].renew(held, now + self.rules.lock_duration)
        return held.locked_until

    def settle(self, sub: Sub, token: UUID, told: Settlement, now: float) -> bool:
        """Carry out what a receiver decided. False when its lock had lapsed: nothing changes."""
        held = self.shelves[sub].locked(token, now)
        if held is None:
            return False
        if told.outcome is Outcome.ACCEPTED:
            self._do(Removed(self.name, held.sequence))
        elif told.outcome is Outcome.REJECTED:
            self._bury(sub, held, told.reason, told.description)
        elif told.elsewhere:
            self._do(Deferred(self.name, held.sequence))
        elif told.failed:
            self._failed(sub, held)
        else:
            self.shelves[sub].free(held)
        return True

    def peek(self, sub: Sub, start: int, limit: int) -> list[Held]:
        """Up to `limit` messages from sequence number `start` on, in whatever state."""
        return [held for held in self.shelves[sub] if held.sequence >= start][:limit]

    def tick(self, now: float) -> None:
        """Let happen what time brings: due messages, lapsed locks, expiry."""
        for sub, shelf in self.shelves.items():
            for held in list(shelf.due(now)):
                self._due(sub, held, now)

    def next_due(self) -> float | None:
        """When `tick` has something to do next."""
        instants = [shelf.next_due() for shelf in self.shelves.values()]
        return min((at for at in instants if at is not None), default=None)

    def apply(self, event: Event) -> None:
        """Make a recorded event true; how the queue is built again from its journal."""
        if isinstance(event, Enqueued):
            self._enqueued(event, parse(event.content))
        elif isinstance(event, DeadLettered):
            self._dead_lettered(event)
        elif not isinstance(event, Created):
            shelf, held = self._find(event.sequence)
            if isinstance(event, Removed):
                shelf.take(held)
            elif isinstance(event, Deferred):
                held.home = State.DEFERRED
                shelf.free(held)
            else:
                held.count = event.count

    def _do(self, event: Event) -> None:
        self._record([event])
        self.apply(event)

    def _enqueued(self, event: Enqueued, message: Message) -> None:
        self._last = max(self._last, event.sequence)
        self._history.add(message.message_id, event.at)
        due = max(event.at, message.scheduled or 0.0)
        lives = [ttl for ttl in (message.time_to_live, self.rules.time_to_live) if ttl is not None]
        held = Held(event.sequence, message, due, len(event.content))
        held.expires_at = due + min(lives) if lives else None
        held.state = State.SCHEDULED if due > event.at else State.AVAILABLE
        self.shelves[Sub.MAIN].put(held)

    def _dead_lettered(self, event: DeadLettered) -> None:
        shelf, held = self._find(event.sequence)
        shelf.take(held)
        held.state = held.home = State.AVAILABLE
        held.expires_at, held.count = None, event.count
        held.reason, held.description = event.reason, event.description
        self.shelves[Sub.DEAD].put(held)

    def _find(self, sequence: int) -> tuple[Shelf, Held]:
        for shelf in self.shelves.values():
            if (held := shelf.get(sequence)) is not None:
                return shelf, held
        raise LookupError(f"the journal speaks of message {sequence}, which is not there")

    def _failed(self, sub: Sub, held: Held) -> None:
        """A delivery failed: back to the others, or to the dead letters when it was the last."""
        count = held.count + 1
        if sub is Sub.MAIN and count >= self.rules.max_delivery_count:
            held.count = count
            told = f"Message could not be consumed after {count} delivery attempts."
            self._bury(sub, held, "MaxDeliveryCountExceeded", told)
            return
        self._do(Counted(self.name, held.sequence, count))
        self.shelves[sub].free(held)

    def _bury(self, sub: Sub, held: Held, reason: str | None, description: str | None) -> None:
        if sub is Sub.DEAD:
            self.shelves[sub].free(held)  # there is no further place for what is dead
            return
        self._do(DeadLettered(self.name, held.sequence, held.count, reason, description))

    def _due(self, sub: Sub, held: Held, now: float) -> None:
        if held.state is State.LOCKED:
            if held.locked_until <= now:
                self._failed(sub, held)
        elif held.expires_at is not None and held.expires_at <= now:
            self._expire(sub, held)
        elif held.state is State.SCHEDULED and held.enqueued_at <= now:
            self.shelves[sub].free(held)

    def _expire(self, sub: Sub, held: Held) -> None:
        if self.rules.dead_letter_on_expiry:
            told = "The message expired and was dead lettered."
            self._bury(sub, held, "TTLExpiredException", told)
        else:
            self._do(Removed(self.name, held.sequence))
