"""A record store and a ledger in memory, for tests: the real ones' promises, except durability.

Everything is encoded on the way in and decoded on the way out. They earn their place by passing
the contract tests of the store and the ledger.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from audit.errors import RecordInvalid
from audit.ids import ExchangeNumber
from audit.ledger import Checkpoint, LedgerEntry, LedgerState
from audit.record import RedactedRecord
from audit.value import from_json, to_json
from storage.records.cursor import check_limit, read_cursor, write_cursor
from storage.records.findable import findable
from storage.records.port import Page, StoredDocument, StoredRef, TellDamage
from storage.records.query import Query
from storage.records.query_match import matches
from storage.records.reference import reference

__all__ = ["MemoryLedger", "MemoryRecords"]

_GIVE_WAY = (LedgerState.DEAD_LETTERED, LedgerState.UNREADABLE)
_REMOVED = (LedgerState.ERASED, LedgerState.EXPIRED)


class MemoryRecords:
    """Implements `RecordWriter` and `RecordReader`; `ledger` says what was removed."""

    def __init__(self, ledger: MemoryLedger | None = None) -> None:
        self.documents: dict[str, bytes] = {}
        self.ledger = ledger

    async def put(self, record: RedactedRecord) -> bool:
        """Keep the record; false when one of its id is there, or was removed."""
        if type(record) is not RedactedRecord:
            raise RecordInvalid("only a redacted record may be stored")
        new = record.id not in self.documents
        self.documents.setdefault(record.id, to_json(record))
        # As a store does that cannot look and write at once: look afterwards, and remove.
        if await self._was_removed(record):
            self.documents.pop(record.id, None)
            return False
        return new

    async def stored(self, record: RedactedRecord) -> bytes | None:
        """The text of the stored record of this one's id."""
        return self.documents.get(record.id)

    async def replace(self, record: RedactedRecord) -> bool:
        """For the keeper: in place of the stored one of its id; false where there is none."""
        if record.id not in self.documents:
            return False
        self.documents[record.id] = to_json(record)
        return True

    async def get(self, record_id: str) -> StoredDocument | None:
        """Fetch one record."""
        found = self.documents.get(record_id)
        return None if found is None else StoredDocument(record_id, found)

    async def search(self, query: Query, limit: int, cursor: str | None = None) -> Page:
        """Find records, newest opening first."""
        check_limit(limit)
        before = read_cursor(cursor) if cursor is not None else None
        found: list[tuple[tuple[str, str], bytes]] = []
        for json in self.documents.values():
            record = from_json(json, RedactedRecord)
            place = (record.timing.received_at, record.id)
            if (before is None or place < before) and matches(query.where, findable(record)):
                found.append((place, json))
        found.sort(reverse=True)
        documents = [StoredDocument(place[1], json) for place, json in found[:limit]]
        more = len(found) > limit
        return Page(documents, write_cursor(*found[limit - 1][0]) if more else None)

    async def references(self) -> AsyncIterator[StoredRef]:
        """Walk every record."""
        for json in list(self.documents.values()):
            r = from_json(json, RedactedRecord)
            yield reference(r.id, r.tap.name, r.tap.boot, r.tap.seq, r.consumer, r.day, json)

    async def _was_removed(self, record: RedactedRecord) -> bool:
        if self.ledger is None:
            return False
        tap = record.tap
        entry = await self.ledger.entry(ExchangeNumber(tap=tap.name, boot=tap.boot, seq=tap.seq))
        return entry is not None and entry.state in _REMOVED


class MemoryLedger:
    """Implements `LedgerWriter` and `LedgerReader`."""

    def __init__(self) -> None:
        self._entries: dict[ExchangeNumber, bytes] = {}
        self._checkpoints: dict[tuple[str, str, int], bytes] = {}

    async def enter(self, entry: LedgerEntry) -> bool:
        """Enter what became of a number; false when what was there stays."""
        there = await self.entry(entry.number)
        if there is not None and (there.state not in _GIVE_WAY or there.state is entry.state):
            return False
        self._entries[entry.number] = to_json(entry)
        return True

    async def replace(self, entry: LedgerEntry, seen: LedgerEntry | None) -> bool:
        """Let the entry stand in place of the one that was seen; false where it is another now."""
        there = self._entries.get(entry.number)
        if there != (None if seen is None else to_json(seen)):
            return False
        self._entries[entry.number] = to_json(entry)
        return True

    async def entry(self, number: ExchangeNumber) -> LedgerEntry | None:
        """What became of a number."""
        found = self._entries.get(number)
        return None if found is None else from_json(found, LedgerEntry)

    async def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint."""
        key = (checkpoint.tap, checkpoint.boot, checkpoint.index)
        kept = from_json(self._checkpoints.setdefault(key, to_json(checkpoint)), Checkpoint)
        if _unsigned(kept) != _unsigned(checkpoint):
            raise RecordInvalid("another checkpoint of this index is in the ledger")

    async def entries(self, tell: TellDamage | None = None) -> AsyncIterator[LedgerEntry]:
        """All entries, in order."""
        del tell  # Nothing here can be damaged.
        for number in sorted(self._entries):
            yield from_json(self._entries[number], LedgerEntry)

    async def checkpoints(self, tell: TellDamage | None = None) -> AsyncIterator[Checkpoint]:
        """All checkpoints, in order."""
        del tell
        for key in sorted(self._checkpoints):
            yield from_json(self._checkpoints[key], Checkpoint)


def _unsigned(checkpoint: Checkpoint) -> Checkpoint:
    return msgspec.structs.replace(checkpoint, signature=None, at="")
