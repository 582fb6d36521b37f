"""Who holds what, and for how long: locks, links, delays, and company."""

from __future__ import annotations

import asyncio
import time

import pytest

from storage.queue.port import Delivery
from storage.queue.service_bus import ServiceBus, open_service_bus
from storage.queue.service_bus_inbox import MOST_PARKED
from tests.contract.samples import a_message, record_id
from tests.contract.service_bus.kit import PATIENCE, access_to, held, one
from tests.emulators.service_bus import QueueRules, ServiceBusEmulator
from tests.emulators.service_bus.control import census


@pytest.mark.parametrize("rules", [QueueRules(lock_duration=1.0)])
@pytest.mark.parametrize("verb", ["complete", "abandon", "dead_letter", "renew"])
async def test_the_brokers_word_on_a_lost_lock_counts(
    emulator: ServiceBusEmulator, bus: ServiceBus, verb: str
) -> None:
    """A clock that runs behind the broker's believes in a lock that the broker has given away."""
    slow = await open_service_bus(access_to(emulator), clock=lambda: 0.0)
    await bus.outbox.send([a_message(1)])
    lost = await one(slow)
    again = await one(bus)
    assert (again.message.id, again.attempt) == (lost.message.id, 2)
    arguments = ("x", "x") if verb == "dead_letter" else ()
    assert not await getattr(slow.inbox, verb)(lost, *arguments)
    assert await held(bus) == {record_id(1): 1}
    await slow.close()


@pytest.mark.parametrize("ahead", [-86_400.0, -90.0, 90.0, 86_400.0])
async def test_a_clock_that_differs_from_the_brokers_costs_no_attempt(
    emulator: ServiceBusEmulator, bus: ServiceBus, ahead: float
) -> None:
    """Whichever is right: a message is delivered, its lock renewed, and it is settled."""
    emulator.advance(ahead)
    await bus.outbox.send([a_message(1)])
    delivery = await one(bus)
    renewed = await bus.inbox.renew(delivery)
    assert renewed is not None
    for until in (delivery.locked_until, renewed):
        assert 0.0 < until - time.time() <= access_to(emulator).lease
    assert await bus.inbox.complete(delivery)
    assert await held(bus) == {}


@pytest.mark.parametrize("rules", [QueueRules(lock_duration=1.0, max_delivery_count=100)])
async def test_what_nobody_settles_keeps_no_link(bus: ServiceBus) -> None:
    """A delivery whose lock has lapsed is given up, and its link serves the next one."""
    await bus.outbox.send([a_message(1)])
    for attempt in range(1, 5):
        assert (await one(bus)).attempt == attempt
    assert len(bus.inbox._links._all) <= 2


async def test_many_settle_while_one_receives(bus: ServiceBus) -> None:
    """Sixteen deliveries at a time are settled beside a receive that waits, each exactly once."""
    await bus.outbox.send([a_message(seq) for seq in range(1, 201)])
    settled: list[str] = []

    async def settle(delivery: Delivery) -> None:
        assert await bus.inbox.complete(delivery)
        settled.append(delivery.message.id)

    async with asyncio.TaskGroup() as group:
        hands: set[asyncio.Task[None]] = set()
        while len(settled) < 200:
            for delivery in await bus.inbox.receive(16 - len(hands), 0.2):
                task = group.create_task(settle(delivery))
                hands.add(task)
                task.add_done_callback(hands.discard)
            if len(hands) == 16:
                await asyncio.wait(hands, return_when=asyncio.FIRST_COMPLETED)
    assert sorted(settled) == sorted(record_id(seq) for seq in range(1, 201))
    assert await held(bus) == {}


async def test_no_settlement_waits_for_a_receive(bus: ServiceBus) -> None:
    """A message is settled while another receive waits for one that does not come."""
    await bus.outbox.send([a_message(1)])
    delivery = await one(bus)
    waiting = asyncio.create_task(bus.inbox.receive(1, PATIENCE))
    await asyncio.sleep(0)
    assert await bus.inbox.complete(delivery)
    assert not waiting.done()
    await bus.outbox.send([a_message(2)])
    assert [each.message.id for each in await waiting] == [record_id(2)]


