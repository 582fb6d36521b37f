"""The writer: one thread between the event loop and the disk.

The law of this module: operations are written in the order in which they came, many in one write,
and made durable by one sync for all of them, asked for at most the sync interval after the first.
The sync runs elsewhere while the next operations are sealed and written; it speaks for what was
written before it began and for nothing else. What was acknowledged is kept in memory until it is
synced; when a sync fails, the segment is given up and all of that is written again into a new one,
because a second sync of the same file would call lost pages durable.
"""

from __future__ import annotations

import errno
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from audit.value import to_json
from storage.spool.frame import Kind
from storage.spool.marks import encode_marks
from storage.spool.ops import Append, Discard, Listener, Operation, Reserve, Stop, Synced
from storage.spool.segments import Journal
from storage.spool.syncer import Syncer

__all__ = ["Writer"]

# One write and its sealing stay short enough that a strict opening behind it need not wait long.
_BATCH_BYTES = 1 << 20
# How long a disk that refused is left alone; one that cannot sync, longer each time.
_RETRY_SECONDS = 0.1
_LONGEST_RETRY = 1.0


class Writer:
    """Takes operations from a queue and carries them out on a journal."""

    def __init__(
        self,
        journal: Journal,
        syncer: Syncer,
        listener: Listener,
        sync_interval: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settled_weight = 0
        self._journal = journal
        self._syncer = syncer
        self._listener = listener
        self._sync_interval = sync_interval
        self._clock = clock
        self._queue: deque[Operation] = deque()
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._backlog: list[Append] = []
        self._unsynced: list[Append] = []
        self._syncing: list[Append] | None = None
        self._sync_at: float | None = None
        self._hurry = False
        self._failing = False
        self._failed_syncs = 0
        self._not_before = 0.0
        self._stopping = False

    def put(self, op: Operation) -> None:
        """Ask for something, to be seen to after the next `ring`. Called on any thread."""
        self._queue.append(op)

    def ring(self) -> None:
        """Wake the writer for what was put; returns at once. Called on any thread."""
        # A ring that was not heard yet speaks for this one too: the queue is looked at after it.
        if self._bell.empty():
            self._bell.put(None)

    def run(self) -> None:
        """Work until a `Stop` came and was carried out. The thread's body."""
        try:
            while self.step(block=True):
                pass
        finally:
            self._syncer.stop()
            self._listener.ended()

    def step(self, *, block: bool) -> bool:
        """Carry out what is in the queue as one batch, and ask for a sync if it is time.

        False when a `Stop` came and nothing that was written waits for its sync.
        """
        ops = self._take(block=block)
        appends = [op for op in ops if isinstance(op, Append)]
        if appends or self._backlog:
            self._write(appends)
        for op in ops:
            if not isinstance(op, Append):
                self._control(op)
        if self._due():
            self._ask_for_sync()
        return not (self._stopping and self._has_ended())

    def _take(self, *, block: bool) -> list[Operation]:
        if block and not self._queue:
            with suppress(Empty):
                self._bell.get(timeout=self._wait())
        ops: list[Operation] = []
        weight = 0
        while self._queue and weight < _BATCH_BYTES:
            op = self._queue.popleft()
            weight += op.weight if isinstance(op, Append) else 0
            ops.append(op)
        return ops

    def _wait(self) -> float | None:
        if self._backlog:
            return _RETRY_SECONDS
        if self._sync_at is None or self._syncing is not None:
            return None
        return max(0.0, max(self._sync_at, self._not_before) - self._clock())

    def _due(self) -> bool:
        if not self._unsynced or self._syncing is not None:
            return False
        now = self._clock()
        if now < self._not_before and not self._stopping:
            return False
        return self._hurry or (self._sync_at is not None and now >= self._sync_at)

    def _has_ended(self) -> bool:
        """End, unless something waits for its sync; what the disk would not take is told so."""
        if self._unsynced or self._syncing is not None:
            return False
        self._listener.refused([op for op in self._backlog if op.waiters])
        self._journal.abandon()
        self._journal.tidy()
        return True

    def _write(self, appends: Sequence[Append]) -> None:
        batch: list[Append] = []
        withdrawn: list[Append] = []
        # One look at each, for the loop may withdraw one at any time; and there may be very many.
        for op in (*self._backlog, *appends):
            (withdrawn if op.withdrawn and not op.acked else batch).append(op)
        if withdrawn:
            self._settle(withdrawn)
            self._listener.refused(withdrawn)
        self._backlog = []
        try:
            written = self._journal.append(batch)
        except OSError as error:
            self._fail(error)
            self._keep_or_refuse(batch)
            return
        self._acknowledge(batch)
        if written is not None:
            self._listener.written(written)
            # All that waited was part of this batch.
            dropped = self._journal.drop_superseded()
            if dropped:
                self._listener.superseded(dropped)

    def _acknowledge(self, batch: Sequence[Append]) -> None:
        if batch and self._sync_at is None:
            self._sync_at = self._clock() + self._sync_interval
        for op in batch:
            if op.strict:
                self._hurry = True
            else:
                op.acked = True
        self._unsynced.extend(batch)

    def _ask_for_sync(self) -> None:
        self._syncing, self._unsynced = self._unsynced, []
        self._sync_at, self._hurry = None, False
        self._syncer.put(self._journal.to_sync(), self._answered)

    def _answered(self, synced: Operation) -> None:
        self.put(synced)
        self.ring()

    def _control(self, op: Operation) -> None:
        if isinstance(op, Synced):
            self._synced(op)
        elif isinstance(op, Reserve):
            self._reserve(op.bound)
        elif isinstance(op, Discard):
            self._discard(op)
        elif isinstance(op, Stop):
            self._stopping = self._hurry = True

    def _synced(self, synced: Synced) -> None:
        ops, self._syncing = self._syncing or [], None
        if synced.error is None:
            self._succeed(ops)
        else:
            self._fail(synced.error)
            ops, self._unsynced = [*ops, *self._unsynced], []
            self._sync_at, self._hurry = None, False
            self._failed_syncs += 1
            pause = min(_RETRY_SECONDS * 2.0 ** (self._failed_syncs - 1), _LONGEST_RETRY)
            self._not_before = self._clock() + pause
            self._journal.give_up()
            self._keep_or_refuse(ops)
        self._journal.tidy()

    def _succeed(self, ops: Sequence[Append]) -> None:
        self._journal.synced()
        self._failed_syncs, self._not_before = 0, 0.0
        if self._failing:
            self._failing = False
            self._listener.trouble(None)
        self._settle(ops)
        self._listener.synced(ops)
        for op in ops:
            if op.then is not None:
                self._delete(op.then)

    def _fail(self, error: OSError) -> None:
        """Say it once for each outage, which ends with a sync that worked."""
        if not self._failing:
            self._failing = True
            self._listener.trouble(errno.errorcode.get(error.errno or 0, "unknown"))

    def _keep_or_refuse(self, ops: Sequence[Append]) -> None:
        """Openings that wait are told no; everything else is written again."""
        refused = [op for op in ops if op.kind is Kind.OPENED and not op.acked]
        kept = [op for op in ops if op.kind is not Kind.OPENED or op.acked]
        self._backlog = [*kept, *self._backlog]
        self._settle(refused)
        self._listener.refused(refused)

    def _settle(self, ops: Sequence[Append]) -> None:
        self.settled_weight += sum(op.weight for op in ops)

    def _reserve(self, bound: int) -> None:
        try:
            self._journal.reserve(bound)
        except OSError as error:
            # The next opening beyond the bound asks again before it is written.
            self._fail(error)

    def _discard(self, op: Discard) -> None:
        """Carry the marks forward; what they make needless goes once they are durable."""
        if not self._may_leave(op):
            self._listener.discarded(op, done=False)
            return
        carried = [Append(Kind.SHIPPED, payload) for payload in encode_marks(op.marks)]
        if op.checkpoint is not None:
            carried.append(Append(Kind.CHECKPOINT, to_json(op.checkpoint)))
        carried.append(Append(None, then=op))
        # They never were in the queue, so settling them must not make room in it.
        self.settled_weight -= sum(each.weight for each in carried)
        self._write(carried)

    def _may_leave(self, op: Discard) -> bool:
        """Stop writing to the segment that rests, if it still does."""
        if op.resting is None:
            return True
        if self._unsynced or self._syncing is not None or not self._journal.rests(op.resting):
            return False
        self._journal.abandon()
        return True

    def _delete(self, op: Discard) -> None:
        try:
            self._journal.discard(op)
        except OSError as error:
            self._fail(error)
            self._listener.discarded(op, done=False)
        else:
            self._listener.discarded(op, done=True)
