"""The queue on Service Bus, with large bodies in blobs.

What a body may have at most the broker's link says; what is larger goes into a blob, and a claim
to it into the message.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from audit.settings import Settings
from cli.credentials import identity_unless
from cli.engines import QueueOffice, Receiving
from cli.engines_blobs import blobs_of
from storage.queue.claim_check import ClaimCheckInbox, ClaimCheckOutbox
from storage.queue.port import Outbox, QueueReader
from storage.queue.service_bus import ServiceBus, ServiceBusAccess, open_service_bus
from storage.queue.service_bus_provision import Needs

__all__ = [
    "outbox_of",
    "queue_needs",
    "queue_office_of",
    "queue_place",
    "queue_view_of",
    "receiving_of",
    "reclaim",
    "service_bus_access",
]


def queue_place(settings: Settings) -> str:
    """The queue's name, and the namespace's where it is set."""
    where = f" in {settings.queue.namespace}" if settings.queue.namespace else ""
    return f"the Service Bus queue {settings.queue.name}{where}"


@asynccontextmanager
async def outbox_of(settings: Settings) -> AsyncIterator[Outbox]:
    """Open the sending end; it connects when something is sent."""
    async with blobs_of(settings) as blobs, _opened(settings) as bus:
        yield ClaimCheckOutbox(bus.outbox, blobs, lambda: bus.outbox.limit)


@asynccontextmanager
async def receiving_of(settings: Settings) -> AsyncIterator[Receiving]:
    """Open the receiving end."""
    async with blobs_of(settings) as blobs, _opened(settings) as bus:
        inbox = ClaimCheckInbox(bus.inbox, blobs)
        yield Receiving(inbox, bus.reader, bodies=inbox, claims=blobs)


@asynccontextmanager
async def queue_view_of(settings: Settings) -> AsyncIterator[QueueReader]:
    """Open what operators see."""
    async with _opened(settings) as bus:
        yield bus.reader


@asynccontextmanager
async def queue_office_of(settings: Settings) -> AsyncIterator[QueueOffice]:
    """Open what operators may change."""
    async with blobs_of(settings) as blobs, _opened(settings) as bus:
        yield QueueOffice(bus.admin, bus.reader, claims=blobs)


async def reclaim(settings: Settings) -> None:
    """Do nothing: only the broker knows who holds what, and its locks lapse."""
    del settings


def queue_needs(settings: Settings) -> Needs:
    """What the settings ask of the queue."""
    return Needs(lease=settings.worker.lease, max_attempts=settings.worker.max_attempts)


@asynccontextmanager
async def service_bus_access(settings: Settings) -> AsyncIterator[ServiceBusAccess]:
    """How to reach the queue, with the identity where one is needed."""
    given = settings.queue.connection_string
    async with identity_unless(given is not None) as credential:
        yield ServiceBusAccess(
            queue=settings.queue.name,
            connection_string=None if given is None else given.get_secret_value(),
            namespace=settings.queue.namespace,
            credential=credential,
            timeout=settings.queue.timeout,
            lease=settings.worker.lease,
        )


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[ServiceBus]:
    async with service_bus_access(settings) as access:
        bus = await open_service_bus(access)
        try:
            yield bus
        finally:
            await bus.close()
