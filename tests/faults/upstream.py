"""An upstream that behaves as each exchange's plan says, and keeps its own ledger of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from time import monotonic

from aiohttp import web

from tests.faults.ledgers import Plan, Told
from tests.harness.scripted_upstream import chunks_of

__all__ = ["PlannedUpstream"]

# The pace of a model.
PACE = 0.012
_DONE = b"data: [DONE]\n\n"


class PlannedUpstream:
    """Listens on one loopback port; can be gone for a while and come back to it.

    `plans` says by trace id how to answer; `told` is what became of it.
    """

    def __init__(self) -> None:
        self.plans: Mapping[str, Plan] = {}
        self.told: dict[str, Told] = {}
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Take connections, on the port it had before if it had one."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/{path:.*}", self._chat)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Take no connections and break those that are open."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        trace = request.headers["traceparent"].split("-")[1]
        plan = self.plans[trace]
        told = self.told.setdefault(trace, Told())
        told.times += 1
        try:
            await request.read()
            return await self._behave(request, plan, told)
        except asyncio.CancelledError:
            told.end = "cut"
            raise
        except ConnectionError:
            # The tap was killed, or the client left: the caller's ledger tells which.
            return web.Response()

    async def _behave(self, request: web.Request, plan: Plan, told: Told) -> web.StreamResponse:
        if plan.upstream == "rejects":
            told.end = "rejected"
            error = {"error": {"code": "429", "message": "later"}}
            return web.json_response(error, status=429 if plan.turn % 2 else 500)
        if plan.upstream in {"cuts", "silent"} and plan.turn == 0:
            return await self._break_off(request, plan, told)
        body = [chunks_of({"content": word}) for word in plan.words]
        if not plan.streamed:
            body = [json.dumps(_whole(plan)).encode()]
        return await self._say(request, plan, told, body)

    async def _say(
        self, request: web.Request, plan: Plan, told: Told, body: list[bytes]
    ) -> web.StreamResponse:
        kind = "text/event-stream" if plan.streamed else "application/json"
        response = web.StreamResponse(headers={"Content-Type": kind})
        await response.prepare(request)
        last = monotonic()
        for number, piece in enumerate(body):
            if plan.upstream in {"cuts", "silent"} and number == plan.turn % (len(body) + 1):
                return await self._break_off(request, plan, told)
            told.text += plan.words[number] if plan.streamed else "".join(plan.words)
            await response.write(piece)
            await asyncio.sleep(PACE)
            told.longest_gap = max(told.longest_gap, monotonic() - last)
            last = monotonic()
        told.end = "whole"
        if plan.streamed:
            await response.write(chunks_of({}, "stop") + _DONE)
        await response.write_eof()
        return response

    async def _break_off(self, request: web.Request, plan: Plan, told: Told) -> web.Response:
        """Hang up, or say nothing more until the other side does."""
        transport = request.transport
        if plan.upstream == "cuts":
            told.end = "cut"
            if transport is not None:
                transport.abort()
            return web.Response()
        told.end = "silent"
        while transport is not None and not transport.is_closing():  # noqa: ASYNC110 - not told
            await asyncio.sleep(PACE)
        return web.Response()


def _whole(plan: Plan) -> dict[str, object]:
    message = {"role": "assistant", "content": "".join(plan.words)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": "m", "choices": [choice]}
