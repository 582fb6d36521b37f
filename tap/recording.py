"""One exchange being witnessed: references to what has passed, and when it passed.

The law: nothing here is awaited by traffic and nothing here raises into it. A recording keeps the
bytes that it is shown; what it does not have in the spool yet goes there on the recorder's tick,
and at its end at the latest. Of a large exchange it keeps nothing that the spool has, so that an
open exchange takes little memory, however much passes.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from itertools import islice
from operator import sub
from typing import Protocol

import msgspec

from audit.exchange import AnswerHead, Ending, Level, Opening
from audit.telemetry import Count
from audit.value import to_json
from storage.spool.port import PieceKind, Spool
from tap.capture import Captured, ChunkTiming, Evidence
from tap.marks import Marks

__all__ = ["LARGE", "Keeping", "Recording"]

# Gaps are kept for percentiles; past this many every second one is dropped, so that a stream of
# any length costs the same.
_MAX_GAPS = 4096

_SWITCHED = 101

# A record of this much is put together in steps of a few milliseconds at the worst; of more, single
# steps would hold the event loop for longer than the streams beside it can bear.
LARGE = 128 * 1024
# So much goes to the spool at once, whenever the tick is: joining it takes a fraction of a
# millisecond.
_PIECE = 1024 * 1024


class Keeping(Protocol):
    """Who keeps recordings: the recorder, as a recording knows it."""

    spool: Spool
    count: Count
    capture_limit: int

    def mark(self, recording: Recording) -> None:
        """Have it flushed on the next tick."""

    def finish(self, recording: Recording, evidence: Evidence) -> None:
        """Have its record made."""

    def surrender(self, recording: Recording, error: Exception) -> None:
        """Have what there is of it shipped without a record, because of a defect of ours."""


@dataclass(slots=True)
class _Body:
    """One direction's captured bytes, and how far they have gone to the spool."""

    chunks: list[bytes] = field(default_factory=list)
    size: int = 0
    waiting: int = 0
    flushed: int = 0
    whole: bool = False
    cut: bool = False

    def unflushed(self, *, kept: bool) -> bytes:
        """Give what has not gone yet, and count it as gone; `kept` says that it stays here too.

        It is joined once, so that memory holds pieces of a tick and not every small chunk.
        """
        joined = b"".join(self.chunks[self.flushed :])
        if not kept:
            self.chunks.clear()
        elif self.waiting:
            self.chunks[self.flushed :] = [joined]
        self.flushed = len(self.chunks)
        self.waiting = 0
        return joined


