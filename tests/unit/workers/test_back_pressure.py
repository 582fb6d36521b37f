"""What a worker takes in, and when it had better not go on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from audit.errors import SettingInvalid
from audit.record import AuditRecord, RedactedRecord
from storage.queue.memory import MemoryQueue
from storage.queue.port import Delivery
from tests.harness.wait import until
from tests.unit.workers.parts import Bench, Clock, PlainRedactor, a_sealed_record
from workers.worker import Worker, WorkerLimits


class Together(PlainRedactor):
    """Answers nobody before it has been asked four times."""

    def __init__(self) -> None:
        super().__init__()
        self._four = asyncio.Event()

    async def redact(self, record: AuditRecord) -> RedactedRecord:
        """Wait for the others."""
        made = await super().redact(record)
        if self.calls == 4:
            self._four.set()
        await self._four.wait()
        return made


class Watched(MemoryQueue):
    """Notes how many deliveries were held whenever more were asked for."""

    def __init__(self, lease: float, clock: Clock) -> None:
        super().__init__(lease=lease, clock=clock)
        self.held: list[int] = []

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Note it."""
        self.held.append((await self.census()).leased)
        return await super().receive(limit, wait)


async def test_a_worker_too_slow_for_its_leases_takes_one_after_the_other() -> None:
    """At first it takes what it is allowed; then it knows that it does not finish that in time."""
    bench = Bench(redactor=Together())
    # No work is done in half a microsecond; the clock stands still, so that nothing lapses.
    bench.queue = queue = Watched(lease=1e-6, clock=bench.clock)
    await bench.queue.send([a_sealed_record(seq) for seq in range(1, 13)])
    limits = WorkerLimits(concurrency=4, look=0.0)
    worker = Worker(bench.queue, bench.carrier(), limits, clock=bench.clock, sleep=bench.sleep)
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    await until(lambda: len(bench.records.documents) == 12, "all are stored")
    stop.set()
    await running
    # The first look took four; none took one more before what was held had been settled.
    assert queue.held[:9] == [0] * 9


class Refusing(MemoryQueue):
    """A queue that is not there, or that this worker may not use."""

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Refuse for good."""
        del limit, wait
        raise SettingInvalid("setting queue.name: there is no such queue")


async def test_a_queue_that_refuses_for_good_ends_the_worker() -> None:
    """Whoever started it sees by its end that it cannot work."""
    bench = Bench()
    queue = Refusing(lease=60.0, clock=bench.clock)
    worker = Worker(queue, bench.carrier(), WorkerLimits(), clock=bench.clock, sleep=bench.sleep)
    with pytest.raises(SettingInvalid):
        await worker.run(asyncio.Event())
