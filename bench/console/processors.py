"""What processes had of the processors, and how long they stood in line for one.

The law: both are the kernel's own figures (Linux, `/proc/PID/task/*/schedstat`: nanoseconds run,
nanoseconds ready but not running). Of what somebody waited, the second part is the machine's other
work and not ours: without it is what an idle machine would have taken, or a little more where
several threads stood in line at once and the time is taken off once for each.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Clock"]


@dataclass(frozen=True, slots=True)
class _Had:
    run: float
    ready: float


class Clock:
    """Times one look of some processes, from its making on."""

    def __init__(self, *processes: int) -> None:
        self._processes = processes
        self._had = _had(processes)
        self._began = time.perf_counter()

    def read(self) -> tuple[float, float, float]:
        """Seconds passed, seconds of processors, and seconds passed without standing in line."""
        passed = time.perf_counter() - self._began
        now = _had(self._processes)
        run, ready = now.run - self._had.run, now.ready - self._had.ready
        return passed, run, min(passed, max(run, passed - ready))


def _had(processes: Sequence[int]) -> _Had:
    run = ready = 0
    for process in processes:
        for task in Path(f"/proc/{process}/task").iterdir():
            with suppress(FileNotFoundError):  # a thread that has ended meanwhile
                ran, stood, _ = (task / "schedstat").read_text().split()
                run, ready = run + int(ran), ready + int(stood)
    return _Had(run / 1e9, ready / 1e9)
