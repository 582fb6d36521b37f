"""Schedules are values: a seed draws them, a file keeps them, and what failed gets shorter."""

from __future__ import annotations

import random

from tests.faults.schedule import Fault, Kind, Schedule, draw, read, sentence, written
from tests.faults.shrink import shrunk


def _some(count: int) -> Schedule:
    return tuple(Fault(float(number), Kind.KILL, "tap") for number in range(count))


def test_one_seed_draws_one_schedule() -> None:
    """So that a printed seed is enough to have it again."""
    assert draw(random.Random("7/0")) == draw(random.Random("7/0"))
    assert draw(random.Random("7/0")) != draw(random.Random("7/1"))


def test_every_kind_is_drawn_before_long() -> None:
    """No fault is on the list only."""
    rng = random.Random(0)
    drawn = {fault.kind for _ in range(300) for fault in draw(rng)}
    assert drawn == set(Kind)


def test_a_schedule_is_read_as_it_was_written() -> None:
    """A file of one line brings it back, and its sentence names each fault."""
    rng = random.Random(1)
    for _ in range(50):
        schedule = draw(rng)
        assert read(written(schedule)) == schedule
        assert all(fault.kind in sentence(schedule) for fault in schedule)


async def test_what_failed_shrinks_to_what_is_needed_to_fail() -> None:
    """Two faults out of eight that fail together are what is left."""
    schedule = _some(8)
    needed = {schedule[2], schedule[5]}

    async def fails(shorter: Schedule) -> bool:
        return needed <= set(shorter)

    assert set(await shrunk(schedule, fails, runs=100)) == needed


async def test_shrinking_ends_after_its_runs_and_never_with_what_passed() -> None:
    """Each run costs seconds; what is given was seen to fail."""
    runs: list[Schedule] = []

    async def fails(shorter: Schedule) -> bool:
        runs.append(shorter)
        return False

    assert await shrunk(_some(5), fails, runs=3) == _some(5)
    assert len(runs) == 3


async def test_a_single_fault_is_as_short_as_it_gets() -> None:
    """An empty schedule is not tried: without a fault there is nothing to report."""

    async def fails(_: Schedule) -> bool:
        raise AssertionError

    assert await shrunk(_some(1), fails, runs=9) == _some(1)
