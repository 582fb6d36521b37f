"""The broker as a child process: to be killed in the middle of anything, and started again."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.emulators.service_bus.rules import QueueRules

__all__ = ["BrokerProcess", "service_bus_process"]

_ROOT = Path(__file__).parents[3]


class BrokerProcess:
    """A broker with a journal; the port of its first start is that of all later ones."""

    def __init__(self, journal: Path, queues: Mapping[str, QueueRules], port: int = 0) -> None:
        self._journal = journal
        self._queues = queues
        self._process: Process | None = None
        self._asking = asyncio.Lock()
        self.port = port
        self.connection_string = ""

    @property
    def pid(self) -> int:
        """Of the running broker."""
        return self._running().pid

    async def start(self) -> None:
        """Start it, and wait until it listens."""
        named = [f"{name}:{json.dumps(asdict(rules))}" for name, rules in self._queues.items()]
        options = [word for name in named for word in ("--queue", name)]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.emulators.service_bus",
            "--port", str(self.port), "--journal", str(self._journal), *options,
            stdin=PIPE, stdout=PIPE, cwd=_ROOT, env=os.environ | {"PYTHONPATH": str(_ROOT)},
        )  # fmt: skip
        ready = await self._answer()
        self.port = ready["port"]
        self.connection_string = ready["connection_string"]

    async def command(self, line: str) -> dict[str, Any]:
        """Have a command of `control` carried out. Raises `RuntimeError` if it is none."""
        stdin = self._running().stdin
        if stdin is None:
            raise RuntimeError("the broker was started without a pipe")
        async with self._asking:  # answers come in the order of the questions
            stdin.write(line.encode() + b"\n")
            await stdin.drain()
            told = await self._answer()
        if "error" in told:
            raise RuntimeError(told["error"])
        return told

    async def kill(self) -> None:
        """`kill -9`; returns when it is dead."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.kill()
        await process.communicate()  # closes the pipes too

    def _running(self) -> Process:
        if self._process is None:
            raise RuntimeError("the broker does not run")
        return self._process

    async def _answer(self) -> dict[str, Any]:
        stdout = self._running().stdout
        line = b"" if stdout is None else await stdout.readline()
        if not line:
            raise RuntimeError("the broker ended")
        told: dict[str, Any] = json.loads(line)
        return told


@asynccontextmanager
async def service_bus_process(
    journal: Path, queues: Mapping[str, QueueRules], *, port: int = 0
) -> AsyncIterator[BrokerProcess]:
    """A broker as a child process with these queues, until the block ends."""
    broker = BrokerProcess(journal, queues, port)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.kill()
