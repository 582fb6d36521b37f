"""One drain: a full queue emptied by a worker that is put together as `auditstream worker` is."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from audit.settings import Settings, WorkerSettings
from audit.telemetry import NoCount, NoLog
from audit.value import to_json
from bench.drain.clocks import Clocks
from cli.carrying import carrying_of
from cli.engines import receiving_of, store_of
from cli.places import worker_keys_of
from cli.redactors import environment_of, orders_of
from workers.pool import Pool
from workers.pool_process import RedactionProcess
from workers.ports import Redacts
from workers.worker import DELIVERIES, Worker, WorkerLimits

__all__ = ["Drain", "drain"]


@dataclass(frozen=True)
class Drain:
    """What one drain came to.

    `rate` is records a second; `waited` are the seconds that a delivery waited for each stage, in
    the mean. The rest is what one delivery demanded, in seconds: `computed` and `slept` of each
    file's thread, `parent` the computing of the worker's own process without these threads, and
    `redaction` that of the processes that redact, record by record. `cores` is how many of the
    machine's cores nobody else used meanwhile.
    """

    processes: int
    concurrency: int
    rate: float
    waited: dict[str, float]
    computed: dict[str, float]
    slept: dict[str, float]
    parent: float
    redaction: Sequence[float]
    cores: float

    @property
    def redacts(self) -> float:
        """Seconds of computing for the redaction of a record."""
        return sum(self.redaction) / len(self.redaction)

    @property
    def computes(self) -> float:
        """Seconds of computing that a record takes of the worker, wherever."""
        return self.parent + sum(self.computed.values()) + self.redacts


class _Counted(NoCount):
    """Sets `done` when so many deliveries have been settled, and notes when that was."""

    def __init__(self, wanted: int) -> None:
        self.left = wanted
        self.done = asyncio.Event()
        self.at = 0.0

    def add(self, metric: str, amount: float = 1, **labels: str) -> None:
        """Count down."""
        del amount, labels
        self.left -= metric == DELIVERIES
        if self.left <= 0:
            self.at = self.at or time.perf_counter()
            self.done.set()


async def drain(settings: Settings, count: int, *, processes: int, concurrency: int) -> Drain:
    """Empty the queue of its `count` messages."""
    worker = WorkerSettings(processes=processes, concurrency=concurrency)
    settings = settings.model_copy(update={"worker": worker})
    clocks, counted = Clocks(), _Counted(count)
    with tempfile.TemporaryDirectory() as folder, clocks.files():
        times = Path(folder) / "times"
        async with _pool(settings, times) as pool:
            begun, cpu, idle = time.perf_counter(), time.process_time(), _idle()
            seconds = await _carry(settings, clocks, counted, pool)
            own, idle = time.process_time() - cpu, _idle() - idle
            whole = time.perf_counter() - begun
        told = [json.loads(line) for line in times.read_text().splitlines()]
    redacting = sum(process["computed"] for process in told)
    redacted = [each for process in told for each in process["redacted"]]
    return Drain(
        processes=processes,
        concurrency=concurrency,
        rate=count / seconds,
        waited={stage: sum(each) / count for stage, each in clocks.waited.items()},
        computed={name: each / count for name, each in clocks.computed.items()},
        slept={name: each / count for name, each in clocks.slept.items()},
        parent=(own - sum(clocks.computed.values())) / count,
        # What reading and answering take is part of each.
        redaction=[each * redacting / sum(redacted) for each in redacted],
        cores=(idle + own + redacting) / whole,
    )


async def _carry(settings: Settings, clocks: Clocks, counted: _Counted, pool: Pool) -> float:
    """Have everything carried; gives the seconds from the first look to the last settlement."""
    async with receiving_of(settings) as queue, store_of(settings) as store:
        timed = replace(
            store,
            records=clocks.port(store.records, {"put": "store"}),
            ledger=clocks.port(store.ledger, {"entry": "store", "enter": "store"}),
            orders=clocks.port(store.orders, {"about": "store"}),
        )
        redactor: Redacts = clocks.port(pool, {"redact_sheaf": "redaction"})
        carrier = clocks.port(
            carrying_of(settings, timed, redactor, queue.bodies).carrier, {"carry": "carry"}
        )
        inbox = clocks.port(queue.inbox, {"receive": "settle", "complete": "settle"})
        limits = WorkerLimits(concurrency=settings.worker.concurrency)
        begun = time.perf_counter()
        await Worker(inbox, carrier, limits, count=counted).run(counted.done)
        return counted.at - begun


@asynccontextmanager
async def _pool(settings: Settings, times: Path) -> AsyncIterator[Pool]:
    orders = to_json(orders_of(settings, worker_keys_of(settings).fingerprint_key))
    words = [sys.executable, "-P", "-m", "bench.drain.child"]
    ours = {"PYTHONPATH": str(Path.cwd()), "BENCH_DRAIN_TIMES": str(times)}
    env = environment_of(os.environ) | ours

    async def start() -> RedactionProcess:
        return await RedactionProcess.start(words, orders, env=env, patience=60.0)

    async with Pool(start, settings.worker.processes, NoLog()) as pool:
        yield pool


def _idle() -> float:
    """Seconds for which a core had nothing to do, summed over all cores."""
    try:
        fields = Path("/proc/stat").read_text().splitlines()[0].split()
    except OSError:
        return 0.0
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")
