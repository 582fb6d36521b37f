"""`auditstream provision`: what the settings name in Azure, made where it is missing.

The law: nothing that is there is taken away, and a second run changes nothing. What another hand
made differently is named. The embedded engines need nothing: their files are made at the start.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence

from audit.errors import QueueUnavailable, TransientError
from audit.preflight import Finding, Standing, all_well, failed, passed, skipped
from audit.settings import Settings
from cli.checks.flaws import Flaw, flawed
from cli.render.preflight import finding_lines

__all__ = ["provision", "run_provision"]

_PAUSE = 2.0


def run_provision(settings: Settings, *, wait: float) -> int:
    """Print what was made and what differs; 1 when a service could not be had, else 0.

    What cannot be reached is tried again for `wait` seconds: services that start beside this one
    may not listen yet.
    """
    found = asyncio.run(_provision_within(settings, wait))
    sys.stdout.writelines(f"{line}\n" for line in finding_lines(found))
    return 0 if all_well(found) else 1


async def _provision_within(settings: Settings, seconds: float) -> list[Finding]:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return [each async for each in provision(settings)]
        except TransientError as error:
            if time.monotonic() + _PAUSE > deadline:
                return [failed("provision", str(error))]
        await asyncio.sleep(_PAUSE)


async def provision(settings: Settings) -> AsyncIterator[Finding]:
    """Blobs, store, queue. Raises `TransientError` for one that cannot be reached now."""
    if settings.blobs.engine == "azure":
        async for each in _blobs(settings):
            yield each
    if settings.store.engine == "cosmos":
        async for each in _store(settings):
            yield each
    if settings.queue.engine == "servicebus":
        async for each in _queue(settings):
            yield each
    if settings.blobs.engine == "folder" and settings.store.engine == settings.queue.engine:
        yield skipped("engines", "nothing of Azure's is configured; files are made at the start")


async def _blobs(settings: Settings) -> AsyncIterator[Finding]:
    from cli.engines_blobs import azure_access  # noqa: PLC0415 - see `cli.engines`
    from storage.blobs.azure_provision import check, provision  # noqa: PLC0415 - as above

    async with azure_access(settings) as access:
        for each in _told("blobs", await provision(access), await check(access)):
            yield each


async def _store(settings: Settings) -> AsyncIterator[Finding]:
    from cli.engines_cosmos import cosmos_access  # noqa: PLC0415 - see `cli.engines`
    from storage.records.cosmos_provision import check, provision  # noqa: PLC0415 - as above

    async with cosmos_access(settings) as access:
        for each in _told("store", await provision(access), await check(access)):
            yield each


async def _queue(settings: Settings) -> AsyncIterator[Finding]:
    """Where the management side cannot be asked (an emulator has none), the queue must be there."""
    from cli.engines_service_bus import queue_needs, service_bus_access  # noqa: PLC0415 - as above
    from storage.queue.service_bus_provision import check, provision  # noqa: PLC0415 - as above
    from storage.queue.service_bus_rights import may_receive  # noqa: PLC0415 - as above

    needs = queue_needs(settings)
    async with service_bus_access(settings) as access:
        try:
            done, flaws = await provision(access, needs), await check(access, needs)
        except QueueUnavailable as error:
            await may_receive(access)
            yield skipped("queue", f"is there; what it is could not be asked: {error}")
            return
    for each in _told("queue", done, flaws):
        yield each


def _told(service: str, done: Sequence[str], flaws: Sequence[Flaw]) -> list[Finding]:
    made = [passed(service, each) for each in done]
    differs = [flawed(service, each, Standing.DIFFERS) for each in flaws]
    return [*made, *differs] or [passed(service, "is as it must be; nothing was changed")]
