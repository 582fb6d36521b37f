"""Calls that arrive at their own pace, whatever becomes of those before them.

The law: an open loop. A slow answer delays no later call, so that what callers feel is measured
as they would feel it; each call's delay counts from the instant at which it was due.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from tests.harness.placements import CHAT

__all__ = ["OpenLoop", "queued_ever", "taken"]

_LOOK = 0.005


@dataclass
class OpenLoop:
    """`rate` calls a second until told to stop; what they saw, by trace id.

    `answered` holds each answered call's delay in seconds; `failed` are the others.
    """

    url: str
    rate: float
    begun: int = 0
    answered: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    _stopped: bool = False

    async def run(self, calls: int | None = None) -> None:
        """Begin so many calls, or go on until `stop`; return when all have ended."""
        timeout, connector = ClientTimeout(total=30), TCPConnector(limit=0)
        start, first = monotonic(), self.begun
        async with (
            ClientSession(timeout=timeout, connector=connector) as session,
            asyncio.TaskGroup() as group,
        ):
            while not self._stopped and (calls is None or self.begun < first + calls):
                due = start + (self.begun - first) / self.rate
                await asyncio.sleep(max(0.0, due - monotonic()))
                self.begun += 1
                group.create_task(self._call(session, due))

    def stop(self) -> None:
        """Begin no more calls."""
        self._stopped = True

    async def _call(self, session: ClientSession, due: float) -> None:
        trace = secrets.token_hex(16)
        body = json.dumps({"messages": [{"role": "user", "content": f"about {trace[:8]}"}]})
        headers = {
            "traceparent": f"00-{trace}-{secrets.token_hex(8)}-01",
            "Content-Type": "application/json",
        }
        try:
            async with session.post(self.url + CHAT, data=body, headers=headers) as response:
                await response.read()
                if response.status == 200:
                    self.answered[trace] = monotonic() - due
                    return
        except (ClientError, OSError, TimeoutError):
            pass
        self.failed.append(trace)


def queued_ever(data: Path) -> int:
    """How many messages the queue of a data folder has ever taken."""
    with closing(sqlite3.connect(f"file:{data / 'queue.sqlite'}?mode=ro", uri=True)) as db:
        row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'messages'").fetchone()
    return row[0] if row else 0


async def taken(data: Path, count: int) -> int:
    """Wait until the queue has ever taken so many messages; gives how many it has by then."""
    async with asyncio.timeout(60):
        while (now := queued_ever(data)) < count:  # noqa: ASYNC110 - another process fills it
            # A look costs little, but it needs a core that the others have use for.
            await asyncio.sleep(_LOOK)
    return now
