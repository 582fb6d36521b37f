"""The access log and saved searches in a small SQLite file of the console's own.

Triggers refuse to change or remove an entry: whoever wants to must take the triggers away first,
and breaks the chain all the same. Two processes may write at once (console and command line):
the chain's end is read under the write lock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from audit.errors import StoreUnavailable
from audit.value import from_json, to_json
from storage.access.port import GENESIS, Access, LoggedAccess, SavedSearch, chained
from storage.database import Database, Schema

__all__ = ["SqliteAccessLog", "SqliteSavedSearches", "open_access", "open_access_for_reading"]

SCHEMA = Schema(
    application_id=0x41535241,
    version=1,
    script="""
CREATE TABLE access (
    number INTEGER PRIMARY KEY,
    json   TEXT NOT NULL,
    chain  TEXT NOT NULL
) STRICT;
CREATE TRIGGER access_stays BEFORE DELETE ON access
BEGIN SELECT RAISE(ABORT, 'the access log is only added to'); END;
CREATE TRIGGER access_stands BEFORE UPDATE ON access
BEGIN SELECT RAISE(ABORT, 'the access log is only added to'); END;
CREATE TABLE saved (
    owner TEXT NOT NULL,
    name  TEXT NOT NULL,
    json  TEXT NOT NULL,
    PRIMARY KEY (owner, name)
) STRICT, WITHOUT ROWID
""",
)
_CHUNK = 500


async def open_access(path: Path) -> Database:
    """Open or make the file, and its folder. Raises `StoreUnavailable`, saying what is wrong."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"{path.parent} cannot be made: {error.strerror}") from None
    return await Database.open(path, StoreUnavailable, SCHEMA)


async def open_access_for_reading(path: Path) -> Database:
    """Open an existing file so that nothing in it can be changed. Raises `StoreUnavailable`."""
    return await Database.open(path, StoreUnavailable, SCHEMA, read_only=True)


class SqliteAccessLog:
    """Implements `AccessLog`. The database is closed by whoever opened it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enter(self, access: Access) -> None:
        """Add an entry, durably."""
        await self._database.write(lambda db: _enter(db, access))

    async def newest(self, limit: int, before: int | None = None) -> Sequence[LoggedAccess]:
        """The newest entries, or the newest with a number below `before`."""
        below = before if before is not None else 2**62
        rows = await self._database.read(
            lambda db: db.execute(
                "SELECT number, json, chain FROM access WHERE number < ?"
                " ORDER BY number DESC LIMIT ?",
                (below, limit),
            ).fetchall()
        )
        return [_entry(row) for row in rows]

    async def entries(self) -> AsyncIterator[LoggedAccess]:
        """All of them, oldest first."""
        after = 0
        while chunk := await self._database.read(lambda db, after=after: _chunk(db, after)):  # type: ignore[misc]  # mypy cannot infer a lambda's default
            after = chunk[-1].number
            for each in chunk:
                yield each


class SqliteSavedSearches:
    """Implements `SavedSearches`. The database is closed by whoever opened it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, search: SavedSearch) -> None:
        """Keep it; one of its owner and name gives way."""
        row = (search.owner, search.name, to_json(search).decode())
        await self._database.write(
            lambda db: db.execute("INSERT OR REPLACE INTO saved VALUES (?, ?, ?)", row).rowcount
        )

    async def forget(self, owner: str, name: str) -> None:
        """Remove it, if it is there."""
        await self._database.write(
            lambda db: (
                db.execute("DELETE FROM saved WHERE owner = ? AND name = ?", (owner, name)).rowcount
            )
        )

    async def saved(self, owner: str) -> Sequence[SavedSearch]:
        """The owner's, by name."""
        rows = await self._database.read(
            lambda db: db.execute(
                "SELECT json FROM saved WHERE owner = ? ORDER BY name", (owner,)
            ).fetchall()
        )
        return [from_json(json, SavedSearch) for (json,) in rows]


def _enter(db: sqlite3.Connection, access: Access) -> None:
    last = db.execute("SELECT number, chain FROM access ORDER BY number DESC LIMIT 1").fetchone()
    number, before = last or (0, GENESIS)
    row = (number + 1, to_json(access).decode(), chained(before, access))
    db.execute("INSERT INTO access (number, json, chain) VALUES (?, ?, ?)", row)


def _chunk(db: sqlite3.Connection, after: int) -> list[LoggedAccess]:
    rows = db.execute(
        "SELECT number, json, chain FROM access WHERE number > ? ORDER BY number LIMIT ?",
        (after, _CHUNK),
    )
    return [_entry(row) for row in rows]


def _entry(row: tuple[int, str, str]) -> LoggedAccess:
    return LoggedAccess(number=row[0], access=from_json(row[1], Access), chain=row[2])
