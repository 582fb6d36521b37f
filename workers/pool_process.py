"""One process that redacts, as its worker sees it: asked, heard, watched, ended.

The law: whoever asks gets an answer or an error. When the process dies, or gives no answer for
longer than anything may take and is ended for it, every call learns how many were under way with
it: alone, it was that record; among others, nobody can tell which one it was. What the process had
not taken yet it cannot have died of: it may have been dead before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from subprocess import PIPE

import msgspec

from audit.errors import RedactorUnavailable
from audit.value import from_json
from redaction.detector import Detector
from workers.consulting import consulted
from workers.pipe import BEGIN, Answered, Asked, Failure, Ready, error_of, framed, read_frame

__all__ = ["ProcessLostError", "RedactionFailedError", "RedactionProcess"]

# Seconds until detectors and models are loaded, and until a process that was told to end is gone.
_READY_SECONDS = 120.0
_END_SECONDS = 2.0


class RedactionFailedError(Exception):
    """Redaction raised something without a code; its process has said what and where."""


class ProcessLostError(Exception):
    """The process is gone; `under_way` counts the records that it had, this one included.

    0 where it had not taken this one.
    """

    def __init__(self, under_way: int) -> None:
        super().__init__()
        self.under_way = under_way


class RedactionProcess:
    """A process that has begun; `ready` is what it redacts with. Made by `start`."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        patience: float,
        detectors: Mapping[str, Detector],
    ) -> None:
        assert process.stdin is not None  # noqa: S101 - it was started with pipes
        assert process.stdout is not None  # noqa: S101 - as above
        self._process = process
        self._asks = process.stdin
        self._answers = process.stdout
        self._patience = patience
        self._detectors = detectors
        self._questions: dict[int, asyncio.Task[bytes | Failure]] = {}
        self._calls: dict[int, asyncio.Future[bytes]] = {}
        self._taken: set[int] = set()
        self._next = BEGIN + 1
        self._watch: asyncio.TimerHandle | None = None
        self._hearing: asyncio.Task[None] | None = None
        self.ready = Ready(policy="")

    @classmethod
    async def start(
        cls,
        words: Sequence[str],
        orders: bytes,
        *,
        env: Mapping[str, str],
        patience: float,
        detectors: Mapping[str, Detector] | None = None,
    ) -> RedactionProcess:
        """Start the command `words`, give it `orders`, and wait until it is ready.

        `patience` is how many seconds may pass without an answer while it has something to do and
        waits for no detector of ours. `detectors` are those, by name.
        Raises what the process raised instead of beginning, `RedactorUnavailable` where it died.
        """
        process = await asyncio.create_subprocess_exec(*words, stdin=PIPE, stdout=PIPE, env=env)
        begun = cls(process, patience, detectors or {})
        try:
            await begun._begin(orders)
        except BaseException:
            await begun.end()
            raise
        return begun

    @property
    def busy(self) -> int:
        """How many records it has."""
        return len(self._calls)

    async def redact(self, sheaf: bytes) -> bytes:
        """Have an exchange's records redacted: JSON in, a JSON list out.

        Cancelling it gives the call up.

        Raises what the redactor raised, `RedactionFailedError`, or `ProcessLostError`.
        """
        if self._asks.is_closing():
            raise ProcessLostError(under_way=0)
        call, self._next = self._next, self._next + 1
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._calls[call] = answer
        if len(self._calls) == 1:
            self._watch_on()
        self._asks.write(framed(Asked(call=call, size=len(sheaf)), sheaf))
        try:
            with suppress(OSError):  # Then it is gone, as whoever hears it will find.
                await self._asks.drain()
            return await answer
        except asyncio.CancelledError:
            if not self._asks.is_closing():
                self._asks.write(framed(Asked(call=call, gone=True)))
            raise

    async def lost(self) -> int:
        """Wait until the process is gone, for whatever reason; gives its exit code."""
        if self._hearing is not None:
            await asyncio.wait({self._hearing})
        return await self._process.wait()

    async def end(self, seconds: float = _END_SECONDS) -> None:
        """Let it end; by force where it still computes."""
        self._asks.close()
        await self._gone(seconds)
        await self.lost()

    async def _gone(self, seconds: float) -> None:
        """Let it end within so many seconds, then by force.

        One that has just ended must not be killed: `Popen.send_signal` looks for its exit code,
        takes it from under asyncio's eyes, and asyncio then reports 255.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._process.wait()
        self._kill()

    async def _begin(self, orders: bytes) -> None:
        ready: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._calls[BEGIN] = ready
        self._asks.write(framed(Asked(call=BEGIN, size=len(orders)), orders))
        self._hearing = asyncio.create_task(self._hear())
        try:
            async with asyncio.timeout(_READY_SECONDS):
                self.ready = from_json(await ready, Ready)
        except (ProcessLostError, TimeoutError):
            raise RedactorUnavailable("the process that redacts did not begin") from None

    async def _hear(self) -> None:
        """Hand out answers until there are no more; then nobody is left waiting."""
        with suppress(EOFError, OSError, msgspec.DecodeError):
            while True:
                answered, body = await read_frame(self._answers, Answered)
                if answered.taken:
                    self._taken.add(answered.call)
                elif answered.asks is None:
                    self._taken.discard(answered.call)
                    self._settle(self._calls.pop(answered.call), answered, body)
                else:
                    self._consult(answered, answered.asks, body)
                self._watch_on()
        self._asks.close()
        for question in self._questions.values():
            question.cancel()
        calls, self._calls = self._calls, {}
        self._watch_on()
        for call, answer in calls.items():
            if not answer.done():
                had = len(calls) if call in self._taken else 0
                answer.set_exception(ProcessLostError(had))
        await self._gone(_END_SECONDS)

    def _settle(self, answer: asyncio.Future[bytes], answered: Answered, body: bytes) -> None:
        if answer.done():
            return
        if answered.failure is None:
            answer.set_result(body)
        else:
            error: Exception | None = error_of(answered.failure)
            answer.set_exception(error or RedactionFailedError())

    def _consult(self, asked: Answered, detector: str, question: bytes) -> None:
        """Have a detector asked, beside all else; or asked no more."""
        if asked.gone:
            if asked.call in self._questions:
                self._questions[asked.call].cancel()
            return
        task = asyncio.create_task(consulted(self._detectors, detector, question))
        self._questions[asked.call] = task
        task.add_done_callback(partial(self._reply, asked.call))

    def _reply(self, number: int, task: asyncio.Task[bytes | Failure]) -> None:
        del self._questions[number]
        self._watch_on()
        if task.cancelled() or self._asks.is_closing():
            return
        made = task.result()
        if isinstance(made, Failure):
            self._asks.write(framed(Asked(call=number, found=True, failure=made)))
        else:
            self._asks.write(framed(Asked(call=number, size=len(made), found=True), made))

    def _watch_on(self) -> None:
        """Count the seconds from now on, as long as it is not waiting for us and has a record."""
        if self._watch is not None:
            self._watch.cancel()
        loop = asyncio.get_running_loop()
        busy = self._calls and not self._questions
        self._watch = loop.call_later(self._patience, self._kill) if busy else None

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
