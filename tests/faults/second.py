"""A worker beside the tree, so that two of them can come to hold one message."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

__all__ = ["Second"]

_PAUSE = 0.5


class Second:
    """`auditstream worker` under our own eyes: one that ends is started again until `stop`."""

    def __init__(self, data: Path, env: Mapping[str, str]) -> None:
        self.log = data.with_name(data.name + ".second.log")
        self._words = [sys.executable, "-P", "-m", "cli.main", "worker", "--data", str(data)]
        self._env = env
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id, while it runs."""
        alive = self._process is not None and self._process.returncode is None
        return self._process.pid if alive and self._process is not None else None

    async def start(self) -> None:
        """Start it; it is of use when it is ready, and nobody waits for that."""
        await self._launch()
        self._watch = asyncio.create_task(self._watched())

    async def stop(self) -> None:
        """Ask it to finish what it holds, and wait for its end."""
        await self._unwatch()
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    def kill(self) -> None:
        """End it at once and for good."""
        if self._watch is not None:
            self._watch.cancel()
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def _unwatch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch

    async def _launch(self) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._words, env=dict(self._env), stdout=log, stderr=log, start_new_session=True
            )

    async def _watched(self) -> None:
        while self._process is not None:
            await self._process.wait()
            await asyncio.sleep(_PAUSE)
            await self._launch()
