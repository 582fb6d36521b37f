"""A whole running AuditStream as a process tree of its own, and the command line beside it."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.harness.no_names import without_names

__all__ = [
    "Tree",
    "auditstream",
    "clean_environment",
    "engine_settings",
    "free_port",
    "records",
]

_COMMAND = [sys.executable, "-P", "-m", "cli.main"]

# What `tests.harness.engines` has started, for whatever is started here.
engine_settings: dict[str, str] = {}


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def clean_environment(**extra: str) -> dict[str, str]:
    """This process's environment without any setting of ours but those of the engines."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AUDITSTREAM")}
    return kept | engine_settings | extra


def auditstream(
    *words: str, cwd: Path | None = None, env: Mapping[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [*_COMMAND, *words],
        cwd=cwd,
        env=dict(env) if env is not None else clean_environment(),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def records(data: Path, *words: str) -> list[dict[str, Any]]:
    """All records that a filter finds, as `auditstream query --jsonl` gives them."""
    result = auditstream("query", "--data", str(data), "--jsonl", "--limit", "100000", *words)
    assert result.returncode == 0, result.stderr
    # A text may hold other characters that Python takes for line ends.
    return [json.loads(line) for line in result.stdout.split("\n") if line]


@dataclass
class Tree:
    """`auditstream up` in a process group of its own, on ports that stay the same."""

    data: Path
    upstream: str
    port: int = field(default_factory=free_port)
    extra: Mapping[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None
    listening: asyncio.Task[None] | None = None
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        """Keep the logs beside the data, to be searched afterwards."""
        self.log = self.data.with_name(self.data.name + ".log")

    @property
    def url(self) -> str:
        """Where a client sends its calls."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start and wait until everything runs, as its log says."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *_COMMAND,
                *self._words(),
                env=clean_environment(**(without_names() | self._ports() | dict(self.extra))),
                stdout=log,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        atexit.register(self._put_down)
        runs: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.listening = asyncio.create_task(self._listen(runs))
        async with asyncio.timeout(60):
            if not await runs:
                await self.process.wait()
                raise AssertionError(self.log.read_text())

    async def _listen(self, runs: asyncio.Future[bool]) -> None:
        """Keep what is logged, and notice the line that says that all parts run."""
        assert self.process is not None
        assert self.process.stderr is not None
        with self.log.open("ab", buffering=0) as log:
            async for line in self.process.stderr:
                log.write(line)
                if b"up.started" in line and not runs.done():
                    runs.set_result(True)
        if not runs.done():
            runs.set_result(False)

    async def stop(self) -> int:
        """Ask it to drain, as Ctrl-C does; give its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return await self.ended()

    async def ended(self) -> int:
        """Wait for its end and for its last words; give its exit code."""
        assert self.process is not None
        code = await self.process.wait()
        if self.listening is not None:
            await self.listening
        return code

    async def kill(self) -> None:
        """End every process of the tree at once, as a power cut would end them."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        await self.ended()

    def _put_down(self) -> None:
        """Leave nothing running behind a test that failed before it could stop the tree."""
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    async def state(self) -> dict[str, Any]:
        """What the tree says of itself: process ids and addresses."""
        state: dict[str, Any] = json.loads((self.data / "running.json").read_text())
        return state

    def _words(self) -> Sequence[str]:
        listen = f"127.0.0.1:{self.port}"
        return ["up", "--upstream", self.upstream, "--listen", listen, "--data", str(self.data)]

    @staticmethod
    def _ports() -> dict[str, str]:
        return {
            "AUDITSTREAM_TAP__CONTROL": "127.0.0.1:0",
            "AUDITSTREAM_CONSOLE__LISTEN": "127.0.0.1:0",
        }
