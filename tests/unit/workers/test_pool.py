"""The pool: records spread over processes, lost processes replaced, and the one to blame found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from audit.errors import (
    AuditStreamError,
    DetectorUnavailable,
    RedactionLost,
    RedactorUnavailable,
    SettingInvalid,
)
from audit.record import AuditRecord, RedactedRecord
from audit.sheaf import read_sheaf
from audit.value import to_json
from tests.harness.wait import until
from tests.unit.workers.parts import KeptLog, PlainRedactor, a_clear_record
from workers.pipe import Ready
from workers.pool import Pool, RedactsApart
from workers.pool_process import ProcessLostError


@dataclass
class Fake:
    """A process in memory: it redacts when it is let go, and dies when it is told to."""

    ready: Ready = field(default_factory=lambda: Ready(policy="test-1"))
    had: list[str] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False
    busy: int = 0
    kills: Callable[[str], bool] = lambda _: False

    async def redact(self, sheaf: bytes) -> bytes:
        """Redact when let go; dies with a record that kills."""
        (record,) = read_sheaf(sheaf)
        self.had.append(record.id)
        self.busy += 1
        if self.kills(record.id):
            self.die()
        going, dying = (asyncio.ensure_future(each.wait()) for each in (self.go, self.gone))
        try:
            await asyncio.wait({going, dying}, return_when=asyncio.FIRST_COMPLETED)
            if self.gone.is_set():
                raise ProcessLostError(self.busy)
            return to_json([await PlainRedactor().redact(record)])
        finally:
            going.cancel()
            dying.cancel()
            # All learn of the same number.
            asyncio.get_running_loop().call_soon(self._one_less)

    def die(self) -> None:
        """End on its own."""
        self.gone.set()

    async def lost(self) -> int:
        """Wait for its end."""
        await self.gone.wait()
        return 7

    async def end(self) -> None:
        """Be ended."""
        self.ended = True
        self.gone.set()

    def _one_less(self) -> None:
        self.busy -= 1


@dataclass
class Started:
    """Starts fakes; an error in `refusals` is raised instead of the next start."""

    kills: Callable[[str], bool] = lambda _: False
    let_go: bool = True
    fakes: list[Fake] = field(default_factory=list)
    refusals: list[AuditStreamError] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    async def start(self) -> RedactsApart:
        """Start the next one."""
        if self.refusals:
            raise self.refusals.pop(0)
        fake = Fake(kills=self.kills)
        if self.let_go:
            fake.go.set()
        self.fakes.append(fake)
        return fake

    async def sleep(self, seconds: float) -> None:
        """Pause for no time, and remember how long it should have been."""
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    def pool(self, size: int, log: KeptLog | None = None) -> Pool:
        """A pool of these."""
        return Pool(self.start, size, log or KeptLog(), sleep=self.sleep)


async def redacted(pool: Pool, record: AuditRecord) -> RedactedRecord:
    """The record, as the pool redacts it."""
    (made,) = await pool.redact_sheaf((record,))
    return made


def name(seq: int) -> str:
    """The id of the record with this number."""
    return a_clear_record(seq).id


async def test_records_go_to_whoever_has_least_to_do() -> None:
    """Four records keep two processes equally busy."""
    started = Started(let_go=False)
    async with started.pool(2) as pool:
        calls = [asyncio.create_task(redacted(pool, a_clear_record(seq))) for seq in range(1, 5)]
        await until(lambda: sum(len(each.had) for each in started.fakes) == 4, "all are asked")
        assert [len(each.had) for each in started.fakes] == [2, 2]
        for each in started.fakes:
            each.go.set()
        assert [(await call).id for call in calls] == [name(seq) for seq in range(1, 5)]


async def test_only_the_record_that_kills_is_blamed() -> None:
    """Those that lost their process with it are redacted again, each alone."""
    started = Started(kills=lambda record: record == name(2), let_go=False)
    log = KeptLog()
    async with started.pool(1, log) as pool:
        first = asyncio.create_task(redacted(pool, a_clear_record(1)))
        await until(lambda: started.fakes[0].had, "the first is under way")
        started.let_go = True
        second = asyncio.create_task(redacted(pool, a_clear_record(2)))
        assert (await first).id == name(1)
        with pytest.raises(RedactionLost):
            await second
        assert (await redacted(pool, a_clear_record(3))).id == name(3)
    # Once among others, once alone.
    assert sum(name(2) in each.had for each in started.fakes) == 2
    assert all(each.gone.is_set() for each in started.fakes)
    assert "redaction.process_lost" in log.events()


async def test_records_that_are_not_to_blame_share_one_process_that_ends_with_them() -> None:
    """What was lost from outside is redacted all the same, and nothing stays behind."""
    started = Started(let_go=False)
    async with started.pool(1) as pool:
        calls = [asyncio.create_task(redacted(pool, a_clear_record(seq))) for seq in (1, 2)]
        await until(lambda: len(started.fakes[0].had) == 2, "both are under way")
        started.let_go = True
        started.fakes[0].die()
        assert [(await call).id for call in calls] == [name(1), name(2)]
        (alone,) = [each for each in started.fakes[1:] if each.had]
        assert (alone.had, alone.ended) == ([name(1), name(2)], True)


async def test_a_record_that_was_not_taken_is_redacted_by_another_process() -> None:
    """Its process had died idle: it is no attempt of the record's, and nothing fails."""

    class Idle(Fake):
        async def redact(self, sheaf: bytes) -> bytes:
            self.had.extend(record.id for record in read_sheaf(sheaf))
            raise ProcessLostError(under_way=0)

    started = Started()
    fakes: list[RedactsApart] = [Idle()]

    async def start() -> RedactsApart:
        return fakes.pop() if fakes else await started.start()

    async with Pool(start, 1, KeptLog(), sleep=started.sleep) as pool:
        assert (await redacted(pool, a_clear_record(1))).id == name(1)
    assert [each.had for each in started.fakes] == [[name(1)]]


