"""The load client: so many calls, so many at once; gives delays and counts as one line of JSON.

Run as `python -m bench.tap.load PORT CALLS AT_ONCE CHUNKS INTERVAL_MS SIZE UPLOAD`. A call is
broken when its answer ends early or holds fewer events than were asked for.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from typing import cast

import uvloop

from bench.tap import wire


@dataclass
class Seen:
    """What the client saw."""

    done: int = 0
    broken: int = 0
    delays_ms: list[float] = field(default_factory=list)
    call_ms: list[float] = field(default_factory=list)


class _Call(asyncio.Protocol):
    """One connection that makes calls one after the other while there are any left."""

    def __init__(self, ask: bytes, chunks: int, left: list[int], seen: Seen) -> None:
        self._ask = ask
        self._chunks = chunks
        self._left = left
        self._seen = seen
        self._busy = False
        self.gone = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._begin()

    def _begin(self) -> None:
        if not self._left[0]:
            self._transport.close()
            return
        self._left[0] -= 1
        self._busy, self._events, self._received = True, 0, 0
        self._length: int | None = None
        self._in_head = True
        self._tail = b""
        self._started = time.monotonic_ns()
        self._transport.write(self._ask)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        body = self._past_head(data) if self._in_head else data
        if body is None:
            return
        if self._length is None:
            self._stream(body, now)
        else:
            self._plain(body, now)

    def _past_head(self, data: bytes) -> bytes | None:
        """What has come of the body; None while the head is not whole."""
        text = self._tail + data
        head, end, body = text.partition(b"\r\n\r\n")
        if not end:
            self._tail = text
            return None
        self._in_head, self._tail = False, b""
        found = wire.LENGTH.search(head)
        self._length = int(found.group(1)) if found else None
        return body

    def _stream(self, body: bytes, now: int) -> None:
        text = self._tail + body
        counted = 0
        for stamp in wire.SENT_AT.finditer(text):
            counted = stamp.end()
            self._events += 1
            self._seen.delays_ms.append((now - int(stamp[1])) / 1e6)
        if text.endswith(b"\r\n0\r\n\r\n"):
            self._over(now, whole=self._events == self._chunks)
        else:
            # A stamp and the end of a stream are shorter than this; either may come in two pieces.
            self._tail = text[counted:][-32:]

    def _plain(self, body: bytes, now: int) -> None:
        self._received += len(body)
        if self._length is not None and self._received >= self._length:
            self._over(now, whole=self._received == self._length)

    def _over(self, now: int, *, whole: bool) -> None:
        self._busy = False
        self._seen.done += whole
        self._seen.broken += not whole
        self._seen.call_ms.append((now - self._started) / 1e6)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._seen.broken += self._busy
        self.gone.set_result(None)


async def run(
    port: int, calls: int, at_once: int, chunks: int, interval: float, size: int, upload: int
) -> Seen:
    """Make the calls; the connections are opened over the length of one interval."""
    loop = asyncio.get_running_loop()
    seen, left = Seen(), [calls]
    ask = wire.request(chunks=chunks, interval_ms=interval, size=size, upload=upload)
    opened: list[_Call] = []
    for number in range(at_once):
        _, call = await loop.create_connection(
            lambda: _Call(ask, chunks, left, seen), "127.0.0.1", port
        )
        opened.append(call)
        if chunks and number % 10 == 9:
            await asyncio.sleep(interval / 1000 * 10 / at_once)
    await asyncio.gather(*(each.gone for each in opened))
    return seen


def main() -> None:
    """Run and print."""
    port, calls, at_once, chunks = map(int, sys.argv[1:5])
    interval, size, upload = float(sys.argv[5]), int(sys.argv[6]), int(sys.argv[7])
    started = time.monotonic()
    seen = uvloop.run(run(port, calls, at_once, chunks, interval, size, upload))
    delays, took = sorted(seen.delays_ms), sorted(seen.call_ms)
    answer = {
        "done": seen.done,
        "broken": seen.broken,
        "seconds": time.monotonic() - started,
        "delay_p50": _at(delays, 0.5),
        "delay_p99": _at(delays, 0.99),
        "call_p50": _at(took, 0.5),
        "call_p99": _at(took, 0.99),
    }
    sys.stdout.write(json.dumps(answer) + "\n")


def _at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0.0


if __name__ == "__main__":
    main()
