"""A broker that speaks Service Bus's AMQP 1.0 to the real `azure-servicebus` SDK, for tests.

In the test's own process:

    async with service_bus({"auditstream": QueueRules(lock_duration=5)}, journal=tmp_path) as bus:
        client = ServiceBusClient.from_connection_string(bus.connection_string)
        ...
        bus.faults.lost_acknowledgements = 1
        bus.advance(61)  # seconds, so that a lock ends without waiting

As a process of its own, to be killed and started again, by `running.service_bus_process`, or by
hand: `python -m tests.emulators.service_bus --port N --journal DIR --queue NAME`. The management
API is `administration.Administration`.

What is durable: a message is in the journal before its transfer is acknowledged, and a settlement
before it is answered; both survive `kill -9`. Locks do not: after a start every message is
available, and an old token answers with a lost lock. Duplicate detection survives. A connection
that ends leaves its locks until their time, as with the service; only closing a receiver with the
SDK gives back what it had prefetched.

What the SDK (7.15) does with it that may surprise: a message over the limit is rejected and its
link detached, so that the next send over the same sender fails too; a socket whose connection
broke is never closed but left to the garbage collector, whose warning pytest makes an error (see
`bench` in `tests/unit/emulators/service_bus_kit.py`); closing takes up to a second.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.emulators.service_bus.faults import Faults
from tests.emulators.service_bus.rules import LARGE, PREMIUM, STANDARD, QueueRules
from tests.emulators.service_bus.server import ServiceBusEmulator

__all__ = [
    "LARGE",
    "PREMIUM",
    "STANDARD",
    "Faults",
    "QueueRules",
    "ServiceBusEmulator",
    "service_bus",
]


@asynccontextmanager
async def service_bus(
    queues: Mapping[str, QueueRules] | Sequence[str] = ("auditstream",),
    *,
    journal: Path | None = None,
    port: int = 0,
) -> AsyncIterator[ServiceBusEmulator]:
    """A broker with these queues on a loopback port, until the block ends."""
    emulator = ServiceBusEmulator(journal, port=port)
    rules = queues if isinstance(queues, Mapping) else dict.fromkeys(queues, QueueRules())
    for name, rule in rules.items():
        emulator.create_queue(name, rule)
    await emulator.start()
    try:
        yield emulator
    finally:
        await emulator.stop()
