"""The ledger on Cosmos DB: one item for each number and each checkpoint, kept without expiry.

The law: an item that is there is replaced only as it was seen (`If-Match`), after it was read and
the decision was made; where it has changed since, it is read and decided anew. So of two writers
one comes first, whatever both believed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import msgspec

from audit.completeness import DamagedRow
from audit.errors import RecordInvalid, StoreUnavailable
from audit.ids import ExchangeNumber
from audit.ledger import Checkpoint, LedgerEntry, LedgerState
from storage.records.cosmos_client import Container
from storage.records.cosmos_items import (
    Item,
    checkpoint_id,
    checkpoint_item,
    checkpoint_of,
    entry_id,
    entry_item,
    entry_of,
    place_of,
)
from storage.records.port import TellDamage

__all__ = ["CosmosLedger"]

T = TypeVar("T")

_GIVE_WAY = (LedgerState.DEAD_LETTERED, LedgerState.UNREADABLE)
_REMOVED = (LedgerState.ERASED, LedgerState.EXPIRED)

_ALL = "SELECT * FROM c WHERE c.kind = @kind ORDER BY c.tap ASC, c.boot ASC, c.seq ASC"

_MARK = "mark"

# Each try that fails means that another writer's succeeded, and entries are final after a few.
_TRIES = 10


class CosmosLedger:
    """Implements `LedgerWriter` and `LedgerReader`."""

    def __init__(self, ledger: Container) -> None:
        self._ledger = ledger

    async def enter(self, entry: LedgerEntry) -> bool:
        """Enter what became of a number, durably; false when what was there stays."""
        item = entry_item(entry)
        for _ in range(_TRIES):
            if await self._ledger.create(item):
                return True
            seen = await self._seen(entry.number)
            if seen is None:
                continue
            there = entry_of(seen)
            if there.state not in _GIVE_WAY or there.state is entry.state:
                return False
            if await self._ledger.replace(item, seen["_etag"]):
                return True
        raise _contended(entry.number)

    async def entry(self, number: ExchangeNumber) -> LedgerEntry | None:
        """What became of a number, as far as the ledger knows."""
        seen = await self._seen(number)
        return None if seen is None else entry_of(seen)

    async def stands(self, entry: LedgerEntry) -> bool:
        """Let an entry stand in place of the one it was made of; false after a removal.

        For the keeper. Raises `RecordInvalid` where the number is another exchange's, and
        `StoreUnavailable` where the entry was made of one that has changed since.
        """
        item, tried = entry_item(entry), False
        for _ in range(_TRIES):
            seen = await self._seen(entry.number)
            there = None if seen is None else entry_of(seen)
            if tried and there == entry:
                return True  # our own write, of which no answer had come
            if there is not None and not _may_replace(there, entry):
                return False
            tried = True
            if await (
                self._ledger.create(item)
                if seen is None
                else self._ledger.replace(item, seen["_etag"])
            ):
                return True
        raise _contended(entry.number)

    async def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep a tap's checkpoint; the same one twice is a success, whenever it was drawn up."""
        if await self._ledger.create(checkpoint_item(checkpoint)):
            return
        key = (checkpoint.tap, checkpoint.boot, checkpoint_id(checkpoint.index))
        there = await self._ledger.read(key[2], key)
        if there is None or _unsigned(checkpoint_of(there)) != _unsigned(checkpoint):
            raise RecordInvalid("another checkpoint of this index is in the ledger")

    async def mark(self, name: str) -> str | None:
        """For the keeper: an instant that workers share; no number's, and evidence of nothing."""
        there = await self._ledger.read(name, (_MARK, _MARK, name))
        return None if there is None else str(there.get("at", ""))

    async def set_mark(self, name: str, at: str) -> None:
        """Move it."""
        mark = {"id": name, "tap": _MARK, "boot": _MARK, "kind": _MARK, "at": at}
        await self._ledger.upsert(mark)

    async def entries(self, tell: TellDamage | None = None) -> AsyncIterator[LedgerEntry]:
        """All entries, ordered by tap, boot and number."""
        async for item in self._items("entry"):
            tap, boot, seq = place_of(item)
            damaged = DamagedRow(tap, boot, seq=seq)
            if (entry := _told(entry_of, item, damaged, tell)) is not None:
                yield entry

    async def checkpoints(self, tell: TellDamage | None = None) -> AsyncIterator[Checkpoint]:
        """All checkpoints, ordered by tap, boot and index."""
        async for item in self._items("checkpoint"):
            tap, boot, index = place_of(item)
            damaged = DamagedRow(tap, boot, index=index)
            if (checkpoint := _told(checkpoint_of, item, damaged, tell)) is not None:
                yield checkpoint

    def _items(self, kind: str) -> AsyncIterator[Item]:
        return self._ledger.query(_ALL, [{"name": "@kind", "value": kind}])

    async def _seen(self, number: ExchangeNumber) -> Item | None:
        name = entry_id(number.seq)
        return await self._ledger.read(name, (number.tap, number.boot, name))


def _may_replace(there: LedgerEntry, entry: LedgerEntry) -> bool:
    """Whether a removal or amendment may take the place of what is there."""
    if there.id != entry.id:
        raise RecordInvalid(f"the ledger has another exchange as {entry.number!r}")
    if there.state in _REMOVED:
        return False
    if there.amendments != entry.amendments[: len(there.amendments)]:
        raise StoreUnavailable(f"the entry of {entry.number!r} was changed meanwhile")
    return True


def _contended(number: ExchangeNumber) -> StoreUnavailable:
    return StoreUnavailable(f"others keep changing the entry of {number!r}")


def _told(
    read: Callable[[Item], T], item: Item, damaged: DamagedRow, tell: TellDamage | None
) -> T | None:
    try:
        return read(item)
    except RecordInvalid:
        if tell is None:
            raise
        tell(damaged)
        return None


def _unsigned(checkpoint: Checkpoint) -> Checkpoint:
    """What it says, whenever and with whichever key: a later boot may have to say it again."""
    return msgspec.structs.replace(checkpoint, signature=None, at="")
