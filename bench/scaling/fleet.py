"""A fleet of workers on one queue: arrivals, what waits, who works, and who is started and stopped.

The law: first come, first served, by whichever worker is free. A worker has the pace of its slowest
part, as if it carried one record after the other; how long a record is under way beside that
(`latency`) keeps nobody busy. A delivery that is held for longer than its lease comes again. One
arrival stands for `grain` exchanges that come at once, a tenth of a second's at most, so that ten
thousand a second can be followed for as long as ten.
"""

from __future__ import annotations

import math
import random
from collections import deque
from dataclasses import dataclass, field, replace
from functools import partial

from bench.scaling.events import Simulation

__all__ = ["Burst", "Fleet", "Outcome", "Scaler", "followed", "workers_needed"]

_MOST_ARRIVALS = 40_000
_HALF_AN_HOUR = 1800.0


@dataclass(frozen=True)
class Burst:
    """`times` the usual rate for `seconds`, every `every` seconds; the first after one `every`."""

    times: float = 1.0
    seconds: float = 0.0
    every: float = 600.0

    def factor(self, now: float) -> float:
        """How much more than usual arrives at an instant."""
        return self.times if now >= self.every and now % self.every < self.seconds else 1.0


@dataclass(frozen=True)
class Scaler:
    """What KEDA and its horizontal pod autoscaler do, in seconds and workers.

    Every `polling` seconds the messages that wait are divided by `messages`: so many workers are
    wanted, `least` at least and `most` at most. New ones work after `start`; some that have not
    been wanted for `cooldown` stop.
    """

    messages: float
    least: int
    most: int
    polling: float = 15.0
    start: float = 60.0
    cooldown: float = 300.0


@dataclass(frozen=True)
class Fleet:
    """So many workers, each of which takes `seconds` for a record in the mean.

    `spread` is the standard deviation of that as a share of the mean; `latency` and `lease` are
    seconds.
    """

    workers: int
    seconds: float
    spread: float = 0.5
    latency: float = 0.2
    lease: float = 60.0
    scaler: Scaler | None = None


@dataclass
class Outcome:
    """What a run came to: ages in seconds of what was settled, and the workers at each look."""

    ages: list[float] = field(default_factory=list)
    workers: list[int] = field(default_factory=list)
    again: int = 0
    waiting: float = 0.0

    @property
    def oldest(self) -> float:
        """The greatest age, of what still waits too."""
        return max(self.waiting, *self.ages) if self.ages else self.waiting


def followed(
    rate: float, fleet: Fleet, burst: Burst, *, seconds: float = _HALF_AN_HOUR, seed: int = 1
) -> Outcome:
    """Follow `rate` exchanges a second for so many seconds."""
    run = _Run(rate, fleet, burst, seconds, random.Random(seed))
    run.simulation.run(seconds)
    return run.ended(seconds)


def workers_needed(rate: float, fleet: Fleet, burst: Burst, *, age: float) -> int:
    """The fewest workers with which nothing is ever older than `age` seconds when it is settled."""
    usual = 1 + (burst.times - 1) * burst.seconds / burst.every
    # With fewer the queue grows for as long as it goes on, however slowly.
    least = math.floor(rate * usual * fleet.seconds) + 1
    enough = math.ceil(rate * burst.times * fleet.seconds * 1.2) + 1
    while least < enough:
        half = (least + enough) // 2
        if followed(rate, replace(fleet, workers=half), burst).oldest <= age:
            enough = half
        else:
            least = half + 1
    return enough


class _Run:
    def __init__(
        self, rate: float, fleet: Fleet, burst: Burst, seconds: float, rng: random.Random
    ) -> None:
        self.simulation = Simulation()
        self._outcome = Outcome(workers=[fleet.workers])
        self._rate, self._fleet, self._burst, self._rng = rate, fleet, burst, rng
        self._grain = max(1, min(int(rate / 10), math.ceil(rate * seconds / _MOST_ARRIVALS)))
        self._waiting: deque[float] = deque()
        self._workers = fleet.workers
        self._coming = 0
        self._busy = 0
        self._unwanted: float | None = None
        self._next()
        if fleet.scaler is not None:
            self.simulation.after(fleet.scaler.polling, partial(self._look, fleet.scaler))

    def ended(self, now: float) -> Outcome:
        """What it came to."""
        self._outcome.waiting = now - self._waiting[0] if self._waiting else 0.0
        return self._outcome

    def _next(self) -> None:
        """A Poisson process whose rate follows the bursts."""
        rate = self._rate * self._burst.factor(self.simulation.now) / self._grain
        self.simulation.after(self._rng.expovariate(rate), self._arrived)

    def _arrived(self) -> None:
        self._waiting.append(self.simulation.now)
        self._work()
        self._next()

    def _work(self) -> None:
        """Have free workers begin: a whole grain is carried by `grain` workers, or by all."""
        groups = max(1, self._workers // self._grain)
        while self._waiting and self._busy < groups:
            self._busy += 1
            took = self._drawn() * self._grain * groups / self._workers
            self.simulation.after(took, partial(self._done, self._waiting.popleft(), took))

    def _drawn(self) -> float:
        """Seconds for a record, from a gamma distribution; for a grain, the mean of its records."""
        shape = self._grain / self._fleet.spread**2
        return self._rng.gammavariate(shape, self._fleet.seconds / shape)

    def _done(self, since: float, took: float) -> None:
        self._busy -= 1
        held = took + self._fleet.latency
        if held > self._fleet.lease:
            self._outcome.again += 1
            self._waiting.append(since)
        else:
            self._outcome.ages.append(self.simulation.now + self._fleet.latency - since)
        self._work()

    def _look(self, scaler: Scaler) -> None:
        waiting = len(self._waiting) * self._grain
        wanted = max(scaler.least, min(scaler.most, math.ceil(waiting / scaler.messages)))
        there = self._workers + self._coming
        if wanted > there:
            self._coming += wanted - there
            self.simulation.after(scaler.start, partial(self._started, wanted - there))
        self._stop_some(scaler, there - wanted)
        self._outcome.workers.append(self._workers)
        self.simulation.after(scaler.polling, partial(self._look, scaler))

    def _started(self, workers: int) -> None:
        self._coming -= workers
        self._workers += workers
        self._work()

    def _stop_some(self, scaler: Scaler, unwanted: int) -> None:
        if unwanted <= 0:
            self._unwanted = None
        elif self._unwanted is None:
            self._unwanted = self.simulation.now
        elif self.simulation.now - self._unwanted >= scaler.cooldown:
            self._workers -= min(unwanted, self._workers - scaler.least)
            self._unwanted = None
