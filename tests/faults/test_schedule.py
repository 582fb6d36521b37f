"""Schedules are values: a seed draws them, a file keeps them, and what failed gets shorter."""

from __future__ import annotations

import random

import pytest

from tests.faults.schedule import (
    AZURE,
    EMBEDDED,
    Fault,
    Kind,
    Schedule,
    draw,
    exists,
    kinds,
    read,
    sentence,
    written,
)
from tests.faults.shrink import shrunk

ENGINES = (EMBEDDED, AZURE)


def _some(count: int) -> Schedule:
    return tuple(Fault(float(number), Kind.KILL, "tap") for number in range(count))


@pytest.mark.parametrize("engine", ENGINES)
def test_one_seed_draws_one_schedule(engine: str) -> None:
    """So that a printed seed is enough to have it again."""
    assert draw(random.Random("7/0"), engine) == draw(random.Random("7/0"), engine)
    assert draw(random.Random("7/0"), engine) != draw(random.Random("7/1"), engine)


def test_every_kind_is_drawn_before_long() -> None:
    """No fault is on the list only: each is one of some engine's."""
    rng = random.Random(0)
    for engine in ENGINES:
        drawn = {fault.kind for _ in range(300) for fault in draw(rng, engine)}
        assert drawn == kinds(engine)
    assert kinds(EMBEDDED) | kinds(AZURE) == set(Kind)


@pytest.mark.parametrize(("engine", "other"), [ENGINES, ENGINES[::-1]])
def test_what_is_drawn_for_one_engine_may_not_exist_on_the_other(engine: str, other: str) -> None:
    """A schedule that was written for another engine is not run as if its faults were met."""
    rng = random.Random(2)
    drawn = [fault for _ in range(100) for fault in draw(rng, engine)]
    assert all(exists(fault, engine) for fault in drawn)
    assert not all(exists(fault, other) for fault in drawn)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_schedule_is_read_as_it_was_written(engine: str) -> None:
    """A file of one line brings it back, and its sentence names each fault."""
    rng = random.Random(1)
    for _ in range(50):
        schedule = draw(rng, engine)
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
