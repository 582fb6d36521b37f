"""`auditstream tap`: the tap put together and run in a process of its own."""

from __future__ import annotations

import asyncio
import gc
import os
import ssl
import sys
import time
from functools import partial
from typing import Protocol
from urllib.parse import urlsplit

import uvloop

from audit.errors import SettingInvalid, SpoolFull
from audit.ids import boot_name
from audit.settings import ConsumerSettings, Settings
from audit.signing import Role
from audit.telemetry import Log
from audit.value import Json
from cli.child import Orders, announce, from_parent, from_settings, stop_signal
from cli.control import ControlPort, Health
from cli.engines import outbox_of
from cli.listener import listener_tls, most_connections
from cli.logs import configure_for
from cli.metrics import Metrics
from cli.places import Places, prepare, signer_of, tap_keys_of
from storage.keys import TapKeys
from storage.queue.port import Outbox
from storage.sealing import HpkeSealer
from storage.signing import signed_checkpoint
from storage.spool.options import SpoolOptions
from storage.spool.port import SpoolCensus
from storage.spool.spool import FileSpool
from storage.spool.start import open_spool
from tap.aside import Aside
from tap.consumers import ConsumerPolicy, Consumers
from tap.desk import Desk
from tap.pool import Endpoint, UpstreamPool
from tap.reassembly import assemble_steps
from tap.recorder import Recorder
from tap.server import TapServer
from tap.service import TapService
from tap.shipper import Shipper

__all__ = ["endpoint_of", "run"]

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
    spool = await _spool(settings, sealer, log)
    async with outbox_of(settings) as queue:
        await _forward(orders, spool, queue, stop, log)


async def _forward(
    orders: Orders, spool: FileSpool, queue: Outbox, stop: asyncio.Event, log: Log
) -> None:
    settings = orders.settings
    metrics = Metrics()
    keys = tap_keys_of(settings)
    signer = signer_of(settings, Role.TAP)
    desk = _desk(settings, keys, spool, log, metrics)
    server = TapServer(
        desk,
        max_head=settings.tap.max_head,
        keepalive_seconds=settings.tap.keepalive,
        head_seconds=settings.tap.head_timeout,
        most_connections=most_connections(settings.tap.max_connections),
        forwarded=settings.tap.forwarded,
    )
    shipper = Shipper(
        spool,
        queue,
        batch=_SHIP_AT_ONCE,
        checkpoint_seconds=settings.spool.checkpoint_interval,
        log=log,
        count=metrics,
        earlier=spool.recovery.checkpoints,
        sign=partial(signed_checkpoint, signer=signer),
    )
    service = TapService(
        desk,
        server,
        shipper,
        idle_timeout=settings.tap.upstream_idle_timeout,
        drain_seconds=settings.tap.drain,
        log=log,
    )
    control = ControlPort(_health(service, spool, settings.spool.max_bytes), metrics)
    await control.start(orders.sockets["control"])
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 100)
    await service.start(orders.sockets["traffic"], listener_tls(settings))
    announce()
    await stop.wait()
    await service.stop()
    await control.stop()


class Runs(Protocol):
    """What is healthy or not."""

    @property
    def healthy(self) -> bool:
        """Whether every part that must run does."""


class Counted(Protocol):
    """What says how full it is."""

    def census(self) -> SpoolCensus:
        """How full it is."""


def _health(service: Runs, spool: Counted, most: int) -> Health:
    """A full spool is said, and is no ill health: whoever restarts a tap for it cuts callers off.

    Their calls go on, as their consumers' policies have it, and a new process finds it as full.
    """

    async def health() -> tuple[bool, dict[str, Json]]:
        census = spool.census()
        state = {
            "bytes": census.bytes,
            "open": census.open,
            "waiting": census.waiting,
            "dropped": census.dropped,
        }
        full = {"code": SpoolFull.code} if census.bytes >= most else {}
        return service.healthy, {"spool": state, **full}

    return health


async def _spool(settings: Settings, sealer: HpkeSealer, log: Log) -> FileSpool:
    options = SpoolOptions(
        max_bytes=settings.spool.max_bytes,
        segment_bytes=settings.spool.segment_bytes,
        sync_interval=settings.spool.sync_interval,
        open_timeout=settings.spool.open_timeout,
    )
    folder = Places(settings.data).spool(settings.tap.name)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    boot = boot_name(time.time_ns() // 1_000_000, os.urandom(2))
    spool = await open_spool(folder, settings.tap.name, boot, sealer, options, log=log)
    found = spool.recovery
    if found.segments or found.damaged or found.torn_tails:
        log.info(
            "spool.recovered",
            frames=found.frames,
            open=found.remnants,
            waiting=found.records,
            bytes=found.torn_bytes,
            count=found.damaged,
        )
    for reason, names in found.left_alone:
        for name in names:
            log.warning("spool.left_alone", reason=reason, where=name)
    return spool


def _desk(settings: Settings, keys: TapKeys, spool: FileSpool, log: Log, metrics: Metrics) -> Desk:
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


def endpoint_of(settings: Settings) -> Endpoint:
    """Where the upstream is. Raises `SettingInvalid` when that is not set or cannot be used."""
    if settings.upstream is None:
        raise SettingInvalid(
            "setting upstream: is needed, such as --upstream https://my-apim.azure-api.net"
            " (or --demo with `auditstream up`)"
        )
    parts = urlsplit(settings.upstream)
    host = parts.hostname or ""
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    shown = f"[{host}]" if ":" in host else host
    authority = shown if parts.port is None else f"{shown}:{port}"
    return Endpoint(host, port, authority.encode(), _tls(settings) if secure else None, host)


def _tls(settings: Settings) -> ssl.SSLContext:
    bundle = settings.tap.upstream_ca
    try:
        context = ssl.create_default_context(cafile=str(bundle) if bundle else None)
    except (OSError, ssl.SSLError):
        raise SettingInvalid(
            f"setting tap.upstream_ca: {bundle} is no file of CA certificates (PEM)"
        ) from None
    context.set_alpn_protocols(["http/1.1"])
    return context
