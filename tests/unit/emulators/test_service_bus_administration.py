"""The broker's management API through the real administration client."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio.management import ServiceBusAdministrationClient

from tests.emulators.service_bus import QueueRules, ServiceBusEmulator, service_bus
from tests.emulators.service_bus.administration import Administration
from tests.unit.emulators.service_bus_kit import bench


@pytest.fixture
async def bus() -> AsyncIterator[ServiceBusEmulator]:
    """A broker with one queue."""
    async with service_bus({"auditstream": QueueRules(lock_duration=45)}) as emulator:
        yield emulator


@pytest.fixture
async def client(
    bus: ServiceBusEmulator, tmp_path: Path
) -> AsyncIterator[ServiceBusAdministrationClient]:
    """The SDK's client of the management API, which trusts the emulator's certificate."""
    admin = Administration(bus, tmp_path)
    await admin.start()
    async with ServiceBusAdministrationClient.from_connection_string(
        admin.connection_string, connection_verify=str(admin.certificate), retry_total=0
    ) as made:
        yield made
    await admin.stop()


async def test_a_queue_is_described_as_it_is(client: ServiceBusAdministrationClient) -> None:
    """Lock duration, limits and expiry are those that the queue keeps to."""
    queue = await client.get_queue("auditstream")

    assert queue.name == "auditstream"
    assert queue.lock_duration == dt.timedelta(seconds=45)
    assert (queue.max_delivery_count, queue.max_message_size_in_kilobytes) == (10, 256)
    assert queue.duplicate_detection_history_time_window == dt.timedelta(minutes=10)
    assert (queue.requires_duplicate_detection, queue.requires_session) == (True, False)
    assert queue.dead_lettering_on_message_expiration is True


async def test_counts_are_those_of_the_queue(
    bus: ServiceBusEmulator, client: ServiceBusAdministrationClient
) -> None:
    """Waiting and locked messages are active; dead letters and scheduled ones count apart."""
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    async with bench(bus.connection_string) as desk:
        sender, receiver = await desk.pair()
        await sender.send_messages([ServiceBusMessage(b"text") for _ in range(4)])
        await sender.send_messages(ServiceBusMessage(b"x", scheduled_enqueue_time_utc=later))
        first, _ = await receiver.receive_messages(2, max_wait_time=5)
        await receiver.dead_letter_message(first)
        counts = await client.get_queue_runtime_properties("auditstream")

    assert counts.total_message_count == 5
    assert counts.active_message_count == 3
    assert counts.dead_letter_message_count == 1
    assert counts.scheduled_message_count == 1
    assert counts.size_in_bytes is not None
    assert counts.size_in_bytes > 20


async def test_a_queue_is_made_and_changed_as_asked(
    bus: ServiceBusEmulator, client: ServiceBusAdministrationClient
) -> None:
    """What is created keeps to the properties it was given, and to others after an update."""
    made = await client.create_queue(
        "new",
        lock_duration=dt.timedelta(minutes=2),
        default_message_time_to_live=dt.timedelta(days=14),
        dead_lettering_on_message_expiration=True,
        requires_duplicate_detection=True,
        duplicate_detection_history_time_window=dt.timedelta(minutes=20),
        max_delivery_count=7,
        max_message_size_in_kilobytes=2048,
    )
    rules = bus.broker.queues["new"].rules
    made.max_delivery_count = 9
    await client.update_queue(made)

    assert rules == QueueRules(
        max_message_size=2048 * 1024,
        lock_duration=120,
        max_delivery_count=7,
        duplicate_window=1200,
        time_to_live=14 * 86400,
        dead_letter_on_expiry=True,
    )
    assert bus.broker.queues["new"].rules.max_delivery_count == 9


async def test_what_is_not_named_is_as_the_service_has_it(
    bus: ServiceBusEmulator, client: ServiceBusAdministrationClient
) -> None:
    """A bare queue detects no duplicates, keeps messages for ever and buries no expired ones."""
    await client.create_queue("bare")

    rules = bus.broker.queues["bare"].rules
    assert (rules.duplicate_window, rules.time_to_live) == (0, None)
    assert rules.dead_letter_on_expiry is False


async def test_absent_and_existing_queues_raise_the_clients_own_errors(
    client: ServiceBusAdministrationClient,
) -> None:
    """Reading what is not there and creating what is there fail as with the service."""
    with pytest.raises(ResourceNotFoundError):
        await client.get_queue("absent")
    with pytest.raises(ResourceExistsError):
        await client.create_queue("auditstream")
