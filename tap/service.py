"""The running tap: what is started, and in which order it stops.

The law of stopping: first no new connections, then the open exchanges end or are ended, then
their records reach the spool, then what the queue takes is shipped, and last the spool closes.
Whatever is still in the spool is shipped after the next start.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Protocol

from audit.telemetry import Log
from tap.desk import Desk
from tap.server import TapServer

__all__ = ["TapService"]


class Ships(Protocol):
    """What carries exchanges from the spool to the queue."""

    async def run(self) -> None:
        """Until cancelled."""

    async def drain(self) -> None:
        """What is there; gives up at the first refusal."""


class TapService:
    """Serves traffic on a bound socket until told to stop."""

    def __init__(
        self,
        desk: Desk,
        server: TapServer,
        shipper: Ships,
        *,
        idle_timeout: float,
        drain_seconds: float,
        log: Log,
    ) -> None:
        self._desk = desk
        self._server = server
        self._shipper = shipper
        self._idle_timeout = idle_timeout
        self._drain_seconds = drain_seconds
        self._log = log
        self._listener: asyncio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, listening: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Begin to accept connections on `listening`, which is bound already; in TLS if given."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            self._server, sock=listening, backlog=4096, ssl=tls
        )
        self._tasks = [
            loop.create_task(self._shipper.run()),
            loop.create_task(self._desk.watch(self._idle_timeout)),
        ]
        self._log.info("tap.started", port=listening.getsockname()[1])

    @property
    def healthy(self) -> bool:
        """Whether every part that must run does."""
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    async def stop(self) -> None:
        """Drain and stop; never raises for what could not be shipped."""
        if self._listener is not None:
            self._listener.close()
        self._server.drain()
        if not await self._desk.drained(self._drain_seconds):
            self._log.warning("tap.drain_deadline", open=len(self._desk.exchanges))
        await self._server.shutdown(0.1)
        await self._desk.recorder.drain()
        await self._stop_tasks()
        await self._shipper.drain()
        self._desk.pool.shut()
        await self._desk.spool.shut()
        self._log.info("tap.stopped")

    async def _stop_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        # They tell of their own errors; what one of them ended with must not end the drain.
        await asyncio.gather(*self._tasks, return_exceptions=True)
