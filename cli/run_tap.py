"""`auditstream tap`: the tap put together and run in a process of its own."""

from __future__ import annotations

import asyncio
import gc
import sys
from functools import partial
from typing import Protocol

import uvloop

from audit.errors import SpoolFull, SpoolUnavailable
from audit.settings import ConsumerSettings, Settings
from audit.signing import Role
from audit.telemetry import QUEUE_METRICS, TAP_METRICS, Log
from audit.value import Json
from cli.child import Orders, announce, from_parent, from_settings, stop_signal
from cli.control import ControlPort, Health
from cli.gateway import endpoint_of
from cli.listener import listener_tls, most_connections
from cli.logs import configure_for
from cli.metrics import Metrics
from cli.places import prepare, signer_of, tap_keys_of
from cli.queue_metrics import look_into_queue
from cli.tap_audit import LateShipper, late_outbox, spool_of
from storage.keys import TapKeys
from storage.queue.port import Outbox
from storage.sealing import HpkeSealer
from storage.signing import signed_checkpoint
from storage.spool.late import LateSpool
from storage.spool.port import Spool, SpoolCensus
from storage.spool.spool import FileSpool
from tap.aside import Aside
from tap.consumers import ConsumerPolicy, Consumers
from tap.desk import Desk
from tap.pool import UpstreamPool
from tap.reassembly import assemble_steps
from tap.recorder import Recorder
from tap.server import TapServer
from tap.service import TapService
from tap.shipper import Shipper

__all__ = ["run"]

_SHIP_AT_ONCE = 64
# A thread that waits for the interpreter gets it after this many seconds at the latest: the
# spool's writer must not keep the event loop from its next chunk for the default 5 ms.
_SWITCH_SECONDS = 0.0005
# An exchange leaves no cycles behind: the collector finds next to nothing, and looking through
# everything that is open would hold the loop for milliseconds.
_COLLECT_AFTER = 50_000


def run(settings: Settings | None) -> None:
    """Forward and record until told to stop; `settings` is None for a part with a parent."""
    if settings is None:
        orders = from_parent()
    else:
        prepare(settings, may_open=False, signs=[Role.TAP])
        endpoint_of(settings)
        listener_tls(settings)
        orders = from_settings(
            settings,
            traffic=(settings.listen, "listen"),
            control=(settings.tap.control, "tap.control"),
        )
    log = configure_for("tap", orders.settings)
    sys.setswitchinterval(_SWITCH_SECONDS)
    uvloop.run(_serve(orders, log))


async def _serve(orders: Orders, log: Log) -> None:
    stop = stop_signal(has_parent=orders.has_parent)
    settings = orders.settings
    sealer = HpkeSealer(tap_keys_of(settings), signer_of(settings, Role.TAP))
    spool = await spool_of(settings, sealer, log)
    async with late_outbox(settings) as queue:
        await _forward(orders, spool, queue, stop, log)


async def _forward(
    orders: Orders,
    spool: FileSpool | LateSpool,
    queue: Outbox,
    stop: asyncio.Event,
    log: Log,
) -> None:
    settings = orders.settings
    metrics = Metrics(TAP_METRICS | QUEUE_METRICS)
    keys = tap_keys_of(settings)
    desk = _desk(settings, keys, spool, log, metrics)
    server = TapServer(
        desk,
        max_head=settings.tap.max_head,
        keepalive_seconds=settings.tap.keepalive,
        head_seconds=settings.tap.head_timeout,
        most_connections=most_connections(settings.tap.max_connections),
        forwarded=settings.tap.forwarded,
    )
    ships = partial(_shipper, settings, queue, log, metrics)
    shipper = LateShipper(spool, ships) if isinstance(spool, LateSpool) else ships(spool)
    service = TapService(
        desk,
        server,
        shipper,
        idle_timeout=settings.tap.upstream_idle_timeout,
        drain_seconds=settings.tap.drain,
        log=log,
    )
    look = partial(look_into_queue, settings, metrics)
    control = ControlPort(_health(service, spool, desk), metrics, look)
    await control.start(orders.sockets["control"])
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 100)
    await service.start(orders.sockets["traffic"], listener_tls(settings))
    announce()
    await stop.wait()
    await service.stop()
    await control.stop()


