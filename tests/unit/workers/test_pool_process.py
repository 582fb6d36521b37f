"""Processes that redact, real ones: they answer, fail, die and hang, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import pytest

from audit.errors import DetectorUnavailable, RecordInvalid, RedactorUnavailable, SettingInvalid
from audit.parts import Text
from audit.record import AuditRecord, Message, RedactedRecord, Request
from audit.sheaf import sheaf_json
from audit.telemetry import NoLog
from audit.value import to_json
from tests.harness.wait import until
from tests.unit.workers.parts import Bench, KeptLog, a_clear_record, a_clear_sheaf, a_sealed_record
from workers.pool import Pool
from workers.pool_process import ProcessLostError, RedactionFailedError, RedactionProcess
from workers.settlement import TOO_MANY_ATTEMPTS, Patience
from workers.worker import Worker, WorkerLimits

WORDS = [sys.executable, "-P", "-m", "tests.unit.workers.redacting"]
ENV = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def said(prompt: str, seq: int = 1) -> AuditRecord:
    """A record whose prompt tells the process what to do."""
    request = Request(messages=(Message(role="user", parts=(Text(text=prompt),)),))
    return msgspec.structs.replace(a_clear_record(seq), request=request)


async def begun(patience: float = 60.0, orders: bytes = b"test-1") -> RedactionProcess:
    """Start one."""
    return await RedactionProcess.start(WORDS, orders, env=ENV, patience=patience)


@asynccontextmanager
async def process(patience: float = 60.0) -> AsyncIterator[RedactionProcess]:
    """One for the length of a test."""
    made = await begun(patience)
    try:
        yield made
    finally:
        await made.end()


async def test_a_record_comes_back_redacted() -> None:
    """And the errors of others, by class and code but without their words, leave it alone."""
    async with process() as apart:
        assert apart.ready.policy == "test-1"
        unavailable, failed, redacted, again = await asyncio.gather(
            apart.redact(to_json(said("unavailable"))),
            apart.redact(to_json(said("raise"))),
            apart.redact(to_json(said("hello", 3))),
            apart.redact(to_json(said("hello", 4))),
            return_exceptions=True,
        )
        assert isinstance(unavailable, DetectorUnavailable)
        assert (unavailable.retry_after, "jane" in str(unavailable)) == (7, False)
        assert isinstance(failed, RedactionFailedError)
        assert isinstance(redacted, bytes)
        assert ids_in(redacted) == [said("", 3).id]
        assert isinstance(again, bytes)
        session = a_clear_sheaf(5)
        assert ids_in(await apart.redact(sheaf_json(session))) == [each.id for each in session]


async def test_what_is_no_record_is_answered_too() -> None:
    """Its caller hears so, and the process is not taken for one that is stuck."""
    async with process(patience=2.0) as apart:
        with pytest.raises(RecordInvalid):
            await apart.redact(b"{}")
        assert await apart.redact(to_json(said("hello")))


def ids_in(redacted: bytes) -> list[str]:
    """The ids of the records that a process gave back."""
    return [each.id for each in msgspec.json.decode(redacted, type=list[RedactedRecord])]


async def test_whoever_lost_a_process_learns_how_many_were_with_it() -> None:
    """Alone, a record is to blame; among others, nobody can tell."""
    async with process() as apart:
        with pytest.raises(ProcessLostError) as alone:
            await apart.redact(to_json(said("die")))
        assert alone.value.under_way == 1
        assert await apart.lost() == 7
    async with process() as apart:
        waits = asyncio.create_task(apart.redact(to_json(said("wait"))))
        dies = asyncio.create_task(apart.redact(to_json(said("die"))))
        both = await asyncio.gather(waits, dies, return_exceptions=True)
        assert [each.under_way for each in both if isinstance(each, ProcessLostError)] == [2, 2]


async def test_what_a_process_had_not_taken_it_did_not_die_of() -> None:
    """One that died idle takes no blame to the record that comes before anybody knows."""
    async with process() as apart:
        apart._process.send_signal(signal.SIGSTOP)
        late = asyncio.create_task(apart.redact(to_json(said("hello"))))
        await until(lambda: apart.busy == 1, "it is asked")
        apart._process.kill()
        with pytest.raises(ProcessLostError) as lost:
            await late
        assert lost.value.under_way == 0


async def test_a_process_that_is_stuck_is_ended() -> None:
    """After so many seconds without an answer, by force; whoever waited learns of it."""
    async with process(patience=0.3) as apart:
        with pytest.raises(ProcessLostError):
            await apart.redact(to_json(said("hang")))
        assert await apart.lost() == -signal.SIGKILL


async def test_a_call_that_is_given_up_is_given_up_there_too() -> None:
    """The process no longer has it, and goes on with the others."""
    async with process() as apart:
        call = asyncio.create_task(apart.redact(to_json(said("wait"))))
        await until(lambda: apart.busy == 1, "it is under way")
        call.cancel()
        await until(lambda: apart.busy == 0, "the process has answered for it")
        assert await apart.redact(to_json(said("hello")))


async def test_a_process_that_cannot_begin_says_why() -> None:
    """What is wrong with the settings is told in its own words; one that only dies cannot."""
    with pytest.raises(SettingInvalid, match="is none"):
        await begun(orders=b"refuse")
    with pytest.raises(RedactorUnavailable):
        await RedactionProcess.start([sys.executable, "-c", ""], b"", env={}, patience=60.0)


async def test_what_kills_its_process_each_time_is_set_aside_and_nothing_else_is() -> None:
    """Records that were with it are stored; it is delivered as often as any, and no more."""
    bench, log = Bench(), KeptLog()
    async with Pool(lambda: begun(patience=60.0), 1, NoLog(), sleep=bench.sleep) as pool:
        bench.redactor = pool
        killer = b"sealed:" + to_json(said("die", 2))
        messages = [a_sealed_record(1), a_sealed_record(2), a_sealed_record(3)]
        messages[1] = replace(messages[1], body=killer)
        await bench.queue.send(messages)
        limits = WorkerLimits(
            concurrency=3, patience=Patience(max_attempts=2, first_delay=0.0, longest_delay=0.0)
        )
        worker = Worker(
            bench.queue, bench.carrier(), limits, log=log, clock=bench.clock, sleep=bench.sleep
        )
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run(stop))
        await until(lambda: log.events().count("worker.dead_lettered") == 1, "it is set aside")
        await until(lambda: log.events().count("worker.stored") == 2, "the others are stored")
        stop.set()
        await running
    (dead,) = await bench.queue.dead_letters()
    assert (dead.id, dead.code, dead.attempts) == (messages[1].id, TOO_MANY_ATTEMPTS, 2)
