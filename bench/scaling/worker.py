"""One worker as a closed network: so many deliveries go round between queue, redaction and store.

The law: what a station computes and waits for is what `bench.drain` measured there. The queue's
file and the store's serve one call at a time, the worker's own process computes for one delivery at
a time, each process that redacts has one record at a time, and all of them share the cores. What a
delivery does, and in which order, is what `workers.carrier` does.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bench.scaling.events import Cores, Simulation, Station

__all__ = ["Demand", "Service", "capacity"]

# Calls of the store and of the queue that a new record takes; the worker computes before each.
_STORE_BEFORE, _STORE_AFTER = 3, 4
_QUEUE = 2


@dataclass(frozen=True)
class Demand:
    """Seconds that one delivery has a station compute, and wait for its disk or network."""

    computes: float
    waits: float = 0.0


@dataclass(frozen=True)
class Service:
    """What one delivery demands; `redaction` are samples of computing, of which one is drawn."""

    queue: Demand
    store: Demand
    parent: float
    redaction: Sequence[float]

    @property
    def computes(self) -> float:
        """Seconds of computing for one delivery, wherever."""
        redacts = sum(self.redaction) / len(self.redaction)
        return self.queue.computes + self.store.computes + self.parent + redacts


def capacity(
    service: Service,
    *,
    processes: int,
    concurrency: int,
    cores: float = 2.0,
    seed: int = 1,
    records: int = 3000,
) -> float:
    """Records a second that a worker carries from a queue that is never empty."""
    network = _Network(service, processes, cores, random.Random(seed))
    for _ in range(concurrency):
        network.begin()
    # The first ones find everything idle.
    settled, since = 0, 0.0
    while network.settled < records:
        network.simulation.run(network.simulation.now + 1.0)
        if not since and network.settled > records // 10:
            settled, since = network.settled, network.simulation.now
    return (network.settled - settled) / (network.simulation.now - since)


class _Network:
    def __init__(self, service: Service, processes: int, cores: float, rng: random.Random) -> None:
        self.simulation = Simulation()
        self.settled = 0
        self._service = service
        self._rng = rng
        shared = Cores(self.simulation, cores)
        queue, store, parent = (Station(self.simulation, shared, 1) for _ in range(3))
        redaction = Station(self.simulation, shared, processes)
        queue_call = (queue, _part(service.queue, _QUEUE))
        store_call = (store, _part(service.store, _STORE_BEFORE + _STORE_AFTER))
        self._parent = parent
        self._route: list[tuple[Station, Demand | None]] = [
            queue_call,
            *[store_call] * _STORE_BEFORE,
            (redaction, None),
            *[store_call] * _STORE_AFTER,
            queue_call,
        ]

    def begin(self) -> None:
        """Send a delivery on its way; when it is settled, the next one takes its place."""
        self._step(0)

    def _step(self, at: int) -> None:
        if at == len(self._route):
            self.settled += 1
            self.begin()
            return
        self._parent.serve(self._service.parent / len(self._route), 0.0, partial(self._go, at))

    def _go(self, at: int) -> None:
        station, demand = self._route[at]
        if demand is None:
            demand = Demand(self._rng.choice(self._service.redaction))
        station.serve(demand.computes, demand.waits, partial(self._step, at + 1))


def _part(demand: Demand, calls: int) -> Demand:
    return Demand(demand.computes / calls, demand.waits / calls)
