"""The stage of a conformance case: a client and an upstream of raw sockets, and a way between.

The law: both ends are led by one script, step by step, so that what has arrived at one end before
the other goes on is known and not a matter of time. Each end keeps every byte that it was sent.
A step that never happens is `StalledError`, after a bound that only a fault ever reaches.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from tests.conformance.framing import body_end, interim
from tests.harness.cutting import cut

__all__ = ["Line", "Stage", "StalledError", "staged"]

HEAD_END = b"\r\n\r\n"


class StalledError(Exception):
    """A step of a case never happened."""


class Bell:
    """Rings whenever anything arrives at either end."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Have whoever waits look again."""
        self._rung.set()

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until `condition` holds. Raises `StalledError` when it never does."""
        try:
            async with asyncio.timeout(self._seconds):
                while not condition():
                    self._rung.clear()
                    await self._rung.wait()
        except TimeoutError:
            raise StalledError(what) from None

    async def until_true(self, condition: Callable[[], bool]) -> None:
        """Look again each turn of the loop, for what rings no bell."""
        async with asyncio.timeout(self._seconds):
            while not condition():  # noqa: ASYNC110 - another process has no event to wait for
                await asyncio.sleep(0)


class Line(asyncio.Protocol):
    """One end of a connection: says exactly what it is told and keeps exactly what it is sent."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self.received = bytearray()
        self.taken = 0
        self.ended = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Keep what came."""
        self.received += data
        self._bell.ring()

    def eof_received(self) -> bool:
        """Note the end; this end stays open until the script closes it."""
        self.ended = True
        self._bell.ring()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end, however it came."""
        del exc
        self.ended = True
        self._bell.ring()

    @property
    def waiting(self) -> bytes:
        """What has arrived and was not read yet."""
        return bytes(self.received[self.taken :])

    def send(self, data: bytes) -> None:
        """Send bytes now."""
        self.transport.write(data)

    def half_close(self) -> None:
        """Say that nothing more will be sent."""
        self.transport.write_eof()

    def close(self) -> None:
        """End the connection in an orderly way."""
        self.transport.close()

    def reset(self) -> None:
        """Cut the connection: the other side is told by a reset."""
        raw = self.transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    async def exactly(self, count: int) -> bytes:
        """Read that many bytes, or fewer where the connection ends before."""
        await self._bell.until(
            lambda: self.ended or len(self.waiting) >= count, f"{count} bytes of data"
        )
        return self._take(count)

    async def until(self, mark: bytes) -> bytes:
        """Read up to and including a mark, or to the end of the connection."""
        await self._bell.until(
            lambda: self.ended or mark in self.waiting, "the next part of a message"
        )
        return self._take(
            self.waiting.find(mark) + len(mark) if mark in self.waiting else len(self.waiting)
        )

    async def head(self) -> bytes:
        """Read one head."""
        return await self.until(HEAD_END)

    async def to_end(self) -> bytes:
        """Read until the other side closes."""
        await self._bell.until(lambda: self.ended, "the end of the connection")
        return self._take(len(self.waiting))

    async def body(self, head: bytes, *, answer: bool = False, bodiless: bool = False) -> bytes:
        """Read the body that belongs to a head, in its framing."""
        if bodiless:
            return b""
        end = body_end(head, answer=answer)
        await self._bell.until(
            lambda: self.ended or end(self.waiting) is not None, "the end of a body"
        )
        found = end(self.waiting)
        return self._take(len(self.waiting) if found is None else found)

    async def answer(self, *, head_only: bool = False) -> bytes:
        """Read one whole answer, with the informational ones before it."""
        told = head = await self.head()
        while interim(head):
            head = await self.head()
            told += head
        none = head_only or head.split(b" ", 2)[1:2] in ([b"204"], [b"304"], [b"101"])
        return told + await self.body(head, answer=True, bodiless=none or not head)

    def _take(self, count: int) -> bytes:
        data = self.waiting[:count]
        self.taken += len(data)
        return data


class Stage:
    """A client's and an upstream's ends; `port` is where clients connect to."""

    def __init__(self, bell: Bell) -> None:
        self.bell = bell
        self.port = 0
        self.upstream_port = 0
        self.clients: list[Line] = []
        self.upstreams: list[Line] = []
        self.requests: list[bytes] = []

    @property
    def direct(self) -> bool:
        """Whether nothing stands between the ends."""
        return self.port == self.upstream_port

    @property
    def asking(self) -> Line | None:
        """An upstream's end on which a request's head waits to be read."""
        return next((line for line in self.upstreams if HEAD_END in line.waiting), None)

    @property
    def authority(self) -> bytes:
        """What `Host` says where nobody changes it."""
        return b"127.0.0.1:%d" % self.upstream_port

    async def client(self) -> Line:
        """Connect once more."""
        _, line = await asyncio.get_running_loop().create_connection(
            lambda: Line(self.bell), "127.0.0.1", self.port
        )
        self.clients.append(line)
        return line

    async def asked(self) -> tuple[Line, bytes]:
        """Wait for the next request at the upstream; give its connection and its head."""
        await self.bell.until(lambda: self.asking is not None, "a request at the upstream")
        line = self.asking
        assert line is not None
        return line, await line.head()

    async def request(self) -> tuple[Line, bytes]:
        """Wait for the next whole request at the upstream."""
        line, head = await self.asked()
        whole = head + await line.body(head)
        self.requests.append(whole)
        return line, whole

    def untouched(self) -> bool:
        """Whether nothing at all has arrived at the upstream."""
        return not any(line.received for line in self.upstreams)

    def accept(self) -> Line:
        """Make the upstream's end of a connection."""
        line = Line(self.bell)
        self.upstreams.append(line)
        return line


@asynccontextmanager
async def staged(seconds: float = 20.0) -> AsyncIterator[Stage]:
    """Listen as the upstream; clients connect straight to it until `port` is changed."""
    stage = Stage(Bell(seconds))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(stage.accept, "127.0.0.1", 0)
    stage.port = stage.upstream_port = server.sockets[0].getsockname()[1]
    try:
        yield stage
    finally:
        server.close()
        for line in [*stage.clients, *stage.upstreams]:
            cut(line.transport)
