"""`auditstream worker`: a worker put together and run in a process of its own."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import Protocol

import uvloop

from audit.errors import RedactorUnavailable, TransientError
from audit.settings import Settings
from audit.signing import Role
from audit.telemetry import QUEUE_METRICS, WORKER_METRICS, Log
from audit.value import Json
from cli.allocator import give_large_blocks_back
from cli.carrying import carrying_of
from cli.child import Orders, announce, from_parent, from_settings, stop_signal
from cli.collector import collect_as_usual
from cli.control import ControlPort, Health
from cli.detectors import detectors_of
from cli.engines import Receiving, Store, receiving_of, store_of
from cli.leftovers import leftovers
from cli.logs import configure_for
from cli.metrics import Metrics
from cli.places import prepare, worker_keys_of
from cli.queue_metrics import state_census, withdraw_census
from cli.redactors import pool_of
from redaction.canaries import Canaries
from storage.queue.port import QueueReader
from workers.lookout import Lookout
from workers.pool import Pool
from workers.settlement import Patience
from workers.sweeper import Sweeper
from workers.worker import Worker, WorkerLimits

__all__ = ["run"]


def run(settings: Settings | None) -> None:
    """Carry deliveries until told to stop; `settings` is None for a part with a parent."""
    give_large_blocks_back()
    if settings is None:
        orders = from_parent()
    else:
        prepare(settings, may_open=True, signs=[Role.WORKER])
        control = settings.worker.control
        wanted = {"control": (control, "worker.control")} if control is not None else {}
        orders = from_settings(settings, **wanted)
    log = configure_for("worker", orders.settings)
    uvloop.run(_serve(orders, log))


async def _serve(orders: Orders, log: Log) -> None:
    stop = stop_signal(has_parent=orders.has_parent)
    settings, metrics = orders.settings, Metrics(WORKER_METRICS | QUEUE_METRICS)
    async with (
        receiving_of(settings) as queue,
        store_of(settings, metrics) as store,
        detectors_of(settings, metrics) as detectors,
        pool_of(settings, worker_keys_of(settings).fingerprint_key, log, detectors) as pool,
    ):
        log.info("redaction.ready", policy=pool.ready.policy, gaps=",".join(pool.ready.gaps))
        await _carry(orders, pool, queue, store, stop, log, metrics)


async def _carry(
    orders: Orders,
    pool: Pool,
    queue: Receiving,
    store: Store,
    stop: asyncio.Event,
    log: Log,
    metrics: Metrics,
) -> None:
    settings = orders.settings
    canaries = Canaries(worker_keys_of(settings).fingerprint_key)
    watched = replace(store, records=Lookout(store.records, canaries, log, metrics))
    carrying = carrying_of(settings, watched, pool, queue.bodies)
    limits = WorkerLimits(
        concurrency=settings.worker.concurrency,
        drain=settings.worker.drain,
        patience=Patience(max_attempts=settings.worker.max_attempts),
    )
    sweeper = Sweeper(
        finder=store.finder,
        keeper=store.keeper,
        ledger=store.ledger,
        custody=carrying.custody,
        trust=carrying.trust,
        interval=settings.worker.sweep_interval,
        draw=random.random,
        log=log,
        count=metrics,
    )
    control = ControlPort(_health(queue.state, pool, metrics), metrics)
    if "control" in orders.sockets:
        await control.start(orders.sockets["control"])
    collect_as_usual()
    announce()
    worker = Worker(queue.inbox, carrying.carrier, limits, log=log, count=metrics)
    chores = [each.run(stop) for each in leftovers(queue, store, carrying.trust, log, metrics)]
    await asyncio.gather(worker.run(stop), sweeper.run(stop), *chores)
    await control.stop()


class Redacting(Protocol):
    """What says whether anything redacts."""

    @property
    def running(self) -> int:
        """How many processes do."""


def _health(queue: QueueReader, pool: Redacting, metrics: Metrics) -> Health:
    """A queue that is away is said, and is no ill health: the worker waits and loses nothing.

    Whoever restarts it for that costs what it holds an attempt, each time, until all of it is
    set aside. Without any process that redacts, a new worker is what helps.
    """

    async def health() -> tuple[bool, dict[str, Json]]:
        if not pool.running:
            return False, {"code": RedactorUnavailable.code}
        try:
            census = await queue.census()
        except TransientError as error:
            withdraw_census(metrics)
            return True, {"code": error.code}
        state_census(metrics, census)
        state = {"waiting": census.waiting, "leased": census.leased, "dead": census.dead}
        return True, {"queue": state}

    return health
