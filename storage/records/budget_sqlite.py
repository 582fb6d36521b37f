"""What a query over the embedded store may take: a look at one state of the file, for so long.

The law: what was found when time ran out is not lost. Rows come newest first, so that those that
came are the newest, and whoever asked is told that they are not all.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["collected", "one_state"]

T = TypeVar("T")

# How many virtual-machine steps SQLite takes between looks at the clock: under a millisecond.
_STEPS = 10_000


@contextmanager
def one_state(db: sqlite3.Connection) -> Iterator[None]:
    """Let all that is read within be of one moment, whatever is stored or erased meanwhile."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("COMMIT")


def collected(db: sqlite3.Connection, seconds: float, rows: Iterable[T]) -> tuple[list[T], bool]:
    """Collect rows while there is time; true where it ran out before they ended."""
    deadline = time.monotonic() + seconds
    found: list[T] = []
    db.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    try:
        found.extend(rows)
    except sqlite3.OperationalError as problem:
        if problem.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return found, True
        raise
    finally:
        db.set_progress_handler(None, _STEPS)
    return found, False
