"""The sending end of a queue on Service Bus.

The law: one task at a time uses the sender, for two would corrupt its link, and when `send` has
returned, the broker has accepted each message. After a failure the sender is given up, since
nobody knows how far it came; what it may have sent is a duplicate when it is sent again, which the
broker drops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from azure.servicebus import ServiceBusMessage, ServiceBusMessageBatch
from azure.servicebus.aio import ServiceBusSender
from azure.servicebus.exceptions import MessageSizeExceededError

from storage.queue.port import Message
from storage.queue.service_bus_access import ServiceBusAccess, asked
from storage.queue.service_bus_handles import Retired, closed
from storage.queue.service_bus_labels import CONTENT_TYPES, Labels, broker_id

__all__ = ["LARGEST_BODY", "SMALLEST_LINK", "ServiceBusOutbox", "parcel_of"]

# What every tier takes at least (Standard: 256 KiB), and so what holds before the link was asked.
# https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas
SMALLEST_LINK = 256 * 1024

# Premium may take up to 100 MB. The SDK encodes a message in one go, on the loop on which the tap
# forwards, so that a body beyond this is better left to a blob.
LARGEST_BODY = 1024 * 1024

# Id, labels and AMQP's own bytes: together at most some 900.
_BESIDE_BODY = 2048

# The SDK (7.15) counts a batch without the id that it writes on its envelope: one that it takes for
# just full would be refused, each time anew. An id has at most 128 characters.
_BATCH_ENVELOPE = 512


class ServiceBusOutbox:
    """Implements `Outbox`."""

    def __init__(self, access: ServiceBusAccess, connect: Callable[[], ServiceBusSender]) -> None:
        self._access = access
        self._connect = connect
        self._sender: ServiceBusSender | None = None
        self._retired = Retired()
        self._turn = asyncio.Lock()
        self._link = SMALLEST_LINK

    @property
    def limit(self) -> int:
        """Bytes that a body may have: from the link, once there was one, and never too many."""
        return min(LARGEST_BODY, self._link - _BESIDE_BODY)

    async def send(self, messages: Sequence[Message]) -> None:
        """Send in batches as large as the link takes; all are accepted when it returns."""
        await self._send([parcel_of(each) for each in messages])

    async def send_again(self, body: bytes, labels: Labels, message_id: str) -> None:
        """Send a message under another id than its own."""
        await self._send([_parcel(body, labels, message_id)])

    async def close(self) -> None:
        """Close the link. Idempotent."""
        async with self._turn:
            sender, self._sender = self._sender, None
            if sender is not None:
                await closed(sender)
        await self._retired.close()

    async def _send(self, parcels: Sequence[ServiceBusMessage]) -> None:
        if not parcels:
            return
        async with self._turn:
            try:
                await self._send_all(parcels)
            except BaseException:
                self._give_up()
                raise

    async def _send_all(self, parcels: Sequence[ServiceBusMessage]) -> None:
        batch = await self._new_batch()
        for parcel in parcels:
            if _fits(batch, parcel):
                continue
            await self._hand_over(batch)
            batch = await self._new_batch()
            if not _fits(batch, parcel):
                await self._hand_over(parcel)
        await self._hand_over(batch)

    async def _new_batch(self) -> ServiceBusMessageBatch:
        """Open the link where it is not, and learn its limits."""
        if self._sender is None:
            self._sender = self._connect()
        async with asked(self._access):
            most = (await self._sender.create_message_batch()).max_size_in_bytes
            batch = await self._sender.create_message_batch(most - _BATCH_ENVELOPE)
        # The SDK tells the limit of a batch only; a message alone may be larger (Premium).
        largest = getattr(self._sender, "_max_message_size_on_link", 0)
        self._link = max(largest, most)
        return batch

    async def _hand_over(self, parcel: ServiceBusMessage | ServiceBusMessageBatch) -> None:
        """Send, and wait for the broker's word; an empty batch is nothing."""
        sender = self._sender
        if sender is None or (isinstance(parcel, ServiceBusMessageBatch) and not len(parcel)):
            return
        async with asked(self._access):
            await sender.send_messages(parcel)

    def _give_up(self) -> None:
        if self._sender is not None:
            self._retired.add(self._sender)
            self._sender = None


def parcel_of(message: Message) -> ServiceBusMessage:
    """A message as it is sent for the first time."""
    return _parcel(message.body, Labels.of(message), broker_id(message.id))


def _parcel(body: bytes, labels: Labels, message_id: str) -> ServiceBusMessage:
    return ServiceBusMessage(
        body,
        message_id=message_id,
        content_type=CONTENT_TYPES[labels.kind],
        application_properties={**labels.properties()},
    )


def _fits(batch: ServiceBusMessageBatch, parcel: ServiceBusMessage) -> bool:
    try:
        batch.add_message(parcel)
    except MessageSizeExceededError:
        return False
    return True
