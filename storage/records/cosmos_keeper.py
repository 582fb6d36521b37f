"""The doors of lawful change over Cosmos DB: ledger first, then record, each for itself.

The law: nothing of a record is touched before the ledger's entry stands, and the entry is replaced
only as it was seen; whoever comes second hears of it. A crash in between leaves a record whose
entry says that it is gone or changed: `verify` names it, and the same call again finishes the work.
Where a removal got as far as the text and no further, whoever comes upon what is left removes that
too. What is removed is looked for after the entry stands, since whoever stores looks at the entry
after storing: so one of the two sees the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from typing import TypeAlias

from audit.errors import BlobMissing, RecordHeld, StoreUnavailable
from audit.ids import ExchangeNumber
from audit.ledger import LedgerEntry, LedgerState
from audit.record import RedactedRecord
from storage.records.cosmos_bodies import Bodies
from storage.records.cosmos_client import Container
from storage.records.cosmos_items import (
    Item,
    entry_of,
    item_id,
    place_of,
    record_id_of,
    record_key,
)
from storage.records.cosmos_ledger import CosmosLedger
from storage.records.cosmos_leftovers import left_behind, readable
from storage.records.cosmos_records import DOCUMENT, CosmosRecordReader
from storage.records.keeper import check_amendable, check_rewritable, in_order
from storage.records.port import StoredDocument
from storage.records.query_cosmos import Parameter

__all__ = ["CosmosFinder", "CosmosKeeper"]

_REMOVED = (LedgerState.ERASED, LedgerState.EXPIRED)

_OF_EXCHANGE = f"{DOCUMENT}c.exchange = @exchange"
_OF_CONSUMER = f"{DOCUMENT}c.consumer = @consumer ORDER BY c.received_at ASC"
_OVER = "c.expires_at <= @now AND c.hold = false"
_EXPIRED = f"{DOCUMENT}c.expires_at >= @since AND {_OVER} ORDER BY c.expires_at ASC"
_OLDEST = f"SELECT c.expires_at FROM c WHERE {_OVER} ORDER BY c.expires_at ASC"  # noqa: S608 - constants
_OVERDUE = f"SELECT VALUE COUNT(1) FROM c WHERE {_OVER}"  # noqa: S608 - constants
_ENTRY = "SELECT * FROM c WHERE c.kind = 'entry' AND c.exchange = @exchange"
_ERASED = "SELECT * FROM c WHERE c.kind = 'entry' AND c.consumer = @consumer AND c.state = 'erased'"
_NAMED = "SELECT c.id FROM c WHERE c.consumer = @consumer"

_LOOKED_BACK = "looked_back"

# Raises `RecordInvalid` where a record may not take the stored one's place.
_Check: TypeAlias = Callable[[bytes, RedactedRecord], None]

# Exchanges removed at a time: each takes half a dozen round trips, one after the other.
_AT_ONCE = 32


class CosmosKeeper:
    """Implements `Keeper`. `clock` gives seconds since the epoch."""

    def __init__(
        self,
        records: Container,
        ledger: CosmosLedger,
        bodies: Bodies,
        reader: CosmosRecordReader,
        clock: Callable[[], float],
    ) -> None:
        self._records = records
        self._ledger = ledger
        self._bodies = bodies
        self._reader = reader
        self._clock = clock
        self._texts = _Texts(records, ledger, bodies)

    async def document(self, record_id: str) -> StoredDocument | None:
        """The stored record of this id, if there is one."""
        return await self._reader.get(record_id)

    async def documents(self, exchange_id: str) -> Sequence[StoredDocument]:
        """All stored records of an exchange, in the order of their ids."""
        found = self._records.query(_OF_EXCHANGE, [_named("exchange", exchange_id)])
        return in_order(
            [
                StoredDocument(record_id_of(item), text)
                async for item in found
                if (text := await self._texts.of(item)) is not None
            ]
        )

    async def remove(self, entries: Sequence[LedgerEntry]) -> int:
        """Let each entry stand, then remove its exchange's records; each for itself.

        One that cannot be removed raises when those before it and beside it are through.
        """
        stood = 0
        for start in range(0, len(entries), _AT_ONCE):
            batch = [self._remove(entry) for entry in entries[start : start + _AT_ONCE]]
            results = await asyncio.gather(*batch, return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException):
                    raise result
                stood += result
        return stood

    async def amend(
        self, record: RedactedRecord, entry: LedgerEntry, further: Sequence[RedactedRecord] = ()
    ) -> bool:
        """Let the entry stand, then put each record in place of the stored one of its id."""
        return await self._in_place((record, *further), entry, check_amendable)

    async def rewrite(
        self, record: RedactedRecord, entry: LedgerEntry, further: Sequence[RedactedRecord] = ()
    ) -> bool:
        """As `amend`, for records of which more was taken out: an item is made anew either way."""
        return await self._in_place((record, *further), entry, check_rewritable)

    async def _in_place(
        self, records: Sequence[RedactedRecord], entry: LedgerEntry, check: _Check
    ) -> bool:
        items: list[Item] = []
        for each in records:
            if (there := await self._checked(each, check)) is None:
                return False
            items.append(there)
        if not await self._ledger.stands(entry):
            raise StoreUnavailable(f"the record {entry.id} was removed meanwhile")
        for each, there in zip(records, items, strict=True):
            await self._put_in_place(each, there)
        return True

    async def _checked(self, record: RedactedRecord, check: _Check) -> Item | None:
        """The item that holds the record; None where there is none."""
        name = item_id(record.id)
        there = await self._records.read(name, [record.consumer, record.day, name])
        text = None if there is None else await self._bodies.current_text_of(there)
        if text is None:
            return None
        check(text, record)
        return there

    async def _put_in_place(self, record: RedactedRecord, there: Item) -> None:
        item = await self._bodies.item_of(record, self._clock())
        if not await self._records.replace(item, there["_etag"]):
            raise StoreUnavailable(f"the record {record.id} was changed meanwhile")
        if there.get("blob") != item.get("blob"):
            await self._bodies.forget(there)

    async def looked_back(self) -> str | None:
        """Up to when some worker has looked at removals."""
        return await self._ledger.mark(_LOOKED_BACK)

    async def look_back_done(self, until: str) -> None:
        """Keep that."""
        await self._ledger.set_mark(_LOOKED_BACK, until)

    async def scrub(self, *, thorough: bool) -> bool:
        """Nothing to do: what is left of a removed item is the service's, and out of reach."""
        del thorough
        return True

    async def _remove(self, entry: LedgerEntry) -> bool:
        held = any(item.get("hold") for item in await self._of(entry))
        if held and not await self._removed_before(entry):
            raise RecordHeld(f"a hold forbids to remove the record {entry.id}")
        stands = await self._ledger.stands(entry)
        for item in await self._of(entry):
            await self._bodies.forget(item)
            await self._records.delete(item["id"], record_key(item))
        return stands

    async def _removed_before(self, entry: LedgerEntry) -> bool:
        there = await self._ledger.entry(entry.number)
        return there is not None and there.id == entry.id and there.state in _REMOVED

    async def _of(self, entry: LedgerEntry) -> list[Item]:
        """The items of an exchange; a realtime session has several."""
        key: tuple[str, ...] = ()
        if entry.consumer is not None and entry.day is not None:
            key = (entry.consumer, entry.day)
        found = self._records.query(_OF_EXCHANGE, [_named("exchange", entry.id)], key)
        return [item async for item in found]


