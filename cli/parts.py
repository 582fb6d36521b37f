"""Parts as seen from their parent: started, watched, started again, stopped in order.

The law: a part that dies is started again, later each time; one that never becomes ready stops
everything, because it never will. Only processes started here are ever signalled.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import msgspec

from audit.errors import PermanentError, TransientError
from audit.settings import Settings
from audit.telemetry import Log
from audit.value import Json

__all__ = ["Part", "PartFailed"]

_READY_SECONDS = 120.0


class PartFailed(PermanentError):
    """A part of the program could not start."""

    code = "up.part_failed"

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Part:
    """One child process: `auditstream NAME --child`.

    `bury` is awaited when it has died, before it is started again; `restarted` is called
    whenever the part runs as another process than before. `told` is what it last said when it
    became ready.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        sockets: Mapping[str, socket.socket],
        log: Log,
        restarted: Callable[[], None] = lambda: None,
        bury: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.name = name
        self._settings = settings
        self._sockets = sockets
        self._log = log
        self._restarted = restarted
        self._bury = bury
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self.told: dict[str, Json] = {}

    @property
    def pid(self) -> int | None:
        """The process id, while it runs."""
        return self._process.pid if self._process is not None else None

    @property
    def alive(self) -> bool:
        """Whether its process runs now."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start and wait until it is ready. Raises `PartFailed`."""
        await self._launch()
        self._watcher = asyncio.create_task(self._watch())

    async def stop(self, seconds: float) -> None:
        """Ask it to drain; end it by force when it has not ended in time."""
        self._stopping.set()
        process = self._process
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(seconds):
                    await process.wait()
            except TimeoutError:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if self._watcher is not None:
            self._watcher.cancel()
            with suppress(asyncio.CancelledError):
                await self._watcher

    async def _launch(self) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # a folder called `cli` where the user stands must not be taken for ours
            "-m",
            "cli.main",
            self.name,
            "--child",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[each.fileno() for each in self._sockets.values()],
        )
        self._process = process
        assert process.stdin is not None  # noqa: S101 - PIPE was asked for
        process.stdin.write(self._orders())
        with suppress(ConnectionError):
            await process.stdin.drain()
        await self._ready(process)

    async def _ready(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101 - PIPE was asked for
        try:
            async with asyncio.timeout(_READY_SECONDS):
                line = await process.stdout.readline()
        except TimeoutError:
            process.kill()
            line = b""
        if not line:
            code = await process.wait()
            raise PartFailed(f"the {self.name} did not start", code)
        self.told = msgspec.json.decode(line, type=dict[str, Json])

    def _orders(self) -> bytes:
        numbers = {name: each.fileno() for name, each in self._sockets.items()}
        orders = {"settings": self._settings.model_dump(mode="json"), "sockets": numbers}
        return msgspec.json.encode(orders) + b"\n"

    async def _watch(self) -> None:
        """Start the part again whenever it dies, waiting longer each time."""
        delay = 0.2
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            process = self._process
            assert process is not None  # noqa: S101 - started before watched
            since = loop.time()
            code = await process.wait()
            if self._stopping.is_set():
                return
            self._log.error("up.child_died", where=self.name, exit_code=code, delay=delay)
            delay = 0.2 if loop.time() - since > 30 else min(delay * 2, 10.0)
            await asyncio.sleep(delay)
            # No process to be had, no queue to reach: it is tried again, later.
            with suppress(PartFailed, TransientError, OSError):
                if self._bury is not None:
                    await self._bury()
                await self._launch()
                self._restarted()
