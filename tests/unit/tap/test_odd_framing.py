"""Messages that end early, break, or bring more than they have."""

from __future__ import annotations

import asyncio
import socket
import struct
from pathlib import Path

import pytest

from audit.exchange import Ending
from tests.harness.raw_client import RawClient
from tests.harness.raw_upstream import Conversation, RawUpstream, simple
from tests.harness.tap import running_tap
from tests.harness.wait import until

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
async def test_a_request_that_offers_an_upgrade_keeps_its_body(
    tmp_path: Path, protocol: bytes
) -> None:
    """Java's client offers h2c with each POST: the body passes, and the next request too."""
    async with (
        RawUpstream(simple(ANSWER, body_bytes=5)) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        for _ in range(2):
            await client.send(
                b"POST / HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: %b\r\n"
                b"Content-Length: 5\r\n\r\nhello" % protocol
            )
            assert await client.exactly(len(ANSWER)) == ANSWER
        assert upstream.conversations[0].received.count(b"hello") == 2
        assert [each.exchange.ending for each in await tap.records()] == [Ending.COMPLETE] * 2


async def test_a_request_whose_framing_breaks_on_the_way_ends_both_sides(tmp_path: Path) -> None:
    """No end of the body can come any more: nobody waits for it, and it is recorded so far."""
    begun = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        await conversation.until(b"hello\r\n")
        begun.set()
        await conversation.until_closed()

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
        await client.send(b"5\r\nhello\r\n")
        await begun.wait()
        await client.send(b"no size\r\n")
        await client.to_end()
        await asyncio.wait_for(upstream.conversations[0].closed.wait(), 30)
        [record] = await tap.records()
        assert record.exchange.ending is Ending.CLIENT_DISCONNECTED
        assert "request_incomplete" in record.exchange.flags


async def test_rubbish_behind_a_request_leaves_its_answer_alone(tmp_path: Path) -> None:
    """What comes behind a whole request is refused after the answer, not instead of it."""
    asked = asyncio.Event()
    go = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        await conversation.until(b"hello")
        asked.set()
        await go.wait()
        await conversation.send(ANSWER)

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello")
        await asked.wait()
        await client.send(b"\x00\x01 rubbish\r\n\r\n")
        [connection] = tap.server.connections
        await until(lambda: connection._reader.behind, "the rubbish was read")
        go.set()
        answer = await client.to_end()
        assert answer.startswith(ANSWER + b"HTTP/1.1 400 ")
        [record] = await tap.records()
        assert record.exchange.ending is Ending.COMPLETE


@pytest.mark.parametrize("surplus", [b"rubbish", b"\r\n", ANSWER])
@pytest.mark.parametrize("field", [b"", b"Connection: close\r\n"])
async def test_whatever_lies_behind_a_message_is_not_forwarded(
    tmp_path: Path, surplus: bytes, field: bytes
) -> None:
    """The client gets the message and no byte more, and its connection goes on."""
    sent = b"HTTP/1.1 200 OK\r\n%bContent-Length: 2\r\n\r\nok" % field + surplus
    async with (
        RawUpstream(simple(sent)) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        for _ in range(3):
            await client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
            assert await client.exactly(len(ANSWER)) == ANSWER
        assert [each.exchange.ending for each in await tap.records()] == [Ending.COMPLETE] * 3


@pytest.mark.parametrize("surplus", [b"rubbish", ANSWER])
async def test_chunks_with_more_behind_them_pass_as_they_came(
    tmp_path: Path, surplus: bytes
) -> None:
    """No framing is made up: a chunk that had begun goes on with the upstream's own bytes."""
    first, second = b"5\r\nhel", b"lo\r\n0\r\n\r\n" + surplus
    go = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await conversation.send(CHUNKED + first)
        await go.wait()
        await conversation.send(second)
        await conversation.until_closed()

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        assert await client.exactly(len(CHUNKED + first)) == CHUNKED + first
        go.set()
        assert await client.to_end() == second


async def test_a_reset_is_not_the_end_of_a_body_without_length(tmp_path: Path) -> None:
    """Only an orderly close delimits such a body; a reset cut it, and the record says so."""
    seen = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await conversation.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await seen.wait()
        connection = conversation.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        conversation.writer.transport.abort()

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        await client.head()
        assert await client.exactly(4) == b"half"
        seen.set()
        with pytest.raises(ConnectionResetError):
            await client.to_end()
        [record] = await tap.records()
        assert record.exchange.ending is Ending.UPSTREAM_DISCONNECTED


async def test_after_an_early_answer_the_connection_goes_on(tmp_path: Path) -> None:
    """A caller that was answered early finishes its upload and may ask again."""
    answer = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await conversation.send(answer)
        await conversation.until_closed()

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        for _ in range(2):
            await client.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nsome")
            assert await client.head() == answer
            await client.send(b" more")
        assert [each.exchange.status for each in await tap.records(at_least=2)] == [413, 413]


async def test_an_error_of_ours_has_no_body_where_head_was_asked(tmp_path: Path) -> None:
    """An answer to HEAD ends with its head, whoever gives it (RFC 9110 §9.3.2)."""
    async with RawUpstream(simple(b"")) as upstream:
        port = upstream.port
    async with running_tap(tmp_path, port) as tap, RawClient(tap.port) as client:
        answer = await client.ask(b"HEAD / HTTP/1.1\r\nHost: t\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert answer.endswith(b"\r\n\r\n")
