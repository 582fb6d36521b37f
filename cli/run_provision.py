"""`auditstream provision`: what the settings name in Azure, made where it is missing.

The law: nothing that is there is taken away, and a second run changes nothing. What another hand
made differently is named. The embedded engines need nothing: their files are made at the start.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import TypeAlias

from audit.errors import PermanentError, QueueUnavailable, TransientError
from audit.preflight import Finding, Standing, all_well, passed, skipped
from audit.settings import Settings
from cli.checks.flaws import Flaw, flawed
from cli.checks.refused import refused
from cli.logs import silence_libraries
from cli.render.preflight import finding_lines

__all__ = ["run_provision"]

Provisions: TypeAlias = Callable[[Settings], AsyncIterator[Finding]]

_PAUSE = 2.0


def run_provision(settings: Settings, *, wait: float) -> int:
    """Print what was made and what differs; 1 when a service could not be had, else 0.

    What cannot be reached is tried again for `wait` seconds: services that start beside this one
    may not listen yet.
    """
    silence_libraries()
    found = asyncio.run(_provision_within(settings, wait))
    sys.stdout.writelines(f"{line}\n" for line in finding_lines(found))
    return 0 if all_well(found) else 1


async def _provision_within(settings: Settings, seconds: float) -> list[Finding]:
    """Provision each service; what one of them cannot do keeps none of the others from it."""
    deadline = time.monotonic() + seconds
    found: list[Finding] = []
    for name, make in _services(settings):
        found += await _patiently(name, make, settings, deadline)
    told = "nothing of Azure's is configured; files are made at the start"
    return found or [skipped("engines", told)]


async def _patiently(
    name: str, make: Provisions, settings: Settings, deadline: float
) -> list[Finding]:
    while True:
        try:
            return [each async for each in make(settings)]
        except TransientError as error:
            if time.monotonic() + _PAUSE > deadline:
                return [refused(name, error)]
        except PermanentError as error:
            return [refused(name, error)]
        await asyncio.sleep(_PAUSE)


def _services(settings: Settings) -> Iterator[tuple[str, Provisions]]:
    """What is of Azure's: blobs, store, queue."""
    if settings.blobs.engine == "azure":
        yield "blobs", _blobs
    if settings.store.engine == "cosmos":
        yield "store", _store
    if settings.queue.engine == "servicebus":
        yield "queue", _queue


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
