"""Cases: what is asked, from the request line to the last trailer."""

from __future__ import annotations

import gzip
import zlib

from tests.conformance.stage import Stage
from tests.conformance.table import GET, OK, add, afterwards, case, filled, once, post

PACKED = gzip.compress(b"squeezed " * 99, mtime=0)
DEFLATED = zlib.compress(b"squeezed " * 99)

for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "QUERY"):
    add(f"method {method}", once(f"{method} /a HTTP/1.1\r\nHost: @HOST\r\n\r\n".encode()))
for method in ["FOO", "x-Custom!~", "get"]:
    add(f"unknown method {method}", once(f"{method} /a HTTP/1.1\r\nHost: @HOST\r\n\r\n".encode()))

for name, target in {
    "target with query and escapes": b"/a//b/%7Ex/../c;p=1?q=%20&q=2&empty&=x",
    "target of 8,000 bytes": b"/" + b"x" * 8_000,
    "asterisk target": b"*",
}.items():
    verb = b"OPTIONS" if target == b"*" else b"GET"
    add(name, once(verb + b" " + target + b" HTTP/1.1\r\nHost: @HOST\r\n\r\n"))
add(
    "absolute target",
    once(b"GET http://other.example:81/a?b=c HTTP/1.1\r\nHost: other.example:81\r\n\r\n"),
    "absolute",
    "host",
)

add(
    "request fields: order, case, duplicates, empty, spaces, non-ASCII",
    once(
        b"GET / HTTP/1.1\r\nx-b: 1\r\nhOsT: @HOST\r\nX-A: 1\r\nx-a: 2\r\nX-Empty:\r\n"
        b"AUTHORIZATION: Bearer k\r\nCookie: a=1\r\nCookie: b=2\r\nX-Odd: caf\xc3\xa9 \xe9\xff\r\n"
        b"X-Inner: a  b\tc\r\nX-A: 3\r\n\r\n"
    ),
    "colon",
)
add("Host of another", once(b"GET / HTTP/1.1\r\nHost: tap.example\r\n\r\n"), "host")
add("empty Host", once(b"GET / HTTP/1.1\r\nHost: \r\n\r\n"), "host")
add(
    "fields that the request's Connection names",
    once(
        b"GET / HTTP/1.1\r\nHost: @HOST\r\nX-One: 1\r\nConnection: keep-alive, X-Hop\r\n"
        b"x-hop: gone\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n"
        b"TE: trailers\r\nX-Two: 2\r\n\r\n"
    ),
    "connection",
)
add("head of 60,000 bytes", once(post(b"X-Long: " + b"x" * 60_000 + b"\r\n", b"")))
add("200 fields", once(post(b"".join(b"X-%d: %d\r\n" % (n, n) for n in range(200)), b"")))

# -- request bodies ------------------------------------------------------------------------

add("request body with length", once(post(b"Content-Length: 5\r\n", b"hello")))
add("request body of length zero", once(post(b"Content-Length: 0\r\n", b"")))
add("GET with a body", once(b"GET / HTTP/1.1\r\nHost: @HOST\r\nContent-Length: 2\r\n\r\nhi"))
for coding, packed in {"gzip": PACKED, "deflate": DEFLATED, "br": b"\x0b\x02\x80hello\x03"}.items():
    fields = f"Content-Encoding: {coding}\r\nContent-Length: {len(packed)}\r\n".encode()
    add(f"request body in {coding}", once(post(fields, packed)))
    add(
        f"answer in {coding}",
        once(GET, b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n" + packed),
    )
add(
    "chunked request",
    once(
        post(b"Transfer-Encoding: chunked\r\nX-Last: 1\r\n", b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n")
    ),
)
add(
    "chunked request with extensions and trailers",
    once(
        post(
            b"Transfer-Encoding: chunked\r\nTrailer: X-T\r\n",
            b"05;a=b;c\r\nhello\r\n0;last\r\nX-T: t\r\n\r\n",
        )
    ),
)


@case("each piece of a chunked request before the next")
async def _pieces_up(stage: Stage) -> str:
    client = await stage.client()
    client.send(filled(stage, post(b"Transfer-Encoding: chunked\r\n", b"")))
    upstream, head = await stage.asked()
    for number in range(9):
        client.send(b"2\r\n%d|\r\n" % number)
        head += await upstream.until(b"%d|\r\n" % number)
    client.send(b"0\r\n\r\n")
    stage.requests.append(head + await upstream.until(b"0\r\n\r\n"))
    upstream.send(OK)
    await client.answer()
    return await afterwards(stage, client)


@case("each piece of a request with length before the next")
async def _pieces_of_length(stage: Stage) -> str:
    client = await stage.client()
    client.send(filled(stage, post(b"Content-Length: 18\r\n", b"")))
    upstream, whole = await stage.asked()
    for number in range(9):
        client.send(b"%d|" % number)
        whole += await upstream.exactly(2)
    stage.requests.append(whole)
    upstream.send(OK)
    await client.answer()
    return await afterwards(stage, client)


@case("a head that arrives byte by byte")
async def _bytewise_head(stage: Stage) -> str:
    client = await stage.client()
    client.transport.get_extra_info("socket").setsockopt(6, 1, 1)
    for byte in filled(stage, GET):
        client.send(bytes([byte]))
    upstream, _ = await stage.request()
    for byte in OK:
        upstream.send(bytes([byte]))
    await client.answer()
    return await afterwards(stage, client)


# -- Expect --------------------------------------------------------------------------------

EXPECT = b"PUT / HTTP/1.1\r\nHost: @HOST\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"


@case("Expect: the upstream says 100")
async def _expected(stage: Stage) -> str:
    client = await stage.client()
    client.send(filled(stage, EXPECT))
    upstream, head = await stage.asked()
    upstream.send(b"HTTP/1.1 100 Continue\r\nX-Info: 1\r\n\r\n")
    await client.head()
    client.send(b"data")
    stage.requests.append(head + await upstream.exactly(4))
    upstream.send(OK)
    await client.answer()
    return await afterwards(stage, client)


@case("Expect: the upstream says 417 at once", endings=("rejected",))
async def _refused(stage: Stage) -> str:
    client = await stage.client()
    client.send(filled(stage, EXPECT))
    upstream, head = await stage.asked()
    stage.requests.append(head)
    upstream.send(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")
    await client.answer()
    upstream.close()
    client.close()
    return "left"


@case("Expect: the upstream says nothing and waits for the body")
async def _silent(stage: Stage) -> str:
    client = await stage.client()
    client.send(filled(stage, EXPECT))
    upstream, head = await stage.asked()
    client.send(b"data")
    stage.requests.append(head + await upstream.exactly(4))
    upstream.send(OK)
    await client.answer()
    return await afterwards(stage, client)


@case("an answer before the request is whole, and the rest of it after")
async def _early(stage: Stage) -> str:
    client = await stage.client()
    client.send(filled(stage, post(b"Content-Length: 8\r\n", b"half")))
    upstream, head = await stage.asked()
    stage.requests.append(head + await upstream.exactly(4))
    upstream.send(OK)
    await client.answer()
    return "answered"