async def test_what_nobody_expected_of_a_start_is_told_and_tried_again() -> None:
    """A place in the pool is not given up for it, nor a record blamed."""
    started, log = Started(), KeptLog()
    failures = [KeyError("jane"), KeyError("jane")]

    async def start() -> RedactsApart:
        if started.fakes and failures:
            raise failures.pop()
        return await started.start()

    async with Pool(start, 1, log, sleep=started.sleep) as pool:
        started.fakes[0].die()
        await until(lambda: len(started.fakes) == 2, "another one runs")
        assert (await redacted(pool, a_clear_record(1))).id == name(1)
    assert log.events().count("redaction.unexpected") == 2
    assert "jane" not in str(log.lines)


async def test_a_record_that_kills_alone_is_not_tried_again_at_once() -> None:
    """It fails, and is delivered again later, as often as anything is."""
    started = Started(kills=lambda record: record == name(1))
    async with started.pool(1) as pool:
        with pytest.raises(RedactionLost):
            await redacted(pool, a_clear_record(1))
    assert [each.had for each in started.fakes].count([name(1)]) == 1


async def test_a_lost_process_is_started_anew_and_meanwhile_the_worker_is_told_to_wait() -> None:
    """Transient, so that nothing is set aside for it; longer between tries that fail."""
    started = Started()
    async with started.pool(1) as pool:
        started.refusals = [RedactorUnavailable(), SettingInvalid("setting redaction.policy")]
        started.fakes[0].die()
        await until(lambda: len(started.pauses) == 1, "it was lost")
        assert pool.running == 0
        with pytest.raises(RedactorUnavailable):
            await redacted(pool, a_clear_record(1))
        await until(lambda: len(started.fakes) == 2, "another one runs")
        await asyncio.sleep(0)
        assert (await redacted(pool, a_clear_record(1))).id == name(1)
    assert started.pauses[1] < started.pauses[2]


async def test_a_pool_that_cannot_begin_leaves_nothing_running() -> None:
    """What one process cannot begin with is raised, and the others are ended."""
    started = Started()

    async def second_refuses() -> RedactsApart:
        if started.fakes:
            raise SettingInvalid("setting redaction.models")
        return await started.start()

    with pytest.raises(SettingInvalid):
        async with Pool(second_refuses, 2, KeptLog()):
            raise AssertionError("it began")
    assert [each.ended for each in started.fakes] == [True]


async def test_an_error_of_the_redactor_comes_through_as_it_is() -> None:
    """The settlement depends on its type, its code and when to try again."""

    class Down(Fake):
        async def redact(self, sheaf: bytes) -> bytes:  # noqa: ARG002 - none is redacted
            raise DetectorUnavailable(retry_after=7)

    async def start() -> RedactsApart:
        return Down()

    async with Pool(start, 1, KeptLog()) as pool:
        with pytest.raises(DetectorUnavailable) as raised:
            await redacted(pool, a_clear_record(1))
    assert raised.value.retry_after == 7
