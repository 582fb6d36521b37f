"""Shrinking: from a schedule that failed to a short one that still fails.

The law: only what was run again and failed again is called failing. Parts are left out in halves
first and one by one at last (delta debugging). Processes are not deterministic, so a schedule that
passes once may fail another time: the result is short, not the shortest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

from tests.faults.schedule import Schedule

__all__ = ["shrunk"]

Fails = Callable[[Schedule], Awaitable[bool]]


async def shrunk(schedule: Schedule, fails: Fails, *, runs: int) -> Schedule:
    """The shortest schedule found that still fails, after at most `runs` runs."""
    size = max(1, len(schedule) // 2)
    while size:
        for shorter in _without(schedule, size):
            if not runs:
                return schedule
            runs -= 1
            if await fails(shorter):
                schedule, size = shorter, min(size, len(shorter) // 2) or 1
                break
        else:
            size //= 2
    return schedule


def _without(schedule: Schedule, size: int) -> Iterator[Schedule]:
    """The schedule without each of its stretches of `size` faults; never an empty one."""
    for start in range(0, len(schedule), size):
        if shorter := schedule[:start] + schedule[start + size :]:
            yield shorter
