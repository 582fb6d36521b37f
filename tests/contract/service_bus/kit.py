"""What the tests of the queue on Service Bus share: how it is reached, and what they look at."""

from __future__ import annotations

from audit.errors import QueueUnavailable
from storage.queue.port import Delivery
from storage.queue.service_bus import ServiceBus, ServiceBusAccess
from tests.emulators.service_bus import ServiceBusEmulator

__all__ = ["LOCK", "PATIENCE", "TIMEOUT", "access_to", "carried", "held", "one"]

LOCK = 30.0
TIMEOUT = 5.0
# How long a test waits for what must come.
PATIENCE = 20.0


def access_to(emulator: ServiceBusEmulator, queue: str = "auditstream") -> ServiceBusAccess:
    """How the broker is reached."""
    return ServiceBusAccess(queue, emulator.connection_string, timeout=TIMEOUT)


async def one(bus: ServiceBus) -> Delivery:
    """Receive exactly one."""
    (delivery,) = await bus.inbox.receive(1, PATIENCE)
    return delivery


async def held(bus: ServiceBus) -> dict[str, int]:
    """How often each id is in the queue, dead or alive."""
    counts: dict[str, int] = {}
    async for each in bus.reader.numbers():
        counts[each.id] = counts.get(each.id, 0) + 1
    return counts


async def carried(bus: ServiceBus, count: int) -> list[str]:
    """Receive and complete until `count` different messages are done; gives every id received."""
    received: list[str] = []
    done: set[str] = set()
    while len(done) < count:
        try:
            for delivery in await bus.inbox.receive(4, 0.5):
                received.append(delivery.message.id)
                if await bus.inbox.complete(delivery):
                    done.add(delivery.message.id)
        except QueueUnavailable:
            continue
    return received
