"""The embedded queue: one SQLite file, shared by every process on the machine.

A message is a row. A lease is a receipt and the instant at which the row becomes visible again;
whoever holds a receipt that has lapsed can no longer change the row. All times are seconds since
the epoch by the clock given, which may be set meanwhile (`storage.queue.visibility`). Several
processes may send and receive at once; SQLite's write lock orders them.
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from audit.errors import QueueUnavailable
from audit.ids import ExchangeNumber
from storage.database import Database, Schema
from storage.queue.port import (
    DeadLetter,
    Delivery,
    Message,
    MessageKind,
    QueueCensus,
    QueuedNumber,
)
from storage.queue.visibility import AT_ONCE, farthest

__all__ = [
    "DEAD_LETTERS",
    "SCHEMA",
    "SqliteQueue",
    "SqliteQueueReader",
    "dead_letter_of",
    "kind_of",
]

# The index holds all that the search for the next message reads, so that bodies, which may be
# megabytes, are touched only when they are delivered.
SCHEMA = Schema(
    application_id=0x41535131,
    version=2,
    script="""
CREATE TABLE messages (
    position    INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT NOT NULL UNIQUE,
    kind        TEXT NOT NULL,
    tap         TEXT NOT NULL,
    boot        TEXT NOT NULL,
    seq         INTEGER NOT NULL,
    sent_at     REAL NOT NULL,
    visible_at  REAL NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    replays     INTEGER NOT NULL DEFAULT 0,
    receipt     TEXT,
    dead_since  REAL,
    code        TEXT,
    description TEXT,
    body        BLOB NOT NULL
) STRICT;
CREATE INDEX alive ON messages (position, visible_at) WHERE dead_since IS NULL;
CREATE INDEX dead ON messages (dead_since, position) WHERE dead_since IS NOT NULL
""",
)

# Waiting for a message is polling. The first look comes quickly, for a delivery should not wait
# long; an idle queue is looked at five times a second, which costs nothing measurable.
POLL_FIRST, POLL_LAST = 0.02, 0.2

READ_CHUNK = 1000
# Rows in one INSERT. Statements are kept by their text, which differs with the number of rows.
_ROWS_AT_ONCE = 64

# Stands for a name that cannot be read; no tap can have it.
_UNREADABLE = "?"

DEAD_LETTERS = (
    "SELECT id, kind, tap, boot, seq, code, description, attempts, dead_since, length(body),"
    " replays FROM messages WHERE dead_since IS NOT NULL"
)


class SqliteQueue:
    """Both ends of the queue: implements `Outbox` and `Inbox`."""

    def __init__(self, database: Database, lease: float, clock: Callable[[], float]) -> None:
        self._database = database
        self._lease = lease
        self._clock = clock

    @classmethod
    async def open(
        cls, path: Path, *, lease: float = 60.0, clock: Callable[[], float] = time.time
    ) -> SqliteQueue:
        """Open or make the queue; a lease lasts `lease` seconds unless renewed.

        Raises `QueueUnavailable` when the file cannot be opened, written or understood.
        """
        return cls(await Database.open(path, QueueUnavailable, SCHEMA), lease, clock)

    async def send(self, messages: Sequence[Message]) -> None:
        """Take all of `messages` durably, in one transaction."""
        now = self._clock()
        rows = [
            (m.id, m.kind.value, m.number.tap, m.number.boot, m.number.seq, now, AT_ONCE, m.body)
            for m in messages
        ]
        await self._database.write(lambda db: _insert(db, rows))

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Lease up to `limit` messages, oldest first; wait up to `wait` seconds for the first."""
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + wait, POLL_FIRST
        while True:
            # Looking takes no write lock, so that idle workers do not hold up the others.
            if await self._database.read(self._any_visible):
                deliveries = await self._database.write(lambda db: self._take(db, limit))
                if deliveries:
                    return deliveries
            remaining = deadline - loop.time()
            if remaining <= 0:
                return []
            await asyncio.sleep(min(pause, remaining))
            pause = min(pause * 2, POLL_LAST)

    async def complete(self, delivery: Delivery) -> bool:
        """Forget the message; false when the lease had lapsed."""
        return await self._settle(
            "DELETE FROM messages WHERE id = ? AND receipt = ? AND visible_at > ?", delivery
        )

    async def abandon(self, delivery: Delivery, delay: float = 0.0) -> bool:
        """Give the message back, visible again after `delay` seconds."""
        return await self._settle(
            "UPDATE messages SET visible_at = ?, receipt = NULL"
            " WHERE id = ? AND receipt = ? AND visible_at > ?",
            delivery,
            self._clock() + delay if delay else AT_ONCE,
        )

    async def excuse(self, delivery: Delivery) -> None:
        """Take this delivery out of the count: also if the receiver dies."""
        await self._settle(
            "UPDATE messages SET attempts = ? WHERE id = ? AND receipt = ? AND visible_at > ?",
            delivery,
            delivery.attempt - 1,
        )

    async def dead_letter(self, delivery: Delivery, code: str, description: str) -> bool:
        """Set the message aside; it is not delivered again."""
        return await self._settle(
            "UPDATE messages SET dead_since = ?, code = ?, description = ?, attempts = ?,"
            " receipt = NULL WHERE id = ? AND receipt = ? AND visible_at > ?",
            delivery,
            self._clock(),
            code,
            description,
            delivery.attempt,
        )

    async def renew(self, delivery: Delivery) -> float | None:
        """Extend the lease from now; give its new end, or None when it had lapsed."""
        until = self._clock() + self._lease
        held = await self._settle(
            "UPDATE messages SET visible_at = ? WHERE id = ? AND receipt = ? AND visible_at > ?",
            delivery,
            until,
        )
        return until if held else None

    async def reclaim(self) -> int:
        """Take every lease back; gives how many there were.

        For whoever knows that the receivers are gone: their deliveries need not wait for the
        leases to lapse. A receiver that is still there finds its lease lapsed, as after a pause.
        """
        return await self._database.write(
            lambda db: (
                db.execute(
                    "UPDATE messages SET visible_at = ?, receipt = NULL"
                    " WHERE receipt IS NOT NULL AND dead_since IS NULL",
                    (AT_ONCE,),
                ).rowcount
            )
        )

    async def close(self) -> None:
        """Close the file. Idempotent."""
        await self._database.close()

    async def _settle(self, statement: str, delivery: Delivery, *changes: object) -> bool:
        key = (delivery.message.id, delivery.receipt, self._clock())
        done = await self._database.write(
            lambda db: db.execute(statement, (*changes, *key)).rowcount
        )
        return done == 1

    def _any_visible(self, db: sqlite3.Connection) -> bool:
        return bool(
            db.execute(
                "SELECT EXISTS (SELECT 1 FROM messages INDEXED BY alive"
                " WHERE dead_since IS NULL AND (visible_at <= ? OR visible_at > ?))",
                self._reach(),
            ).fetchone()[0]
        )

    def _take(self, db: sqlite3.Connection, limit: int) -> list[Delivery]:
        now, far = self._reach()
        positions = db.execute(
            "SELECT position FROM messages INDEXED BY alive WHERE dead_since IS NULL"
            " AND (visible_at <= ? OR visible_at > ?) ORDER BY position LIMIT ?",
            (now, far, limit),
        ).fetchall()
        return [self._lend(db, position, now + self._lease) for (position,) in positions]

    def _reach(self) -> tuple[float, float]:
        """Until when, and again from when on, a row is visible."""
        now = self._clock()
        return now, farthest(now, self._lease)

    def _lend(self, db: sqlite3.Connection, position: int, until: float) -> Delivery:
        receipt = secrets.token_hex(16)
        row = db.execute(
            "UPDATE messages SET receipt = ?, visible_at = ?, attempts = attempts + 1"
            " WHERE position = ? RETURNING CAST(id AS BLOB), CAST(kind AS BLOB),"
            " CAST(tap AS BLOB), CAST(boot AS BLOB), seq, body, attempts",
            (receipt, until, position),
        ).fetchone()
        message = _message(row) or _damaged(db, position, row)
        return Delivery(message=message, attempt=row[6], receipt=receipt, locked_until=until)


