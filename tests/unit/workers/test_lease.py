"""Work under a lease: renewed while it lasts, given up when it is lost."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from audit.errors import QueueUnavailable
from storage.queue.memory import MemoryQueue
from storage.queue.port import Delivery
from tests.harness.wait import until
from tests.unit.workers.parts import Clock, a_sealed_record
from workers.lease import under_lease


class Time(Clock):
    """A clock whose sleeps move it."""

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.now += seconds
        await asyncio.sleep(0)


async def leased(queue: MemoryQueue) -> Delivery:
    """Send one message and lease it."""
    await queue.send([a_sealed_record(1)])
    (delivery,) = await queue.receive(1, 0)
    return delivery


async def test_long_work_keeps_its_lease() -> None:
    """Work that takes many leases' time still holds the message at its end."""
    time = Time()
    queue = MemoryQueue(lease=60.0, clock=time)
    delivery = await leased(queue)

    async def work() -> None:
        await until(lambda: time.now > delivery.locked_until + 600, "ten leases pass")

    assert await under_lease(work(), delivery, queue, clock=time, sleep=time.sleep)
    assert await queue.complete(delivery)


class Forgetful(MemoryQueue):
    """A queue that no longer knows the lease when it is to be renewed."""

    async def renew(self, delivery: Delivery) -> float | None:
        """Say that it has lapsed."""
        await self.complete(delivery)
        return await super().renew(delivery)


async def test_work_whose_lease_is_lost_is_given_up() -> None:
    """When someone else has the message, the work is cancelled and says so."""
    time = Time()
    queue = Forgetful(lease=60.0, clock=time)
    delivery = await leased(queue)
    cancelled = asyncio.Event()

    async def work() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        cancelled.set()

    assert not await under_lease(work(), delivery, queue, clock=time, sleep=time.sleep)
    assert cancelled.is_set()


class Flaky(MemoryQueue):
    """A queue whose every second renewal fails."""

    calls = 0

    async def renew(self, delivery: Delivery) -> float | None:
        """Fail every other time."""
        self.calls += 1
        if self.calls % 2:
            raise QueueUnavailable
        return await super().renew(delivery)


async def test_a_renewal_that_failed_is_tried_again_in_time() -> None:
    """A queue that is away for a moment does not cost the lease."""
    time = Time()
    queue = Flaky(lease=60.0, clock=time)
    delivery = await leased(queue)

    async def work() -> None:
        await until(lambda: queue.calls >= 10, "ten renewals")

    assert await under_lease(work(), delivery, queue, clock=time, sleep=time.sleep)
    assert await queue.complete(delivery)


async def test_an_error_of_the_work_is_raised() -> None:
    """What the work raises reaches whoever started it."""
    time = Time()
    queue = MemoryQueue(lease=60.0, clock=time)
    delivery = await leased(queue)

    async def work() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        await under_lease(work(), delivery, queue, clock=time)
