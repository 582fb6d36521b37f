"""What the tests of the broker share: a client of the real SDK, and words for what it returns."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from azure.servicebus import ServiceBusReceivedMessage, ServiceBusReceiveMode, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender

__all__ = ["Bench", "bench", "body"]


class Bench:
    """Opens senders and receivers, and closes all of them together.

    One after the other they would take up to a second each: closing waits for the keep-alive
    task, which sleeps for that long.
    """

    def __init__(self, client: ServiceBusClient) -> None:
        self._client = client
        self._opened: list[ServiceBusSender | ServiceBusReceiver] = []

    async def sender(self, queue: str = "auditstream") -> ServiceBusSender:
        """An open sender."""
        sender = self._client.get_queue_sender(queue)
        self._opened.append(sender)
        return await sender.__aenter__()

    async def receiver(
        self,
        queue: str = "auditstream",
        *,
        dead: bool = False,
        prefetch: int = 0,
        mode: ServiceBusReceiveMode = ServiceBusReceiveMode.PEEK_LOCK,
    ) -> ServiceBusReceiver:
        """An open receiver, of the dead letters when `dead`."""
        receiver = self._client.get_queue_receiver(
            queue,
            sub_queue=ServiceBusSubQueue.DEAD_LETTER if dead else None,
            prefetch_count=prefetch,
            receive_mode=mode,
        )
        self._opened.append(receiver)
        return await receiver.__aenter__()

    async def pair(
        self, queue: str = "auditstream", prefetch: int = 0
    ) -> tuple[ServiceBusSender, ServiceBusReceiver]:
        """Both, opened together: each takes half a second of the SDK's own pauses."""
        return await asyncio.gather(self.sender(queue), self.receiver(queue, prefetch=prefetch))

    async def close(self) -> None:
        """Close what was opened."""
        await asyncio.gather(*(opened.close() for opened in self._opened))


@asynccontextmanager
async def bench(connection_string: str, retries: int = 0) -> AsyncIterator[Bench]:
    """The SDK's client, which tries `retries` more times and turns quickly."""
    client = ServiceBusClient.from_connection_string(
        connection_string, retry_total=retries, retry_backoff_factor=0.05, socket_timeout=0.05
    )
    made = Bench(client)
    try:
        yield made
    finally:
        await made.close()
        await client.close()
        # Not for a later test to be blamed: a connection that broke is never closed by the SDK
        # (`Connection.close` in `_pyamqp/aio/_connection_async.py`), only collected.
        gc.collect()


def body(message: ServiceBusReceivedMessage) -> bytes:
    """The bytes that were sent."""
    return b"".join(message.body)
