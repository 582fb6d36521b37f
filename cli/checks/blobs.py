"""Where large bodies lie: whether a part may do there what it has to.

A tap need only put; its probe, a few bytes under one name, stays where it may not remove. A worker
reads and removes too. Whoever reads records reads bodies.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TypeAlias

from audit.errors import AuditStreamError, BlobMissing, BlobsUnavailable
from audit.preflight import Finding, passed, skipped
from audit.settings import Settings
from cli.checks.clock import clock
from cli.checks.flaws import flawed
from cli.checks.refused import refused
from cli.checks.wire import Unanswered, ask
from cli.engines_blobs import azure_access, blobs_of
from storage.blobs.azure_provision import account_url, check
from storage.blobs.port import Blobs

__all__ = ["blobs_for_console", "blobs_for_tap", "blobs_for_worker"]

_PROBE = "preflight/probe"
_BODY = b"probe"

_Probe: TypeAlias = Callable[[Blobs], Awaitable[str]]


async def blobs_for_tap(settings: Settings) -> AsyncIterator[Finding]:
    """Put."""
    if settings.queue.engine == "sqlite":
        yield skipped("blobs", "not needed: the embedded queue takes bodies of any size")
        return
    async for each in _looked(settings, _put):
        yield each


async def blobs_for_worker(settings: Settings) -> AsyncIterator[Finding]:
    """Put, get and remove; and what the container is."""
    if settings.queue.engine == "sqlite" and settings.store.engine == "sqlite":
        yield skipped("blobs", "not needed: queue and store take bodies of any size")
        return
    async for each in _looked(settings, _put_and_remove):
        yield each


async def blobs_for_console(settings: Settings) -> AsyncIterator[Finding]:
    """Get."""
    if settings.store.engine == "sqlite":
        yield skipped("blobs", "not needed: the embedded store takes records of any size")
        return
    async for each in _looked(settings, _get):
        yield each


async def _looked(settings: Settings, probe: _Probe) -> AsyncIterator[Finding]:
    try:
        async with blobs_of(settings) as blobs:
            yield passed("blobs", await probe(blobs))
    except AuditStreamError as error:
        yield refused("blobs", error)
        return
    if settings.blobs.engine == "folder":
        told = "in a folder: only parts on this machine reach it"
        yield skipped("blobs: reach", f"{told}; set blobs.engine to azure for more than one")
        return
    async for each in _account(settings):
        yield each


async def _account(settings: Settings) -> AsyncIterator[Finding]:
    async with azure_access(settings) as access:
        try:
            flaws = await check(access)
        except AuditStreamError as error:
            yield skipped("blobs: container", f"not to be looked at by this identity: {error}")
        else:
            for flaw in flaws:
                yield flawed("blobs", flaw)
        url = account_url(access)
    try:
        yield clock("blobs", await ask(url))
    except Unanswered as why:
        yield skipped("blobs: clock", str(why))


async def _put(blobs: Blobs) -> str:
    await blobs.put(_PROBE, _BODY)
    with suppress(BlobsUnavailable):  # A tap needs no right to remove.
        await blobs.remove(_PROBE)
    return "may be put"


async def _put_and_remove(blobs: Blobs) -> str:
    name = f"{_PROBE}-{os.urandom(8).hex()}"
    await blobs.put(name, _BODY)
    body = await blobs.get(name)
    await blobs.remove(name)
    if body != _BODY:
        raise BlobsUnavailable("they hold other bytes than were put")
    return "may be put, read and removed"


async def _get(blobs: Blobs) -> str:
    try:
        await blobs.get(_PROBE)
    except BlobMissing:
        return "may be read"
    return "may be read"
