"""The queue: whether a part may do there what it has to, and whether it is what it must be."""

from __future__ import annotations

from collections.abc import AsyncIterator

from audit.errors import AuditStreamError
from audit.preflight import Finding, passed, skipped
from audit.settings import Settings
from cli.checks.clock import clock
from cli.checks.flaws import flawed
from cli.checks.refused import refused
from cli.checks.wire import Unanswered, ask
from cli.engines import begun, queue_place, queue_view_of

__all__ = ["queue_for_receiving", "queue_for_sending"]

_FIRST_START = "is not there yet: the first tap or worker makes it"


async def queue_for_sending(settings: Settings) -> AsyncIterator[Finding]:
    """What a tap needs."""
    if settings.queue.engine == "sqlite":
        yield await _file(settings)
        return
    from cli.engines_service_bus import service_bus_access  # noqa: PLC0415 - see `cli.engines`
    from storage.queue.service_bus_rights import may_send  # noqa: PLC0415 - as above

    async with service_bus_access(settings) as access:
        try:
            most = await may_send(access)
        except AuditStreamError as error:
            yield refused("queue: sending", error)
        else:
            told = f"permitted, batches of {most >> 10} KiB; larger bodies go into blobs"
            yield passed("queue: sending", told)


async def queue_for_receiving(settings: Settings) -> AsyncIterator[Finding]:
    """What a worker needs."""
    if settings.queue.engine == "sqlite":
        yield await _file(settings)
        return
    from cli.engines_service_bus import service_bus_access  # noqa: PLC0415 - see `cli.engines`
    from storage.queue.service_bus_rights import may_receive  # noqa: PLC0415 - as above

    async with service_bus_access(settings) as access:
        try:
            await may_receive(access)
        except AuditStreamError as error:
            yield refused("queue: receiving", error)
            return
    yield passed("queue: receiving", "permitted")
    async for each in _properties(settings):
        yield each
    yield await _clock(settings)


async def _properties(settings: Settings) -> AsyncIterator[Finding]:
    """What only whoever may manage the queue is told."""
    from cli.engines_service_bus import queue_needs, service_bus_access  # noqa: PLC0415 - as above
    from storage.queue.service_bus_provision import check  # noqa: PLC0415 - as above

    async with service_bus_access(settings) as access:
        try:
            flaws = await check(access, queue_needs(settings))
        except AuditStreamError as error:
            yield skipped("queue: properties", f"cannot be asked from here: {error}")
            return
    for flaw in flaws:
        yield flawed("queue", flaw)
    if not flaws:
        yield passed("queue: properties", "locks, lives, counts and duplicates are right")


async def _file(settings: Settings) -> Finding:
    place = queue_place(settings)
    if not begun(place):
        return skipped("queue", f"{place} {_FIRST_START}")
    try:
        async with queue_view_of(settings) as queue:
            census = await queue.census()
    except AuditStreamError as error:
        return refused("queue", error)
    return passed("queue", f"{place}: {census.waiting} wait, {census.dead} set aside")


async def _clock(settings: Settings) -> Finding:
    """The broker's clock, by which locks end; its HTTPS side tells it without a credential."""
    if settings.queue.namespace is None:
        return skipped("queue: clock", "queue.namespace is not set")
    try:
        return clock("queue", await ask(f"https://{settings.queue.namespace}"))
    except Unanswered as why:
        return skipped("queue: clock", str(why))
