"""The traffic port: makes a connection object for each client, and keeps account of them.

The law: a connection is closed from this side only between two exchanges, or when the tap stops.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic

from tap.connection import ClientConnection
from tap.desk import Desk
from tap.hop import Forwarded, Hop
from tap.requests import RequestReader

__all__ = ["TapServer"]


class TapServer:
    """Pass it to `loop.create_server`.

    A connection that waits for a request for longer than `keepalive_seconds` is closed, and one
    on which a head is begun and not whole after `head_seconds`. There are at most
    `most_connections`: one more is answered 503 and closed.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        max_head: int,
        keepalive_seconds: float,
        head_seconds: float = 60.0,
        most_connections: int = 20_000,
        forwarded: Forwarded = "off",
    ) -> None:
        self.desk = desk
        self.connections: set[ClientConnection] = set()
        self._max_head = max_head
        self._keepalive = keepalive_seconds
        self._head_seconds = head_seconds
        self._most = most_connections
        self._forwarded = forwarded
        self._sweeper: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    def __call__(self) -> ClientConnection:
        """Serve one more connection."""
        return ClientConnection(self, self.desk, RequestReader(max_head=self._max_head))

    def entered(self, connection: ClientConnection) -> bool:
        """Count a connection, False when there are too many; the first one begins the sweeping."""
        if len(self.connections) >= self._most:
            self.desk.count.add("auditstream_connections_refused_total")
            return False
        self.connections.add(connection)
        self.desk.count.state("auditstream_connections_open", len(self.connections))
        self._empty.clear()
        if self._sweeper is None:
            self._sweep_later()
        return True

    def left(self, connection: ClientConnection) -> None:
        """Count a connection as gone."""
        self.connections.discard(connection)
        self.desk.count.state("auditstream_connections_open", len(self.connections))
        if not self.connections:
            self._empty.set()

    def hop(self, transport: asyncio.BaseTransport) -> Hop | None:
        """Say what the upstream is told of a connection; None where it is told nothing."""
        if self._forwarded == "off":
            return None
        peer, local = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        secure = transport.get_extra_info("ssl_object") is not None
        return Hop(self._forwarded, peer[:2], local[:2], secure)

    def drain(self) -> None:
        """Take no further requests: idle connections close now, busy ones after their exchange."""
        self.desk.draining = True
        self._close_idle(since=monotonic())

    async def shutdown(self, seconds: float) -> None:
        """End every exchange that is still open, and every connection.

        What was written gets `seconds` to be taken.
        """
        for connection in list(self.connections):
            if connection.exchange is not None:
                connection.exchange.abandon()
            connection.end()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        for connection in list(self.connections):
            connection.end(at_once=True)
        if self._sweeper is not None:
            self._sweeper.cancel()

    def _sweep_later(self) -> None:
        pause = max(0.02, min(1.0, self._keepalive / 4, self._head_seconds / 4))
        self._sweeper = asyncio.get_running_loop().call_later(pause, self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        now = monotonic()
        self._close_idle(since=now - self._keepalive)
        self._close_slow(since=now - self._head_seconds)
        if self.connections:
            self._sweep_later()

    def _close_idle(self, *, since: float) -> None:
        for connection in list(self.connections):
            waits = connection.exchange is None and not connection.asking
            if waits and connection.waiting_since <= since:
                connection.wait_no_more()

    def _close_slow(self, *, since: float) -> None:
        for connection in list(self.connections):
            if connection.asking and connection.waiting_since <= since:
                self.desk.count.add("auditstream_heads_timed_out_total")
                connection.wait_no_more()
