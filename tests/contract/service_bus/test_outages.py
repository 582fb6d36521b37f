"""Cut, refused, silent, killed: nothing is lost, nothing hangs, nothing is left open."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from audit.errors import QueueUnavailable
from storage.queue.service_bus import ServiceBus, ServiceBusAccess, open_service_bus
from tests.contract.samples import a_message, record_id
from tests.contract.service_bus.kit import LOCK, PATIENCE, TIMEOUT, access_to, carried, held, one
from tests.emulators.service_bus import QueueRules, ServiceBusEmulator
from tests.emulators.service_bus.running import service_bus_process


async def test_opening_asks_nobody(emulator: ServiceBusEmulator) -> None:
    """A tap and a worker start while the broker is away, and stop again."""
    await emulator.stop()
    bus = await open_service_bus(access_to(emulator))
    await bus.close()
    await bus.close()


async def test_a_cut_connection_is_nothing_to_speak_of(
    emulator: ServiceBusEmulator, bus: ServiceBus
) -> None:
    """What is sent, received, renewed and settled next finds its own way, in the same call."""
    await bus.outbox.send([a_message(seq) for seq in (1, 2, 3)])
    first, second, third = [await one(bus) for _ in range(3)]
    emulator.cut_all()
    assert await bus.inbox.complete(first)
    assert await bus.inbox.renew(second) is not None
    assert await bus.inbox.dead_letter(second, "x.y", "z")
    assert await bus.inbox.abandon(third)
    emulator.cut_all()
    await bus.outbox.send([a_message(4)])
    emulator.cut_all()
    assert (await one(bus)).message.number.seq == 3
    assert await held(bus) == {record_id(2): 1, record_id(3): 1, record_id(4): 1}


async def test_an_outage_is_told_and_then_over(
    emulator: ServiceBusEmulator, bus: ServiceBus
) -> None:
    """While nobody listens every call fails with one error; afterwards all work as they are."""
    await bus.outbox.send([a_message(1), a_message(2)])
    delivery = await one(bus)
    emulator.refuse()
    emulator.cut_all()
    for call in (
        bus.outbox.send([a_message(3)]),
        bus.inbox.receive(1, 0.1),
        bus.inbox.renew(delivery),
        bus.inbox.complete(delivery),
        bus.inbox.dead_letter(delivery, "x", "x"),
        bus.reader.census(),
        bus.admin.find(record_id(1)),
    ):
        with pytest.raises(QueueUnavailable, match="cannot be reached"):
            await call
    await emulator.accept()
    assert await bus.inbox.complete(delivery)
    await bus.outbox.send([a_message(3)])
    assert sorted(await carried(bus, 2)) == [record_id(2), record_id(3)]
    assert await held(bus) == {}


async def test_silence_has_an_end(emulator: ServiceBusEmulator, bus: ServiceBus) -> None:
    """Where the broker takes everything and answers nothing, each call gives up by itself."""
    quick = await open_service_bus(replace(access_to(emulator), timeout=1.0))
    await quick.outbox.send([a_message(1)])
    delivery = await one(quick)
    emulator.silence()
    for call in (
        quick.outbox.send([a_message(seq, b"x" * 200_000) for seq in range(2, 12)]),
        quick.inbox.receive(1, 0.1),
        quick.inbox.renew(delivery),
        quick.inbox.complete(delivery),
        quick.reader.census(),
    ):
        with pytest.raises(QueueUnavailable, match="did not answer in time"):
            await call
    await quick.close()
    emulator.speak()
    await bus.outbox.send([a_message(seq) for seq in range(2, 12)])
    assert {record_id(seq) for seq in range(2, 12)} <= set(await carried(bus, 10))
    # Whether the broker still heard that the first was completed, nobody was told.
    assert await held(bus) in ({}, {record_id(1): 1})


async def test_no_connection_is_left_behind(emulator: ServiceBusEmulator) -> None:
    """After cuts, refusals and silence the process has as many open files as before."""
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a folder of the kernel
    bus = await open_service_bus(replace(access_to(emulator), timeout=1.0))
    await bus.outbox.send([a_message(1), a_message(2)])
    deliveries = await bus.inbox.receive(2, PATIENCE)
    for trouble in (emulator.cut_all, emulator.silence, emulator.refuse):
        trouble()
        for call in (bus.inbox.renew(deliveries[0]), bus.outbox.send([a_message(3)])):
            await asyncio.gather(call, return_exceptions=True)
    emulator.speak()
    emulator.cut_all()
    await bus.close()
    await asyncio.sleep(0)
    assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208 - as above
    await emulator.accept()


async def test_a_lost_acknowledgement_adds_no_message(
    emulator: ServiceBusEmulator, bus: ServiceBus
) -> None:
    """A message whose acceptance was never heard of is sent again, and is in the queue once."""
    emulator.faults.lost_acknowledgements = 1
    await bus.outbox.send([a_message(1), a_message(2)])
    assert await held(bus) == {record_id(1): 1, record_id(2): 1}


@pytest.mark.parametrize("rules", [QueueRules(lock_duration=LOCK, duplicate_window=0)])
async def test_without_duplicate_detection_it_doubles_at_most(
    emulator: ServiceBusEmulator, bus: ServiceBus
) -> None:
    """A queue that remembers no ids may hold it twice, and never loses it."""
    emulator.faults.lost_acknowledgements = 1
    await bus.outbox.send([a_message(1)])
    assert (await held(bus))[record_id(1)] in {1, 2}


async def test_a_lost_settlement_is_settled(emulator: ServiceBusEmulator, bus: ServiceBus) -> None:
    """Whether or not its answer came, the message is gone and the call has an answer."""
    await bus.outbox.send([a_message(1)])
    delivery = await one(bus)
    emulator.faults.lost_settlements = 1
    await bus.inbox.complete(delivery)
    assert await held(bus) == {}


async def test_a_killed_broker_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Killed while messages are held and sent, and started again: all are carried, and none left.

    Its locks are gone; whoever held one is told so, and the message comes again.
    """
    rules = QueueRules(lock_duration=LOCK)
    async with service_bus_process(tmp_path, {"auditstream": rules}) as process:
        access = ServiceBusAccess("auditstream", process.connection_string, timeout=TIMEOUT)
        bus = await open_service_bus(access)
        await bus.outbox.send([a_message(seq) for seq in range(1, 31)])
        deliveries = [await one(bus) for _ in range(3)]
        assert await bus.inbox.complete(deliveries[0])
        await process.kill()
        for call in (bus.outbox.send([a_message(31)]), bus.inbox.complete(deliveries[1])):
            with pytest.raises(QueueUnavailable):
                await call
        await process.start()
        assert not await bus.inbox.complete(deliveries[1])
        await bus.outbox.send([a_message(31), a_message(30)])
        assert sorted(await carried(bus, 30)) == [record_id(seq) for seq in range(2, 32)]
        assert await held(bus) == {}
        await bus.close()
