"""The syncer: waits for the disk, so that the writer need not.

The law of this module: a sync is answered once, in the order in which it was asked for, and with
the first error of any of its files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from storage.spool.disk import AppendFile
from storage.spool.ops import Operation, Synced

__all__ = ["Syncer"]

_Job = tuple[Sequence[AppendFile], Callable[[Operation], None]]


class Syncer:
    """Syncs files on a thread of its own."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()

    def put(self, files: Sequence[AppendFile], answer: Callable[[Operation], None]) -> None:
        """Have the files synced and `answer` called with a `Synced`; returns at once."""
        self._jobs.put((files, answer))

    def stop(self) -> None:
        """End once what was asked for is done."""
        self._jobs.put(None)

    def run(self) -> None:
        """Work until `stop`. The thread's body."""
        while self.step(block=True):
            pass

    def step(self, *, block: bool) -> bool:
        """Do one sync, if one was asked for. False after `stop`."""
        try:
            job = self._jobs.get(block)
        except Empty:
            return True
        if job is None:
            return False
        files, answer = job
        answer(Synced(_sync(files)))
        return True


def _sync(files: Sequence[AppendFile]) -> OSError | None:
    try:
        for file in files:
            file.sync()
    except OSError as error:
        return error
    return None
