"""Raw sockets on both sides: what the tap passes on is what came, in the moment it came."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import pytest

from audit.exchange import Ending
from audit.parts import Text
from tests.harness.raw_client import RawClient
from tests.harness.raw_upstream import Conversation, RawUpstream, simple
from tests.harness.tap import running_tap
from tests.harness.wait import until

SSE_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def chunk(data: bytes) -> bytes:
    """One piece in chunked framing (RFC 9112 §7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


async def test_a_request_reaches_the_upstream_as_it_was_sent(tmp_path: Path) -> None:
    """Method, target, order, case, duplicates and body stay; Host and hop-by-hop fields do not."""
    async with (
        RawUpstream(simple(b"HTTP/1.1 204 No Content\r\n\r\n", body_bytes=5)) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(
            b"PATCH /a//b/%7Ex?q=%20&q=2&api-key=s HTTP/1.1\r\nhOsT: tap\r\nX-Dup: 1\r\n"
            b"Connection: keep-alive, X-Hop\r\nx-dup: 2\r\nX-Hop: gone\r\nTE: trailers\r\n"
            b"AUTHORIZATION: Bearer k\r\nContent-Length: 5\r\n\r\nhello"
        )
        await client.head()
        assert upstream.conversations[0].received == (
            b"PATCH /a//b/%7Ex?q=%20&q=2&api-key=s HTTP/1.1\r\n"
            + f"hOsT: 127.0.0.1:{upstream.port}\r\n".encode()
            + b"X-Dup: 1\r\nx-dup: 2\r\nAUTHORIZATION: Bearer k\r\nContent-Length: 5\r\n\r\nhello"
        )


async def test_a_compressed_request_is_passed_undecoded_and_recorded_decoded(
    tmp_path: Path,
) -> None:
    """The upstream gets the bytes the caller sent; only the copy is decoded."""
    body = gzip.compress(b'{"messages":[{"role":"user","content":"packed"}]}')
    async with (
        RawUpstream(
            simple(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", body_bytes=len(body))
        ) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: t\r\nContent-Encoding: gzip\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body
        )
        await client.head()
        assert upstream.conversations[0].received.endswith(body)
        [record] = await tap.records()
        assert record.request.messages[0].parts == (Text(text="packed"),)


ANSWERS = {
    "length": b"HTTP/1.1 299 Quite Fine\r\nX-B: 1\r\nx-b: 2\r\n"
    b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 4\r\nDate: not ours\r\n\r\nbody",
    "chunked": SSE_HEAD + b"5;ext=v\r\nhello\r\n1\r\n!\r\n0\r\nX-Trailer: t\r\n\r\n",
    "gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b"
    % (len(gzip.compress(b"x" * 99, mtime=0)), gzip.compress(b"x" * 99, mtime=0)),
    "no body": b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
    "not modified": b'HTTP/1.1 304 Not Modified\r\nETag: "e"\r\nContent-Length: 99\r\n\r\n',
    "empty": b"HTTP/1.1 500 \r\nContent-Length: 0\r\n\r\n",
    "latin-1 field": b"HTTP/1.1 200 OK\r\nX-Odd: \xe9\xff\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_reaches_the_client_byte_for_byte(tmp_path: Path, name: str) -> None:
    """Head, framing, extensions, trailers and content coding are the upstream's own bytes."""
    answer = ANSWERS[name]
    async with (
        RawUpstream(simple(answer)) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        for _ in range(2):  # the second one comes over the connections that were kept
            await client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
            assert await client.exactly(len(answer)) == answer
        assert len(upstream.conversations) == 1


async def test_a_body_that_ends_with_the_connection_ends_so_for_the_client(tmp_path: Path) -> None:
    """Without length or chunks only the end delimits; the client sees the same end."""

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await conversation.send(b"HTTP/1.0 200 OK\r\nX: y\r\n\r\nall of it")

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        answer = await client.ask(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        assert answer == b"HTTP/1.1 200 OK\r\nX: y\r\nConnection: close\r\n\r\nall of it"
        [record] = await tap.records()
        assert record.exchange.ending is Ending.COMPLETE


async def test_each_chunk_leaves_before_the_next_arrives(tmp_path: Path) -> None:
    """The upstream sends a chunk only after the client holds the one before it."""
    arrived = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await conversation.send(SSE_HEAD)
        for number in range(20):
            await conversation.send(chunk(b"data: %d\n\n" % number))
            await arrived.wait()
            arrived.clear()
        await conversation.send(b"0\r\n\r\n")

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        assert await client.head() == SSE_HEAD
        for number in range(20):
            expected = chunk(b"data: %d\n\n" % number)
            assert await client.exactly(len(expected)) == expected
            arrived.set()
        assert await client.exactly(5) == b"0\r\n\r\n"


async def test_each_piece_of_an_upload_leaves_before_the_next_is_sent(tmp_path: Path) -> None:
    """A request body is streamed up, not gathered."""
    got = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        for number in range(10):
            assert await conversation.until(b"|") in (
                b"1\r\n%d|\r\n" % number,
                b"2\r\n%d|" % number,
            )
            await conversation.until(b"\r\n")
            got.set()
        await conversation.until(b"0\r\n\r\n")
        await conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(10):
            await client.send(chunk(b"%d|" % number))
            await asyncio.wait_for(got.wait(), 30)
            got.clear()
        await client.send(b"0\r\n\r\n")
        assert (await client.head()).startswith(b"HTTP/1.1 200")
        assert upstream.errors == []


async def test_100_continue_is_the_upstreams_to_say(tmp_path: Path) -> None:
    """The tap neither answers an expectation itself nor swallows the upstream's answer to it."""
    asked = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        assert b"Expect: 100-continue\r\n" in await conversation.head()
        asked.set()
        await conversation.send(b"HTTP/1.1 100 Continue\r\nX-Info: 1\r\n\r\n")
        await conversation.exactly(4)
        await conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(
            b"PUT / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
        )
        await asked.wait()
        assert await client.head() == b"HTTP/1.1 100 Continue\r\nX-Info: 1\r\n\r\n"
        await client.send(b"data")
        assert (await client.head()).startswith(b"HTTP/1.1 200 OK")


async def test_an_http_1_0_client_gets_content_without_chunks(tmp_path: Path) -> None:
    """HTTP/1.0 does not know chunked framing; the content comes plain and ends with the close."""
    async with (
        RawUpstream(simple(SSE_HEAD + chunk(b"one ") + chunk(b"two") + b"0\r\n\r\n")) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        answer = await client.ask(b"GET / HTTP/1.0\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        assert body == b"one two"
        assert b"chunked" not in head


async def test_a_head_request_gets_the_head_only(tmp_path: Path) -> None:
    """HEAD answers name a length and have no body; the connection goes on."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"
    async with (
        RawUpstream(simple(answer)) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        for _ in range(2):
            await client.send(b"HEAD / HTTP/1.1\r\nHost: t\r\n\r\n")
            assert await client.head() == answer


async def test_pipelined_requests_are_answered_in_order(tmp_path: Path) -> None:
    """Requests sent without waiting are forwarded one after the other and answered in order."""

    async def script(conversation: Conversation) -> None:
        while True:
            path = (await conversation.head()).split(b" ")[1]
            await conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + path)

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        paths = [b"/%d" % number for number in range(8)]
        await client.send(b"".join(b"GET %b HTTP/1.1\r\nHost: t\r\n\r\n" % path for path in paths))
        for path in paths:
            await client.head()
            assert await client.exactly(2) == path
        assert len(await tap.records()) == 8


async def test_an_upgraded_connection_is_tunnelled_both_ways(tmp_path: Path) -> None:
    """After 101 the bytes of both sides pass as they are, and the session is recorded."""

    async def script(conversation: Conversation) -> None:
        head = await conversation.head()
        assert b"Connection: Upgrade\r\n" in head
        assert b"Upgrade: websocket\r\n" in head
        await conversation.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\n\r\nhi"
        )
        await conversation.send((await conversation.exactly(4)).upper())

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(
            b"GET /openai/realtime HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"Sec-WebSocket-Version: 13\r\n\r\n"
        )
        head = await client.head()
        assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n")
        assert await client.exactly(2) == b"hi"
        await client.send(b"ping")
        assert await client.to_end() == b"PING"
        [record] = await tap.records()
        assert record.exchange.ending is Ending.TUNNELLED


async def test_a_slow_client_slows_its_own_upstream(tmp_path: Path) -> None:
    """What the client does not take is not read from the upstream: memory stays bounded."""
    sent = 0
    block = b"x" * 65_536

    async def script(conversation: Conversation) -> None:
        nonlocal sent
        await conversation.head()
        await conversation.send(
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(block) * 800)
        )
        for _ in range(800):
            await conversation.send(block)
            sent += len(block)

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port, capture_limit=1024) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a read transport too
        await until(lambda: sent > 0 and any(e.held_back for e in tap.desk.exchanges), "held back")
        assert sent < len(block) * 800
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # as above
        await client.head()
        assert len(await client.exactly(len(block) * 800)) == len(block) * 800


async def test_megabytes_pass_both_ways_while_only_the_capture_is_limited(tmp_path: Path) -> None:
    """The capture limit cuts the copy, never the traffic, and the record says that it was cut."""
    size = 5_000_000

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        data = await conversation.exactly(size)
        await conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + data)

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port, capture_limit=100_000) as tap,
        RawClient(tap.port) as client,
    ):
        body = bytes(range(256)) * (size // 256) + b"!" * (size % 256)
        sending = asyncio.create_task(
            client.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % size + body)
        )
        await client.head()
        assert await client.exactly(size) == body
        await sending
        [record] = await tap.records()
        assert record.exchange.truncated
        assert {"request_truncated", "answer_truncated"} <= set(record.exchange.flags)