def _shipper(
    settings: Settings, queue: Outbox, log: Log, metrics: Metrics, spool: FileSpool
) -> Shipper:
    return Shipper(
        spool,
        queue,
        batch=_SHIP_AT_ONCE,
        checkpoint_seconds=settings.spool.checkpoint_interval,
        log=log,
        count=metrics,
        earlier=spool.recovery.checkpoints,
        sign=partial(signed_checkpoint, signer=signer_of(settings, Role.TAP)),
    )


class Runs(Protocol):
    """What is healthy or not."""

    @property
    def healthy(self) -> bool:
        """Whether every part that must run does."""


class Counted(Protocol):
    """What says how full it is."""

    def census(self) -> SpoolCensus:
        """How full it is."""


class Refuses(Protocol):
    """What knows whether openings are taken."""

    @property
    def refusing(self) -> str:
        """The code that the last one was refused with; empty where it was taken."""


def _health(service: Runs, spool: Counted, desk: Refuses) -> Health:
    """A spool that is full, not there or refuses what it is given is said, and is no ill health.

    Whoever restarts a tap for it cuts callers off, whose calls go on as their consumers' policies
    have it; and a new process finds it no better.
    """

    async def health() -> tuple[bool, dict[str, Json]]:
        code = _trouble(spool, desk, full=spool.census().full)
        return service.healthy, {"spool": _state(spool), **({"code": code} if code else {})}

    return health


def _state(spool: Counted) -> dict[str, Json] | None:
    """How full it is; None of one that is not open yet, whose folder may hold anything."""
    if isinstance(spool, LateSpool) and not spool.is_there:
        return None
    census = spool.census()
    return {
        "bytes": census.bytes,
        "open": census.open,
        "waiting": census.waiting,
        "dropped": census.dropped,
    }


def _trouble(spool: Counted, desk: Refuses, *, full: bool) -> str:
    """Why calls are not recorded now; empty where nothing says that they are not.

    Of a disk that refuses, only a call that is recorded tells that it has recovered; of a spool
    that was full, it does itself.
    """
    if isinstance(spool, LateSpool) and not spool.is_there:
        return SpoolUnavailable.code
    if full:
        return SpoolFull.code
    return "" if desk.refusing == SpoolFull.code else desk.refusing


def _desk(settings: Settings, keys: TapKeys, spool: Spool, log: Log, metrics: Metrics) -> Desk:
    tap = settings.tap
    pool = UpstreamPool(
        endpoint_of(settings),
        connect_timeout=tap.connect_timeout,
        idle_seconds=tap.pool_idle,
        max_idle=tap.pool_size,
    )
    recorder = Recorder(
        spool,
        assemble_steps,
        Aside(),
        digest_key=keys.fingerprint_key,
        capture_limit=tap.capture_limit,
        flush_seconds=tap.flush_interval,
        log=log,
        count=metrics,
    )
    return Desk(
        spool=spool,
        pool=pool,
        recorder=recorder,
        consumers=_consumers(settings, keys),
        log=log,
        count=metrics,
        keep_host=tap.keep_host,
        extra_headers=[(b"Via", b"1.1 auditstream")] if tap.via else [],
    )


def _consumers(settings: Settings, keys: TapKeys) -> Consumers:
    named = {mark: name for name, each in settings.consumers.items() for mark in each.fingerprints}
    return Consumers(
        keys.fingerprint_key,
        named,
        {name: _policy(consumer) for name, consumer in settings.consumers.items()},
        default=settings.tap.default_consumer,
        session_header=settings.tap.session_header,
    )


def _policy(consumer: ConsumerSettings) -> ConsumerPolicy:
    return ConsumerPolicy(
        level=consumer.level,
        on_audit_failure=consumer.on_audit_failure,
        strict=consumer.strict,
        retention_days=consumer.retention_days,
        may_ask_less=consumer.may_ask_less,
    )
