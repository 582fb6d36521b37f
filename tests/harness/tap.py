"""A whole tap inside the test's own event loop: real sockets, a real spool, real sealing.

It is put together as `auditstream tap` puts it together, with one difference: what the spool
would ship to the queue comes to the test, which holds the keys that a worker holds.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from audit.ids import boot_name
from audit.record import AuditRecord
from audit.sheaf import Sheaf, read_sheaf
from audit.signing import Role, Trust
from audit.telemetry import LogValue
from storage.envelope import OpenedRemnant, open_envelope
from storage.key_folder import FolderKeys
from storage.key_making import make_keys
from storage.keys import WorkerKeys
from storage.sealing import HpkeOpener, HpkeSealer
from storage.signing import Ed25519Signer, TrustedKeys
from storage.spool.options import SpoolOptions
from storage.spool.port import Shipment
from storage.spool.spool import FileSpool
from storage.spool.start import open_spool
from tap.aside import Aside
from tap.consumers import ConsumerPolicy, Consumers, fingerprint
from tap.desk import Desk
from tap.hop import Forwarded
from tap.pool import Endpoint, UpstreamPool
from tap.reassembly import assemble_steps
from tap.recorder import Recorder
from tap.remnant import record_of_remnant
from tap.server import TapServer

__all__ = ["Notes", "RunningTap", "running_tap"]

# A bound that keeps a broken test finite; a working tap is done in milliseconds.
_SECONDS = 60.0


@dataclass
class Notes:
    """What the tap logged and counted, for tests that ask; a `Log` and a `Count`."""

    events: list[tuple[str, dict[str, LogValue]]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    states: dict[str, float] = field(default_factory=dict)

    def info(self, event: str, **keys: LogValue) -> None:
        """Keep the event."""
        self.events.append((event, keys))

    warning = info
    error = info

    def add(self, metric: str, amount: float = 1, **labels: str) -> None:
        """Count up under the metric's name followed by its labels' values."""
        self.counts["/".join([metric, *labels.values()])] += int(amount)

    def state(self, metric: str, value: float) -> None:
        """Keep the present value."""
        self.states[metric] = value


@dataclass
class RunningTap:
    """A tap that listens on `port`; `notes` is what it logged and counted."""

    port: int
    desk: Desk
    spool: FileSpool
    server: TapServer
    keys: WorkerKeys
    trust: Trust
    notes: Notes
    _taken: dict[str, Shipment] = field(default_factory=dict)

    async def shipments(self, *, at_least: int = 0) -> list[Shipment]:
        """Wait until no exchange is open; give all shipments since the start, by number.

        What was given is forgotten by the spool: the test stands for the queue. `at_least` waits
        for that many, where the client may have gone before the tap began.
        """
        async with asyncio.timeout(_SECONDS):
            await self._take()
            while len(self._taken) < at_least:
                await self._take(wait=0.1)
        return sorted(self._taken.values(), key=lambda each: each.number)

    async def records(self, *, at_least: int = 0) -> list[AuditRecord]:
        """Wait as `shipments` does; give all their records, opened with the worker's key."""
        return [record for sheaf in await self.sheaves(at_least=at_least) for record in sheaf]

    async def sheaves(self, *, at_least: int = 0) -> list[Sheaf]:
        """The same, by exchange."""
        opener = HpkeOpener(self.keys, self.trust)
        shipments = await self.shipments(at_least=at_least)
        return [self._opened(each, opener) for each in shipments]

    async def _take(self, *, wait: float = 0.0) -> None:
        """Take everything that open exchanges still bring; `wait` seconds for the first."""
        spool = self.spool
        while await self._busy() or wait:
            offered = await spool.shipments(64, wait or 0.1)
            self._taken.update({each.id: each for each in offered})
            spool.shipped([each.id for each in offered])
            wait = 0.0

    async def _busy(self) -> bool:
        """Let open exchanges end; whether the spool still holds any."""
        await self.desk.drained(_SECONDS)
        await self.desk.recorder.drain(_SECONDS)
        census = self.spool.census()
        return bool(self.desk.exchanges or census.open or census.waiting)

    def _opened(self, shipment: Shipment, opener: HpkeOpener) -> Sheaf:
        opened = open_envelope(shipment.envelope, opener)
        if isinstance(opened, OpenedRemnant):
            return record_of_remnant(
                opened.opening,
                opened.pieces,
                missing=opened.missing,
                digest_key=self.keys.fingerprint_key,
                salt="00" * 16,
            )
        return read_sheaf(opened.record_json)


