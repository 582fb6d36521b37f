"""A running tree with a scripted upstream, and exchanges held through it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession, ClientTimeout

from tests.harness.outputs import get, search_api
from tests.harness.placements import CHAT, JSON, chat
from tests.harness.scripted_upstream import Answer, ScriptedUpstream, traced
from tests.harness.tree import Tree

__all__ = ["Held", "Live", "plain", "session"]


@dataclass(frozen=True)
class Held:
    """An exchange that was held to its end, as its client saw it."""

    trace: str
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Live:
    """A running tree and its upstream."""

    tree: Tree
    upstream: ScriptedUpstream

    @property
    def chat_url(self) -> str:
        """Where a chat is asked."""
        return self.tree.url + CHAT

    async def ask(self, text: str = "hello", answer: Answer | None = None) -> Held:
        """Hold one chat to its end."""
        answer = answer or plain("good day")
        stream = answer.kind == "text/event-stream"
        return await self.post(chat({"role": "user", "content": text}, stream=stream), answer)

    async def post(self, body: bytes, answer: Answer, headers: Mapping[str, str] = JSON) -> Held:
        """Hold one exchange with exactly this body to its end."""
        trace, sent = self.script(answer, headers)
        async with (
            session() as client,
            client.post(self.chat_url, data=body, headers=sent) as response,
        ):
            return Held(trace, response.status, response.headers, await response.read())

    def script(
        self, answer: Answer, headers: Mapping[str, str] = JSON
    ) -> tuple[str, dict[str, str]]:
        """Have the upstream answer so; give the trace id and the headers to ask with."""
        trace, traceparent = traced()
        self.upstream.answers[trace] = answer
        return trace, {**headers, **traceparent}

    async def record(self, trace: str) -> dict[str, Any]:
        """Wait for the one record of an exchange."""
        async with asyncio.timeout(30):
            while True:
                (answer,) = await search_api(self.tree, [f"trace:{trace}"])
                if answer["records"]:
                    (record,) = answer["records"]
                    return dict(record)

    async def metric(self, name: str) -> float:
        """One of the tap's numbers."""
        _, body = await get((await self.tree.state())["control"], "/metrics")
        (line,) = [each for each in body.decode().splitlines() if each.startswith(f"{name} ")]
        return float(line.split()[1])


def session() -> ClientSession:
    """A client that gives up, so that a broken test ends."""
    return ClientSession(timeout=ClientTimeout(total=60))


def plain(text: str) -> Answer:
    """A whole chat answer."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return Answer([json.dumps({"id": "c", "model": "m", "choices": [choice]}).encode()])
