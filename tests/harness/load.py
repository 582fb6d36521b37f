"""A load client that keeps its own list of what it sent, and an upstream that does the same.

What they saw is the judge of the log: neither asks AuditStream anything.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
from contextlib import suppress
from dataclasses import dataclass, field

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, TCPConnector, web

__all__ = ["CountingUpstream", "Load", "Seen"]

_WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "the",
    "lazy",
    "dog",
    "while",
    "seven",
    "more",
    "dogs",
    "look",
    "on",
]


@dataclass
class Seen:
    """One exchange as the client saw it.

    `acted_on` says that its caller had an answer to the next call already.
    """

    trace_id: str
    streamed: bool
    caller: int = 0
    status: int | None = None
    text: str = ""
    done: bool = False
    acted_on: bool = False

    @property
    def answered(self) -> bool:
        """Whether anything of an answer came back."""
        return self.status is not None


class CountingUpstream:
    """Speaks enough of the chat API to be talked to; notes the trace id of each request."""

    def __init__(self, *, tokens: int = 12, pause: float = 0.01) -> None:
        self._tokens = tokens
        self._pause = pause
        self.seen: list[str] = []
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/{path:.*}", self._chat)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request.headers["traceparent"].split("-")[1])
        asked = await request.json()
        words = [random.choice(_WORDS) + " " for _ in range(self._tokens)]
        if not asked.get("stream"):
            return web.json_response(_whole("".join(words)))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        with suppress(ConnectionError):  # the tap was killed: that is what is being tested
            for word in words:
                await response.write(_event({"content": word}))
                await asyncio.sleep(self._pause)  # the pace of a model, not a wait for an event
            await response.write(_event({}, "stop") + b"data: [DONE]\n\n")
        return response


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m"}
    return b"data: " + json.dumps(chunk | {"choices": [choice]}).encode() + b"\n\n"


def _whole(text: str) -> dict[str, object]:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": "m", "choices": [choice]}


@dataclass
class Load:
    """Callers that talk without pause until told to stop."""

    url: str
    callers: int = 8
    seen: list[Seen] = field(default_factory=list)
    stopped: bool = False
    _answers: int = 0
    _awaited: tuple[int, asyncio.Event] | None = None

    async def run(self) -> None:
        """Talk until `stopped`, then let what is open end."""
        connector = TCPConnector(limit=0, force_close=False)
        async with ClientSession(connector=connector, timeout=ClientTimeout(total=20)) as session:
            await asyncio.gather(*(self._caller(session, number) for number in range(self.callers)))

    async def answers(self, count: int) -> None:
        """Wait until so many answers have begun."""
        reached = asyncio.Event()
        self._awaited = (count, reached)
        async with asyncio.timeout(60):
            await reached.wait()

    def _answered(self) -> None:
        self._answers += 1
        if self._awaited is not None and self._answers >= self._awaited[0]:
            self._awaited[1].set()

    async def _caller(self, session: ClientSession, number: int) -> None:
        before: Seen | None = None
        while not self.stopped:
            one = Seen(secrets.token_hex(16), streamed=random.random() < 0.7, caller=number)
            self.seen.append(one)
            try:
                await self._exchange(session, one, before)
            except (ClientError, OSError, TimeoutError):
                # The tree may be down: give the other callers, and it, a turn.
                await asyncio.sleep(0)
            before = one

    async def _exchange(self, session: ClientSession, one: Seen, before: Seen | None) -> None:
        body = {
            "stream": one.streamed,
            "messages": [{"role": "user", "content": f"tell me about {one.trace_id[:8]}"}],
        }
        headers = {"traceparent": f"00-{one.trace_id}-{secrets.token_hex(8)}-01", "api-key": "k"}
        url = f"{self.url}/openai/deployments/d/chat/completions?api-version=2024-10-21"
        async with session.post(url, json=body, headers=headers) as response:
            one.status = response.status
            self._answered()
            if before is not None:
                before.acted_on = True
            if one.streamed:
                await self._listen(response, one)
            else:
                one.text = (await response.json())["choices"][0]["message"]["content"]
                one.done = True

    @staticmethod
    async def _listen(response: ClientResponse, one: Seen) -> None:
        async for line in response.content:
            if line.startswith(b"data: [DONE]"):
                one.done = True
            elif line.startswith(b"data: "):
                one.text += json.loads(line[6:])["choices"][0]["delta"].get("content", "")