@asynccontextmanager
async def running_tap(
    folder: Path,
    upstream_port: int,
    *,
    consumers: Mapping[str, ConsumerPolicy] | None = None,
    capture_limit: int = 64 * 1024 * 1024,
    idle_timeout: float = 600.0,
    connect_timeout: float = 10.0,
    flush_seconds: float = 0.02,
    max_head: int = 65_536,
    keepalive_seconds: float = 75.0,
    head_seconds: float = 60.0,
    most_connections: int = 20_000,
    forwarded: Forwarded = "off",
    listener_tls: ssl.SSLContext | None = None,
    pool_idle: float = 15.0,
    spool: SpoolOptions | None = None,
    keep_host: bool = False,
    via: bool = False,
    session_header: str | None = None,
    tls: ssl.SSLContext | None = None,
    tap: str = "tap",
) -> AsyncIterator[RunningTap]:
    """Run a tap before a loopback port; `folder` holds its spool and keys, and may be used again.

    `consumers` gives policies by the key that a caller sends; the consumer is named like its
    key. The policy of all other callers stands under `unassigned`.
    """
    make_keys(folder / "keys")
    provider = FolderKeys(folder / "keys")
    tap_keys = provider.tap()
    sealer = HpkeSealer(tap_keys, Ed25519Signer(provider.signing(Role.TAP)))
    place = folder / "spool" / tap
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    boot = boot_name(time.time_ns() // 1_000_000, os.urandom(2))
    opened = await open_spool(place, tap, boot, sealer, spool)
    notes = Notes()
    secret = tap_keys.fingerprint_key
    policies = dict(consumers or {})
    authority = f"127.0.0.1:{upstream_port}".encode()
    desk = Desk(
        spool=opened,
        pool=UpstreamPool(
            Endpoint("127.0.0.1", upstream_port, authority, tls, "localhost"),
            connect_timeout=connect_timeout,
            idle_seconds=pool_idle,
            max_idle=256,
        ),
        recorder=Recorder(
            opened,
            assemble_steps,
            Aside(),
            digest_key=secret,
            capture_limit=capture_limit,
            flush_seconds=flush_seconds,
            log=notes,
            count=notes,
        ),
        consumers=Consumers(
            secret,
            {fingerprint(secret, key.encode()): key for key in policies},
            policies,
            default="unassigned",
            session_header=session_header,
        ),
        log=notes,
        count=notes,
        keep_host=keep_host,
        extra_headers=[(b"Via", b"1.1 auditstream")] if via else [],
    )
    server = TapServer(
        desk,
        max_head=max_head,
        keepalive_seconds=keepalive_seconds,
        head_seconds=head_seconds,
        most_connections=most_connections,
        forwarded=forwarded,
    )
    listener = await asyncio.get_running_loop().create_server(
        server, "127.0.0.1", 0, ssl=listener_tls
    )
    port = listener.sockets[0].getsockname()[1]
    watch = asyncio.create_task(desk.watch(idle_timeout))
    keys, trust = provider.worker(), TrustedKeys(provider.trusted())
    try:
        yield RunningTap(port, desk, opened, server, keys, trust, notes)
    finally:
        listener.close()
        await _stop(desk, server, watch)


async def _stop(desk: Desk, server: TapServer, watch: asyncio.Task[None]) -> None:
    server.drain()
    await desk.drained(0.1)
    await server.shutdown(0.1)
    await desk.recorder.drain()
    watch.cancel()
    with suppress(asyncio.CancelledError):
        await watch
    desk.pool.shut()
    await desk.spool.shut()
