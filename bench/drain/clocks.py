"""Where the time of a delivery goes: ports that are timed from outside, and the files' own threads.

The law: what is timed is not changed. A stage's time is what the worker waits for it. What a file's
own thread does is computing and waiting for the disk; that it waits for a core, or for something to
do, is left out.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from storage.database import Database

__all__ = ["Clocks", "Timed", "on_core"]

P = ParamSpec("P")
T = TypeVar("T")


_SCHEDSTAT = Path("/proc/thread-self/schedstat")


def on_core() -> tuple[float, float]:
    """Seconds for which this thread has computed, and waited for a core, since it began."""
    try:
        computed, waited, _ = _SCHEDSTAT.read_text().split()
    except (OSError, ValueError):
        return time.thread_time(), 0.0
    return int(computed) / 1e9, int(waited) / 1e9


@dataclass
class Clocks:
    """Seconds by stage, one figure for each call."""

    waited: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    computed: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    slept: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def timed(self, stage: str, call: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        """Time each call of a port's method as one of this stage."""

        async def clocked(*args: P.args, **kwargs: P.kwargs) -> T:
            begun = time.perf_counter()
            try:
                return await call(*args, **kwargs)
            finally:
                self.waited[stage].append(time.perf_counter() - begun)

        return clocked

    def port(self, port: object, stages: dict[str, str]) -> Any:
        """A port whose methods named in `stages` are timed; the others are as they were."""
        return Timed(port, {name: self.timed(stages[name], getattr(port, name)) for name in stages})

    @contextmanager
    def files(self) -> Iterator[None]:
        """Time what the threads of SQLite's files work, by the file's name."""
        real = Database._call  # noqa: SLF001 - nowhere else can a thread's own time be seen

        async def call(database: Database, work: Callable[[], Any]) -> Any:
            name = database._path.stem  # noqa: SLF001 - as above

            def clocked() -> Any:
                begun, (cpu, core) = time.perf_counter(), on_core()
                try:
                    return work()
                finally:
                    wall = time.perf_counter() - begun
                    cpu_end, core_end = on_core()
                    self.computed[name] += cpu_end - cpu
                    self.slept[name] += max(0.0, wall - (cpu_end - cpu) - (core_end - core))

            return await real(database, clocked)

        Database._call = call  # type: ignore[method-assign, assignment]  # noqa: SLF001 - put back below
        try:
            yield
        finally:
            Database._call = real  # type: ignore[method-assign]  # noqa: SLF001 - as it was


class Timed:
    """A port of which some methods are others."""

    def __init__(self, port: object, instead: dict[str, Any]) -> None:
        self._port = port
        self._instead = instead

    def __getattr__(self, name: str) -> Any:
        return self._instead.get(name) or getattr(self._port, name)
