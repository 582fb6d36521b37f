"""Cases: what is answered, from the status line to the last trailer."""

from __future__ import annotations

import gzip

from tests.conformance.stage import Stage
from tests.conformance.table import CHUNKED, CLOSED, GET, OK, add, afterwards, case, filled, once

PACKED = gzip.compress(b"squeezed " * 99, mtime=0)

for name, line in {
    "status 200 OK": b"200 OK",
    "empty reason": b"500 ",
    "no reason": b"500",
    "odd reason": b"299 Quite~ Fine; \xe9 (really)",
    "status 418": b"418 I'm a teapot",
    "status 599": b"599 Beyond",
    "status 429": b"429 Too Many Requests",
}.items():
    ending = "rejected" if line[:1] in b"45" else "complete"
    add(
        name,
        once(GET, b"HTTP/1.1 " + line + b"\r\nContent-Length: 2\r\n\r\nno"),
        endings=(ending,),
    )

for name, answer in {
    "answer fields: order, case, duplicates, empty, non-ASCII": b"X-B: 1\r\nx-b: 2\r\n"
    b"Set-Cookie: a=1\r\nSERVER: x\r\nSet-Cookie: b=2\r\nX-Odd: \xe9\xff\r\nX-B: 3\r\n"
    b"Content-Length: 0\r\nDate: not ours\r\n\r\n",
    "answer with chunks, extensions and trailers": b"Trailer: X-T\r\nTransfer-Encoding: chunked\r\n"
    b'X-After: 1\r\n\r\n5;ext=v\r\nhello\r\n01;q="a;b"\r\n!\r\n0;last\r\nX-T: t\r\nx-t: u\r\n\r\n',
    "answer in gzip, chunked": b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"%x\r\n%b\r\n0\r\n\r\n" % (len(PACKED), PACKED),
    "answer of length zero": b"Content-Length: 0\r\n\r\n",
    "answer with a head of 60,000 bytes": b"X-Long: "
    + b"x" * 60_000
    + b"\r\nContent-Length: 0\r\n\r\n",
}.items():
    add(name, once(GET, b"HTTP/1.1 200 OK\r\n" + answer))
add(
    "answer fields with odd spaces",
    once(GET, b"HTTP/1.1 200 OK\r\nX-A:1\r\nX-B:  2 \r\nX-Empty:\r\nContent-Length: 0\r\n\r\n"),
)
add("204", once(GET, b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"))
add("304 with Content-Length", once(GET, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"))
HEAD = b"HEAD / HTTP/1.1\r\nHost: @HOST\r\n\r\n"
add("HEAD with Content-Length", once(HEAD, b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"))
add("HEAD with chunked", once(HEAD, CHUNKED))
add(
    "answer that ends with the connection",
    once(GET, b"HTTP/1.1 200 OK\r\nX: y\r\n\r\nall of it", closes=True),
    "answer close",
)
add(
    "HTTP/1.0 answer that ends with the connection",
    once(GET, b"HTTP/1.0 200 OK\r\nX: y\r\n\r\nall of it", closes=True),
    "answer version",
    "answer close",
)
add(
    "answer with Connection: close",
    once(GET, b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", closes=True),
    "answer connection",
    "kept open",
)
add(
    "fields that the answer's Connection names",
    once(
        GET,
        b"HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\n"
        b"Content-Length: 2\r\n\r\nok",
    ),
    "answer connection",
)


@case("each chunk of an answer before the next")
async def _pieces_down(stage: Stage) -> str:
    client = await stage.client()
    client.send(filled(stage, GET))
    upstream, _ = await stage.request()
    upstream.send(CHUNKED)
    await client.head()
    for number in range(20):
        # A size that comes apart from its data shows whoever waits for whole chunks.
        upstream.send(b"8\r\ndata")
        await client.until(b"8\r\ndata")
        upstream.send(b": %d\n\r\n" % (number % 10))
        await client.until(b": %d\n\r\n" % (number % 10))
    upstream.send(b"0\r\n\r\n")
    await client.until(b"0\r\n\r\n")
    return await afterwards(stage, client)


@case("each piece of an answer with length before the next")
async def _pieces_down_of_length(stage: Stage) -> str:
    client = await stage.client()
    client.send(filled(stage, GET))
    upstream, _ = await stage.request()
    upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
    await client.head()
    for number in range(20):
        upstream.send(b"%d" % (number % 10))
        await client.exactly(1)
    return await afterwards(stage, client)


@case("each piece of an answer in gzip before the next")
async def _packed_pieces(stage: Stage) -> str:
    client = await stage.client()
    client.send(filled(stage, GET))
    upstream, _ = await stage.request()
    upstream.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n"
        b"Content-Length: %d\r\n\r\n" % len(PACKED)
    )
    await client.head()
    for byte in PACKED:
        upstream.send(bytes([byte]))
        await client.exactly(1)
    return await afterwards(stage, client)


@case("several 103 before the answer")
async def _early_hints(stage: Stage) -> str:
    client = await stage.client()
    client.send(filled(stage, GET))
    upstream, _ = await stage.request()
    for number in range(3):
        hint = b"HTTP/1.1 103 Early Hints\r\nLink: </%d>\r\nlink: </x>\r\n\r\n" % number
        upstream.send(hint)
        await client.exactly(len(hint))
    upstream.send(b"HTTP/1.1 102 Processing\r\n\r\n" + OK)
    await client.answer()
    return await afterwards(stage, client)


@case("an answer cut inside a chunk", endings=("upstream_disconnected",))
async def _cut(stage: Stage) -> str:
    client = await stage.client()
    client.send(filled(stage, GET))
    upstream, _ = await stage.request()
    upstream.send(CHUNKED + b"5\r\nhal")
    await client.until(b"hal")
    upstream.close()
    await client.to_end()
    return CLOSED


@case("more behind an answer than belongs to it", "surplus")
async def _surplus(stage: Stage) -> str:
    client = await stage.client()
    client.send(filled(stage, GET))
    upstream, _ = await stage.request()
    upstream.send(OK + b"SURPLUS")
    await client.answer()
    return "answered"
