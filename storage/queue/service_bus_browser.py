"""Looking through a queue on Service Bus, or its dead letters, without touching anything.

The law: a look locks nothing and changes no count (the broker's peek). A page comes with the
bodies, so pages are small. What moves from one place to the other meanwhile may be met twice or,
when it is replayed, not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver

from storage.queue.service_bus_access import ServiceBusAccess, asked
from storage.queue.service_bus_handles import Retired, closed

__all__ = ["Browser"]

# Bodies have at most 1 MiB (`storage.queue.service_bus_outbox`), most of them a few KiB.
PAGE = 32


class Browser:
    """Peeks in one place; opened when it is first needed."""

    def __init__(self, access: ServiceBusAccess, connect: Callable[[], ServiceBusReceiver]) -> None:
        self._access = access
        self._connect = connect
        self._receiver: ServiceBusReceiver | None = None
        self._retired = Retired()
        self._turn = asyncio.Lock()

    async def all(self) -> AsyncIterator[ServiceBusReceivedMessage]:
        """Every message, oldest first. Raises `QueueUnavailable`."""
        after = 0
        while page := await self.page(after, PAGE):
            for message in page:
                after = max(after, message.sequence_number or 0)
                yield message

    async def page(self, after: int, limit: int) -> list[ServiceBusReceivedMessage]:
        """Up to `limit` messages behind the sequence number `after`; none at the end."""
        async with self._turn:
            if self._receiver is None:
                self._receiver = self._connect()
            try:
                async with asked(self._access):
                    return await self._receiver.peek_messages(limit, sequence_number=after + 1)
            except BaseException:
                self._retired.add(self._receiver)
                self._receiver = None
                raise

    async def close(self) -> None:
        """Close the link. Idempotent."""
        async with self._turn:
            receiver, self._receiver = self._receiver, None
            if receiver is not None:
                await closed(receiver)
        await self._retired.close()
