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
  between. It is held for a step of pages at a time, and whatever has been deleted before the first
  step is gone after the last: what moves later moves without it.
- Each step ends with a commit. By it every other connection knows that what it remembers of pages
  is old; else it would write the bytes back with the next change of such a page.
- It runs in a process of its own. To close a file takes away all POSIX locks that the process has
  on it, those of SQLite's connections as well.
- To be ended at any instant costs nothing: what was half overwritten has no meaning.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import sys
from pathlib import Path
from typing import Final

__all__ = ["main", "overwritten"]

# Pages for which the write lock is held at a time: 16 MiB of them take some ten milliseconds.
STEP: Final = 4096
# How often a step begins anew when others wrote first.
_TRIES = 20

# The kinds of b-tree pages, by their first byte, and how long their headers are.
_HEADERS = {2: 12, 5: 12, 10: 8, 13: 8}
# Other pages begin with the number of a page, which in a larger file may begin like a kind.
_MOST_PAGES = 1 << 25
# The first page holds the schema, and nothing else.
_FIRST = 2


def overwritten(path: Path, first: int, steps: int, patience: float) -> int | None:
    """Overwrite what is left in at most `steps` steps of pages, from page `first`.

    A step waits for others for `patience` seconds. Gives the page to go on from, 0 when that was
    the last; None when others kept the file busy. Raises `sqlite3.Error` and `OSError`, and
    `ValueError` for a file that is not laid out as ours.
    """
    # The file is closed after the connection, which has locks on it.
    with (
        path.open("r+b", buffering=0) as file,
        contextlib.closing(_connected(path, patience)) as db,
    ):
        page = max(first, _FIRST)
        for _ in range(steps):
            if not _alone(db, path):
                return None
            after = _step(db, file.fileno(), page)
            # The number that stands there already: what counts is that something is committed.
            db.execute(f"PRAGMA user_version = {db.execute('PRAGMA user_version').fetchone()[0]:d}")
            db.execute("COMMIT")
            if after == 0:
                return 0
            page = after
        return page


def _connected(path: Path, patience: float) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, timeout=patience)
    db.execute("PRAGMA synchronous = FULL")
    return db


def _alone(db: sqlite3.Connection, path: Path) -> bool:
    """Begin a transaction over an empty journal; false when others never let it be empty."""
    journal = path.with_name(f"{path.name}-wal")
    for _ in range(_TRIES):
        if db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            return False
        db.execute("BEGIN IMMEDIATE")
        if not journal.exists() or journal.stat().st_size == 0:
            return True
        db.execute("ROLLBACK")
    return False


def _step(db: sqlite3.Connection, file: int, first: int) -> int:
    """Overwrite one step of pages; give the page behind it, 0 behind the last."""
    size, count = (
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count")
    )
    if db.execute("PRAGMA auto_vacuum").fetchone()[0] or count >= _MOST_PAGES:
        raise ValueError("its pages are not laid out as the store lays them out")
    if first > count:
        return 0
    pages = os.pread(file, min(STEP, count - first + 1) * size, (first - 1) * size)
    for at in range(0, len(pages) - size + 1, size):
        start, end = _between(pages[at : at + size])
        if pages.count(0, at + start, at + end) < end - start:
            os.pwrite(file, bytes(end - start), (first - 1) * size + at + start)
    os.fsync(file)
    return first + STEP if first + STEP <= count else 0


def _between(page: bytes) -> tuple[int, int]:
    """Where the unallocated bytes of a page begin and end; nowhere, where it is of no b-tree."""
    header = _HEADERS.get(page[0])
    if header is None:
        return 0, 0
    start = header + 2 * int.from_bytes(page[3:5], "big")
    # Zero stands for 65,536, the end of the largest page.
    end = int.from_bytes(page[5:7], "big") or 65_536
    return (start, end) if start <= end <= len(page) else (0, 0)


def main() -> None:
    """Overwrite as the command line says: file, page, steps, patience.

    Writes `{"next": …}`, `{"sqlite": …}` with SQLite's code or `{"failed": …}`, and no content.
    """
    path, first, steps, patience = sys.argv[1:]
    told: dict[str, object]
    try:
        told = {"next": overwritten(Path(path), int(first), int(steps), float(patience))}
    except sqlite3.Error as problem:
        told = {"sqlite": getattr(problem, "sqlite_errorcode", 0)}
    except (OSError, ValueError) as problem:
        told = {"failed": getattr(problem, "strerror", None) or str(problem)}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