class Recording:
    """One exchange being witnessed. `spooled` tells that a piece of it is in the spool.

    A defect of ours ends the witnessing and nothing else: what was captured until then is shipped
    without a record, and what follows is not noted.
    """

    def __init__(self, keeping: Keeping, opening: Opening, started: float) -> None:
        self.opening = opening
        self.spooled = False
        self._keeping = keeping
        self._started = started
        self._request = _Body()
        self._answer = _Body()
        self._head: AnswerHead | None = None
        self._head_flushed = False
        self._first = 0.0
        self._chunks = 0
        self._times = array("d")
        self._gaps = array("f")
        self._stride = 1
        self._marks = Marks()
        self._switched = False
        self._dirty = False
        self._over = False

    @property
    def size(self) -> int:
        """How many bytes are captured."""
        return self._request.size + self._answer.size

    @property
    def may_be_left(self) -> bool:
        """Whether the worker can make the record: at level `none` no body is in the spool."""
        return self.opening.level is not Level.NONE

    @property
    def large(self) -> bool:
        """Whether only the spool has all of it."""
        return self.size > LARGE and self.may_be_left

    def request(self, data: bytes) -> None:
        """Note request body bytes that have been forwarded."""
        try:
            self._take(self._request, data)
        except Exception as error:  # noqa: BLE001 - it must not reach the traffic
            self._give_up(error)

    def request_end(self) -> None:
        """Note that the request body came to its end."""
        self._request.whole = True

    def head(self, head: AnswerHead) -> None:
        """Note the answer's head that the client has been sent."""
        self._head = head
        self._switched = head.status == _SWITCHED
        self._mark()

    def answer(self, content: list[bytes], now: float) -> None:
        """Note answer content that the client has been sent at `now` (monotonic seconds)."""
        try:
            self._times.append(now)
            if len(self._times) >= _MAX_GAPS:
                self._note_gaps()
            if self._switched:
                self._marks.add(self._answer.size, now)
            for data in content:
                self._take(self._answer, data)
        except Exception as error:  # noqa: BLE001 - as in `request`
            self._give_up(error)

    def answer_end(self) -> None:
        """Note that the answer's message came to its end."""
        self._answer.whole = True

    def finish(self, transport: Ending | None, detail: str | None, now: float) -> None:
        """Note the end, and have the record made."""
        if self._over:
            return
        self._over = True
        self._note_gaps()
        self._keeping.finish(self, self._evidence(transport, detail, now))

    @property
    def answer_head(self) -> AnswerHead | None:
        """The answer's head, if one came."""
        return self._head

    @property
    def bodies(self) -> tuple[list[bytes], list[bytes]]:
        """What was captured of request and answer, as it came; of a large one only the last."""
        return self._request.chunks, self._answer.chunks

    def captured(self, evidence: Evidence) -> Captured:
        """Everything that was witnessed of an exchange that is not large."""
        return Captured(
            **msgspec.structs.asdict(evidence),
            request_body=b"".join(self._request.chunks),
            answer_head=self._head,
            answer_body=b"".join(self._answer.chunks),
        )

    def flush(self) -> bool:
        """Give the spool what it does not have yet; False when there was nothing to give."""
        self._dirty = False
        pieces = self._unflushed()
        for kind, data in pieces:
            self._keeping.spool.piece(self.opening.id, kind, data)
        self.spooled = self.spooled or bool(pieces)
        return bool(pieces)

    def tick(self) -> bool:
        """Flush, unless the exchange is over: then its record has, or will have, all of it."""
        try:
            return not self._over and self.flush()
        except Exception as error:  # noqa: BLE001 - as in `request`; others wait for their tick
            self._give_up(error)
            return False

    def wall_ns(self, now: float) -> int:
        """Turn a monotonic instant into wall clock nanoseconds, by the opening's clock."""
        return self.opening.received_at_ns + int((now - self._started) * 1e9)

    def _unflushed(self) -> list[tuple[PieceKind, bytes]]:
        pieces: list[tuple[PieceKind, bytes]] = []
        bodies, kept = self.may_be_left, not self.large
        # Joined also where no body may go anywhere: an object for each chunk weighs more than it.
        asked, answered = (body.unflushed(kept=kept) for body in (self._request, self._answer))
        if bodies and asked:
            pieces.append((PieceKind.REQUEST_BODY, asked))
        if self._head is not None and not self._head_flushed:
            self._head_flushed = True
            pieces.append((PieceKind.ANSWER_HEAD, to_json(self._head)))
        if bodies and answered:
            pieces.append((PieceKind.ANSWER_BODY, answered))
        return pieces

    def _give_up(self, error: Exception) -> None:
        """Witness no more."""
        self._request.cut = self._answer.cut = True
        if not self._over:
            self._over = True
            self._keeping.surrender(self, error)

    def _take(self, body: _Body, data: bytes) -> None:
        if body.cut:
            return
        if body.size + len(data) > self._keeping.capture_limit:
            body.cut = True
            self._keeping.count.add("auditstream_capture_cut_total")
            data = data[: self._keeping.capture_limit - body.size]
        body.chunks.append(data)
        body.size += len(data)
        body.waiting += len(data)
        if body.waiting >= _PIECE:
            self.flush()
        elif not self._dirty:
            self._mark()

    def _mark(self) -> None:
        if not self._dirty:
            self._dirty = True
            self._keeping.mark(self)

    def _note_gaps(self) -> None:
        """Turn instants into gaps; the last instant stays, for the gap that follows it."""
        times = self._times
        if not times:
            return
        if not self._chunks:
            self._first = times[0]
        self._chunks += len(times) - bool(self._chunks)
        self._gaps.extend(islice(map(sub, times[1:], times), 0, None, self._stride))
        self._times = times[-1:]
        if len(self._gaps) >= _MAX_GAPS:
            self._gaps = self._gaps[::2]
            self._stride *= 2

    def _evidence(self, transport: Ending | None, detail: str | None, now: float) -> Evidence:
        return Evidence(
            request_whole=self._request.whole,
            request_cut=self._request.cut,
            answer_whole=self._answer.whole,
            answer_cut=self._answer.cut,
            transport=transport,
            detail=detail,
            ended_ns=self.wall_ns(now),
            timing=self._timing(),
            answer_status=None if self._head is None else self._head.status,
        )

    def _timing(self) -> ChunkTiming:
        if not self._chunks:
            return ChunkTiming()
        first_ns, last_ns = self.wall_ns(self._first), self.wall_ns(self._times[-1])
        marks = tuple((at, self.wall_ns(instant)) for at, instant in self._marks.kept())
        passed = ChunkTiming(first_ns=first_ns, last_ns=last_ns, chunks=self._chunks, marks=marks)
        gaps = sorted(self._gaps)
        count = len(gaps)
        if not count:
            return passed
        return msgspec.structs.replace(
            passed,
            gap_p50_ms=round(gaps[count // 2] * 1000, 3),
            gap_p99_ms=round(gaps[min(count - 1, count * 99 // 100)] * 1000, 3),
            gap_max_ms=round(gaps[-1] * 1000, 3),
        )
