"""The writer: one thread between the event loop and the disk.

The law of this module: operations are written in the order in which they came, many in one
write, and made durable by one sync for all of them, at most the sync interval after the first.
What was acknowledged is kept in memory until it is synced; when a sync fails, the segment is
given up and all of that is written again into a new one, because a second sync of the same file
would call lost pages durable.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from storage.spool.frame import Kind
from storage.spool.marks import encode_marks
from storage.spool.ops import Append, Discard, Listener, Operation, Reserve, Stop
from storage.spool.segments import Journal

__all__ = ["Writer"]

# One write and its sealing stay short enough that a strict opening behind it need not wait long.
_BATCH_BYTES = 4 << 20
# How long a disk that refused is left alone.
_RETRY_SECONDS = 0.1


class Writer:
    """Takes operations from a queue and carries them out on a journal."""

    def __init__(
        self,
        journal: Journal,
        listener: Listener,
        sync_interval: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settled_weight = 0
        self._journal = journal
        self._listener = listener
        self._sync_interval = sync_interval
        self._clock = clock
        self._queue: SimpleQueue[Operation] = SimpleQueue()
        self._backlog: list[Append] = []
        self._unsynced: list[Append] = []
        self._sync_at: float | None = None
        self._hurry = False

    def put(self, op: Operation) -> None:
        """Ask for something; returns at once. Called on any thread."""
        self._queue.put(op)

    def run(self) -> None:
        """Work until a `Stop` came. The thread's body."""
        try:
            while self.step(block=True):
                pass
        finally:
            self._listener.ended()

    def step(self, *, block: bool) -> bool:
        """Carry out what is in the queue as one batch, and sync if it is time.

        False after a `Stop`.
        """
        ops = self._take(block=block)
        appends = [op for op in ops if isinstance(op, Append)]
        stop = any(isinstance(op, Stop) for op in ops)
        if appends or self._backlog:
            self._write(appends)
        if self._due() or stop:
            self._sync()
        for op in ops:
            self._control(op)
        if stop:
            self._journal.abandon()
        return not stop

    def _take(self, *, block: bool) -> list[Operation]:
        try:
            op = self._queue.get(block, self._wait() if block else None)
        except Empty:
            return []
        ops, weight = [op], 0
        while weight < _BATCH_BYTES:
            weight += op.weight if isinstance(op, Append) else 0
            try:
                op = self._queue.get_nowait()
            except Empty:
                break
            ops.append(op)
        return ops

    def _wait(self) -> float | None:
        if self._backlog:
            return _RETRY_SECONDS
        return None if self._sync_at is None else max(0.0, self._sync_at - self._clock())

    def _due(self) -> bool:
        late = self._sync_at is not None and self._clock() >= self._sync_at
        return bool(self._unsynced) and (self._hurry or late)

    def _write(self, appends: Sequence[Append]) -> bool:
        batch = [*self._backlog, *appends]
        withdrawn = [op for op in batch if op.withdrawn and not op.acked]
        batch = [op for op in batch if not op.withdrawn or op.acked]
        self._settle(withdrawn)
        self._backlog = []
        try:
            placed = self._journal.append(batch)
        except OSError:
            self._keep_or_refuse(batch)
            return False
        self._acknowledge(batch)
        self._listener.written(placed)
        return True

    def _acknowledge(self, batch: Sequence[Append]) -> None:
        if batch and self._sync_at is None:
            self._sync_at = self._clock() + self._sync_interval
        for op in batch:
            op.acked = op.acked or not op.strict
        self._hurry = self._hurry or any(op.strict for op in batch)
        self._unsynced.extend(batch)

    def _sync(self) -> bool:
        ops, self._unsynced = self._unsynced, []
        self._sync_at, self._hurry = None, False
        try:
            self._journal.sync()
        except OSError:
            self._journal.abandon()
            self._keep_or_refuse(ops)
            return False
        self._settle(ops)
        self._listener.synced(ops)
        return True

    def _keep_or_refuse(self, ops: Sequence[Append]) -> None:
        """Openings that wait are told no; everything else is written again."""
        refused = [op for op in ops if op.kind is Kind.OPENED and not op.acked]
        kept = [op for op in ops if op.kind is not Kind.OPENED or op.acked]
        self._backlog = [*kept, *self._backlog]
        self._settle(refused)
        self._listener.refused(refused)

    def _settle(self, ops: Sequence[Append]) -> None:
        self.settled_weight += sum(op.weight for op in ops)

    def _control(self, op: Operation) -> None:
        if isinstance(op, Reserve):
            self._reserve(op.bound)
        elif isinstance(op, Discard):
            self._listener.discarded(op, done=self._discard(op))

    def _reserve(self, bound: int) -> None:
        try:
            self._journal.reserve(bound)
        except OSError:
            # The next opening beyond the bound asks again before it is written.
            return

    def _discard(self, op: Discard) -> bool:
        marks = [Append(Kind.SHIPPED, payload) for payload in encode_marks(op.marks)]
        # They never were in the queue, so settling them must not make room in it.
        self.settled_weight -= sum(mark.weight for mark in marks)
        try:
            written = not marks or (self._write(marks) and self._sync())
            if written:
                self._journal.discard(op)
        except OSError:
            return False
        return written
