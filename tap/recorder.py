"""The recorder: brings recordings to the spool, and makes records of those that are over.

The law: traffic comes first. In one turn of the event loop no more is done here than is not felt
by the streams that pass through the same process; what is left waits for the next turn.

A small exchange that is over before the first tick is made into its record at once, behind its last
byte, and nothing but opening and record is written of it. Any other, and one that turns out to take
longer, has the last of it flushed at its end and its record made in slices; a large one, or one
that cannot be sliced, or that too much waits before, is left to the worker, which makes it from the
pieces and the evidence of the end. What may not rest anywhere cannot be left: a process aside reads
it, while the spool has the evidence of the end without it. In each case, what was captured is with
the spool before the opening of the same caller's next call, so that a crash cannot take an answer
that a caller has acted on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Generator
from contextlib import suppress
from time import monotonic

import msgspec

from audit.exchange import Opening
from audit.sheaf import Sheaf, sheaf_json
from audit.telemetry import Count, Log, frames_of
from audit.value import to_json
from storage.spool.port import PieceKind, Spool
from tap.aside import Aside, Task
from tap.bodies import TooLargeError
from tap.capture import Captured, ChunkTiming, Evidence
from tap.randomness import Randomness
from tap.recording import LARGE, Recording

__all__ = ["ASIDE_SECONDS", "AT_ONCE", "AT_ONCE_SECONDS", "Recorder"]

Assemble = Callable[..., Generator[None, None, Sheaf]]

# What is larger is made into a record in slices; up to here it mostly takes about a millisecond,
# and where it does not, what is left after this long is done in slices too.
AT_ONCE = 64 * 1024
AT_ONCE_SECONDS = 0.0015
# How long records are worked on in one turn of the loop, and how many recordings are flushed.
_TURN_SECONDS = 0.0005
# Between two turns the loop rests: else it would keep the interpreter from the spool's writer, and
# the openings of calls that arrive meanwhile would wait for records of calls that are over.
_REST_SECONDS = 0.001
_TURN_FLUSHES = 32
# Captured bytes whose records wait to be made: where calls end sooner than that can be done, what
# is more is left to the worker.
_MOST_BEHIND = 16 * 1024 * 1024
# With many exchanges open the tick slows down, so that pieces stay this few a second; the most
# that a crash can take of an exchange is then what passed within the longest tick.
_PIECES_PER_SECOND = 400
_LONGEST_TICK = 0.25
# How long a tap that stops waits for the process aside. Who stops it waits fifteen seconds beyond
# `tap.drain`, and the last shipments need some of that.
ASIDE_SECONDS = 5.0

Making = tuple[Recording, Evidence, Generator[None, None, Sheaf]]


class Recorder:
    """Makes recordings, flushes them on a common tick, and turns ended ones into records."""

    def __init__(
        self,
        spool: Spool,
        assemble: Assemble,
        aside: Aside,
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
        self._aside = aside
        self._asides: dict[asyncio.Task[None], tuple[Recording, Evidence]] = {}
        self._digest_key = digest_key
        self._random = Randomness()
        self._flush_seconds = self._tick_seconds = flush_seconds
        self._log = log
        self._dirty: list[Recording] = []
        self._ticking = False
        self._makings: deque[Making] = deque()
        self._behind = 0
        self._made = asyncio.Event()
        self._made.set()

    def begin(self, opening: Opening, started: float) -> Recording:
        """Start witnessing an exchange whose opening the spool has."""
        return Recording(self, opening, started)

    async def drain(self, seconds: float = ASIDE_SECONDS) -> None:
        """Wait until every ended exchange's record is with the spool.

        What is not read aside within `seconds`, all in all, is recorded without its bodies.
        """
        await self._made.wait()
        await self._end_asides(seconds)
        await self._made.wait()
        await self._aside.stop()

    async def _end_asides(self, seconds: float) -> None:
        if not self._asides:
            return
        asides = dict(self._asides)
        _, late = await asyncio.wait(asides, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for task in late:
            # One may have come to its end all the same.
            if task.cancelled():
                self._close_bare(*asides[task])

    # -- pieces ----------------------------------------------------------------------------

    def mark(self, recording: Recording) -> None:
        """Have the recording flushed on the next tick."""
        self._dirty.append(recording)
        if not self._ticking:
            self._ticking = True
            asyncio.get_running_loop().call_later(self._tick_seconds, self._tick)

    def _tick(self) -> None:
        dirty, self._dirty = self._dirty, []
        self._flush(dirty, 0)

    def _flush(self, dirty: list[Recording], flushed: int) -> None:
        """Flush as many as one turn may, then wait for the next turn or tick."""
        room = _TURN_FLUSHES
        while dirty and room:
            given = dirty.pop().tick()
            flushed += given
            room -= given
        loop = asyncio.get_running_loop()
        if dirty:
            loop.call_soon(self._flush, dirty, flushed)
            return
        slow = min(flushed / _PIECES_PER_SECOND, _LONGEST_TICK)
        self._tick_seconds = max(self._flush_seconds, slow)
        self._ticking = bool(self._dirty)
        if self._dirty:
            loop.call_later(self._tick_seconds, self._tick)

    # -- records ---------------------------------------------------------------------------

    def finish(self, recording: Recording, evidence: Evidence) -> None:
        """Have the record made: at once, in slices, or by the worker."""
        if recording.size > LARGE:
            self._leave(recording, evidence)
            return
        making = (recording, evidence, self._steps(recording, recording.captured(evidence)))
        if not recording.spooled and recording.size <= AT_ONCE and self._made_at_once(making):
            return
        if self._behind >= _MOST_BEHIND:
            self._leave(recording, evidence)
            return
        recording.flush()
        self._queue(making)

    def _queue(self, making: Making) -> None:
        self._makings.append(making)
        self._behind += making[0].size
        if self._made.is_set():
            self._made.clear()
            asyncio.get_running_loop().call_soon(self._work)

    def _steps(self, recording: Recording, captured: Captured) -> Generator[None, None, Sheaf]:
        records = yield from self._assemble(
            recording.opening,
            captured,
            digest_key=self._digest_key,
            salt=self._random.take(16).hex(),
            most=LARGE,
        )
        return records

    def _made_at_once(self, making: Making) -> bool:
        until = monotonic() + AT_ONCE_SECONDS
        while not self._advance(making):
            if monotonic() > until:
                return False
        return True

    def _work(self) -> None:
        """Work for one turn on what waits, oldest first."""
        until = monotonic() + _TURN_SECONDS
        while self._makings and monotonic() < until:
            if self._advance(self._makings[0]):
                recording, _, _ = self._makings.popleft()
                self._behind = max(0, self._behind - recording.size) if self._makings else 0
        if self._makings:
            asyncio.get_running_loop().call_later(_REST_SECONDS, self._work)
        else:
            self._made.set()

    def _advance(self, making: Making) -> bool:
        """Take one step; True when the record, or what there is instead, is with the spool."""
        try:
            return self._step(*making)
        except Exception as error:  # noqa: BLE001 - a parser's bug must not lose the exchange
            self._fail(making[0], making[1], error)
            return True

    def _step(
        self,
        recording: Recording,
        evidence: Evidence,
        steps: Generator[None, None, Sheaf],
    ) -> bool:
        try:
            next(steps)
        except StopIteration as stop:
            self._close(recording, evidence, stop.value)
        except TooLargeError:
            self._leave(recording, evidence)
        else:
            return False
        return True

    def _close(self, recording: Recording, evidence: Evidence, records: Sheaf) -> None:
        self._hand_in(recording, evidence, sheaf_json(records))
        ending = str(records[-1].exchange.ending)
        self.count.add("auditstream_exchanges_total", ending=ending)

    def _leave(self, recording: Recording, evidence: Evidence) -> None:
        """Leave the making of the record to the worker, or to the process aside."""
        recording.flush()
        if not recording.may_be_left:
            # A tap that dies meanwhile leaves how the exchange ended, and no byte of what it said.
            self.spool.piece(recording.opening.id, PieceKind.END, to_json(_without(evidence)))
            task = asyncio.get_running_loop().create_task(self._make_aside(recording, evidence))
            self._asides[task] = recording, evidence
            task.add_done_callback(self._asides.pop)
            return
        record_id = recording.opening.id
        self.count.add("auditstream_exchanges_total", ending="left_to_worker")
        self.spool.piece(record_id, PieceKind.END, to_json(evidence))
        self._surrender(recording, evidence)

    def _hand_in(self, recording: Recording, evidence: Evidence, record: bytes) -> None:
        """Give the spool the record; where it has no room for it, what else it may take."""
        if not self.spool.close(recording.opening.id, record):
            recording.flush()
            self._surrender(recording, evidence)

    def _surrender(self, recording: Recording, evidence: Evidence) -> None:
        """Have it shipped as it is; at the least it is said how it ended, if not at what pace."""
        brief = msgspec.structs.replace(evidence, timing=ChunkTiming())
        kept = brief if recording.may_be_left else _without(brief)
        self.spool.surrender(recording.opening.id, to_json(kept))

    async def _make_aside(self, recording: Recording, evidence: Evidence) -> None:
        try:
            await self._read_aside(recording, evidence)
        except Exception as error:  # noqa: BLE001 - as in `_advance`
            self._fail(recording, evidence, error)

    async def _read_aside(self, recording: Recording, evidence: Evidence) -> None:
        """Have the bodies read aside; where that fails, the record says that they are missing."""
        request, answer = recording.bodies
        task = Task(
            opening=recording.opening,
            evidence=evidence,
            head=recording.answer_head,
            digest_key=self._digest_key,
            salt=self._random.take(16).hex(),
            request=sum(map(len, request)),
            answer=sum(map(len, answer)),
        )
        made = await self._aside.made(task, request, answer)
        if made is not None:
            self.count.add("auditstream_exchanges_total", ending=made.ending)
            self._hand_in(recording, evidence, made.record)
            return
        self._close_bare(recording, evidence)

    def _close_bare(self, recording: Recording, evidence: Evidence) -> None:
        """Have the record made without the bodies."""
        self.count.add("auditstream_capture_cut_total")
        cut = _without(evidence)
        head = Captured(**msgspec.structs.asdict(cut), answer_head=recording.answer_head)
        self._queue((recording, cut, self._steps(recording, head)))

    def surrender(self, recording: Recording, error: Exception) -> None:
        """Have what was captured shipped as pieces, from which a record may be made later."""
        self._tell(recording, error)
        self.spool.surrender(recording.opening.id)

    def _fail(self, recording: Recording, evidence: Evidence, error: Exception) -> None:
        """The same for one that is over, so that it is known how it ended."""
        self._tell(recording, error)
        self._surrender(recording, evidence)

    def _tell(self, recording: Recording, error: Exception) -> None:
        with suppress(Exception):  # the same defect may be in the way of the last of it
            recording.flush()
        self._log.error(
            "tap.recording_failed",
            id=recording.opening.id,
            error_type=type(error).__name__,
            where=frames_of(error),
        )
        self.count.add("auditstream_recording_failures_total")


def _without(evidence: Evidence) -> Evidence:
    """The evidence of the end of an exchange whose bodies are not there to be read."""
    return msgspec.structs.replace(evidence, request_cut=True, answer_cut=True)
