"""The worker at its end: what it holds is finished or given back, and no attempt is lost."""

from __future__ import annotations

import asyncio

from audit.errors import (
    DetectorUnavailable,
)
from audit.record import AuditRecord
from tests.contract.samples import record_id
from tests.harness.wait import until
from tests.unit.workers.parts import (
    Bench,
    KeptLog,
    PlainRedactor,
    a_sealed_record,
)
from tests.unit.workers.running import Held, ScriptedRedactor, StoppedTime, a_worker, drained
from workers.settlement import Patience
from workers.worker import Worker, WorkerLimits


async def test_a_stop_finishes_what_is_held_and_takes_no_more() -> None:
    """After the stop, the delivery in hand is stored and the next one stays in the queue."""
    bench = Bench()
    bench.redactor = held = Held()
    await bench.queue.send([a_sealed_record(1), a_sealed_record(2)])
    stop = asyncio.Event()
    running = asyncio.create_task(a_worker(bench, concurrency=1).run(stop))
    await held.entered.wait()
    stop.set()
    held.go.set()
    await running
    assert list(bench.records.documents) == [record_id(1)]
    assert (await bench.queue.census()).waiting == 1


async def test_what_is_not_finished_by_the_deadline_is_given_back() -> None:
    """A drain that runs out of time leaves the message in the queue, free for others at once."""
    bench = Bench()
    bench.redactor = held = Held()
    await bench.queue.send([a_sealed_record(1)])
    stop = asyncio.Event()
    running = asyncio.create_task(a_worker(bench, drain=0.0).run(stop))
    await held.entered.wait()
    stop.set()
    await running
    census = await bench.queue.census()
    assert (census.waiting, census.leased) == (1, 0)
    assert not bench.records.documents


async def test_an_outage_does_not_hold_up_a_stop() -> None:
    """A delivery that is held when the stop comes is given back, not waited for."""
    bench = Bench()
    stop = asyncio.Event()

    def down(calls: int, _: AuditRecord) -> Exception:
        if calls == 3:
            stop.set()
        return DetectorUnavailable(retry_after=3600.0)

    bench.redactor = ScriptedRedactor(down)
    await bench.queue.send([a_sealed_record(1)])
    await a_worker(bench).run(stop)
    assert (await bench.queue.census()).waiting == 1


async def test_a_worker_that_is_stopped_in_an_outage_costs_no_attempt() -> None:
    """Many restarts later, however a stop finds it, the message is still on its first delivery."""
    bench, log = Bench(), KeptLog()
    await bench.queue.send([a_sealed_record(1)])
    down = ScriptedRedactor(lambda *_: DetectorUnavailable(retry_after=3600.0))
    for restart in range(12):
        stop, time, held = asyncio.Event(), StoppedTime(), Held()
        bench.redactor = down if restart % 2 else held
        limits = WorkerLimits(look=0.0, drain=0.0, patience=Patience(max_attempts=3))
        worker = Worker(bench.queue, bench.carrier(), limits, clock=bench.clock, sleep=time.sleep)
        running = asyncio.create_task(worker.run(stop))
        await until(lambda h=held, t=time: h.entered.is_set() or len(t.sleepers) == 2, "a try")  # type: ignore[misc] # bound now
        stop.set()
        await running
    bench.redactor = PlainRedactor()
    await drained(bench, a_worker(bench, log))
    assert list(bench.records.documents) == [record_id(1)]
    assert [keys["attempt"] for event, keys in log.lines if event == "worker.stored"] == [1]


async def test_a_worker_that_dies_in_an_outage_costs_no_attempt() -> None:
    """One that was waiting for a dependency when it was killed had done nothing to the message."""
    bench, log = Bench(), KeptLog()
    bench.redactor = ScriptedRedactor(lambda *_: DetectorUnavailable())
    await bench.queue.send([a_sealed_record(1)])
    for _ in range(5):
        time = StoppedTime()
        limits = WorkerLimits(concurrency=2, look=0.0)
        worker = Worker(bench.queue, bench.carrier(), limits, clock=bench.clock, sleep=time.sleep)
        running = asyncio.create_task(worker.run(asyncio.Event()))
        await until(lambda time=time: len(time.sleepers) == 2, "one held, and the gate shut")  # type: ignore[misc] # bound now
        lost = bench.queue._rows[record_id(1)].receipt
        bench.queue._rows[record_id(1)].receipt = "of a process that is gone"
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert lost is not None
        bench.clock.now += 61
    bench.redactor = PlainRedactor()
    await drained(bench, a_worker(bench, log))
    assert [keys["attempt"] for event, keys in log.lines if event == "worker.stored"] == [1]
