"""Redaction in processes of its own, so that it uses every core and holds up nobody.

Redaction is long stretches of computing without a pause: three quarters of a worker's work, up to
a minute for the longest record, in libraries that may crash or never come back. The law: a process
that redacts can be lost at any moment, and that costs nothing but time. Records that were with it
among others, or that it had not taken yet, are redacted again, each alone in a process that nobody
else depends on; a record that loses a process while it is alone is the one to blame. It fails, and
after as many deliveries as any record gets it is set aside. Clear text crosses in pipes only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Protocol, Self

import msgspec

from audit.errors import AuditStreamError, RedactionLost, RedactorUnavailable
from audit.record import RedactedRecord
from audit.sheaf import Sheaf, sheaf_json
from audit.telemetry import Log, frames_of
from workers.lease import Sleep
from workers.pipe import Ready
from workers.pool_process import ProcessLostError, RedactionFailedError

__all__ = ["Pool", "RedactsApart"]

# Made once: threads that meet a type first at the same time crash msgspec (`audit.value`).
_REDACTED = msgspec.json.Decoder(list[RedactedRecord])

# Seconds before a lost process is started anew; doubled each time it does not begin.
_FIRST_DELAY, _LONGEST_DELAY = 0.2, 10.0


class RedactsApart(Protocol):
    """A process that redacts (`workers.pool_process`)."""

    @property
    def ready(self) -> Ready:
        """What it redacts with."""

    @property
    def busy(self) -> int:
        """How many records it has."""

    async def redact(self, sheaf: bytes) -> bytes:
        """Redact an exchange's records (`audit.sheaf.sheaf_json`); gives a JSON list.

        Raises `ProcessLostError` when the process goes meanwhile.
        """

    async def lost(self) -> int:
        """Wait until it is gone; gives its exit code."""

    async def end(self) -> None:
        """End it."""


class Pool:
    """Redacts as the redactor in each of `size` processes does; owns them as a context manager.

    `start` starts one and waits until it is ready.
    """

    def __init__(
        self,
        start: Callable[[], Awaitable[RedactsApart]],
        size: int,
        log: Log,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._start = start
        self._log = log
        self._sleep = sleep
        self._processes: list[RedactsApart | None] = [None] * size
        self._tending: Sequence[asyncio.Task[None]] = ()
        self._suspects = asyncio.Lock()
        self._alone: RedactsApart | None = None
        self._alone_wanted = 0

    async def __aenter__(self) -> Self:
        """Start all. Raises what one of them raised instead of beginning."""
        starts = (self._start() for _ in self._processes)
        begun = await asyncio.gather(*starts, return_exceptions=True)
        self._processes = [None if isinstance(each, BaseException) else each for each in begun]
        for each in begun:
            if isinstance(each, BaseException):
                await self._end_all()
                raise each
        self._tending = [
            asyncio.create_task(self._tend(place)) for place in range(len(self._processes))
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tending:
            task.cancel()
        await asyncio.gather(*self._tending, return_exceptions=True)
        await self._end_all()

    @property
    def ready(self) -> Ready:
        """What the processes redact with: all with the same."""
        return next(each.ready for each in self._processes if each is not None)

    @property
    def running(self) -> int:
        """How many processes run now."""
        return sum(each is not None for each in self._processes)

    async def redact_sheaf(self, records: Sheaf) -> Sequence[RedactedRecord]:
        """Redact all records of an exchange in one process; raises what the redactor raises.

        Raises `RedactorUnavailable` while no process runs, `RedactionLost` when the exchange lost
        its process. Cancelling it gives the redaction up.
        """
        clear = sheaf_json(records)
        try:
            redacted = await self._least_busy().redact(clear)
        except ProcessLostError as lost:
            if lost.under_way == 1:
                raise RedactionLost from None
            redacted = await self._redact_alone(clear)
        return _REDACTED.decode(redacted)

    def _least_busy(self) -> RedactsApart:
        running = [each for each in self._processes if each is not None]
        if not running:
            raise RedactorUnavailable(retry_after=_FIRST_DELAY)
        return min(running, key=lambda each: each.busy)

    async def _redact_alone(self, clear: bytes) -> bytes:
        """Redact one that may have lost a process; one after the other, in a process for it."""
        self._alone_wanted += 1
        try:
            async with self._suspects:
                if self._alone is None:
                    self._alone = await self._begun()
                return await self._alone.redact(clear)
        except ProcessLostError:
            self._log.error("redaction.process_lost", reason="alone")
            await self._dismiss()
            raise RedactionLost from None
        finally:
            self._alone_wanted -= 1
            if not self._alone_wanted:
                await self._dismiss()

    async def _begun(self) -> RedactsApart:
        """Start one; that it does not begin is no record's fault."""
        try:
            return await self._start()
        except (AuditStreamError, RedactionFailedError, OSError):
            raise RedactorUnavailable(retry_after=_LONGEST_DELAY) from None
        except Exception as error:  # noqa: BLE001 - else nobody would start one ever again
            kind, where = type(error).__name__, frames_of(error)
            self._log.error("redaction.unexpected", error_type=kind, where=where)
            raise RedactorUnavailable(retry_after=_LONGEST_DELAY) from None

    async def _dismiss(self) -> None:
        alone, self._alone = self._alone, None
        if alone is not None:
            await alone.end()

    async def _tend(self, place: int) -> None:
        """Start a process anew whenever it is lost, waiting longer while it does not begin."""
        delay = _FIRST_DELAY
        while True:
            process = self._processes[place]
            if process is not None:
                code = await process.lost()
                self._processes[place] = None
                self._log.error("redaction.process_lost", exit_code=code, delay=delay)
            await self._sleep(delay)
            try:
                self._processes[place] = await self._begun()
                delay = _FIRST_DELAY
            except RedactorUnavailable:
                delay = min(delay * 2, _LONGEST_DELAY)

    async def _end_all(self) -> None:
        running = [each for each in (*self._processes, self._alone) if each is not None]
        self._processes, self._alone = [None] * len(self._processes), None
        await asyncio.gather(*(each.end() for each in running))
