"""Workers on their own: real `auditstream worker` processes on a queue that was filled before."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

from audit.settings import Settings
from audit.signing import Role
from cli.places import Places, keys_of, prepare
from storage.queue.sqlite import SqliteQueue
from tests.harness.no_names import without_names
from tests.harness.pairs import Draw, fill
from tests.harness.tree import clean_environment

__all__ = ["RunningWorker", "alive", "filled", "gone", "left_in", "stored_in", "worker"]

_LOOK = 0.02
_PATIENCE = 60.0


class RunningWorker:
    """One `auditstream worker` that is ready."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self.log = log

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def redacting(self) -> list[int]:
        """The ids of the processes that redact for it."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(each) for each in children.read_text().split()]

    async def kill(self) -> None:
        """End it as `kill -9` does."""
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> int:
        """Ask it to drain, as an orchestrator does; gives its exit code."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(_PATIENCE):
            return await self._process.wait()


@asynccontextmanager
async def worker(
    data: Path, *words: str, env: Mapping[str, str] | None = None
) -> AsyncIterator[RunningWorker]:
    """A worker over a data folder, from its readiness on; what still runs in the end is killed."""
    log = data.with_name(f"{data.name}.worker.log")
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "cli.main", "worker", "--data", str(data), *words),
            env=clean_environment(**(without_names() | dict(env or {}))),
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_PATIENCE):
            line = await process.stdout.readline()
        assert line, log.read_text()
        assert json.loads(line)["ready"]
        yield RunningWorker(process, log)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def filled(data: Path, pairs: int, seed: int = 1, draw: Draw | None = None) -> Path:
    """A data folder whose queue holds so many pairs, and its keys beside it."""
    settings = Settings(data=data)
    prepare(settings, may_open=True, signs=list(Role))
    queue = await SqliteQueue.open(Places(data).queue)
    try:
        await fill(queue, keys_of(settings), pairs, seed, draw)
    finally:
        await queue.close()
    return data


async def left_in(data: Path, most: int = 0) -> int:
    """Wait until the queue has at most so many messages that are not set aside."""
    async with asyncio.timeout(_PATIENCE):
        while (left := _waiting(data)) > most:  # noqa: ASYNC110 - other processes take them
            # They need the cores for what is being waited for.
            await asyncio.sleep(_LOOK)
    return left


async def gone(pids: Sequence[int]) -> None:
    """Wait until none of these processes runs."""
    async with asyncio.timeout(_PATIENCE):
        while any(map(alive, pids)):  # noqa: ASYNC110 - they are nobody's children any more
            await asyncio.sleep(_LOOK)


def stored_in(data: Path) -> int:
    """How many records are stored."""
    return _count(Places(data).store, "records")


def alive(pid: int) -> bool:
    """Whether a process of this id runs; one that has ended and was not yet asked for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z" and os.getpid() != pid


def _waiting(data: Path) -> int:
    return _count(Places(data).queue, "messages", "dead_since IS NULL")


def _count(file: Path, table: str, condition: str = "1") -> int:
    with closing(sqlite3.connect(file, timeout=30)) as db:
        found = db.execute(f"SELECT count(*) FROM {table} WHERE {condition}")  # noqa: S608 - constants
        count: int = found.fetchone()[0]
        return count
