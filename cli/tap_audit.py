"""What a tap records with: its spool and the queue's sending end, also where they are not well.

The law: callers come first. A disk or a queue that cannot be used now keeps no tap from starting:
it forwards as its consumers' policies have it, and tries again. What is set wrong does.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from audit.errors import QueueUnavailable, SpoolUnavailable
from audit.ids import boot_name
from audit.settings import Settings
from audit.telemetry import Log
from cli.engines import outbox_of
from cli.places import Places
from storage.queue.port import Message, Outbox
from storage.seal import Sealer
from storage.spool.late import LateSpool
from storage.spool.options import SpoolOptions
from storage.spool.spool import FileSpool
from storage.spool.start import open_spool
from tap.shipper import Shipper

__all__ = ["LateShipper", "late_outbox", "spool_of"]


async def spool_of(settings: Settings, sealer: Sealer, log: Log) -> FileSpool | LateSpool:
    """Open the spool, or give one that opens as soon as the disk lets it.

    Raises `SettingInvalid`.
    """
    make = partial(_opened, settings, sealer, log)
    try:
        return await make()
    except SpoolUnavailable as error:
        why = str(error)
    log.error("spool.not_opened", code=SpoolUnavailable.code, reason=why)
    return LateSpool(settings.tap.name, make, log)


async def _opened(settings: Settings, sealer: Sealer, log: Log) -> FileSpool:
    options = SpoolOptions(
        max_bytes=settings.spool.max_bytes,
        max_exchanges=settings.spool.max_exchanges,
        segment_bytes=settings.spool.segment_bytes,
        sync_interval=settings.spool.sync_interval,
        open_timeout=settings.spool.open_timeout,
    )
    folder = Places(settings.data).spool(settings.tap.name)
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


class LateShipper:
    """Ships what a spool holds once it is there; `make` puts the shipper together for it."""

    def __init__(self, spool: LateSpool, make: Callable[[FileSpool], Shipper]) -> None:
        self._spool = spool
        self._make = make
        self._shipper: Shipper | None = None

    async def run(self) -> None:
        """Ship until cancelled."""
        self._shipper = self._make(await self._spool.opened())
        await self._shipper.run()

    async def drain(self) -> None:
        """Ship what is there."""
        if self._shipper is not None:
            await self._shipper.drain()


@asynccontextmanager
async def late_outbox(settings: Settings) -> AsyncIterator[Outbox]:
    """Open the sending end; one that cannot be opened now is tried again by whoever sends.

    Raises `SettingInvalid`.
    """
    async with AsyncExitStack() as stack:
        try:
            outbox = await stack.enter_async_context(outbox_of(settings))
        except QueueUnavailable:
            outbox = _LateOutbox(settings, stack)
        yield outbox


class _LateOutbox:
    def __init__(self, settings: Settings, stack: AsyncExitStack) -> None:
        self._settings = settings
        self._stack = stack
        self._turn = asyncio.Lock()
        self._outbox: Outbox | None = None

    async def send(self, messages: Sequence[Message]) -> None:
        async with self._turn:
            if self._outbox is None:
                opening = outbox_of(self._settings)
                self._outbox = await self._stack.enter_async_context(opening)
        await self._outbox.send(messages)
