"""An upstream that answers each call as its test said beforehand, told apart by trace id."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from aiohttp import web

__all__ = ["Answer", "ScriptedUpstream", "chunks_of", "event", "traced"]


@dataclass(frozen=True)
class Answer:
    """What to answer, piece by piece; one that `waits` goes on when the test releases it."""

    pieces: Sequence[bytes] = (b"{}",)
    status: int = 200
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    waits: bool = False


def traced() -> tuple[str, dict[str, str]]:
    """Draw a trace id; give it with the header that carries it."""
    trace = secrets.token_hex(16)
    return trace, {"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"}


def event(body: object) -> bytes:
    """Write one server-sent event."""
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def chunks_of(delta: Mapping[str, object], finish: str | None = None) -> bytes:
    """Write one chunk of a streamed chat answer."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m"}
    return event(body | {"choices": [choice]})


class ScriptedUpstream:
    """Listens on a loopback port; `port` may be given to come back to where it was."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.bodies: dict[str, bytes] = {}
        self.release = asyncio.Event()
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen, on the port it had before if it had one."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=0.2,
            auto_decompress=False,
            max_line_size=65_536,
            max_field_size=65_536,
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Listen no more and break what is open."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        trace = request.headers.get("traceparent", "-").split("-")[1]
        self.bodies[trace] = await request.read()
        script = self.answers.get(trace, Answer())
        response = web.StreamResponse(
            status=script.status, headers={"Content-Type": script.kind, **script.headers}
        )
        with suppress(ConnectionError):  # the other side was killed, or left
            await response.prepare(request)
            for piece in script.pieces[:-1] if script.waits else script.pieces:
                await response.write(piece)
            if script.waits:
                await self.release.wait()
                await response.write(script.pieces[-1])
            await response.write_eof()
        return response
