"""Deleting what nothing needs any more: at once where it is done with, and after a rest.

The law of this module: it only asks. What goes is decided by the index, carried out by the writer,
and counts as gone when that has said so. The segment that is written to goes too once all in it
was shipped and nothing has come for a while, because content must not lie there until something
else happens to be recorded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from storage.spool.account import Account
from storage.spool.index import Index, Segment
from storage.spool.notes import BootsNote
from storage.spool.ops import Discard, Resting

__all__ = ["Sweeper"]


class Sweeper:
    """Asks `put` for deletions. Lives on the event loop.

    `earlier` is the note of all boots as the running one found it, itself last.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        index: Index,
        account: Account,
        earlier: BootsNote,
        *,
        rest_seconds: float,
        put: Callable[[Discard], None],
    ) -> None:
        self._loop = loop
        self._index = index
        self._account = account
        self._earlier = earlier
        self._rest_seconds = rest_seconds
        self._put = put
        self._timer: asyncio.TimerHandle | None = None

    def sweep(self) -> None:
        """Have the segments deleted that nothing needs any more; the newest later."""
        idle = self._index.deletable()
        if idle:
            self._discard(idle)
        self._rest_later()

    def rest(self) -> None:
        """Have the newest segment deleted too, if all in it was shipped; it need not be swept."""
        segment = self._index.resting()
        if segment is not None:
            segment.leaving = True
            self._discard([segment], Resting(segment, segment.size))

    def gone(self, segments: Sequence[Segment]) -> None:
        """A deletion is durable."""
        self._index.gone(segments)

    def kept(self, segments: Sequence[Segment]) -> None:
        """A deletion could not be carried out; it may be asked for again."""
        self._index.stays(segments)
        self._rest_later()

    def end(self) -> None:
        """Ask for nothing more."""
        self._rest_seconds = -1.0
        if self._timer is not None:
            self._timer.cancel()

    def _rest_later(self) -> None:
        segment = self._index.resting()
        if segment is None or self._timer is not None or self._rest_seconds < 0:
            return
        seen = (segment, segment.size)
        self._timer = self._loop.call_later(self._rest_seconds, self._look, *seen)

    def _look(self, segment: Segment, size: int) -> None:
        self._timer = None
        if self._index.resting() is segment and segment.size == size:
            self.rest()
        else:
            self._rest_later()

    def _discard(self, segments: Sequence[Segment], resting: Resting | None = None) -> None:
        marks, latest = self._index.marks(), self._account.latest
        self._put(Discard(segments, marks, self._note(), latest, resting))

    def _note(self) -> BootsNote:
        boots = (*self._earlier.boots[:-1], self._account.note(reserved=0))
        return msgspec.structs.replace(self._earlier, boots=boots)
