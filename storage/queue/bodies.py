"""Where a receiver gets a message's body from: the message itself, or wherever it was left.

The law: a body is fetched when it is needed and not when its message is received, and there is
room for it before it is fetched. So a worker that holds many deliveries holds few large bodies, and
one that need not look into a body (because the ledger knows what became of it) never fetches it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from audit.errors import BlobsUnavailable
from storage.queue.claim import claim_in
from storage.queue.port import Message

__all__ = ["Bodies", "BodiesInMessages", "Room"]


class Bodies(Protocol):
    """Gives bodies."""

    def room(self, message: Message) -> AbstractAsyncContextManager[None]:
        """Wait until there is room for the body and all that is made of it; keep it meanwhile.

        Raises as `fetch` does for a message that cannot be understood.
        """

    async def fetch(self, message: Message) -> Message:
        """Give the message with its body. To be asked for inside `room`.

        Raises `BlobsUnavailable`; `BlobMissing` where there is no body any more; `EnvelopeDamaged`
        where it is another than the one that was sent; `FormatUnknown` for a version that is not
        read here.
        """


class BodiesInMessages:
    """Bodies of a queue that carries them itself: implements `Bodies`."""

    @asynccontextmanager
    async def room(self, message: Message) -> AsyncIterator[None]:
        """Keep nothing: the body is in memory already."""
        del message
        yield

    async def fetch(self, message: Message) -> Message:
        """Give the message as it is.

        One that says that its body is elsewhere waits, for whoever is told where: it is the
        settings that are wrong, not the message.
        """
        if claim_in(message.body) is not None:
            raise BlobsUnavailable(
                "the body of a message lies in a blob, and this worker knows of no blobs: give it"
                " the settings of queue and blobs that its taps have"
            )
        return message


class Room:
    """Room for `most` bytes at a time; who needs more than that comes in alone.

    First come, first served: a small one behind a large one waits, or a large one would wait for
    ever. For one event loop.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def of(self, size: int) -> AsyncIterator[None]:
        """Wait for so many bytes and keep them meanwhile."""
        await self._enter(size)
        try:
            yield
        finally:
            self._leave(size)

    async def _enter(self, size: int) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((size, turn))
        self._let_in()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._let_in()  # Those behind it may fit.
            else:
                self._leave(size)
            raise

    def _leave(self, size: int) -> None:
        self._taken -= size
        self._let_in()

    def _let_in(self) -> None:
        while self._queue:
            size, turn = self._queue[0]
            if not turn.cancelled():
                if self._taken and self._taken + size > self._most:
                    return
                self._taken += size
                turn.set_result(None)
            self._queue.popleft()
