"""What a running AuditStream shows to the outside, gathered to be searched or read."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientTimeout

from tests.harness.tree import Tree, clean_environment

__all__ = ["Following", "api_token", "get", "process_facts", "search_api", "tailed"]

_BOUND = ClientTimeout(total=30)


class Following:
    """A command that goes on until it is interrupted, read line by line."""

    def __init__(self, *words: str) -> None:
        self._words = words
        self._process: asyncio.subprocess.Process
        self.said = b""

    async def start(self) -> None:
        """Start it."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "cli.main", *self._words),
            env=clean_environment(COLUMNS="300"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def until(self, *marks: bytes) -> bytes:
        """Read until all marks have been said; give everything said so far."""
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            while not all(mark in self.said for mark in marks):
                piece = await self._process.stdout.read(65_536)
                assert piece, f"it ended; so far it said: {self.said!r}"
                self.said += piece
        return self.said

    async def interrupt(self) -> int:
        """Press Ctrl-C; give the exit code."""
        self._process.send_signal(signal.SIGINT)
        rest, _ = await self._process.communicate()
        self.said += rest
        return await self._process.wait()


async def get(address: str, path: str, **headers: str) -> tuple[int, bytes]:
    """Fetch a path of one of the tree's own ports."""
    async with (
        ClientSession(timeout=_BOUND) as session,
        session.get(f"http://{address}{path}", headers=headers) as response,
    ):
        return response.status, await response.read()


def api_token(data: Path) -> str:
    """The token that the query side asks for."""
    return (data.with_name(data.name + ".keys") / "console.token").read_text().strip()


async def search_api(tree: Tree, filters: Sequence[str]) -> list[dict[str, Any]]:
    """Ask the query API each filter; give its answers."""
    state = await tree.state()
    headers = {"Authorization": f"Bearer {api_token(tree.data)}"}
    answers = []
    async with ClientSession(timeout=_BOUND, headers=headers) as session:
        for text in filters:
            body = {"filter": text, "limit": 100}
            url = f"http://{state['console']}/api/v1/search"
            async with session.post(url, json=body) as response:
                assert response.status == 200, await response.text()
                answers.append(await response.json())
    return answers


def process_facts(pids: Sequence[int]) -> dict[str, bytes]:
    """What everyone on the machine, or at least its owner, can read of some processes."""
    return {
        f"/proc/{pid}/{name}": Path(f"/proc/{pid}/{name}").read_bytes()
        for pid in pids
        if pid != os.getpid()
        for name in ("cmdline", "environ")
    }


async def tailed(data: Path, traces: Sequence[str]) -> bytes:
    """What `tail --jsonl` prints of these; it begins with the newest ten, so ten at a time."""
    said = b""
    for batch in (traces[at : at + 10] for at in range(0, len(traces), 10)):
        wanted = " OR ".join(f"trace:{trace}" for trace in batch)
        follow = Following("tail", "--data", str(data), "--jsonl", wanted)
        await follow.start()
        said += await follow.until(*(trace.encode() for trace in batch))
        assert await follow.interrupt() == 0
    return said
