"""What SQLite leaves between the cells of its pages, overwritten in the file.

With `secure_delete` a row is overwritten where it stands when it is deleted. But as rows come and
go, SQLite balances its pages: cells are written anew, in this page or in another, and the bytes of
where they stood before stay behind in what is now unallocated. Of a row that moved before it was
deleted such bytes are left, and SQLite has no order by which they would go but to write the whole
file anew (`VACUUM`), which stops all writers for as long and takes the room of two more files.

So they are overwritten here, by the file format that SQLite promises to keep
(https://www.sqlite.org/fileformat2.html): of each page of a b-tree what lies between the array of
its cell pointers and the first of its cells. The laws:

- Nobody else writes meanwhile. The journal has been brought into the file and is empty, and the
  write lock is held, so that the pages in the file are the pages. Readers never read what lies
  between. The lock is held for a step at a time, and between two steps as long for others.
- Each step ends with a commit. By it every other connection knows that what it remembers of pages
  is old; else it would write the bytes back with the next change of such a page.
- What had been deleted before the first step is gone after the last where nobody wrote between two
  of them. Where somebody did, a page may have gone to a place that was passed already, with what is
  between its cells: then all pages are to be gone over once more.
- It runs in a process of its own. To close a file takes away all POSIX locks that the process has
  on it, those of SQLite's connections as well.
- To be ended at any instant costs nothing: what was half overwritten has no meaning.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["main", "overwritten"]

# Bytes for which the write lock is held at a time: they take some ten milliseconds.
STEP: Final = 16 << 20
# How long is waited for others with a lock in the hand, and without one.
_BUSY_SECONDS, _PAUSE_SECONDS = 0.1, 0.05

# The kinds of b-tree pages, by their first byte, and how long their headers are.
_HEADERS = {2: 12, 5: 12, 10: 8, 13: 8}
# Other pages begin with the number of a page, which in a larger file may begin like a kind.
_MOST_PAGES = 1 << 25
# The first page holds the schema, and nothing else.
_FIRST = 2
# Where the file's own header says how many bytes at the end of each page are for others.
_RESERVED = 20


def overwritten(path: Path, first: int, steps: int, patience: float) -> tuple[int, bool] | None:
    """Overwrite what is left in at most `steps` steps of pages, from page `first`.

    A step waits for others for `patience` seconds. Gives the page to go on from, 0 when that was
    the last, and whether others wrote between two steps; None when they kept the file busy before
    the first. Raises `sqlite3.Error` and `OSError`, and `ValueError` for a file that is not laid
    out as ours.
    """
    # SQLite follows a link too: the journal lies beside the file itself.
    path = path.resolve()
    # The file is closed after the connection, which has locks on it.
    with path.open("r+b", buffering=0) as file, contextlib.closing(_connected(path)) as db:
        page, versions = max(first, _FIRST), set[int]()
        for done in range(steps):
            if not _alone(db, path, patience):
                return (page, len(versions) > 1) if done else None
            begun = time.monotonic()
            versions.add(db.execute("PRAGMA data_version").fetchone()[0])
            page = _step(db, file.fileno(), page)
            # The number that stands there already: what counts is that something is committed.
            db.execute(f"PRAGMA user_version = {db.execute('PRAGMA user_version').fetchone()[0]:d}")
            db.execute("COMMIT")
            if page == 0:
                break
            time.sleep(max(_PAUSE_SECONDS, time.monotonic() - begun))
        return page, len(versions) > 1


def _connected(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_SECONDS)
    db.execute("PRAGMA synchronous = FULL")
    return db


def _alone(db: sqlite3.Connection, path: Path, patience: float) -> bool:
    """Begin a transaction over an empty journal; false when others never let it be empty."""
    journal = path.with_name(f"{path.name}-wal")
    until = time.monotonic() + patience
    while True:
        # It waits for readers with the write lock in its hand, so it is asked to wait briefly.
        busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if not busy and _begun(db):
            # The file has a journal while it is open; where none is seen it lies elsewhere.
            if journal.exists() and journal.stat().st_size == 0:
                return True
            db.execute("ROLLBACK")
        if time.monotonic() >= until:
            return False
        time.sleep(_PAUSE_SECONDS)


def _begun(db: sqlite3.Connection) -> bool:
    try:
        db.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as problem:
        if problem.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            return False
        raise
    return True


def _step(db: sqlite3.Connection, file: int, first: int) -> int:
    """Overwrite one step of pages; give the page behind it, 0 behind the last."""
    size, count, maps = (
        db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_size", "page_count", "auto_vacuum")
    )
    if maps or count >= _MOST_PAGES or os.pread(file, 1, _RESERVED) != b"\0":
        raise ValueError("is not laid out as the store lays its files out, or is too large for it")
    behind = min(first + max(STEP // size, 1), count + 1)
    if behind <= first:
        return 0
    pages = os.pread(file, (behind - first) * size, (first - 1) * size)
    if len(pages) != (behind - first) * size:
        raise OSError(0, "is shorter than it says")
    for at, end in _unallocated(pages, size):
        if os.pwrite(file, bytes(end - at), (first - 1) * size + at) != end - at:
            raise OSError(0, "could not be written whole")
    os.fsync(file)
    return behind if behind <= count else 0


def _unallocated(pages: bytes, size: int) -> Iterator[tuple[int, int]]:
    """Where in some pages there are bytes between cell pointers and cells that are not zero."""
    for page in range(0, len(pages), size):
        header = _HEADERS.get(pages[page])
        if header is None:
            continue
        cells, start = struct.unpack_from(">HH", pages, page + 3)
        # Zero stands for 65,536, the end of the largest page.
        at, end = page + header + 2 * cells, page + (start or 65_536)
        if not at < end <= page + size or pages.count(0, at, end) == end - at:
            continue
        # It is a page of a b-tree if it is whole as one: no cell is where nothing should be.
        if all(
            page + cell >= end for (cell,) in struct.iter_unpack(">H", pages[page + header : at])
        ):
            yield at, end


def main() -> None:
    """Overwrite as the command line says: file, page, steps, patience.

    Writes `{"next": …, "disturbed": …}`, `{"busy": true}`, `{"sqlite": …}` with SQLite's code or
    `{"failed": …}`, and no content.
    """
    path, first, steps, patience = sys.argv[1:]
    told: dict[str, object]
    try:
        done = overwritten(Path(path), int(first), int(steps), float(patience))
        told = {"busy": True} if done is None else {"next": done[0], "disturbed": done[1]}
    except sqlite3.Error as problem:
        told = {"sqlite": getattr(problem, "sqlite_errorcode", 0)}
    except (OSError, ValueError) as problem:
        told = {"failed": getattr(problem, "strerror", None) or str(problem)}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
