"""An upstream made of a raw socket: it keeps what it was sent and sends what it is told.

A test scripts each connection byte by byte, so that what the tap does to heads, framing and
timing can be seen exactly.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from tests.harness.cutting import cut

__all__ = ["Conversation", "RawUpstream", "simple"]


class Conversation:
    """One accepted connection, as the script sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.received = b""
        self.closed = asyncio.Event()

    async def head(self) -> bytes:
        """Read one request head."""
        data = await self.reader.readuntil(b"\r\n\r\n")
        self.received += data
        return data

    async def exactly(self, count: int) -> bytes:
        """Read that many bytes."""
        data = await self.reader.readexactly(count)
        self.received += data
        return data

    async def until(self, mark: bytes) -> bytes:
        """Read up to and including a mark."""
        data = await self.reader.readuntil(mark)
        self.received += data
        return data

    async def until_closed(self) -> bytes:
        """Read until the other side closes, however it does."""
        try:
            data = await self.reader.read(-1)
        except ConnectionError:
            data = b""
        self.received += data
        self.closed.set()
        return data

    async def send(self, data: bytes) -> None:
        """Send bytes now."""
        self.writer.write(data)
        await self.writer.drain()


Script = Callable[[Conversation], Awaitable[None]]


class RawUpstream:
    """Listens on a loopback port and plays a script on each connection."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._server: asyncio.Server | None = None
        self.conversations: list[Conversation] = []
        self.errors: list[BaseException] = []
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for each in self.conversations:
            cut(each.writer.transport)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = Conversation(reader, writer)
        self.conversations.append(conversation)
        try:
            await self._script(conversation)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - shown by the test that scripted it
            self.errors.append(error)
        finally:
            writer.close()


def simple(answer: bytes, *, body_bytes: int = 0) -> Script:
    """Answer every request of a connection with the same bytes."""

    async def script(conversation: Conversation) -> None:
        while True:
            await conversation.head()
            await conversation.exactly(body_bytes)
            await conversation.send(answer)

    return script
