"""The pool: connections to the upstream that wait for their next exchange.

The law: a connection is lent to one exchange at a time, and an idle one is given up before the
gateway is likely to, so that a request seldom meets a connection that is just being closed.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass

from tap.upstream import UpstreamConnection

__all__ = ["Endpoint", "UpstreamPool"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the upstream is. `authority` is what `Host` says; `tls` None means plain TCP."""

    host: str
    port: int
    authority: bytes
    tls: ssl.SSLContext | None = None
    server_name: str | None = None


class UpstreamPool:
    """Idle connections, the most recently used first.

    An idle connection is kept for `idle_seconds`, shorter than a gateway keeps its side, so
    that a request seldom meets a connection that is just being closed.
    """

    def __init__(
        self, endpoint: Endpoint, *, connect_timeout: float, idle_seconds: float, max_idle: int
    ) -> None:
        self.endpoint = endpoint
        self._connect_timeout = connect_timeout
        self._idle_seconds = idle_seconds
        self._max_idle = max_idle
        self._idle: deque[tuple[float, UpstreamConnection]] = deque()

    async def get(self, *, fresh: bool = False) -> UpstreamConnection:
        """Take an idle connection or make one (always, when `fresh`).

        Raises `OSError` (`TimeoutError` and `ssl.SSLError` among them) when none can be made.
        """
        loop = asyncio.get_running_loop()
        while self._idle and not fresh:
            since, connection = self._idle.pop()
            if connection.alive and loop.time() - since < self._idle_seconds:
                return connection
            connection.abort()
        return await self._connect(loop)

    async def _connect(self, loop: asyncio.AbstractEventLoop) -> UpstreamConnection:
        end = self.endpoint
        async with asyncio.timeout(self._connect_timeout):
            _, connection = await loop.create_connection(
                lambda: UpstreamConnection(self),
                end.host,
                end.port,
                ssl=end.tls,
                server_hostname=end.server_name if end.tls is not None else None,
            )
        return connection

    def put(self, connection: UpstreamConnection) -> None:
        """Keep a connection for later, unless enough are kept."""
        if not connection.alive:
            return
        if len(self._idle) >= self._max_idle:
            connection.abort()
            return
        self._idle.append((asyncio.get_running_loop().time(), connection))

    def forget(self, connection: UpstreamConnection) -> None:
        """Drop a connection that the upstream has closed."""
        for held in self._idle:
            if held[1] is connection:
                self._idle.remove(held)
                return

    def expire(self) -> None:
        """Close the connections that have been idle for too long."""
        oldest = asyncio.get_running_loop().time() - self._idle_seconds
        while self._idle and self._idle[0][0] < oldest:
            self._idle.popleft()[1].abort()

    def shut(self) -> None:
        """Close every idle connection."""
        while self._idle:
            self._idle.pop()[1].abort()
