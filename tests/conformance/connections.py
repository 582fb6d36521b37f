"""Cases: what becomes of connections: kept, closed, pipelined, upgraded, old."""

from __future__ import annotations

import re

from tests.conformance.stage import Stage
from tests.conformance.table import CHUNKED, CLOSED, GET, OK, afterwards, case, filled, post


@case("pipelined requests", endings=("complete",) * 8)
async def _pipelined(stage: Stage) -> str:
    client = await stage.client()
    client.send(filled(stage, b"".join(re.sub(b"/", b"/%d" % n, GET, count=1) for n in range(8))))
    for number in range(8):
        upstream, _ = await stage.request()
        upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)
        await client.answer()
    return await afterwards(stage, client)


@case("pipelined requests with bodies", endings=("complete",) * 3)
async def _pipelined_bodies(stage: Stage) -> str:
    client = await stage.client()
    client.send(
        filled(
            stage,
            post(b"Content-Length: 3\r\n", b"one")
            + post(b"Transfer-Encoding: chunked\r\n", b"3\r\ntwo\r\n0\r\n\r\n")
            + post(b"Content-Length: 5\r\n", b"three"),
        )
    )
    for number in range(3):
        upstream, _ = await stage.request()
        upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)
        await client.answer()
    return await afterwards(stage, client)


@case("request with Connection: close", "connection", "answer close")
async def _close(stage: Stage) -> str:
    client = await stage.client()
    client.send(filled(stage, b"GET / HTTP/1.1\r\nHost: @HOST\r\nConnection: close\r\n\r\n"))
    upstream, _ = await stage.request()
    upstream.send(OK)
    await client.answer()
    if stage.direct:
        upstream.close()
    await client.to_end()
    return CLOSED


@case(
    "a client that closes its sending side before it is answered",
    "half-closed",
    endings=("client_disconnected",),
)
async def _half_closed(stage: Stage) -> str:
    client = await stage.client()
    client.send(filled(stage, GET))
    upstream, _ = await stage.request()
    client.half_close()
    if not stage.direct:
        await stage.bell.until(lambda: upstream.ended or client.ended, "an end")
    upstream.send(OK)
    await client.answer()
    return "answered"


@case("HTTP/1.0", "version", "answer close")
async def _old(stage: Stage) -> str:
    return await _of_old(stage, b"", OK)


@case("HTTP/1.0 without Host", "version", "host added", "answer close")
async def _old_hostless(stage: Stage) -> str:
    return await _of_old(stage, None, OK)


@case("HTTP/1.0 and an answer in chunks", "version", "unchunked", "answer close")
async def _old_chunks(stage: Stage) -> str:
    return await _of_old(stage, b"", CHUNKED + b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


@case("HTTP/1.0 and a 103", "version", "no interim", "answer close")
async def _old_hints(stage: Stage) -> str:
    return await _of_old(stage, b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK)


async def _of_old(stage: Stage, fields: bytes | None, answer: bytes) -> str:
    client = await stage.client()
    host = b"" if fields is None else b"Host: @HOST\r\n" + fields
    client.send(filled(stage, b"GET / HTTP/1.0\r\n" + host + b"\r\n"))
    upstream, _ = await stage.request()
    upstream.send(answer)
    if stage.direct:
        await client.answer()
        upstream.close()
    await client.to_end()
    return CLOSED


@case(
    "HTTP/1.0 with keep-alive",
    "version",
    "connection",
    "answer kept alive",
    endings=("complete", "complete"),
)
async def _old_kept(stage: Stage) -> str:
    client = await stage.client()
    for _ in range(2):
        client.send(
            filled(stage, b"GET / HTTP/1.0\r\nHost: @HOST\r\nConnection: keep-alive\r\n\r\n")
        )
        upstream, _ = await stage.request()
        upstream.send(OK)
        await client.answer()
    return "answered"


@case("a WebSocket", "upgrade", endings=("tunnelled",))
async def _websocket(stage: Stage) -> str:
    client = await stage.client()
    client.send(
        filled(
            stage,
            b"GET /openai/realtime HTTP/1.1\r\nHost: @HOST\r\nConnection: keep-alive, Upgrade\r\n"
            b"X-Before: 1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"Sec-WebSocket-Version: 13\r\nX-After: 1\r\n\r\n",
        )
    )
    upstream, _ = await stage.request()
    upstream.send(
        b"HTTP/1.1 101 Switching Protocols\r\nX-First: 1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n\x81\x02hi"
    )
    await client.head()
    await client.exactly(4)
    for frame in (b"\x81\x84abcd1234", b"\r\n\r\nGET / HTTP/1.1\r\n\r\n", b"\x00" * 70_000):
        client.send(frame)
        stage.requests.append(await upstream.exactly(len(frame)))
        upstream.send(frame[::-1])
        await client.exactly(len(frame))
    upstream.send(b"\x88\x00")
    upstream.close()
    await client.to_end()
    return CLOSED
