"""A process beside the tap, for what may rest nowhere and is too large to read on its loop.

At level `none` no body may enter any frame, so no worker gets to see one; yet usage, model and how
an answer finished are in the bodies. The law of this module: bodies go through a pipe to a process
that keeps nothing, one exchange at a time, and what comes back is the finished record. When that
process fails, there is no answer, and nobody but the record is worse off.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from audit.exchange import AnswerHead, Opening
from audit.value import Value, from_json, prepare, to_json
from tap.capture import Evidence

__all__ = ["LENGTH", "Aside", "Made", "Task"]

# What precedes each message in the pipe: its length in bytes.
LENGTH = 4
# Bodies that wait for their turn; an exchange beyond that is recorded without them.
_MOST_WAITING = 64 * 1024 * 1024
# Reading is linear in the bytes: whoever takes longer than this is stuck.
_PATIENCE_SECONDS = 20.0
_END_SECONDS = 1.0


class Task(Value, frozen=True):
    """What the process is asked; `request` and `answer` are the sizes of the bodies that follow."""

    opening: Opening
    evidence: Evidence
    head: AnswerHead | None
    digest_key: bytes
    salt: str
    request: int
    answer: int


class Made(Value, frozen=True):
    """What was made: how the exchange ended, and the JSON of its records (`audit.sheaf`)."""

    ending: str
    record: bytes


class Aside:
    """Starts the process when it is first needed, and again when it has ended."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._ending: list[Process] = []
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def made(
        self, task: Task, request: Sequence[bytes], answer: Sequence[bytes]
    ) -> Made | None:
        """Have a record made; None where that failed, or where too much waits already."""
        size = task.request + task.answer
        if self._waiting and self._waiting + size > _MOST_WAITING:
            return None
        self._waiting += size
        try:
            async with self._turn:
                return await self._answered(task, [*request, *answer])
        finally:
            self._waiting -= size

    async def stop(self) -> None:
        """End the process, if it runs. It may be started again."""
        self._kill()
        ending, self._ending = self._ending, []
        for process in ending:
            # What it left in a full pipe may keep the loop from seeing its end: it was killed.
            with suppress(TimeoutError):
                async with asyncio.timeout(_END_SECONDS):
                    await process.wait()

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            self._ending.append(process)
            with suppress(ProcessLookupError):
                process.kill()

    async def _answered(self, task: Task, bodies: Sequence[bytes]) -> Made | None:
        """Ask; a process that was not heard to the end must not answer whoever asks next."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self._ask(task, bodies)
        except (OSError, EOFError, TimeoutError, msgspec.MsgspecError):
            await self.stop()
            return None
        except BaseException:
            self._kill()
            raise

    async def _ask(self, task: Task, bodies: Sequence[bytes]) -> Made:
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await _start()
        assert process.stdin is not None  # noqa: S101 - it was started with a pipe
        assert process.stdout is not None  # noqa: S101 - as above
        told = to_json(task)
        process.stdin.write(len(told).to_bytes(LENGTH) + told)
        for body in bodies:
            process.stdin.write(body)
            await process.stdin.drain()
        length = await process.stdout.readexactly(LENGTH)
        return from_json(await process.stdout.readexactly(int.from_bytes(length)), Made)


async def _start() -> Process:
    # It says nothing of its own: what a traceback shows could be what was asked.
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "tap.aside_child"), stdin=PIPE, stdout=PIPE, stderr=DEVNULL
    )


prepare(Task, Made)
