"""The worker as a whole: nothing lost, nothing doubled, nothing hammered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from audit.errors import (
    DetectorFailed,
    DetectorUnavailable,
    PermanentError,
    QueueUnavailable,
    TransientError,
)
from audit.ledger import LedgerState
from audit.record import AuditRecord
from storage.queue.memory import MemoryQueue
from storage.queue.port import Delivery, MessageKind
from tests.contract.samples import number, record_id
from tests.harness.wait import until
from tests.unit.workers.parts import (
    SECRET,
    Bench,
    KeptLog,
    PlainRedactor,
    a_sealed_record,
)
from tests.unit.workers.running import Held, ScriptedRedactor, StoppedTime, a_worker, drained
from workers.settlement import TOO_MANY_ATTEMPTS
from workers.worker import Worker, WorkerLimits


class Counts:
    """Counts outcomes."""

    def __init__(self) -> None:
        self.outcomes: dict[str, int] = {}

    def add(self, metric: str, amount: float = 1, **labels: str) -> None:
        """Count the outcome up."""
        assert metric == "auditstream_deliveries_total"
        self.outcomes[labels["outcome"]] = self.outcomes.get(labels["outcome"], 0) + int(amount)

    def state(self, metric: str, value: float) -> None:
        """Nothing of a worker's is a state."""


async def test_every_message_is_carried() -> None:
    """A full queue is drained into the store, each record once, and each delivery counted."""
    bench, counts = Bench(), Counts()
    await bench.queue.send([a_sealed_record(seq) for seq in range(1, 21)])
    worker = Worker(
        bench.queue,
        bench.carrier(),
        WorkerLimits(look=0.0),
        count=counts,
        clock=bench.clock,
    )
    await drained(bench, worker)
    assert set(bench.records.documents) == {record_id(seq) for seq in range(1, 21)}
    assert counts.outcomes == {"stored": 20}


async def test_an_outage_is_waited_out_without_burning_attempts() -> None:
    """While a detector is down its deliveries are held; afterwards all are stored, as attempt 1."""
    bench, log = Bench(), KeptLog()
    bench.redactor = ScriptedRedactor(lambda n, _: DetectorUnavailable() if n <= 50 else None)
    await bench.queue.send([a_sealed_record(seq) for seq in range(1, 6)])
    await drained(bench, a_worker(bench, log))
    assert len(bench.records.documents) == 5
    assert not await bench.queue.dead_letters()
    stored = [keys for event, keys in log.lines if event == "worker.stored"]
    assert {keys["attempt"] for keys in stored} == {1}
    assert log.events().count("worker.paused") == log.events().count("worker.resumed")


async def test_a_damaged_message_is_set_aside_and_told_of() -> None:
    """Those behind it are stored; the ledger has it where it still names an exchange."""
    bench, log = Bench(), KeptLog()
    bad = replace(a_sealed_record(1), kind=MessageKind.DAMAGED)
    await bench.queue.send([bad, replace(bad, id="?2", number=number(0)), a_sealed_record(3)])
    await drained(bench, a_worker(bench, log))
    assert set(bench.records.documents) == {record_id(3)}
    letters = await bench.queue.dead_letters()
    assert {(each.id, each.code) for each in letters} == {
        (record_id(1), "message.damaged"),
        ("?2", "message.damaged"),
    }
    assert [each.state async for each in bench.ledger.entries() if each.number == number(1)] == [
        LedgerState.DEAD_LETTERED
    ]
    assert await bench.ledger.entry(number(0)) is None
    assert log.events().count("worker.dead_lettered") == 2


class WatchedQueue(MemoryQueue):
    """Notes how many were asked for at once."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(lease=60.0, clock=bench.clock)
        self.limits: list[int] = []

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Note the limit."""
        self.limits.append(limit)
        return await super().receive(limit, wait)


async def test_during_an_outage_no_more_is_held_than_there_are_hands() -> None:
    """Receiving stops: of a backlog only as many are leased as the worker may hold."""
    bench = Bench()
    bench.queue = WatchedQueue(bench)
    leased: list[int] = []

    def down(calls: int, _: AuditRecord) -> Exception | None:
        leased.append(sum(1 for row in bench.queue._rows.values() if row.attempts))
        return DetectorUnavailable() if calls <= 30 else None

    bench.redactor = ScriptedRedactor(down)
    await bench.queue.send([a_sealed_record(seq) for seq in range(1, 51)])
    await drained(bench, a_worker(bench, concurrency=3))
    assert max(leased[:30]) <= 3
    assert len(bench.records.documents) == 50


async def test_while_a_dependency_is_down_one_probe_is_let_in_per_pause() -> None:
    """With free hands and a backlog, an outage is felt by one more message a pause, not by all."""
    bench, time = Bench(), StoppedTime()
    bench.redactor = ScriptedRedactor(lambda *_: DetectorUnavailable())
    limits = WorkerLimits(concurrency=10, look=0.0)
    worker = Worker(bench.queue, bench.carrier(), limits, clock=bench.clock, sleep=time.sleep)
    stop = asyncio.Event()
    await bench.queue.send([a_sealed_record(1)])
    running = asyncio.create_task(worker.run(stop))
    await until(lambda: len(time.sleepers) == 2, "one held, and the gate shut")
    await bench.queue.send([a_sealed_record(seq) for seq in range(2, 9)])
    assert (await bench.queue.census()).leased == 1
    time.wake()
    await until(lambda: len(time.sleepers) == 3, "two held, and the gate shut again")
    assert (await bench.queue.census()).leased == 2
    stop.set()
    await running


