"""One receiving link: it brings messages and settles them.

The law: one task at a time uses a link. The SDK reads and writes a connection under one lock, so
that a settlement behind a waiting receive, or beside another settlement, waits for a read that
nobody answers, some 0.2 s. A link that receives nothing until all that it brought is settled
(`storage.queue.service_bus_pool`) has its connection for its settlements, a round trip each.
Several links work side by side.

A message is settled by its lock token: over its own link where that still stands, else the SDK
asks the queue's management node. So a link may break while its messages are worked on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import MessageAlreadySettled, MessageLockLostError

from storage.queue.service_bus_access import ServiceBusAccess, asked
from storage.queue.service_bus_handles import Retired, closed
from storage.queue.service_bus_release import release
from storage.queue.service_bus_sockets import take_credit_back

__all__ = ["Link"]

T = TypeVar("T")

# What the SDK or the broker say of a message that someone else may have by now.
_LOST = (MessageLockLostError, MessageAlreadySettled)


class Link:
    """A receiver that is opened when it is needed and replaced when it fails."""

    def __init__(
        self, access: ServiceBusAccess, connect: Callable[[], ServiceBusReceiver], retired: Retired
    ) -> None:
        self._access = access
        self._connect = connect
        self._retired = retired
        self._receiver: ServiceBusReceiver | None = None
        self._turn = asyncio.Lock()

    async def receive(self, limit: int, wait: float) -> list[ServiceBusReceivedMessage]:
        """Lock up to `limit` messages; wait up to `wait` seconds for the first, once it is open.

        Raises `QueueUnavailable`, as all do here.
        """

        async def receive(receiver: ServiceBusReceiver) -> list[ServiceBusReceivedMessage]:
            received = await receiver.receive_messages(limit, max_wait_time=wait)
            if len(received) < limit:
                await take_credit_back(receiver)
            return received

        return await self._use(receive, wait)

    async def complete(self, message: ServiceBusReceivedMessage) -> bool:
        """Remove it from the queue. False when its lock was lost."""
        return await self._settle(lambda receiver: receiver.complete_message(message))

    async def abandon(self, message: ServiceBusReceivedMessage) -> bool:
        """Give it back, as an attempt that failed. False when its lock was lost."""
        return await self._settle(lambda receiver: receiver.abandon_message(message))

    async def release(self, message: ServiceBusReceivedMessage) -> bool:
        """Give it back as one that was not acted upon. False when its lock was lost."""
        seconds = self._access.timeout / 2  # What is left is for abandoning it instead.
        return await self._settle(lambda receiver: release(receiver, message, seconds))

    async def dead_letter(
        self, message: ServiceBusReceivedMessage, reason: str, description: str
    ) -> bool:
        """Move it to the dead letters. False when its lock was lost."""
        return await self._settle(
            lambda receiver: receiver.dead_letter_message(
                message, reason=reason, error_description=description
            )
        )

    async def renew(self, message: ServiceBusReceivedMessage) -> float | None:
        """Give its lock the full duration again; its new end, or None when it was lost."""
        try:
            until = await self._use(lambda receiver: receiver.renew_message_lock(message))
        except _LOST:
            return None
        return until.timestamp()

    async def close(self) -> None:
        """Close the receiver; what it has in flight goes back. Idempotent."""
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            await closed(receiver)

    async def _settle(self, settle: Callable[[ServiceBusReceiver], Awaitable[None]]) -> bool:
        try:
            await self._use(settle)
        except _LOST:
            return False
        return True

    async def _use(
        self, call: Callable[[ServiceBusReceiver], Awaitable[T]], wait: float = 0.0
    ) -> T:
        """Call the SDK in turn, with an end; after a failure the receiver is given up."""
        async with self._turn:
            try:
                async with asked(self._access, self._access.timeout + wait, passing=_LOST):
                    return await call(await self._opened())
            except _LOST:
                raise
            except BaseException:
                self._give_up()
                raise

    async def _opened(self) -> ServiceBusReceiver:
        """A receiver whose link stood: the SDK settles nothing over one that was never opened."""
        if self._receiver is None:
            self._receiver = self._connect()
            await self._receiver.__aenter__()
        return self._receiver

    def _give_up(self) -> None:
        if self._receiver is not None:
            self._retired.add(self._receiver)
            self._receiver = None
