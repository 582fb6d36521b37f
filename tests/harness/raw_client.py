"""A client made of a raw socket: sends exact bytes and keeps exact bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Self

from tests.harness.cutting import cut

__all__ = ["RawClient"]


class RawClient:
    """One connection to a port of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        cut(self.writer.transport)

    async def send(self, data: bytes) -> None:
        """Send bytes now."""
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> bytes:
        """Read one answer head."""
        return await self._within(self.reader.readuntil(b"\r\n\r\n"))

    async def exactly(self, count: int) -> bytes:
        """Read that many bytes."""
        return await self._within(self.reader.readexactly(count))

    async def some(self) -> bytes:
        """Read what has arrived, at least one byte; nothing once the other side has closed."""
        return await self._within(self.reader.read(65_536))

    async def to_end(self) -> bytes:
        """Read until the other side closes."""
        return await self._within(self.reader.read(-1))

    async def ask(self, request: bytes) -> bytes:
        """Send a request that asks for the connection to be closed; give all that comes back."""
        await self.send(request)
        return await self.to_end()

    @staticmethod
    async def _within(reading: Coroutine[object, object, bytes]) -> bytes:
        async with asyncio.timeout(30):
            return await reading
