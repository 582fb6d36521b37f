"""Senders and receivers of the SDK that are given up: closed for good, within bounded time.

The law: nothing of ours waits for a connection that does not answer, and none is left open. The
SDK's `close` tells the broker first, and a receiver's drains its credit; so it runs beside the
work, and what has not ended then loses its socket.
"""

from __future__ import annotations

import asyncio
from typing import TypeAlias

from azure.servicebus.aio import ServiceBusReceiver, ServiceBusSender

from storage.queue.service_bus_sockets import sever, socket_of

__all__ = ["Handle", "Retired", "closed"]

Handle: TypeAlias = ServiceBusSender | ServiceBusReceiver

# Draining takes up to five seconds (`RECEIVE_LINK_DRAIN_TIMEOUT` in the SDK); who has not answered
# after that does not listen.
CLOSE_SECONDS = 8.0
_LAST_SECONDS = 2.0


class Retired:
    """Handles that are being closed."""

    def __init__(self) -> None:
        self._closing: set[asyncio.Task[None]] = set()

    def add(self, handle: Handle) -> None:
        """Have one closed in the background."""
        task = asyncio.create_task(closed(handle))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Wait for all of them; bounded by the bound of each."""
        while self._closing:
            await asyncio.wait(self._closing)


async def closed(handle: Handle) -> None:
    """Close one. Raises nothing: whatever goes wrong, its socket is gone."""
    connection = socket_of(handle)
    closing = asyncio.ensure_future(handle.close())
    await asyncio.wait({closing}, timeout=CLOSE_SECONDS)
    sever(connection)
    closing.cancel()
    await asyncio.wait({closing}, timeout=_LAST_SECONDS)
    if closing.done() and not closing.cancelled():
        closing.exception()  # Looked at, so that nobody reports it: there is nothing left to do.
