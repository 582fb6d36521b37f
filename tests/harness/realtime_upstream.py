"""An upstream that speaks realtime and Responses over WebSocket, as much of it as tests need.

It answers each event of a client as the vendor would, in a voice and with words of its own, and
keeps what it was sent, so that a test can hold both ends against the record.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

__all__ = ["KEY", "VOICE", "RealtimeUpstream", "realtime_upstream"]

Event = dict[str, Any]

VOICE = bytes(range(256)) * 40
KEY = "ek_planted_ephemeral"
_USAGE: Event = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}


@dataclass
class RealtimeUpstream:
    """What it was sent: events, and the heads of upgrades; `compress` is what it agrees to."""

    port: int = 0
    compress: bool = True
    events: list[Event] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    answers: int = 0

    async def connected(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection."""
        socket = web.WebSocketResponse(
            compress=self.compress, protocols=("realtime",), max_msg_size=0
        )
        self.heads.append(dict(request.headers))
        self.targets.append(request.path_qs)
        await socket.prepare(request)
        realtime = request.path.endswith("/realtime")
        if realtime:
            await socket.send_str(json.dumps(_session("session.created")))
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            event = json.loads(message.data)
            self.events.append(event)
            for answer in self._realtime(event) if realtime else self._responses(event):
                await socket.send_str(json.dumps(answer))
        return socket

    async def secret(self, _request: web.Request) -> web.Response:
        """Give out an ephemeral key."""
        session: Event = {"id": "sess_1", "model": "gpt-realtime", "type": "realtime"}
        return web.json_response({"value": KEY, "expires_at": 1, "session": session})

    def _realtime(self, event: Event) -> Iterator[Event]:
        kind = event["type"]
        if kind == "session.update":
            yield _session("session.updated", event["session"].get("instructions"))
        elif kind == "conversation.item.create":
            item = {**event["item"], "id": f"item_{len(self.events)}", "status": "completed"}
            yield {"type": "conversation.item.added", "event_id": "e", "item": item}
        elif kind == "response.create":
            yield from self._spoken()

    def _spoken(self) -> Iterator[Event]:
        self.answers += 1
        name = f"resp_{self.answers}"
        place: Event = {"event_id": "e", "response_id": name, "item_id": f"a_{name}"}
        place |= {"output_index": 0, "content_index": 0}
        text = f"Answer number {self.answers}."
        yield {"type": "response.created", "event_id": "e", "response": _response(name, [])}
        for at in range(0, len(VOICE), 3000):
            piece = base64.b64encode(VOICE[at : at + 3000]).decode()
            yield {"type": "response.output_audio.delta", "delta": piece, **place}
        for piece in (text[:6], text[6:]):
            yield {"type": "response.output_audio_transcript.delta", "delta": piece, **place}
        content = [{"type": "output_audio", "transcript": text}]
        item = {"id": f"a_{name}", "type": "message", "role": "assistant", "content": content}
        done = _response(name, [{**item, "status": "completed"}], status="completed", usage=_USAGE)
        yield {"type": "response.done", "event_id": "e", "response": done}

    def _responses(self, event: Event) -> Iterator[Event]:
        self.answers += 1
        lane = {"stream_id": event["stream_id"]} if "stream_id" in event else {}
        name, text = f"resp_{self.answers}", f"You said {event['input']}."
        response = {"id": name, "object": "response", "model": "gpt-test", "output": []}
        place = {"item_id": "m", "output_index": 0, "content_index": 0}
        yield {"type": "response.created", "sequence_number": 0, "response": response, **lane}
        for number, piece in enumerate((text[:4], text[4:]), start=1):
            delta = {"type": "response.output_text.delta", "delta": piece, **place}
            yield {**delta, "sequence_number": number, **lane}
        content = [{"type": "output_text", "text": text, "annotations": []}]
        item = {"id": "m", "type": "message", "role": "assistant", "content": content}
        whole = {**response, "status": "completed", "output": [item], "usage": _USAGE}
        yield {"type": "response.completed", "sequence_number": 3, "response": whole, **lane}


def _session(kind: str, instructions: str | None = None) -> Event:
    session: Event = {"id": "sess_1", "object": "realtime.session", "type": "realtime"}
    session |= {"model": "gpt-realtime", "client_secret": {"value": KEY, "expires_at": 1}}
    said = {"instructions": instructions} if instructions else {}
    return {"type": kind, "event_id": "e", "session": {**session, **said}}


def _response(name: str, output: list[Event], status: str = "in_progress", **more: Any) -> Event:
    response = {"id": name, "object": "realtime.response", "status": status, "output": output}
    return {**response, **more}


@asynccontextmanager
async def realtime_upstream(*, compress: bool = True) -> AsyncIterator[RealtimeUpstream]:
    """Run it on a free port of this machine."""
    upstream = RealtimeUpstream(compress=compress)
    app = web.Application()
    for path in ("/v1/realtime", "/openai/realtime", "/v1/responses"):
        app.router.add_get(path, upstream.connected)
    app.router.add_post("/v1/realtime/client_secrets", upstream.secret)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    upstream.port = runner.addresses[0][1]
    try:
        yield upstream
    finally:
        await runner.cleanup()
