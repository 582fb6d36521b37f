"""A worker over a bench, run until it is done; and what stands in its way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from audit.record import AuditRecord, RedactedRecord
from tests.unit.workers.parts import (
    Bench,
    KeptLog,
    PlainRedactor,
)
from workers.settlement import Patience
from workers.worker import Worker, WorkerLimits

__all__ = ["Held", "ScriptedRedactor", "StoppedTime", "a_worker", "drained"]


class ScriptedRedactor(PlainRedactor):
    """Calls the script before each redaction, with how many there were."""

    def __init__(self, script: Callable[[int, AuditRecord], Exception | None]) -> None:
        super().__init__()
        self._script = script

    async def redact(self, record: AuditRecord) -> RedactedRecord:
        """Fail when the script says so."""
        made = await super().redact(record)
        if error := self._script(self.calls, record):
            raise error
        return made


def a_worker(bench: Bench, log: KeptLog | None = None, **limits: float) -> Worker:
    """A worker over the bench whose pauses pass at once."""
    return Worker(
        bench.queue,
        bench.carrier(),
        WorkerLimits(
            concurrency=int(limits.get("concurrency", 2)),
            drain=limits.get("drain", 30.0),
            look=0.0,
            patience=Patience(max_attempts=3),
        ),
        log=log,
        clock=bench.clock,
        sleep=bench.sleep,
    )


async def drained(bench: Bench, worker: Worker) -> None:
    """Let the worker run until nothing waits and nothing is leased."""
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    while (census := await bench.queue.census()).waiting or census.leased:
        await asyncio.sleep(0)
        if running.done():
            break
    stop.set()
    await running


class StoppedTime:
    """A sleep that lasts until the test wakes all sleepers."""

    def __init__(self) -> None:
        self.sleepers: list[asyncio.Event] = []

    async def sleep(self, _: float) -> None:
        """Wait to be woken."""
        self.sleepers.append(asyncio.Event())
        await self.sleepers[-1].wait()

    def wake(self) -> None:
        """Wake them."""
        sleepers, self.sleepers = self.sleepers, []
        for sleeper in sleepers:
            sleeper.set()


class Held(PlainRedactor):
    """A redactor that waits until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = asyncio.Event()
        self.go = asyncio.Event()

    async def redact(self, record: AuditRecord) -> RedactedRecord:
        """Wait, then redact."""
        self.entered.set()
        await self.go.wait()
        return await super().redact(record)
