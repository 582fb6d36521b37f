"""Recordings: the copy of an exchange, taken after the bytes have gone out.

The law: nothing here is awaited by traffic and nothing here raises into it. A recording collects
references to bytes; every few milliseconds what is new goes to the spool as pieces; after the
end the record is put together in slices between which the event loop serves everyone else.
"""

from __future__ import annotations

import asyncio
import os
from array import array
from collections.abc import Callable, Generator
from dataclasses import dataclass

from audit.exchange import AnswerHead, Ending, Level, Opening
from audit.record import AuditRecord
from audit.telemetry import Count, Log, frames_of
from audit.value import to_json
from storage.spool.port import PieceKind, Spool
from tap.capture import Captured, ChunkTiming

__all__ = ["Recorder", "Recording"]

Assemble = Callable[..., Generator[None, None, AuditRecord]]

# Gaps are kept for percentiles; past this many every second one is dropped, so that a stream of
# any length costs the same.
_MAX_GAPS = 4096


@dataclass(slots=True)
class _Body:
    """One direction's captured bytes, and how far they have gone to the spool."""

    chunks: list[bytes]
    size: int = 0
    flushed: int = 0
    whole: bool = False
    cut: bool = False


class Recording:
    """One exchange being witnessed."""

    def __init__(self, recorder: Recorder, opening: Opening, started: float) -> None:
        self._recorder = recorder
        self.opening = opening
        self._started = started
        self._request = _Body([])
        self._answer = _Body([])
        self._head: AnswerHead | None = None
        self._first = 0.0
        self._last = 0.0
        self._chunks = 0
        self._gaps = array("f")
        self._stride = 1
        self._dirty = False

    def request(self, data: bytes) -> None:
        """Note request body bytes that have been forwarded."""
        self._take(self._request, data)

    def request_end(self) -> None:
        """Note that the request body came to its end."""
        self._request.whole = True

    def head(self, head: AnswerHead) -> None:
        """Note the answer's head that the client has been sent."""
        self._head = head
        self._recorder.spool.piece(self.opening.id, PieceKind.ANSWER_HEAD, to_json(head))

    def answer(self, content: list[bytes], now: float) -> None:
        """Note answer content that the client has been sent at `now` (monotonic seconds)."""
        if self._chunks == 0:
            self._first = now
        elif self._chunks % self._stride == 0:
            self._gaps.append(now - self._last)
            if len(self._gaps) >= _MAX_GAPS:
                self._gaps = self._gaps[::2]
                self._stride *= 2
        self._last = now
        self._chunks += 1
        for data in content:
            self._take(self._answer, data)

    def answer_end(self) -> None:
        """Note that the answer's message came to its end, and let nothing of it wait.

        What is handed to the spool here stands in the file before the opening of the same
        client's next call, so that a crash cannot take an answer that the client has acted on.
        """
        self._answer.whole = True
        self.flush()

    def finish(self, transport: Ending | None, detail: str | None, now: float) -> None:
        """Note the end; the record follows in its own time."""
        self.flush()
        self._recorder.finish(self, self._captured(transport, detail, now))

    def flush(self) -> None:
        """Give the spool what it does not have yet."""
        self._dirty = False
        if self.opening.level is Level.NONE:
            return
        spool, record_id = self._recorder.spool, self.opening.id
        for body, kind in (
            (self._request, PieceKind.REQUEST_BODY),
            (self._answer, PieceKind.ANSWER_BODY),
        ):
            if body.flushed < len(body.chunks):
                # Joined once, so that memory holds pieces of a tick and not every small chunk.
                joined = b"".join(body.chunks[body.flushed :])
                body.chunks[body.flushed :] = [joined]
                body.flushed = len(body.chunks)
                spool.piece(record_id, kind, joined)

    def wall_ns(self, now: float) -> int:
        """Turn a monotonic instant into wall clock nanoseconds, by the opening's clock."""
        return self.opening.received_at_ns + int((now - self._started) * 1e9)

    def _take(self, body: _Body, data: bytes) -> None:
        if not data or body.cut:
            return
        room = self._recorder.capture_limit - body.size
        if len(data) > room:
            body.cut = True
            self._recorder.count.add("auditstream_capture_cut_total")
            data = data[:room]
        body.chunks.append(data)
        body.size += len(data)
        if not self._dirty:
            self._dirty = True
            self._recorder.mark(self)

    def _captured(self, transport: Ending | None, detail: str | None, now: float) -> Captured:
        return Captured(
            request_body=b"".join(self._request.chunks),
            request_whole=self._request.whole,
            request_cut=self._request.cut,
            answer_head=self._head,
            answer_body=b"".join(self._answer.chunks),
            answer_whole=self._answer.whole,
            answer_cut=self._answer.cut,
            transport=transport,
            detail=detail,
            ended_ns=self.wall_ns(now),
            timing=self._timing(),
        )

    def _timing(self) -> ChunkTiming:
        if not self._chunks:
            return ChunkTiming()
        gaps = sorted(self._gaps)
        count = len(gaps)
        return ChunkTiming(
            first_ns=self.wall_ns(self._first),
            last_ns=self.wall_ns(self._last),
            chunks=self._chunks,
            gap_p50_ms=round(gaps[count // 2] * 1000, 3) if count else None,
            gap_p99_ms=round(gaps[min(count - 1, count * 99 // 100)] * 1000, 3) if count else None,
            gap_max_ms=round(gaps[-1] * 1000, 3) if count else None,
        )


class Recorder:
    """Makes recordings, flushes them on a common tick, and turns ended ones into records."""

    def __init__(
        self,
        spool: Spool,
        assemble: Assemble,
        *,
        digest_key: bytes,
        capture_limit: int,
        flush_seconds: float,
        log: Log,
        count: Count,
    ) -> None:
        self.spool = spool
        self.capture_limit = capture_limit
        self.count = count
        self._assemble = assemble
        self._digest_key = digest_key
        self._flush_seconds = flush_seconds
        self._log = log
        self._dirty: list[Recording] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, opening: Opening, started: float) -> Recording:
        """Start witnessing an exchange whose opening the spool has."""
        return Recording(self, opening, started)

    def mark(self, recording: Recording) -> None:
        """Have the recording flushed on the next tick."""
        if not self._dirty:
            asyncio.get_running_loop().call_later(self._flush_seconds, self._tick)
        self._dirty.append(recording)

    def finish(self, recording: Recording, captured: Captured) -> None:
        """Build the record off the path of traffic."""
        task = asyncio.get_running_loop().create_task(self._build(recording.opening, captured))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self) -> None:
        """Wait until every ended exchange's record is with the spool."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _tick(self) -> None:
        dirty, self._dirty = self._dirty, []
        for recording in dirty:
            recording.flush()

    async def _build(self, opening: Opening, captured: Captured) -> None:
        try:
            salt = os.urandom(16).hex()
            steps = self._assemble(opening, captured, digest_key=self._digest_key, salt=salt)
            record = await _in_slices(steps)
        except Exception as error:  # noqa: BLE001 - a parser's bug must not lose the exchange
            self._log.error(
                "tap.recording_failed",
                id=opening.id,
                error_type=type(error).__name__,
                where=frames_of(error),
            )
            self.count.add("auditstream_recording_failures_total")
            self.spool.surrender(opening.id)
            return
        self.count.add("auditstream_exchanges_total", ending=str(record.exchange.ending))
        self.spool.close(opening.id, to_json(record))


async def _in_slices(steps: Generator[None, None, AuditRecord]) -> AuditRecord:
    """Drive the assembly, giving the event loop back after each slice."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            record: AuditRecord = stop.value
            return record
        await asyncio.sleep(0)