class CosmosFinder:
    """Implements `Finder`."""

    def __init__(self, records: Container, ledger: Container, bodies: Bodies) -> None:
        self._records = records
        self._ledger = ledger
        self._texts = _Texts(records, CosmosLedger(ledger), bodies)

    async def entry_of(self, record_id: str) -> LedgerEntry | None:
        """What became of the exchange of this id."""
        found = self._ledger.query(_ENTRY, [_named("exchange", record_id)])
        entries = [entry_of(item) async for item in found]
        return entries[0] if entries else None

    async def knows(self, consumer: str) -> bool:
        """Whether any record or any ledger entry names this consumer."""
        parameters = [_named("consumer", consumer)]
        records = self._records.query(_NAMED, parameters, (consumer,), 1)
        ledger = self._ledger.query(_NAMED, parameters, (), 1)
        return await _any(records) or await _any(ledger)

    def of_consumer(self, consumer: str) -> AsyncGenerator[StoredDocument, None]:
        """Every record of a consumer, oldest first; what is removed meanwhile may be missing."""
        return self._documents(_OF_CONSUMER, _named("consumer", consumer))

    async def overdue(self, now: str) -> tuple[int, str]:
        """How many records `expired` would give, and when the first was to."""
        at = [_named("now", now)]
        count = sum([each async for each in self._records.query(_OVERDUE, at)])  # type: ignore[misc]  # a number, and no item
        first = self._records.query(_OLDEST, at, page_size=1)
        async with aclosing(first):
            oldest = await anext(first, None)
        return count, now if oldest is None else str(oldest["expires_at"])

    def expired(self, now: str, since: str = "") -> AsyncGenerator[StoredDocument, None]:
        """Every record that is said to expire from `since` to `now` and is not held."""
        return self._documents(_EXPIRED, _named("now", now), _named("since", since))

    async def removed_by(self, consumer: str, orders: Collection[str]) -> Sequence[LedgerEntry]:
        """The consumer's entries that were erased by one of these orders."""
        found = self._ledger.query(_ERASED, [_named("consumer", consumer)])
        erased = [entry async for item in found if (entry := readable(item)) is not None]
        return [each for each in erased if each.amendments and each.amendments[-1].order in orders]

    async def left_behind(self, since: str, until: str) -> Sequence[LedgerEntry]:
        """The entries erased or expired between these of which there is a record again."""
        return await left_behind(self._records, self._ledger, since, until)

    async def _documents(
        self, sql: str, *parameters: Parameter
    ) -> AsyncGenerator[StoredDocument, None]:
        async for item in self._records.query(sql, parameters):
            if (text := await self._texts.of(item)) is not None:
                yield StoredDocument(record_id_of(item), text)


class _Texts:
    """The texts of records, for whoever removes and amends."""

    def __init__(self, records: Container, ledger: CosmosLedger, bodies: Bodies) -> None:
        self._records = records
        self._ledger = ledger
        self._bodies = bodies

    async def of(self, item: Item) -> bytes | None:
        """A record's JSON; None for one that was removed.

        One whose text is gone by a removal that was cut short is removed now: it would keep every
        sweep and every erasure from whatever comes after it. Empty for a text that nobody removed
        and that is lost all the same: one record must keep none of the others from being found.
        """
        try:
            return await self._bodies.current_text_of(item)
        except BlobMissing:
            tap, boot, seq = place_of(item)
            entry = await self._ledger.entry(ExchangeNumber(tap=tap, boot=boot, seq=seq))
            if entry is None or entry.state not in _REMOVED:
                return b""
            await self._records.delete(item["id"], record_key(item))
            return None


def _named(name: str, value: object) -> Parameter:
    return {"name": f"@{name}", "value": value}


async def _any(found: AsyncGenerator[Item, None]) -> bool:
    first = await anext(found, None)
    await found.aclose()
    return first is not None