class SqliteQueueReader:
    """Reads the queue without a key and without a change: implements `QueueReader`."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    @classmethod
    async def open(cls, path: Path, *, clock: Callable[[], float] = time.time) -> SqliteQueueReader:
        """Open an existing queue read-only, beside its users or without any.

        Raises `QueueUnavailable` when there is none or it cannot be read.
        """
        database = await Database.open(path, QueueUnavailable, SCHEMA, read_only=True)
        return cls(database, clock)

    async def census(self) -> QueueCensus:
        """How full the queue is."""
        now = self._clock()
        waiting, leased, dead, oldest = await self._database.read(
            lambda db: db.execute(
                "SELECT count(*) FILTER (WHERE dead_since IS NULL AND NOT held),"
                " count(*) FILTER (WHERE dead_since IS NULL AND held),"
                " count(dead_since), min(sent_at) FILTER (WHERE dead_since IS NULL AND NOT held)"
                " FROM (SELECT dead_since, sent_at,"
                "       receipt IS NOT NULL AND visible_at > ? AS held FROM messages)",
                (now,),
            ).fetchone()
        )
        age = None if oldest is None else max(0.0, now - oldest)
        return QueueCensus(waiting=waiting, leased=leased, dead=dead, oldest_age=age)

    async def numbers(self) -> AsyncIterator[QueuedNumber]:
        """Every message held, in chunks, so that a long queue does not fill memory."""
        after = 0
        while rows := await self._chunk(after):
            for position, record_id, kind, tap, boot, seq, dead in rows:
                after = position
                number = ExchangeNumber(tap=tap, boot=boot, seq=seq)
                yield QueuedNumber(record_id, kind_of(kind), number, dead=bool(dead))

    async def dead_letters(self, limit: int = 1000) -> Sequence[DeadLetter]:
        """Up to `limit` messages set aside, oldest first."""
        rows = await self._database.read(
            lambda db: db.execute(
                f"{DEAD_LETTERS} ORDER BY dead_since, position LIMIT ?",
                (limit,),
            ).fetchall()
        )
        return [dead_letter_of(row) for row in rows]

    async def close(self) -> None:
        """Close the file. Idempotent."""
        await self._database.close()

    async def _chunk(self, after: int) -> list[tuple[int, str, str, str, str, int, int]]:
        return await self._database.read(
            lambda db: db.execute(
                "SELECT position, id, kind, tap, boot, seq, dead_since IS NOT NULL"
                " FROM messages WHERE position > ? ORDER BY position LIMIT ?",
                (after, READ_CHUNK),
            ).fetchall()
        )


def _insert(db: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert in few statements: each one gives the interpreter up, and has to wait for it again."""
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows[first : first + _ROWS_AT_ONCE]
        places = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?)"] * len(some))
        db.execute(
            "INSERT INTO messages (id, kind, tap, boot, seq, sent_at, visible_at, body)"  # noqa: S608 - question marks
            f" VALUES {places} ON CONFLICT (id) DO NOTHING",
            [value for row in some for value in row],
        )


