"""What travels: bodies of any size, long names, strangers, dead letters that come back."""

from __future__ import annotations

import os
from contextlib import suppress

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusMessageBatch
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import MessageSizeExceededError

from audit.errors import QueueUnavailable
from audit.ids import ExchangeNumber
from storage.queue.port import Message, MessageKind
from storage.queue.service_bus import ServiceBus
from storage.queue.service_bus_outbox import LARGEST_BODY, parcel_of
from tests.contract.samples import BOOT, a_message, record_id
from tests.contract.service_bus.kit import LOCK, PATIENCE, held, one
from tests.emulators.service_bus import (
    LARGE,
    PREMIUM,
    STANDARD,
    QueueRules,
    ServiceBusEmulator,
)


@pytest.mark.parametrize(
    "stranger",
    [
        ServiceBusMessage("planted content"),
        ServiceBusMessage(None),
        ServiceBusMessage(b"\xff\xfe", application_properties={"id": "planted content"}),
        ServiceBusMessage(
            b"x",
            application_properties={
                "schema": "1", "id": "x", "kind": "planted content", "tap": "t", "boot": "b",
                "seq": "1", "replays": "0",
            },
        ),
        ServiceBusMessage(
            b"x",
            application_properties={
                "schema": 1, "id": 2, "kind": 3.5, "tap": True, b"boot": b"?", "seq": -1,
            },
        ),
    ],
    ids=["text", "nothing", "one label", "no kind", "other types"],
)  # fmt: skip
async def test_a_strangers_message_keeps_nobody_back(
    emulator: ServiceBusEmulator, bus: ServiceBus, stranger: ServiceBusMessage
) -> None:
    """It comes as damaged and names no exchange; it is set aside, listed, replayed, discarded."""
    client = ServiceBusClient.from_connection_string(emulator.connection_string)
    async with client, client.get_queue_sender("auditstream") as sender:
        await sender.send_messages(stranger)
    await bus.outbox.send([a_message(2)])
    first, second = await one(bus), await one(bus)
    assert second.message == a_message(2)
    assert (first.message.kind, first.message.number.seq) == (MessageKind.DAMAGED, 0)
    assert await bus.inbox.complete(second)
    assert await bus.inbox.dead_letter(first, "message.damaged", "It is damaged.")
    (letter,) = await bus.reader.dead_letters()
    assert (letter.id, letter.is_exchange) == (first.message.id, False)
    assert "planted" not in repr((letter, first))
    assert await bus.admin.replay(letter.id)
    again = await one(bus)
    assert again.message == first.message
    assert await bus.inbox.dead_letter(again, "message.damaged", "It is damaged.")
    assert await bus.admin.discard(letter.id)
    assert await held(bus) == {}


@pytest.mark.parametrize("rules", [QueueRules(lock_duration=LOCK, max_delivery_count=2)])
async def test_what_the_broker_set_aside_is_a_dead_letter_too(bus: ServiceBus) -> None:
    """A message that killed its workers is listed with the broker's word, and is replayed."""
    await bus.outbox.send([a_message(1)])
    for attempt in (1, 2):
        delivery = await one(bus)
        assert delivery.attempt == attempt
        assert await bus.inbox.abandon(delivery)
    (letter,) = await bus.reader.dead_letters()
    assert (letter.code, letter.id) == ("MaxDeliveryCountExceeded", record_id(1))
    assert letter.dead_since > 0
    assert await bus.admin.replay(record_id(1))
    assert (await one(bus)).attempt == 1


async def test_a_replay_that_was_broken_off_doubles_nothing(
    emulator: ServiceBusEmulator, bus: ServiceBus
) -> None:
    """However often its connection goes, the message waits once, and the others stay dead."""
    await bus.outbox.send([a_message(1), a_message(2)])
    for _ in range(2):
        await bus.inbox.dead_letter(await one(bus), "x.y", "z")
    emulator.faults.lost_settlements = 1
    emulator.faults.lost_acknowledgements = 1
    assert await bus.admin.replay(record_id(2))
    assert await held(bus) == {record_id(1): 1, record_id(2): 1}
    letters = await bus.reader.dead_letters()
    assert [each.id for each in letters] == [record_id(1)]
    assert letters[0].attempts == 1