async def test_no_more_is_locked_than_was_asked_for(
    emulator: ServiceBusEmulator, bus: ServiceBus
) -> None:
    """However many wait, another worker finds all but those that this one has hands for."""
    await bus.outbox.send([a_message(seq) for seq in range(1, 21)])
    mine: list[Delivery] = []
    while len(mine) < 5:
        mine.extend(await bus.inbox.receive(5 - len(mine), PATIENCE))
    other = await open_service_bus(access_to(emulator))
    theirs: list[Delivery] = []
    while len(theirs) < 15:
        theirs.extend(await other.inbox.receive(15 - len(theirs), PATIENCE))
    assert not await bus.inbox.receive(1, 0)
    assert len({each.message.id for each in [*mine, *theirs]}) == 20
    await other.close()


async def test_nothing_is_locked_for_a_receive_that_is_over(
    emulator: ServiceBusEmulator, bus: ServiceBus
) -> None:
    """What comes after a receive that found nothing, or too little, is there for another worker."""
    await bus.outbox.send([a_message(1)])
    while not await bus.inbox.receive(3, 0):
        pass
    assert not await bus.inbox.receive(3, 0)
    await bus.outbox.send([a_message(2), a_message(3)])
    queue = emulator.broker.queues["auditstream"]
    assert census(queue)["locked"] == 1


async def test_a_close_gives_back_what_is_held(emulator: ServiceBusEmulator) -> None:
    """Lent, kept for a delay or just come: another worker has it at once, not after the lock."""
    bus = await open_service_bus(access_to(emulator))
    await bus.outbox.send([a_message(1), a_message(2)])
    first, second = await one(bus), await one(bus)
    assert await bus.inbox.abandon(first, 3600.0)
    assert not await bus.inbox.complete(first)
    await bus.close()
    assert not await bus.inbox.complete(second)
    other = await open_service_bus(access_to(emulator))
    again = [await one(other), await one(other)]
    assert [each.attempt for each in again] == [2, 2]
    await other.close()


@pytest.mark.parametrize("rules", [QueueRules(lock_duration=30.0, max_delivery_count=2)])
async def test_what_is_excused_goes_back_uncounted_over_its_own_link_only(
    emulator: ServiceBusEmulator, bus: ServiceBus
) -> None:
    """Where the link that brought it is gone it goes back all the same, and counts."""
    await bus.outbox.send([a_message(1)])
    for _ in range(3):
        delivery = await one(bus)
        assert delivery.attempt == 1
        await bus.inbox.excuse(delivery)
        assert await bus.inbox.abandon(delivery)
        assert not await bus.inbox.abandon(delivery)
    cut = await one(bus)
    await bus.inbox.excuse(cut)
    emulator.cut_all()
    assert await bus.inbox.abandon(cut)
    assert (await one(bus)).attempt == 2


@pytest.mark.parametrize("rules", [QueueRules(lock_duration=1.0)])
async def test_a_delay_may_be_longer_than_a_lock(
    emulator: ServiceBusEmulator, bus: ServiceBus
) -> None:
    """What is given back with a delay stays locked, by renewals, until the delay is over."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)

    patient = await open_service_bus(access_to(emulator), sleep=sleep)
    await bus.outbox.send([a_message(1)])
    assert await patient.inbox.abandon(await one(patient), 7.0)
    assert (await one(bus)).attempt == 2
    assert sum(slept) == pytest.approx(7.0)
    assert max(slept) <= 1.0
    await patient.close()


async def test_no_more_wait_for_their_delay_than_there_is_room_for(bus: ServiceBus) -> None:
    """Where whatever comes is given back for later, what else there is stays with the broker."""
    await bus.outbox.send([a_message(seq) for seq in range(1, MOST_PARKED + 17)])
    parked: list[Delivery] = []
    while received := await bus.inbox.receive(8, 1.0):
        for delivery in received:
            assert await bus.inbox.abandon(delivery, 3600.0)
        parked.extend(received)
    assert MOST_PARKED <= len(parked) < MOST_PARKED + 8
    assert len(bus.inbox._links._all) <= len(parked)


async def test_there_is_room_again_when_a_delay_is_over(emulator: ServiceBusEmulator) -> None:
    """One that is given back at last makes room for the next receive."""
    over = asyncio.Event()

    async def sleep(seconds: float) -> None:
        del seconds
        await over.wait()

    bus = await open_service_bus(access_to(emulator), sleep=sleep)
    await bus.outbox.send([a_message(seq) for seq in range(1, MOST_PARKED + 2)])
    parked = 0
    while parked < MOST_PARKED:
        for delivery in await bus.inbox.receive(MOST_PARKED - parked, PATIENCE):
            assert await bus.inbox.abandon(delivery, 1.0)
            parked += 1
    assert not await bus.inbox.receive(1, 0)
    over.set()
    await bus.inbox.receive(1, PATIENCE)
    await one(bus)
    await bus.close()
