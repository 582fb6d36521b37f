"""The queue on Azure Service Bus: its four ports, opened together.

The law: opening connects to nothing, so that a tap or a worker starts while the broker is away;
the first call that needs a link opens it. Whoever may only send opens nothing but the outbox's
link. Lease, number of deliveries and duplicate detection are the queue's own properties
(`storage.queue.service_bus_provision`).
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

from azure.servicebus import ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.aio.management import ServiceBusAdministrationClient

from storage.queue.service_bus_access import (
    ServiceBusAccess,
    administration_of,
    asked,
    client_of,
)
from storage.queue.service_bus_admin import ServiceBusAdmin
from storage.queue.service_bus_browser import Browser
from storage.queue.service_bus_handles import Retired
from storage.queue.service_bus_inbox import ServiceBusInbox, Sleep
from storage.queue.service_bus_link import Link
from storage.queue.service_bus_outbox import ServiceBusOutbox
from storage.queue.service_bus_pool import Links
from storage.queue.service_bus_reader import ServiceBusReader

__all__ = ["ServiceBus", "ServiceBusAccess", "open_service_bus"]

# How long a read of the SDK waits for a frame. Its keep-alive reads too, every few seconds, and
# what is written meanwhile waits for that read to end.
_SOCKET_SECONDS = 0.05

# The management side is asked beside the broker, and there is another way: it must not take long.
_COUNT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ServiceBus:
    """The ports of one queue."""

    outbox: ServiceBusOutbox
    inbox: ServiceBusInbox
    reader: ServiceBusReader
    admin: ServiceBusAdmin
    _client: ServiceBusClient
    _counts: _RuntimeCounts
    _retired: Retired

    async def close(self) -> None:
        """Give back what is held and close every connection, side by side. Idempotent."""
        await asyncio.gather(
            self.outbox.close(), self.inbox.close(), self.reader.close(), self.admin.close()
        )
        await self._retired.close()
        await self._counts.close()
        await self._client.close()


async def open_service_bus(
    access: ServiceBusAccess,
    *,
    clock: Callable[[], float] = time.time,
    sleep: Sleep = asyncio.sleep,
    administer: Callable[[ServiceBusAccess], ServiceBusAdministrationClient] = administration_of,
) -> ServiceBus:
    """Open the ports of the queue; none of them connects before it is used.

    The caller owns the credential. Raises `SettingInvalid` for an access that names nothing.
    """
    client = client_of(access, await asyncio.to_thread(ssl.create_default_context))
    retired = Retired()
    counts = _RuntimeCounts(access, administer)

    def receiver(sub_queue: ServiceBusSubQueue | None = None) -> ServiceBusReceiver:
        return client.get_queue_receiver(
            access.queue, sub_queue=sub_queue, socket_timeout=_SOCKET_SECONDS
        )

    def dead_receiver() -> ServiceBusReceiver:
        return receiver(ServiceBusSubQueue.DEAD_LETTER)

    def link() -> Link:
        return Link(access, receiver, retired)

    def dead_link() -> Link:
        return Link(access, dead_receiver, retired)

    outbox = ServiceBusOutbox(
        access,
        lambda: client.get_queue_sender(access.queue, socket_timeout=_SOCKET_SECONDS),
    )
    queue, dead = Browser(access, receiver), Browser(access, dead_receiver)
    links = Links(link, lease=access.lease, clock=clock)
    return ServiceBus(
        outbox=outbox,
        inbox=ServiceBusInbox(links, clock=clock, sleep=sleep),
        reader=ServiceBusReader(queue, dead, counts, clock),
        admin=ServiceBusAdmin(queue=queue, dead=dead, outbox=outbox, new_link=dead_link),
        _client=client,
        _counts=counts,
        _retired=retired,
    )


class _RuntimeCounts:
    """Implements `Counts` by the namespace's management side; opened when it is first asked."""

    def __init__(
        self,
        access: ServiceBusAccess,
        administer: Callable[[ServiceBusAccess], ServiceBusAdministrationClient],
    ) -> None:
        self._access = access
        self._administer = administer
        self._client: ServiceBusAdministrationClient | None = None

    async def counts(self) -> tuple[int, int]:
        """How many are active and how many dead. Raises `QueueUnavailable`."""
        if self._client is None:
            self._client = self._administer(self._access)
        async with asked(self._access, min(_COUNT_SECONDS, self._access.timeout)):
            found = await self._client.get_queue_runtime_properties(self._access.queue)
        scheduled = found.scheduled_message_count or 0
        return (found.active_message_count or 0) + scheduled, found.dead_letter_message_count or 0

    async def close(self) -> None:
        if self._client is not None:
            await self._client.__aexit__()
            self._client = None
