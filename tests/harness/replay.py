"""An upstream that plays answers back byte for byte: the same one, however often it is asked.

The law: nothing on the wire comes from a clock, from chance or from a library. Two callers that
ask the same may therefore expect to be answered the same, to the last header.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from tests.harness.raw_upstream import Conversation

__all__ = ["Answer", "Asked", "Listener", "Replay"]


@dataclass(frozen=True)
class Answer:
    """What is sent: `pieces` each leave in a chunk and a write of their own.

    An answer with a `Content-Length` of its own goes out unframed. `cut` breaks the connection
    where the end of the message should be.
    """

    status: int = 200
    reason: str = "OK"
    headers: Sequence[tuple[str, str]] = ()
    pieces: Sequence[bytes] = field(default=(), repr=False)
    cut: bool = False

    @property
    def head(self) -> bytes:
        """The head as sent, with the framing's own field at its end."""
        lines = [f"HTTP/1.1 {self.status} {self.reason}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if not self._sized:
            lines.append("Transfer-Encoding: chunked")
        return "\r\n".join([*lines, "", ""]).encode()

    @property
    def writes(self) -> list[bytes]:
        """The body as sent."""
        if self._sized:
            return list(self.pieces)
        end = [] if self.cut else [b"0\r\n\r\n"]
        return [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in self.pieces if piece] + end

    @property
    def _sized(self) -> bool:
        return any(name.lower() == "content-length" for name, _ in self.headers)


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    head: bytes = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.head.split(b" ", 2)[1].partition(b"?")[0].decode()

    @property
    def lines(self) -> list[bytes]:
        """The head's lines in their order."""
        return self.head.split(b"\r\n")


class Listener:
    """Tells how much of one answer has arrived, so that no write overtakes a read."""

    def __init__(self) -> None:
        self._received = 0
        self._more = asyncio.Event()

    def received(self, count: int) -> None:
        """Note that so many more bytes of a body have arrived."""
        self._received += count
        self._more.set()

    async def until(self, count: int) -> None:
        """Wait until so many bytes of the body have arrived."""
        while self._received < count:
            self._more.clear()
            await self._more.wait()


class Replay:
    """A script for `RawUpstream`: answers every request as `choose` says.

    While there is a `listener`, each write waits until the one before has arrived at the caller.
    `asked` is what was asked, in the order in which it came.
    """

    def __init__(self, choose: Callable[[Asked], Answer]) -> None:
        self._choose = choose
        self.listener: Listener | None = None
        self.asked: list[Asked] = []

    async def __call__(self, conversation: Conversation) -> None:
        """Answer until the caller leaves."""
        while True:
            asked = await _read(conversation)
            self.asked.append(asked)
            answer = self._choose(asked)
            await conversation.send(answer.head)
            await self._speak(conversation.send, answer.writes)
            if answer.cut:
                return

    async def _speak(self, send: Callable[[bytes], Awaitable[None]], writes: list[bytes]) -> None:
        sent = 0
        for data in writes:
            await send(data)
            sent += len(data)
            if self.listener is not None:
                await self.listener.until(sent)


async def _read(conversation: Conversation) -> Asked:
    head = await conversation.head()
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return Asked(head, await conversation.exactly(int(value)))
    return Asked(head, b"")
