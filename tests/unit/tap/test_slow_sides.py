"""Who does not keep up slows the other side, and who stands still is cut off and named."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from audit.exchange import Ending
from tap.heads import AnswerStart
from tap.pool import Endpoint, UpstreamPool
from tap.upstream import UpstreamConnection
from tests.harness.raw_client import RawClient
from tests.harness.raw_upstream import Conversation, RawUpstream
from tests.harness.tap import running_tap
from tests.harness.wait import until

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


async def test_a_client_that_takes_nothing_is_cut_off_and_named(tmp_path: Path) -> None:
    """It would hold its connection for ever; the upstream, which went on, is not blamed."""
    size = 60_000_000

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        while True:
            await conversation.send(b"x" * 65_536)

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port, idle_timeout=0.2, capture_limit=1024) as tap,
        RawClient(tap.port) as client,
    ):
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a read transport too
        await client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        [record] = await tap.records(at_least=1)
        facts = record.exchange
        assert (facts.ending, facts.ending_detail) == (Ending.CLIENT_DISCONNECTED, "client_idle")
        await until(lambda: not tap.server.connections, "the connection was given up")


async def test_a_client_that_stops_uploading_is_named(tmp_path: Path) -> None:
    """The upstream waits for the request as the tap does: it is the client that is late."""

    async def script(conversation: Conversation) -> None:
        await conversation.until_closed()

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port, idle_timeout=0.2) as tap,
        RawClient(tap.port) as client,
    ):
        answer = await client.ask(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nsome")
        assert answer.startswith(b"HTTP/1.1 408 ")
        [record] = await tap.records()
        facts = record.exchange
        assert (facts.ending, facts.ending_detail) == (Ending.CLIENT_DISCONNECTED, "client_idle")


async def test_a_slow_upstream_slows_the_client_of_its_tunnel(tmp_path: Path) -> None:
    """What the upstream does not take is not read from the client: memory stays bounded."""
    size = 40_000_000
    go = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await conversation.send(SWITCH)
        await go.wait()
        await conversation.exactly(size)
        await conversation.send(b"!")

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(
            b"GET / HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        )
        await client.head()
        [connection] = tap.server.connections
        client.writer.write(b"x" * size)
        await until(lambda: _held(connection), "the client was held")
        go.set()
        assert await client.exactly(1) == b"!"


def _held(connection: object) -> bool:
    transport: asyncio.ReadTransport = connection.transport  # type: ignore[attr-defined]  # aiohttp's
    return not transport.is_reading()


class _Pausing:
    """Takes an answer for a client that stops reading with its last byte."""

    def __init__(self, connection: UpstreamConnection) -> None:
        self._connection = connection
        self.done = asyncio.Event()

    def interim(self, raw: bytes) -> None:
        """Not sent here."""

    def head(self, answer: AnswerStart, *, follows: bool) -> None:
        """Nothing to do."""

    def body(self, raw: bytes, content: list[bytes]) -> None:
        """Become slow."""
        assert raw == b"".join(content)
        self._connection.pause()

    def whole(self, *, reusable: bool) -> None:
        """Give the connection back."""
        assert reusable
        self._connection.release()
        self.done.set()

    def tunnel(self, raw: bytes) -> None:
        """Not sent here."""

    def lost(self, *, received: bool) -> None:
        """Not sent here."""

    def full(self, *, full: bool) -> None:
        """Not sent here."""


async def test_a_kept_connection_notices_its_end_after_a_slow_client() -> None:
    """One that stayed unread would be given, dead, to the next caller, and cost its POST."""
    go = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await conversation.send(ANSWER)
        await go.wait()

    async with RawUpstream(script) as upstream:
        endpoint = Endpoint("127.0.0.1", upstream.port, b"t")
        pool = UpstreamPool(endpoint, connect_timeout=10, idle_seconds=600, max_idle=1)
        connection = await pool.get()
        sink = _Pausing(connection)
        connection.begin(sink, head_only=False)
        connection.write(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        await sink.done.wait()
        assert connection.alive
        go.set()
        await until(lambda: not connection.alive, "the end was noticed")


async def test_a_connection_that_nobody_needs_is_given_up_in_time(tmp_path: Path) -> None:
    """After a burst the tap does not sit on the gateway's connections until that closes them."""

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await conversation.send(ANSWER)
        await conversation.until_closed()

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port, idle_timeout=0.2, pool_idle=0.05) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        assert await client.exactly(len(ANSWER)) == ANSWER
        await asyncio.wait_for(upstream.conversations[0].closed.wait(), 30)


async def test_an_end_that_arrives_after_an_exchange_was_given_up_completes_nothing(
    tmp_path: Path,
) -> None:
    """The client did not get it: the record must not call complete what was cut off."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await conversation.send(head + b"so")
        await conversation.until_closed()

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        await client.head()
        assert await client.exactly(2) == b"so"
        [exchange] = tap.desk.exchanges
        exchange.stalled()
        exchange.answer.body(b"on", [b"on"])
        exchange.answer.whole(reusable=True)
        [record] = await tap.records(at_least=1)
        assert record.exchange.ending is Ending.UPSTREAM_TIMEOUT


async def test_nobody_is_cut_off_for_a_pause_of_the_tap_itself(tmp_path: Path) -> None:
    """Whoever stood still longer than allowed looks again before calling anyone else idle."""

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await go.wait()
        await conversation.send(ANSWER)

    go = asyncio.Event()
    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port, idle_timeout=2.0) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        await until(lambda: upstream.conversations, "the question reached the upstream")
        # The whole loop stands still, as a process does that is stopped or put to sleep.
        threading.Event().wait(2.2)
        for _ in range(3):
            await asyncio.sleep(0)
        go.set()
        assert (await client.head()).startswith(b"HTTP/1.1 200 ")
        assert await client.exactly(2) == b"ok"
