"""The control port of a part: health and metrics, apart from traffic.

The law: every path of the traffic port belongs to the upstream, so what is ours is asked for here.
Nothing that is answered here holds content.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable

from aiohttp import web

from audit.value import Json
from cli.metrics import Metrics

__all__ = ["ControlPort", "Health", "Look"]

# Whether the part is healthy, and what else it says of itself.
Health = Callable[[], Awaitable[tuple[bool, dict[str, Json]]]]
# Brings numbers up to date that nothing else does.
Look = Callable[[], Awaitable[None]]


async def _nothing_more() -> None:
    """Look at nothing: all numbers are up to date."""


class ControlPort:
    """Answers `/healthz` (200 or 503) and `/metrics` (Prometheus text).

    `look` is awaited before the numbers are given, and never for health: a probe must not wait for
    what may be slow, or a part is ended for it.
    """

    def __init__(self, health: Health, metrics: Metrics, look: Look = _nothing_more) -> None:
        self._health = health
        self._metrics = metrics
        self._look = look
        self._runner: web.AppRunner | None = None

    async def start(self, listening: socket.socket) -> None:
        """Begin to answer on `listening`."""
        app = web.Application()
        app.router.add_get("/healthz", self._state)
        app.router.add_get("/metrics", self._numbers)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.SockSite(self._runner, listening).start()

    async def stop(self) -> None:
        """Stop answering."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _state(self, request: web.Request) -> web.Response:
        del request
        healthy, more = await self._health()
        return web.json_response({"healthy": healthy, **more}, status=200 if healthy else 503)

    async def _numbers(self, request: web.Request) -> web.Response:
        """Give the numbers; asking for health first brings the states up to date."""
        del request
        await self._health()
        await self._look()
        return web.Response(body=self._metrics.text(), content_type="text/plain", charset="utf-8")
