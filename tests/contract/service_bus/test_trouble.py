"""Senders and workers on a broker that fails all the time, in an order drawn from a seed."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from audit.errors import QueueUnavailable
from storage.queue.port import Delivery
from storage.queue.service_bus import ServiceBus, open_service_bus
from tests.contract.samples import a_message, record_id
from tests.contract.service_bus.kit import access_to, held
from tests.contract.service_bus.kit import carried as finished
from tests.emulators.service_bus import QueueRules, ServiceBusEmulator

MESSAGES = 60
HANDS = 4
TROUBLES = 12


class Trouble:
    """What goes wrong, one thing after the other."""

    def __init__(self, emulator: ServiceBusEmulator, seed: int) -> None:
        self._emulator = emulator
        self._draw = random.Random(seed)

    async def run(self) -> None:
        """Make so much trouble, then have the broker work as it should."""
        kinds = (self._cut, self._refuse, self._silence, self._lose, self._be_busy)
        for _ in range(TROUBLES):
            await asyncio.sleep(self._draw.uniform(0.05, 0.5))
            await self._draw.choice(kinds)()
        faults = self._emulator.faults
        faults.lost_acknowledgements = faults.lost_settlements = faults.busy = 0

    async def _cut(self) -> None:
        self._emulator.cut_all()

    async def _refuse(self) -> None:
        self._emulator.refuse()
        self._emulator.cut_all()
        await asyncio.sleep(self._draw.uniform(0.1, 0.5))
        await self._emulator.accept()

    async def _silence(self) -> None:
        self._emulator.silence()
        await asyncio.sleep(self._draw.uniform(0.1, 1.5))
        self._emulator.speak()

    async def _lose(self) -> None:
        self._emulator.faults.lost_acknowledgements = self._draw.randint(0, 2)
        self._emulator.faults.lost_settlements = self._draw.randint(0, 2)

    async def _be_busy(self) -> None:
        self._emulator.faults.busy = self._draw.randint(1, 3)


async def insistently(call: Callable[[], Awaitable[object]]) -> object:
    """Call until it succeeds, as a shipper does."""
    while True:
        try:
            return await call()
        except QueueUnavailable:
            await asyncio.sleep(0)


async def send_all(bus: ServiceBus) -> None:
    """Send every message, a few at a time."""
    for first in range(1, MESSAGES + 1, 7):
        some = [a_message(seq) for seq in range(first, min(first + 7, MESSAGES + 1))]
        await insistently(lambda some=some: bus.outbox.send(some))  # type: ignore[misc] # mypy cannot infer a lambda's default


async def work(bus: ServiceBus, carried: Counter[str], doubled: Counter[str]) -> None:
    """Receive, and complete with many hands, as a worker does; what fails comes again."""
    hands: set[asyncio.Task[None]] = set()

    async def carry(delivery: Delivery) -> None:
        carried[delivery.message.id] += 1
        try:
            doubled[delivery.message.id] += await bus.inbox.complete(delivery)
        except QueueUnavailable:
            await asyncio.sleep(0)

    while len(carried) < MESSAGES:
        try:
            deliveries = await bus.inbox.receive(HANDS - len(hands), 0.1)
        except QueueUnavailable:
            continue
        for delivery in deliveries:
            task = asyncio.create_task(carry(delivery))
            hands.add(task)
            task.add_done_callback(hands.discard)
        if len(hands) == HANDS:
            await asyncio.wait(hands, return_when=asyncio.FIRST_COMPLETED)
    if hands:
        await asyncio.wait(hands)


@pytest.mark.parametrize("rules", [QueueRules(lock_duration=4.0, max_delivery_count=1000)])
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_fails_nothing_is_lost_and_nothing_set_aside(
    emulator: ServiceBusEmulator, bus: ServiceBus, seed: int
) -> None:
    """Cuts, refusals, silences, lost answers: each message is carried, completed once, and gone."""
    quick = replace(access_to(emulator), timeout=1.0)
    tap, *workers = [await open_service_bus(quick) for _ in range(3)]
    carried: Counter[str] = Counter()
    completed: Counter[str] = Counter()
    trouble = Trouble(emulator, seed)
    async with asyncio.timeout(100), asyncio.TaskGroup() as group:
        group.create_task(trouble.run())
        group.create_task(send_all(tap))
        for worker in workers:
            group.create_task(work(worker, carried, completed))
    await asyncio.gather(*(each.close() for each in (tap, *workers)))
    assert set(carried) == {record_id(seq) for seq in range(1, MESSAGES + 1)}
    assert max(completed.values()) == 1
    assert not await bus.reader.dead_letters()
    # What was carried and could not be completed comes again, and is completed then.
    left = await held(bus)
    assert set(left.values()) <= {1}
    await finished(bus, len(left))
    assert await held(bus) == {}
