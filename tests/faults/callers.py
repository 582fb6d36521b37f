"""Callers that talk without pause, each exchange by a plan of its own, and keep their ledger.

The law: a call is in the ledger before its first byte is sent. What is planted in a prompt or an
answer is drawn anew for every call, so that what is found again tells whose it was.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import secrets
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, TCPConnector

from tests.faults.ledgers import Call, Plan
from tests.faults.schedule import Kind
from tests.harness.placements import CHAT
from tests.harness.plants import a_marker, plants

__all__ = ["Callers", "Mood"]

# A client that waited this long has given up.
PATIENCE = 15.0
_PAUSE_AFTER_FAILURE = 0.05
_SLOW_LINE = 0.03
# Bytes that nothing squeezes, more than a message of the Standard tier may have.
_IMAGE = 300_000
_COMMON = ("the ", "quick ", "brown ", "fox ", "jumps ", "over ", "seven ", "lazy ", "dogs ")


@dataclass(slots=True)
class Mood:
    """How upstream and clients behave for now: half of the exchanges show it."""

    upstream: set[Kind] = field(default_factory=set)
    clients: set[Kind] = field(default_factory=set)

    def draw(self, rng: random.Random) -> tuple[str, str]:
        """How the upstream and the client of one exchange behave."""
        ups = {Kind.UPSTREAM_CUTS: "cuts", Kind.UPSTREAM_REJECTS: "rejects"}
        ups[Kind.UPSTREAM_SILENT] = "silent"
        does = {Kind.CLIENT_LEAVES: "leaves", Kind.CLIENT_SLOW: "slow"}
        upstream = rng.choice([ups[kind] for kind in sorted(self.upstream & set(ups))] or ["whole"])
        client = rng.choice([does[kind] for kind in sorted(self.clients)] or ["stays"])
        return (
            upstream if rng.random() < 0.5 else "whole",
            client if rng.random() < 0.5 else "stays",
        )


class Callers:
    """Callers with one ledger. `keys` are the credentials that they take turns to show.

    `large` is the share of calls that carry an image, which is too large for a message.
    """

    def __init__(
        self,
        url: str,
        rng: random.Random,
        keys: list[str],
        *,
        count: int,
        large: float,
    ) -> None:
        self.calls: dict[str, Call] = {}
        self.plans: dict[str, Plan] = {}
        self.planted: list[str] = []
        self.mood = Mood()
        self._url = url
        self._rng = rng
        self._keys = keys
        self._count = count
        self._large = large
        self._talking = False

    async def talk(self) -> None:
        """Talk until `hush`, then let what is open end."""
        self._talking = True
        async with asyncio.TaskGroup() as group:
            for _ in range(self._count):
                group.create_task(self._caller())

    def hush(self) -> None:
        """Begin no more calls."""
        self._talking = False

    async def _caller(self) -> None:
        connector = TCPConnector(limit=0)
        timeout = ClientTimeout(total=PATIENCE)
        before: Call | None = None
        async with ClientSession(connector=connector, timeout=timeout) as session:
            while self._talking:
                call = self._begin()
                try:
                    await self._exchange(session, call, before)
                except TimeoutError:
                    call.left = True
                except (ClientError, OSError, ValueError):
                    # The tap may be down: give it, and the other callers, a turn.
                    await asyncio.sleep(_PAUSE_AFTER_FAILURE)
                finally:
                    call.ended = monotonic()
                before = call

    def _begin(self) -> Call:
        trace = secrets.token_hex(16)
        plan = self.plans[trace] = self._plan()
        call = self.calls[trace] = Call(trace, plan, begun=monotonic())
        return call

    def _plan(self) -> Plan:
        rng = self._rng
        drawn = rng.sample(plants(rng), 3)
        self.planted += [plant.value for plant in drawn]
        marker = a_marker(rng)
        words = [rng.choice(_COMMON) for _ in range(rng.randint(4, 16))]
        if rng.random() < 0.3:
            words.insert(rng.randrange(len(words)), f". {drawn[2].said}. ")
        upstream, client = self.mood.draw(rng)
        return Plan(
            prompt=f"The word is {marker}. {drawn[0].said}. {drawn[1].said}.",
            marker=marker,
            words=tuple(words),
            streamed=rng.random() < 0.7,
            key=rng.choice(self._keys),
            upstream=upstream,
            client=client,
            turn=rng.randrange(len(words)),
            image=_IMAGE if rng.random() < self._large else 0,
        )

    async def _exchange(self, session: ClientSession, call: Call, before: Call | None) -> None:
        plan = call.plan
        body = {"stream": plan.streamed, "messages": [{"role": "user", "content": _content(plan)}]}
        trace = f"00-{call.trace}-{secrets.token_hex(8)}-01"
        headers = {"traceparent": trace, "api-key": plan.key}
        async with session.post(self._url + CHAT, json=body, headers=headers) as response:
            call.status = response.status
            call.code = response.headers.get("X-AuditStream-Error")
            if before is not None:
                before.acted_on = True
            if response.status != 200:
                await response.read()
            elif plan.streamed:
                await self._listen(response, call)
            else:
                await self._hear(response, call)

    @staticmethod
    async def _hear(response: ClientResponse, call: Call) -> None:
        if call.plan.client == "leaves":
            call.left = True
            response.close()
            return
        call.text = (await response.json())["choices"][0]["message"]["content"]
        call.done = True

    @staticmethod
    async def _listen(response: ClientResponse, call: Call) -> None:
        words = 0
        async for line in response.content:
            if line.startswith(b"data: [DONE]"):
                call.done = True
            elif line.startswith(b"data: "):
                call.text += json.loads(line[6:])["choices"][0]["delta"].get("content", "")
                words += 1
            if call.plan.client == "leaves" and words > call.plan.turn and not call.done:
                call.left = True
                response.close()
                return
            if call.plan.client == "slow":
                await asyncio.sleep(_SLOW_LINE)


def _content(plan: Plan) -> str | list[dict[str, Any]]:
    """What the user says, with an image where the plan has one."""
    if not plan.image:
        return plan.prompt
    image = base64.b64encode(secrets.token_bytes(plan.image)).decode()
    url = {"url": f"data:image/png;base64,{image}"}
    return [{"type": "text", "text": plan.prompt}, {"type": "image_url", "image_url": url}]
