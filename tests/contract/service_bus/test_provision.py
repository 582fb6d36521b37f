"""What a queue on Service Bus must be, by the SDK's administration client against the emulator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from azure.servicebus.aio.management import ServiceBusAdministrationClient

from audit.errors import QueueUnavailable
from storage.queue.service_bus import ServiceBusAccess, open_service_bus
from storage.queue.service_bus_provision import Needs, check, provision
from storage.queue.service_bus_reader import COUNTED
from tests.contract.samples import a_message
from tests.emulators.service_bus import QueueRules, ServiceBusEmulator
from tests.emulators.service_bus.administration import Administration

NEEDS = Needs(lease=60.0, max_attempts=10)

GOOD = QueueRules(lock_duration=60.0, max_delivery_count=20, duplicate_window=3600.0)


@dataclass(frozen=True, slots=True)
class Side:
    """The management side of an emulator, and how it is reached."""

    emulator: ServiceBusEmulator
    administration: Administration

    def access(self, queue: str = "auditstream") -> ServiceBusAccess:
        """As the settings would give it, with the port of AMQP."""
        return ServiceBusAccess(queue, self.emulator.connection_string, timeout=10.0)

    def administer(self, _access: ServiceBusAccess) -> ServiceBusAdministrationClient:
        """The SDK's client; the emulator has a port and a certificate of its own for it."""
        return ServiceBusAdministrationClient.from_connection_string(
            self.administration.connection_string,
            connection_verify=str(self.administration.certificate),
            retry_total=0,
        )


@pytest.fixture
async def side(tmp_path: Path) -> AsyncIterator[Side]:
    """A namespace without a queue."""
    emulator = ServiceBusEmulator()
    administration = Administration(emulator, tmp_path)
    await emulator.start()
    await administration.start()
    yield Side(emulator, administration)
    await administration.stop()
    await emulator.stop()


async def test_a_missing_queue_is_a_flaw_and_is_made(side: Side) -> None:
    """It is named, then made as it must be; a second run finds nothing to do."""
    (flaw,) = await check(side.access(), NEEDS, side.administer)
    assert (flaw.found, flaw.advice) == ("missing", "run auditstream provision")
    assert await provision(side.access(), NEEDS, side.administer) == ["queue auditstream made"]
    assert await check(side.access(), NEEDS, side.administer) == []
    assert await provision(side.access(), NEEDS, side.administer) == []
    made = side.emulator.broker.queues["auditstream"].rules
    assert made.lock_duration == 60.0
    assert made.max_delivery_count == 20
    assert (made.dead_letter_on_expiry, made.time_to_live) == (True, None)


@pytest.mark.parametrize(
    ("wrong", "name", "found"),
    [
        (replace(GOOD, lock_duration=30.0), "lock duration", "30 s"),
        (replace(GOOD, max_delivery_count=11), "max delivery count", "11"),
        (replace(GOOD, duplicate_window=60.0), "duplicate detection window", "60 s"),
        (replace(GOOD, dead_letter_on_expiry=False), "dead-lettering on expiration", "off"),
        (replace(GOOD, time_to_live=3600.0), "time to live", "3600 s"),
    ],
    ids=["lock", "deliveries", "window", "expiration", "life"],
)
async def test_what_differs_is_named_and_changed(
    side: Side, wrong: QueueRules, name: str, found: str
) -> None:
    """Each property that loses records is told with what it must be, and set, and nothing else."""
    side.emulator.create_queue("auditstream", wrong)
    (flaw,) = await check(side.access(), NEEDS, side.administer)
    assert (flaw.name, flaw.found) == (f"auditstream: {name}", found)
    assert await provision(side.access(), NEEDS, side.administer) == [
        f"queue auditstream: {name} changed"
    ]
    assert await check(side.access(), NEEDS, side.administer) == []


async def test_what_is_fixed_is_left_and_named(side: Side) -> None:
    """A queue made without duplicate detection stays so; the advice is another queue."""
    side.emulator.create_queue("auditstream", replace(GOOD, duplicate_window=0))
    assert await provision(side.access(), NEEDS, side.administer) == []
    (flaw,) = await check(side.access(), NEEDS, side.administer)
    assert flaw.name == "auditstream: duplicate detection"
    assert "queue.name" in flaw.advice


async def test_more_than_is_needed_is_no_flaw(side: Side) -> None:
    """Longer locks, more deliveries and a longer memory than asked for stay as they are."""
    more = replace(GOOD, lock_duration=300.0, max_delivery_count=100, duplicate_window=86_400.0)
    side.emulator.create_queue("auditstream", more)
    assert await check(side.access(), Needs(600.0, 10), side.administer) == []
    assert await provision(side.access(), Needs(600.0, 10), side.administer) == []


async def test_a_management_side_that_is_not_there_is_told(side: Side) -> None:
    """Neither command takes silence for consent."""
    await side.administration.stop()
    for command in (check, provision):
        with pytest.raises(QueueUnavailable, match="cannot be reached"):
            await command(side.access(), NEEDS, side.administer)


async def test_the_census_asks_the_management_side(side: Side) -> None:
    """Where this identity may ask, the counts are exact beyond what a look would count."""
    many = COUNTED + 10
    side.emulator.create_queue("auditstream", GOOD)
    bus = await open_service_bus(side.access(), administer=side.administer)
    await bus.outbox.send([a_message(seq) for seq in range(1, many + 1)])
    assert (await bus.reader.census()).waiting == many
    await bus.close()
    refused = await open_service_bus(side.access())
    assert (await refused.reader.census()).waiting == COUNTED
    await refused.close()
