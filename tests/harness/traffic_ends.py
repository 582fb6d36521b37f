"""The two ends of random traffic: they do what their plan says and note what they see."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

from tests.harness.raw_upstream import Conversation
from tests.harness.traffic_plan import Noted, Plan

__all__ = ["Caller", "Gateway", "reset"]

GONE = (ConnectionError, asyncio.IncompleteReadError)


def pieces(data: bytes, count: int) -> Iterator[bytes]:
    """Cut data into that many writes."""
    step = max(1, -(-len(data) // count))
    return (data[at : at + step] for at in range(0, len(data), step))


def framed(data: bytes, framing: str) -> bytes:
    """Put a piece into its framing."""
    return b"%x\r\n%b\r\n" % (len(data), data) if framing == "chunked" and data else data


def framing_field(framing: str, size: int) -> bytes:
    """The field that announces a body."""
    if framing == "length":
        return b"Content-Length: %d\r\n" % size
    return b"Transfer-Encoding: chunked\r\n" if framing == "chunked" else b""


def reset(writer: asyncio.StreamWriter) -> None:
    """Cut a connection so that the other side is told by a reset."""
    raw = writer.get_extra_info("socket")
    with suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Gateway:
    """The upstream: a script for `RawUpstream` that finds each plan by its trace id."""

    def __init__(self) -> None:
        self.plans: dict[bytes, tuple[Plan, Noted]] = {}

    async def __call__(self, conversation: Conversation) -> None:
        """Answer request after request, until a plan or the other side ends the connection."""
        while True:
            head = await conversation.head()
            plan, noted = self.plans[head[head.index(b"traceparent: 00-") + 16 :][:32]]
            noted.seen += 1
            if not await self._carry(conversation, plan, noted):
                return
            conversation.received = b""

    async def _carry(self, conversation: Conversation, plan: Plan, noted: Noted) -> bool:
        if plan.upstream == "hangs up":
            noted.fault = plan.upstream
            return False
        if plan.upstream != "answers early":
            await _read_body(conversation, plan)
        if not await self._answer(conversation, plan, noted):
            return False
        noted.finished = True
        if plan.upstream == "answers early":
            # Closing on a request that is not read would be a reset, which can overtake the answer.
            conversation.writer.write_eof()
            await conversation.until_closed()
        goes_on = plan.upstream == "answers" and plan.said_framing != "close"
        return goes_on and not plan.closes

    async def _answer(self, conversation: Conversation, plan: Plan, noted: Noted) -> bool:
        head = b"HTTP/1.1 %d Said\r\nContent-Type: text/plain\r\n" % plan.status
        await conversation.send(head + framing_field(plan.said_framing, len(plan.said)) + b"\r\n")
        for piece in pieces(plan.said, plan.writes):
            if plan.upstream in {"cuts", "resets", "stalls"} and noted.sent >= plan.after:
                await self._misbehave(conversation, plan, noted)
                return False
            noted.sent += len(piece)
            await conversation.send(framed(piece, plan.said_framing))
        if plan.upstream in {"cuts", "resets", "stalls"}:
            await self._misbehave(conversation, plan, noted)
            return False
        if plan.said_framing == "chunked":
            await conversation.send(b"0\r\n\r\n")
        return True

    async def _misbehave(self, conversation: Conversation, plan: Plan, noted: Noted) -> None:
        if plan.upstream == "cuts" and plan.said_framing == "close":
            # Where the end of the connection is the end of the body, nobody can tell a cut.
            noted.finished = True
            return
        noted.fault = plan.upstream
        if plan.upstream == "resets":
            reset(conversation.writer)
        elif plan.upstream == "stalls":
            await conversation.until_closed()


async def _read_body(conversation: Conversation, plan: Plan) -> None:
    if plan.asked_framing == "length":
        await conversation.exactly(len(plan.asked))
    elif plan.asked_framing == "chunked":
        # Each chunk by its size: the reader's own limit would stop a search for the end.
        while size := int(await conversation.until(b"\r\n"), 16):
            await conversation.exactly(size + 2)
        await conversation.exactly(2)


class Caller:
    """One client's connection; `ask` carries out one plan after the other on it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, plan: Plan, noted: Noted) -> None:
        """Make one call; a connection that cannot go on is left behind."""
        goes_on = False
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            goes_on = await self._call(*self._streams, plan, noted)
        except GONE:
            pass
        finally:
            if not goes_on:
                self.close()

    def close(self) -> None:
        """Leave."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _call(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, plan: Plan, noted: Noted
    ) -> bool:
        sending = asyncio.ensure_future(_send(writer, plan, noted))
        try:
            goes_on = await _listen(reader, writer, plan, noted)
            # Behind a request that is not whole no other can begin.
            await asyncio.wait([sending])
            return goes_on and sending.exception() is None
        finally:
            sending.cancel()
            await asyncio.wait([sending])
            if not sending.cancelled():
                sending.exception()


async def _send(writer: asyncio.StreamWriter, plan: Plan, noted: Noted) -> None:
    trace = f"traceparent: 00-{plan.trace}-00f067aa0ba902b7-01\r\n"
    head = f"{plan.method} /any HTTP/1.1\r\nHost: t\r\n{trace}"
    fields = b"Content-Type: text/plain\r\n" + framing_field(plan.asked_framing, len(plan.asked))
    writer.write(head.encode() + fields + b"\r\n")
    noted.begun = True
    kept = plan.asked[: len(plan.asked) // 2] if plan.client == "stops sending" else plan.asked
    for piece in pieces(kept, plan.writes):
        writer.write(framed(piece, plan.asked_framing))
        await writer.drain()
        await asyncio.sleep(0)
    if plan.asked_framing == "chunked" and kept == plan.asked:
        writer.write(b"0\r\n\r\n")


async def _listen(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, plan: Plan, noted: Noted
) -> bool:
    """Read as much of the answer as the plan wants; tells whether another call may follow."""
    if plan.client == "resets" and plan.after % 3 == 0:
        await asyncio.sleep(0)
        reset(writer)
        return False
    head = await reader.readuntil(b"\r\n\r\n")
    noted.answered = True
    own = re.search(rb"X-AuditStream-Error: (\w+)", head)
    noted.own = own[1].decode() if own else ""
    async for content in _content(reader, head):
        noted.heard += content
        if plan.client in {"leaves", "resets"} and len(noted.heard) >= plan.after:
            if plan.client == "resets":
                reset(writer)
            return False
        if plan.slow:
            # A reader that dawdles: the pause is its manner, nothing waits for it to be over.
            await asyncio.sleep(0.001)
    noted.whole = True
    return b"connection: close" not in head.lower() and plan.client == "stays"


async def _content(reader: asyncio.StreamReader, head: bytes) -> AsyncIterator[bytes]:
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    if b"chunked" in head:
        while size := int(await reader.readuntil(b"\r\n"), 16):
            async for content in _counted(reader, size):
                yield content
            await reader.readexactly(2)
        await reader.readexactly(2)
    elif length is not None:
        async for content in _counted(reader, int(length[1])):
            yield content
    else:
        while content := await reader.read(65_536):
            yield content


async def _counted(reader: asyncio.StreamReader, left: int) -> AsyncIterator[bytes]:
    while left:
        content = await reader.read(min(left, 65_536))
        if not content:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(content)
        yield content
