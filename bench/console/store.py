"""A store with generated records: built once through the store's own statements, then read.

Records and ledger entries go in by what `put` and `enter` run, many in one transaction; nothing
of a power cut matters to a bench, so its commits are not synced. A file of the right size and
seed that is there already is used as it is.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from audit.record import RedactedRecord
from bench.console.records import Maker, entry_of
from storage.records.ledger_rows import INSERT, row_of
from storage.records.sqlite import insertion
from storage.records.sqlite_file import open_store

__all__ = ["built"]

_BATCH = 2_000


async def built(path: Path, maker: Maker) -> None:
    """See that the file holds the maker's records, and no others."""
    database = await open_store(path)
    try:
        there = await database.read(_count)
        await database.read(_unsynced)
        began = time.monotonic()
        for first in range(there + 1, maker.total + 1, _BATCH):
            batch = list(maker.records(first, min(first + _BATCH, maker.total + 1)))
            await database.write(lambda db, batch=batch: _put(db, batch))  # type: ignore[misc]  # mypy cannot infer a lambda's default
            _tell(first + len(batch) - 1 - there, maker.total - there, began)
        await database.truncate_journal()
    finally:
        await database.close()


def _count(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(number), 0) FROM records").fetchone()[0])


def _unsynced(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA cache_size = -1000000")  # KiB


def _put(db: sqlite3.Connection, batch: Sequence[RedactedRecord]) -> None:
    for record in batch:
        insertion(record)(db)
    db.executemany(INSERT, [row_of(entry_of(record)) for record in batch])


def _tell(done: int, of: int, began: float) -> None:
    if os.isatty(sys.stderr.fileno()) or done % 50_000 < _BATCH:
        pace = done / (time.monotonic() - began)
        print(f"{done:,} of {of:,} records, {pace:,.0f} a second", file=sys.stderr)
