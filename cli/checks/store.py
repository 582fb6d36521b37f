"""The store: whether it answers, and is what it must be."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Collection

from audit.errors import AuditStreamError
from audit.preflight import Finding, Standing, passed, skipped
from audit.settings import Settings
from cli.checks.clock import clock
from cli.checks.refused import refused
from cli.checks.wire import Unanswered, ask
from cli.engines import begun, store_place, store_view_of

__all__ = ["store_for_console", "store_for_writing"]

_FIRST_START = "is not there yet: the first worker makes it"


async def store_for_console(settings: Settings) -> AsyncIterator[Finding]:
    """Open it as the query side does; and see that a service can take what readers write."""
    failed = False
    async for each in _for_reading(settings):
        failed = failed or each.standing is Standing.FAILED
        yield each
    if settings.store.engine == "cosmos" and not failed:
        from storage.records.cosmos_provision import DESK  # noqa: PLC0415 - see `_containers`

        async for each in _containers(settings, "access log", DESK):
            yield each


async def _for_reading(settings: Settings) -> AsyncIterator[Finding]:
    place = store_place(settings)
    if not begun(place):
        yield skipped("store", f"{place} {_FIRST_START}")
        return
    try:
        async with store_view_of(settings):
            yield passed("store", f"{place} can be read")
    except AuditStreamError as error:
        yield refused("store", error)


async def store_for_writing(settings: Settings) -> AsyncIterator[Finding]:
    """As for reading; and whether a service's containers are what they must be."""
    async for each in _for_reading(settings):
        yield each
    if settings.store.engine == "cosmos":
        async for each in _account(settings):
            yield each


async def _account(settings: Settings) -> AsyncIterator[Finding]:
    from cli.engines_cosmos import cosmos_access  # noqa: PLC0415 - see `_containers`

    async for each in _containers(settings, "store", ()):
        yield each
    async with cosmos_access(settings) as access:
        try:
            tls = ssl.create_default_context(cafile=access.ca) if access.ca else None
            yield clock("store", await ask(access.endpoint, tls))
        except (Unanswered, OSError) as why:
            yield skipped("store: clock", str(why))


async def _containers(
    settings: Settings, name: str, only: Collection[str]
) -> AsyncIterator[Finding]:
    """Hold containers against their definitions: those of these names, or all and the account."""
    from cli.checks.flaws import flawed  # noqa: PLC0415 - only with what belongs to this engine
    from cli.engines_cosmos import cosmos_access  # noqa: PLC0415 - as above
    from storage.records.cosmos_provision import check  # noqa: PLC0415 - as above

    async with cosmos_access(settings) as access:
        try:
            flaws = await check(access, only=only)
        except AuditStreamError as error:
            yield refused(f"{name}: containers", error)
            return
    for flaw in flaws:
        yield flawed(name, flaw)
    if not flaws:
        yield passed(f"{name}: containers", "keys, times to live and indexes are right")