async def test_a_body_of_any_size_up_to_the_limit_arrives(bus: ServiceBus) -> None:
    """The link's own limit is told, and a body of that size travels, alone or among others."""
    bodies = [os.urandom(size) for size in (0, 1, 70_000, bus.outbox.limit, 5, 100_000)]
    await bus.outbox.send([a_message(seq, body) for seq, body in enumerate(bodies, 1)])
    received: dict[int, bytes] = {}
    while len(received) < len(bodies):
        for delivery in await bus.inbox.receive(2, PATIENCE):
            received[delivery.message.number.seq] = delivery.message.body
            await bus.inbox.complete(delivery)
    assert [received[seq] for seq in sorted(received)] == bodies


@pytest.mark.parametrize(
    ("rules", "limit"),
    [
        (QueueRules(), 256 * 1024 - 2048),
        (QueueRules(max_message_size=PREMIUM), PREMIUM - 2048),
        (QueueRules(max_message_size=LARGE), LARGEST_BODY),
    ],
    ids=["standard", "premium", "large messages"],
)
async def test_the_limit_is_that_of_the_link(bus: ServiceBus, limit: int) -> None:
    """Before anything was sent it is what every tier takes, then what this one does."""
    assert bus.outbox.limit == 256 * 1024 - 2048
    await bus.outbox.send([a_message(1)])
    assert bus.outbox.limit == limit
    await bus.outbox.send([a_message(2, os.urandom(limit))])
    assert await held(bus) == {record_id(1): 1, record_id(2): 1}


async def test_a_batch_that_is_just_full_is_taken(bus: ServiceBus) -> None:
    """Where the SDK's count of a batch ends at its limit, the broker's does not pass it."""
    first = a_message(1, os.urandom(200_000))
    fits, over = 0, STANDARD
    while over - fits > 1:
        size = (fits + over) // 2
        fits, over = (size, over) if _counted_to_fit(first, size) else (fits, size)
    sizes = range(fits, fits - 800, -40)
    for seq, size in enumerate(sizes, 2):
        await bus.outbox.send([first, a_message(seq, os.urandom(size))])
    assert len(await held(bus)) == 1 + len(sizes)


def _counted_to_fit(first: Message, size: int) -> bool:
    """Whether the SDK takes `first` and a body of `size` for one batch."""
    batch = ServiceBusMessageBatch(STANDARD)
    batch.add_message(parcel_of(first))
    with suppress(MessageSizeExceededError):
        batch.add_message(parcel_of(a_message(2, b"x" * size)))
    return len(batch) == 2


async def test_a_body_over_the_limit_is_refused_by_name(bus: ServiceBus) -> None:
    """Without a claim check it cannot be sent; the error says that large bodies need blobs."""
    with pytest.raises(QueueUnavailable, match="need blobs"):
        await bus.outbox.send([a_message(1, b"x" * 300_000)])
    await bus.outbox.send([a_message(2)])
    assert await held(bus) == {record_id(2): 1}


async def test_a_checkpoint_travels_with_the_longest_names(bus: ServiceBus) -> None:
    """An id as long as a tap's name can make it is an id that the broker takes."""
    name = "t" * 64
    number = ExchangeNumber(tap=name, boot=BOOT, seq=0)
    checkpoint = Message(f"{name}/{BOOT}#4294967295", MessageKind.CHECKPOINT, number, b"{}")
    await bus.outbox.send([checkpoint, checkpoint])
    assert (await one(bus)).message == checkpoint
    assert not await bus.inbox.receive(1, 0)
