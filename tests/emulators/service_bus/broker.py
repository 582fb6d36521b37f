"""The queues of a namespace, the journal beneath them, and who is to be told of new messages.

It finds a queue by the address of a link: `amqp://host:port/name/$DeadLetterQueue/$management`,
with or without the beginning, in any case.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tests.emulators.service_bus.events import Created, Event, Sub
from tests.emulators.service_bus.faults import Faults
from tests.emulators.service_bus.journal import Journal
from tests.emulators.service_bus.queue import Queue
from tests.emulators.service_bus.rules import QueueRules

__all__ = ["Broker", "Place", "Taker"]

_MANAGEMENT = "/$management"


@dataclass(frozen=True, slots=True)
class Place:
    """What an address names: a queue or its dead letters, or the management of either."""

    queue: Queue
    sub: Sub
    management: bool


class Taker(Protocol):
    """A link that messages can be sent over."""

    def deliver(self, now: float) -> bool:
        """Send one message; false when there is none, or no credit for it."""


class Broker:
    """Everything that connections share."""

    def __init__(self, clock: Callable[[], float], journal: Journal | None = None) -> None:
        self.clock = clock
        self.faults = Faults()
        self.queues: dict[str, Queue] = {}
        self.closed = False
        self.changed: Callable[[], None] = lambda: None
        self._journal = journal
        self._takers: dict[tuple[str, Sub], deque[Taker]] = {}
        self._taken = (0, 0)  # a second, and how many transfers came in it
        self._writing = False
        if journal is not None:
            for event in journal.replay():
                self._again(event)
        self._writing = True

    def create(self, name: str, rules: QueueRules) -> Queue:
        """Make a queue. One that the journal knows stays, under the rules it had."""
        if name.lower() not in self.queues:
            self.queues[name.lower()] = Queue(name, rules, self._record)
        return self.queues[name.lower()]

    def find(self, address: str) -> Place | None:
        """What the address names; None when there is no such queue."""
        path = address.split("://", 1)[1].partition("/")[2] if "://" in address else address
        path = path.strip("/").lower()
        management = path.endswith(_MANAGEMENT)
        path = path.removesuffix(_MANAGEMENT)
        sub = Sub.DEAD if path.endswith(f"/{Sub.DEAD}") else Sub.MAIN
        queue = self.queues.get(path.removesuffix(f"/{Sub.DEAD}"))
        return None if queue is None else Place(queue, sub, management)

    def attach(self, place: Place, taker: Taker) -> None:
        """Count a link among those that compete for the messages of a place."""
        self._takers.setdefault((place.queue.name, place.sub), deque()).append(taker)

    def detach(self, place: Place, taker: Taker) -> None:
        """Count it no longer."""
        takers = self._takers.get((place.queue.name, place.sub), deque())
        if taker in takers:
            takers.remove(taker)

    def serve(self, queue: Queue) -> None:
        """Hand available messages out, one to each receiver in turn, and tell that it changed."""
        if self.faults.silent:
            return
        now = self.clock()
        queue.tick(now)
        for sub in Sub:
            takers = self._takers.get((queue.name, sub), deque())
            idle = 0
            while idle < len(takers) and queue.shelves[sub].first() is not None:
                idle = 0 if takers[0].deliver(now) else idle + 1
                takers.rotate(-1)
        self.changed()

    def is_busy(self) -> bool:
        """Whether the transfer that has come is to be sent away; counts it."""
        faults, second = self.faults, int(self.clock())
        if faults.busy:
            faults.busy -= 1
            return True
        if faults.rate is None:
            return False
        self._taken = (second, self._taken[1] + 1 if self._taken[0] == second else 1)
        return self._taken[1] > faults.rate

    def next_due(self) -> float | None:
        """When `serve` has something to do without anybody coming."""
        instants = [queue.next_due() for queue in self.queues.values()]
        return min((at for at in instants if at is not None), default=None)

    def close(self) -> None:
        """Give the journal up; nothing is to happen any more."""
        self.closed = True
        if self._journal is not None:
            self._journal.close()

    def _record(self, events: Sequence[Event]) -> None:
        if self._journal is not None and self._writing:
            self._journal.append(events)

    def _again(self, event: Event) -> None:
        if isinstance(event, Created):
            rules = QueueRules(**event.rules)  # type: ignore[arg-type] # as they were written
            self.create(event.queue, rules).change(rules)
        else:
            self.queues[event.queue.lower()].apply(event)
