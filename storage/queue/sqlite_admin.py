"""What an operator may do to single messages of the embedded queue.

Works on the same file as taps and workers, while they run: each verb is one statement in one
transaction, and a message that has moved on meanwhile is simply no longer what was asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from audit.errors import QueueUnavailable
from audit.ids import ExchangeNumber
from storage.database import Database
from storage.queue.port import DeadLetter, QueuedNumber
from storage.queue.sqlite import DEAD_LETTERS, SCHEMA, dead_letter_of, kind_of
from storage.queue.visibility import AT_ONCE

__all__ = ["SqliteQueueAdmin"]


class SqliteQueueAdmin:
    """Implements `QueueAdmin`."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    @classmethod
    async def open(cls, path: Path, *, clock: Callable[[], float] = time.time) -> SqliteQueueAdmin:
        """Open or make the queue. Raises `QueueUnavailable`."""
        return cls(await Database.open(path, QueueUnavailable, SCHEMA), clock)

    async def find(self, message_id: str) -> QueuedNumber | None:
        """Whether the queue holds it, and as what."""
        row = await self._database.read(
            lambda db: db.execute(
                "SELECT kind, tap, boot, seq, dead_since IS NOT NULL FROM messages WHERE id = ?",
                (message_id,),
            ).fetchone()
        )
        if row is None:
            return None
        kind, tap, boot, seq, dead = row
        number = ExchangeNumber(tap=tap, boot=boot, seq=seq)
        return QueuedNumber(message_id, kind_of(kind), number, dead=bool(dead))

    async def dead_letter_of(self, message_id: str) -> DeadLetter | None:
        """One message that was set aside."""
        row = await self._database.read(
            lambda db: db.execute(f"{DEAD_LETTERS} AND id = ?", (message_id,)).fetchone()
        )
        return None if row is None else dead_letter_of(row)

    async def replay(self, message_id: str) -> bool:
        """Bring a dead letter back; false when it is none now."""
        return await self._change(
            "UPDATE messages SET dead_since = NULL, code = NULL, description = NULL,"
            " attempts = 0, replays = replays + 1, visible_at = ?"
            " WHERE id = ? AND dead_since IS NOT NULL",
            AT_ONCE,
            message_id,
        )

    async def discard(self, message_id: str) -> bool:
        """Remove a message that nobody has leased, with its body; the space is overwritten."""
        return await self._change(
            "DELETE FROM messages WHERE id = ? AND (receipt IS NULL OR visible_at <= ?)",
            message_id,
            self._clock(),
        )

    async def scrub(self) -> bool:
        """Overwrite what bodies left where they stood, and cut the journal off."""
        database = self._database
        return await database.overwrite_all_residue() and await database.truncate_journal()

    async def close(self) -> None:
        """Close the file. Idempotent."""
        await self._database.close()

    async def _change(self, statement: str, *values: object) -> bool:
        changed = await self._database.write(lambda db: db.execute(statement, values).rowcount)
        return changed == 1