async def test_one_message_that_always_waits_does_not_stop_the_others() -> None:
    """With one hand held up by a single message, the rest of the queue is carried."""
    bench = Bench()
    stuck = record_id(1)
    bench.redactor = ScriptedRedactor(
        lambda _, record: DetectorUnavailable() if record.id == stuck else None
    )
    await bench.queue.send([a_sealed_record(seq) for seq in range(1, 11)])
    stop = asyncio.Event()
    running = asyncio.create_task(a_worker(bench).run(stop))
    await until(lambda: len(bench.records.documents) >= 9, "nine records")
    stop.set()
    await running
    census = await bench.queue.census()
    assert (census.waiting, census.dead) == (1, 0)


async def test_what_can_never_work_is_set_aside_and_entered() -> None:
    """A permanent error dead-letters with its code, and the ledger says so; the rest goes on."""
    bench, log = Bench(), KeptLog()
    bench.redactor = ScriptedRedactor(
        lambda _, record: DetectorFailed(SECRET) if record.id == record_id(1) else None
    )
    await bench.queue.send([a_sealed_record(1), a_sealed_record(2)])
    await drained(bench, a_worker(bench, log))
    (letter,) = await bench.queue.dead_letters()
    entry = await bench.ledger.entry(number(1))
    assert letter.code == "detector.failed"
    assert SECRET not in letter.description
    assert entry is not None
    assert entry.state is LedgerState.DEAD_LETTERED
    assert list(bench.records.documents) == [record_id(2)]


async def test_a_defect_is_tried_a_few_times_and_then_set_aside() -> None:
    """An error nobody expected is given back with a delay, and dead-lettered after the last try."""
    bench, log = Bench(), KeptLog()
    redactor = ScriptedRedactor(lambda *_: KeyError(SECRET))
    bench.redactor = redactor
    await bench.queue.send([a_sealed_record(1)])
    stop = asyncio.Event()
    running = asyncio.create_task(a_worker(bench, log).run(stop))
    while not (await bench.queue.census()).dead:
        bench.clock.now += 1
        await asyncio.sleep(0)
    stop.set()
    await running
    (letter,) = await bench.queue.dead_letters()
    assert letter.code == TOO_MANY_ATTEMPTS
    assert redactor.calls == 3
    assert ("worker.unexpected", "KeyError") in [
        (event, keys.get("error_type")) for event, keys in log.lines
    ]


async def test_a_message_that_killed_its_workers_is_not_opened_again() -> None:
    """A message on its fourth delivery of three is set aside without being touched."""
    bench = Bench()
    redactor = PlainRedactor()
    bench.redactor = redactor
    await bench.queue.send([a_sealed_record(1)])
    for _ in range(3):
        await bench.queue.receive(1, 0)
        bench.clock.now += 61
    await drained(bench, a_worker(bench))
    (letter,) = await bench.queue.dead_letters()
    assert (letter.code, redactor.calls) == (TOO_MANY_ATTEMPTS, 0)


class RefusingQueue(MemoryQueue):
    """A queue whose named verb fails the first few times."""

    def __init__(self, bench: Bench, verb: str, error: TransientError | PermanentError) -> None:
        super().__init__(lease=60.0, clock=bench.clock)
        self._verb, self._error, self._left = verb, error, 3

    def _maybe(self, verb: str) -> None:
        if verb == self._verb and self._left:
            self._left -= 1
            raise self._error

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Fail, or receive."""
        self._maybe("receive")
        return await super().receive(limit, wait)

    async def complete(self, delivery: Delivery) -> bool:
        """Fail, or complete."""
        self._maybe("complete")
        return await super().complete(delivery)


async def test_a_queue_that_is_away_is_asked_again() -> None:
    """Receiving that fails is tried again after a pause, and nothing is lost."""
    bench = Bench()
    bench.queue = RefusingQueue(bench, "receive", QueueUnavailable())
    await bench.queue.send([a_sealed_record(1)])
    await drained(bench, a_worker(bench))
    assert list(bench.records.documents) == [record_id(1)]
    assert bench.pauses


async def test_a_completion_that_failed_is_made_again_without_a_second_record() -> None:
    """A crash between ledger and completion: the message is completed on the next try."""
    bench = Bench()
    bench.queue = RefusingQueue(bench, "complete", QueueUnavailable())
    redactor = PlainRedactor()
    bench.redactor = redactor
    await bench.queue.send([a_sealed_record(1)])
    await drained(bench, a_worker(bench))
    assert redactor.calls == 1
    assert not await bench.queue.receive(1, 0)


async def test_two_workers_with_one_message_store_one_record() -> None:
    """When a lease lapses while the first still works, both may finish, and there is one record."""
    bench = Bench()
    bench.redactor = held = Held()
    await bench.queue.send([a_sealed_record(1)])
    (first,) = await bench.queue.receive(1, 0)
    bench.clock.now += 61
    (second,) = await bench.queue.receive(1, 0)
    carrying = [
        asyncio.create_task(bench.carrier().carry(delivery.message)) for delivery in (first, second)
    ]
    await held.entered.wait()
    held.go.set()
    await asyncio.gather(*carrying)
    assert not await bench.queue.complete(first)
    assert await bench.queue.complete(second)
    assert len(bench.records.documents) == 1
