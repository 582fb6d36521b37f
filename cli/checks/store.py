"""The store: whether it answers, and is what it must be."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator

from audit.errors import AuditStreamError
from audit.preflight import Finding, passed, skipped
from audit.settings import Settings
from cli.checks.clock import clock
from cli.checks.refused import refused
from cli.checks.wire import Unanswered, ask
from cli.engines import begun, store_place, store_view_of

__all__ = ["store_for_reading", "store_for_writing"]

_FIRST_START = "is not there yet: the first worker makes it"


async def store_for_reading(settings: Settings) -> AsyncIterator[Finding]:
    """Open it as the query side does."""
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
    async for each in store_for_reading(settings):
        yield each
    if settings.store.engine == "cosmos":
        async for each in _account(settings):
            yield each


async def _account(settings: Settings) -> AsyncIterator[Finding]:
    from cli.checks.flaws import flawed  # noqa: PLC0415 - only with what belongs to this engine
    from cli.engines_cosmos import cosmos_access  # noqa: PLC0415 - as above
    from storage.records.cosmos_provision import check  # noqa: PLC0415 - as above

    async with cosmos_access(settings) as access:
        try:
            flaws = await check(access)
        except AuditStreamError as error:
            yield refused("store: containers", error)
        else:
            for flaw in flaws:
                yield flawed("store", flaw)
            if not flaws:
                yield passed("store: containers", "keys, times to live and indexes are right")
    try:
        tls = ssl.create_default_context(cafile=access.ca) if access.ca else None
        yield clock("store", await ask(access.endpoint, tls))
    except (Unanswered, OSError) as why:
        yield skipped("store: clock", str(why))