def _message(row: tuple[Any, ...]) -> Message | None:
    """A row with its texts as bytes; None where they are damaged."""
    try:
        record_id, kind, tap, boot = (text.decode() for text in row[:4])
        number = ExchangeNumber(tap=tap, boot=boot, seq=row[4])
        return Message(id=record_id, kind=MessageKind(kind), number=number, body=row[5])
    except ValueError:
        return None


def _damaged(db: sqlite3.Connection, position: int, row: tuple[Any, ...]) -> Message:
    """Have a damaged row say so: whoever settles, lists or discards it must find it by its id.

    What is no text cannot be found by anyone, and names no exchange from now on.
    """
    try:
        record_id, tap, boot = (row[at].decode() for at in (0, 2, 3))
        seq = row[4]
    except UnicodeDecodeError:
        record_id, tap, boot, seq = f"{_UNREADABLE}{position}", _UNREADABLE, _UNREADABLE, 0
    kind = MessageKind.DAMAGED
    db.execute(
        "UPDATE messages SET id = ?, kind = ?, tap = ?, boot = ?, seq = ? WHERE position = ?",
        (record_id, kind.value, tap, boot, seq, position),
    )
    number = ExchangeNumber(tap=tap, boot=boot, seq=seq)
    return Message(id=record_id, kind=kind, number=number, body=row[5])


def kind_of(text: str) -> MessageKind:
    """The kind a row names. Raises `QueueUnavailable` for one that is none."""
    try:
        return MessageKind(text)
    except ValueError:
        raise QueueUnavailable("holds a message that is damaged: its kind is none") from None


def dead_letter_of(row: tuple[Any, ...]) -> DeadLetter:
    """A row of `DEAD_LETTERS` as a dead letter."""
    record_id, kind, tap, boot, seq, *rest = row
    number = ExchangeNumber(tap=tap, boot=boot, seq=seq)
    return DeadLetter(record_id, kind_of(kind), number, *rest)
