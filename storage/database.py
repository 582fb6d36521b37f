"""One SQLite file behind one thread: blocking calls stay off the event loop.

A connection belongs to a thread of its own and every call runs there, one after the other. What
is written is committed under WAL with `synchronous=FULL`: when a write returns, it survives a
power loss. SQLite's errors stop here, translated by the table `REASONS` into the caller's own
transient error with a message that holds the file's path and no content; anything not in the
table is a defect of ours and passes as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from audit.errors import TransientError

__all__ = ["Database", "Overwritten", "Schema"]

T = TypeVar("T")

# How long a call waits for another process's transaction. Ours take milliseconds; a checkpoint
# of a large WAL on a slow disk can take seconds.
BUSY_SECONDS = 10.0

# How long a call that holds others up waits for them at a time.
_BRIEF_SECONDS = 0.1

REASONS: dict[int, str] = {
    sqlite3.SQLITE_BUSY: "is locked by another process",
    sqlite3.SQLITE_LOCKED: "is locked",
    sqlite3.SQLITE_PERM: "may not be accessed",
    sqlite3.SQLITE_READONLY: "cannot be written",
    sqlite3.SQLITE_IOERR: "could not be read or written: the disk reported an error",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    sqlite3.SQLITE_PROTOCOL: "is locked by too many processes",
    sqlite3.SQLITE_CORRUPT: "is damaged",
    sqlite3.SQLITE_NOTADB: "is not an SQLite file, or is damaged",
}

# More steps of pages than a file can have.
_EVERYTHING = 1 << 20

# Seconds after which the process that overwrites is given up: a disk that hangs says nothing.
_LONGEST = 3600.0
_RESIDUE = Path(__file__).with_name("residue.py")
_KEPT = "could not be cleared of the bytes that removed rows left in it"

# How Python's driver begins to say that a text column holds other bytes; it has no code.
_NO_TEXT = "Could not decode to UTF-8"


@dataclass(frozen=True, slots=True)
class Schema:
    """What a file must be: whose it is (`application_id`), which version, how it is made.

    `upgrades` makes of a file of the version that it is listed under one of the next. In both,
    each statement but the last ends with `;` at the end of a line.
    """

    application_id: int
    version: int
    script: str
    upgrades: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Overwritten:
    """How far an overwriting came: the page to go on from, 0 behind the last.

    Where it was `disturbed`, others wrote between two of its steps.
    """

    next: int
    disturbed: bool


class Database:
    """One connection to one file. Raises `failure` (a transient error) for what went wrong."""

    def __init__(self, path: Path, failure: type[TransientError]) -> None:
        self._path = path
        self._failure = failure
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"sqlite-{path.stem}")
        self._connection: sqlite3.Connection | None = None

    @classmethod
    async def open(
        cls,
        path: Path,
        failure: type[TransientError],
        schema: Schema,
        *,
        read_only: bool = False,
    ) -> Database:
        """Open the file, making it (mode 0600) unless `read_only`.

        Raises `failure` when it cannot be opened or made, or is not a file of this schema.
        """
        database = cls(path, failure)
        try:
            await database._call(lambda: database._connect(schema, read_only=read_only))
        except BaseException:
            await database.close()
            raise
        return database

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the connection, without a transaction around it."""
        return await self._call(lambda: _whole(work(self._connected())))

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one write transaction: all of it is durable on return, or none of it."""

        def transaction() -> T:
            connection = self._connected()
            with _transaction(connection):
                return _whole(work(connection))

        return await self._call(transaction)

    async def truncate_journal(self, patience: float = BUSY_SECONDS) -> bool:
        """Bring all that is committed into the file and cut the WAL off; no bytes stay in it.

        False when others kept reading or writing for `patience` seconds.
        """
        return await self._call(lambda: _truncated(self._connected(), patience))

    async def overwrite_residue(
        self, first: int, steps: int, patience: float = BUSY_SECONDS
    ) -> Overwritten | None:
        """Overwrite what rows left in the file where they stood before, see `storage.residue`.

        Goes over at most `steps` steps of pages from page `first`; None when others kept reading
        or writing for `patience` seconds before the first step.
        """
        words = (str(self._path), str(first), str(steps), str(patience))
        try:
            done = await asyncio.to_thread(
                subprocess.run,
                # It needs nothing but Python itself, and is there sooner without the rest.
                [sys.executable, "-I", "-S", str(_RESIDUE), *words],
                stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=_LONGEST,
            )  # fmt: skip
            told = json.loads(done.stdout)
        except (subprocess.SubprocessError, OSError, ValueError) as problem:
            raise self._failure(f"{self._path} {_KEPT} ({type(problem).__name__})") from None
        if "busy" in told:
            return None
        if "next" not in told:
            reason = REASONS.get(told.get("sqlite", 0) & 0xFF, told.get("failed", "unknown"))
            raise self._failure(f"{self._path} {_KEPT}: {reason}")
        return Overwritten(told["next"], told["disturbed"])

    async def overwrite_all_residue(self) -> bool:
        """Do so in the whole file; false when others kept it busy."""
        # Once more where others wrote meanwhile.
        for _ in range(2):
            page, disturbed = 0, False
            while True:
                done = await self.overwrite_residue(page, _EVERYTHING)
                if done is None:
                    return False
                disturbed = disturbed or done.disturbed or page > 0
                page = done.next
                if not page:
                    break
            if not disturbed:
                return True
        return True

    async def close(self) -> None:
        """Finish what runs and close. Idempotent."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await asyncio.get_running_loop().run_in_executor(self._thread, connection.close)
        self._thread.shutdown(wait=False)

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            raise self._failure(f"{self._path} is closed")
        return self._connection

    async def _call(self, work: Callable[[], T]) -> T:
        try:
            future = asyncio.get_running_loop().run_in_executor(self._thread, work)
        except RuntimeError:
            raise self._failure(f"{self._path} is closed") from None
        try:
            return await future
        except (sqlite3.Error, OSError) as problem:
            raise self._translated(problem) from None

    def _translated(self, problem: sqlite3.Error | OSError) -> Exception:
        if isinstance(problem, OSError):
            return self._failure(f"{self._path} cannot be opened: {problem.strerror}")
        if _NO_TEXT in str(problem):
            # The driver's own message repeats the text.
            return self._failure(f"{self._path} is damaged: a text in it is no UTF-8")
        # The low byte is the primary code; the rest only refines it.
        reason = REASONS.get(getattr(problem, "sqlite_errorcode", 0) & 0xFF)
        return self._failure(f"{self._path} {reason}") if reason else problem

    def _connect(self, schema: Schema, *, read_only: bool) -> None:
        if read_only:
            self._connection = _read_only(self._path)
        else:
            _made(self._path)
            self._connection = _connection(str(self._path), uri=False)
            # Somebody else's file is not changed, not even in its journal mode.
            if not _is_foreign(self._connection, schema):
                _prepare(self._connection, schema)
        if reason := _unfit(_schema_of(self._connection), schema):
            raise self._failure(f"{self._path} {reason}")


