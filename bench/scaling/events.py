"""A discrete-event simulation in a few lines: a clock that jumps, and stations that serve in turn.

The law: nothing here knows what is simulated. Times are seconds since the start; what happens at
the same instant happens in the order in which it was arranged, so that a seed gives one history.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from functools import partial

__all__ = ["Cores", "Simulation", "Station"]

Event = Callable[[], None]


class Simulation:
    """Events in the order of their time."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Event]] = []
        self._arranged = 0

    def after(self, seconds: float, event: Event) -> None:
        """Arrange for something to happen."""
        self._arranged += 1
        heapq.heappush(self._events, (self.now + seconds, self._arranged, event))

    def run(self, until: float = float("inf")) -> None:
        """Have everything happen up to an instant."""
        while self._events and self._events[0][0] <= until:
            self.now, _, event = heapq.heappop(self._events)
            event()


class Cores:
    """Processors that all who compute share evenly; each has one of them at most."""

    def __init__(self, simulation: Simulation, cores: float) -> None:
        self._simulation = simulation
        self._cores = cores
        self._left: dict[int, tuple[float, Event]] = {}
        self._begun = 0
        self._at = 0.0
        self._change = 0

    def compute(self, seconds: float, then: Event) -> None:
        """Compute for so long where nobody else did; `then` happens at the end."""
        self._pass()
        self._begun += 1
        self._left[self._begun] = (seconds, then)
        self._arrange()

    def _speed(self) -> float:
        return min(1.0, self._cores / len(self._left))

    def _pass(self) -> None:
        """Let everybody have had the time since the last change."""
        if self._left:
            done = (self._simulation.now - self._at) * self._speed()
            self._left = {job: (left - done, then) for job, (left, then) in self._left.items()}
        self._at = self._simulation.now

    def _arrange(self) -> None:
        self._change += 1
        if self._left:
            first = min(self._left, key=lambda job: self._left[job][0])
            pause = max(0.0, self._left[first][0]) / self._speed()
            self._simulation.after(pause, partial(self._done, self._change, first))

    def _done(self, change: int, job: int) -> None:
        if change != self._change:
            return
        self._pass()
        _, then = self._left.pop(job)
        self._arrange()
        then()


class Station:
    """`servers` that each serve one at a time, first come first served.

    A service computes first and waits then, for a disk or a network.
    """

    def __init__(self, simulation: Simulation, cores: Cores, servers: int) -> None:
        self._simulation = simulation
        self._cores = cores
        self._waiting: deque[tuple[float, float, Event]] = deque()
        self._free = servers

    def serve(self, computes: float, waits: float, then: Event) -> None:
        """Serve as soon as it can be; `then` happens at the end."""
        self._waiting.append((computes, waits, then))
        self._turn()

    def _turn(self) -> None:
        while self._waiting and self._free:
            self._free -= 1
            computes, waits, then = self._waiting.popleft()
            done = partial(self._done, then)
            self._cores.compute(computes, partial(self._simulation.after, waits, done))

    def _done(self, then: Event) -> None:
        self._free += 1
        then()
        self._turn()
