"""What the queue's contract is held against: a clock that a test moves, and a broker by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from storage.queue.port import Delivery, Inbox, Outbox, QueueAdmin, QueueReader
from storage.queue.service_bus import ServiceBusAccess, open_service_bus
from tests.emulators.service_bus import QueueRules, ServiceBusEmulator

__all__ = ["LEASE", "PATIENCE", "BothEnds", "Clock", "a_broker_with", "all_of", "one"]

LEASE = 60.0

# How long a test waits for what must come; an engine that works is there at once.
PATIENCE = 20.0


class BothEnds(Outbox, Inbox, Protocol):
    """A queue that can be sent to and received from."""

    async def close(self) -> None:
        """Close it."""


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        """What time it is."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Wait until a test has moved it so far."""
        due = self.now + seconds
        while self.now < due:  # noqa: ASYNC110 - a test sets it without telling
            await asyncio.sleep(0.005)


class Joined:
    """The two ends of a broker's queue as one."""

    def __init__(self, outbox: Outbox, inbox: Inbox, close: Callable[[], Awaitable[None]]) -> None:
        self.send = outbox.send
        self.receive = inbox.receive
        self.complete = inbox.complete
        self.abandon = inbox.abandon
        self.excuse = inbox.excuse
        self.dead_letter = inbox.dead_letter
        self.renew = inbox.renew
        self._close = close

    async def close(self) -> None:
        """Close both."""
        await self._close()


@asynccontextmanager
async def a_broker_with(
    clock: Clock,
) -> AsyncIterator[tuple[BothEnds, QueueReader, QueueAdmin]]:
    """Service Bus as the emulator speaks it, by the test's clock."""
    emulator = ServiceBusEmulator()
    emulator.broker.clock = clock
    emulator.create_queue("auditstream", QueueRules(lock_duration=LEASE))
    await emulator.start()
    access = ServiceBusAccess("auditstream", emulator.connection_string, timeout=PATIENCE)
    bus = await open_service_bus(access, clock=clock, sleep=clock.sleep)
    yield Joined(bus.outbox, bus.inbox, bus.close), bus.reader, bus.admin
    await bus.close()
    await emulator.stop()


async def one(queue: BothEnds) -> Delivery:
    """Receive exactly one."""
    (delivery,) = await queue.receive(1, PATIENCE)
    return delivery


async def all_of(queue: BothEnds, limit: int = 10) -> list[Delivery]:
    """Receive until there is nothing more, without settling anything."""
    received = list(await queue.receive(limit, PATIENCE))
    while more := await queue.receive(limit, 0):
        received.extend(more)
    return received