def _whole(result: T) -> T:
    """Let no cursor leave its thread: dropped elsewhere, it resets a statement that runs here."""
    if isinstance(result, sqlite3.Cursor):
        raise TypeError("a cursor must not leave the thread of its connection")
    return result


def _made(path: Path) -> None:
    """Make the file where it is not there, for nobody else to read.

    One that is there is left alone: to close it would take away the locks that other connections
    of this process have on it.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _connection(target: str, *, uri: bool) -> sqlite3.Connection:
    return sqlite3.connect(target, isolation_level=None, timeout=BUSY_SECONDS, uri=uri)


def _read_only(path: Path) -> sqlite3.Connection:
    """Open for reading beside a writer, or alone on a medium that cannot be written.

    Without a WAL there is nothing to replay, so that a folder in which SQLite may not make its
    shared-memory file can still be read as it lies.
    """
    path.stat()
    location = f"{path.absolute().as_uri()}?mode=ro"
    connection = _connection(location, uri=True)
    try:
        connection.execute("PRAGMA schema_version")
    except sqlite3.OperationalError:
        connection.close()
        if path.with_name(f"{path.name}-wal").exists():
            raise
        return _connection(f"{location}&immutable=1", uri=True)
    return connection


def _is_foreign(connection: sqlite3.Connection, schema: Schema) -> bool:
    """Whether it is a file of another kind, or of a version that cannot be made ours.

    Tables are looked for first: another process may be making ours, all at once, in between.
    """
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return bool(tables) and not _is_usable(_schema_of(connection), schema)


def _is_usable(found: tuple[int, int], schema: Schema) -> bool:
    application_id, version = found
    steps = range(version, schema.version)
    ours = application_id == schema.application_id and version <= schema.version
    return ours and all(each in schema.upgrades for each in steps)


def _unfit(found: tuple[int, int], schema: Schema) -> str:
    """Why a file cannot be used; empty where it can."""
    application_id, version = found
    if application_id != schema.application_id:
        return "is not ours but an SQLite file of another kind; it is left as it is, move it away"
    if version != schema.version and _is_usable(found, schema):
        return "was made by an earlier version; the next worker that starts brings it up to date"
    if version != schema.version:
        return f"has the schema version {version}, and this program uses {schema.version}"
    return ""


def _prepare(connection: sqlite3.Connection, schema: Schema) -> None:
    """Set the connection up and make the schema where the file is new, or bring it up to date."""
    _retried(lambda: connection.execute("PRAGMA journal_mode = WAL"))
    connection.execute("PRAGMA synchronous = FULL")
    # What was deleted is overwritten: an erasure that only unlinks is none.
    connection.execute("PRAGMA secure_delete = ON")
    with _transaction(connection):
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            for statement in schema.script.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {schema.application_id:d}")
            connection.execute(f"PRAGMA user_version = {schema.version:d}")
        # Asked inside the transaction: another process may have done it meanwhile.
        for version in range(_schema_of(connection)[1], schema.version):
            for statement in schema.upgrades[version].split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version + 1:d}")


def _truncated(connection: sqlite3.Connection, patience: float) -> bool:
    """Ask often and briefly: SQLite waits for readers with the write lock in its hand."""
    until = time.monotonic() + patience
    connection.execute(f"PRAGMA busy_timeout = {_BRIEF_SECONDS * 1000:.0f}")
    try:
        while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            if time.monotonic() >= until:
                return False
            time.sleep(_BRIEF_SECONDS)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}")
    return True


def _schema_of(connection: sqlite3.Connection) -> tuple[int, int]:
    return (
        connection.execute("PRAGMA application_id").fetchone()[0],
        connection.execute("PRAGMA user_version").fetchone()[0],
    )


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has rolled back by itself after some errors (a full disk).
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _retried(attempt: Callable[[], object]) -> None:
    """Try again while busy: the change into WAL mode does not honour the busy timeout."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            attempt()
        except sqlite3.OperationalError as problem:
            busy = problem.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
