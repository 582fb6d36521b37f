"""An upstream that costs next to nothing: plain answers and paced streams, as they are asked for.

Run as `python -m bench.tap.upstream`; prints its port. The header `X-Bench: chunks interval size`
says what to answer.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop

from bench.tap import wire


class _Connection(asyncio.Protocol):
    """One connection; takes one request after the other."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._wanted = -1

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._wanted < 0:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            fields = _fields(bytes(self._received[:end]))
            self._wanted = end + 4 + int(fields[b"content-length"])
            chunks, interval, size = fields[b"x-bench"].split()
            self._ask = (int(chunks), float(interval) / 1000, int(size))
        if len(self._received) >= self._wanted:
            self._received.clear()
            self._wanted = -1
            self._answer()

    def _answer(self) -> None:
        chunks, interval, size = self._ask
        if not chunks:
            body = wire.plain(size)
            self._transport.write(wire.head(length=len(body)) + body)
            return
        self._transport.write(wire.head(length=None))
        self._next(chunks, interval, size, self._loop.time())

    def _next(self, left: int, interval: float, size: int, due: float) -> None:
        if self._transport.is_closing():
            return
        if not left:
            self._transport.write(wire.end_of_stream())
            return
        self._transport.write(wire.event(size))
        due += interval
        self._loop.call_at(due, self._next, left - 1, interval, size, due)


def _fields(head: bytes) -> dict[bytes, bytes]:
    lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    return {name.lower(): value.strip() for name, _, value in lines}


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0, backlog=8192)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())
