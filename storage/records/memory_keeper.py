"""The doors of lawful change over the store in memory, step by step as a remote store takes them.

Ledger first, then record, each for itself: what the contract tests ask of these holds without
a transaction around both.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Sequence

from audit.errors import RecordHeld, RecordInvalid, StoreUnavailable
from audit.ledger import LedgerEntry, LedgerState
from audit.orders import Order
from audit.record import RedactedRecord
from audit.value import from_json, to_json
from storage.records.keeper import check_amendable, check_rewritable, in_order
from storage.records.memory import MemoryLedger, MemoryRecords
from storage.records.port import StoredDocument

__all__ = ["MemoryFinder", "MemoryKeeper", "MemoryOrderBook"]

_REMOVED = (LedgerState.ERASED, LedgerState.EXPIRED)


class MemoryKeeper:
    """Implements `Keeper`."""

    def __init__(self, records: MemoryRecords, ledger: MemoryLedger) -> None:
        self._records = records
        self._ledger = ledger
        self._looked_back: str | None = None

    async def document(self, record_id: str) -> StoredDocument | None:
        """The stored record of this id, if there is one."""
        return await self._records.get(record_id)

    async def documents(self, exchange_id: str) -> Sequence[StoredDocument]:
        """All stored records of an exchange, in the order of their ids."""
        documents = self._records.documents
        return in_order(StoredDocument(i, documents[i]) for i in _found(documents, exchange_id))

    async def remove(self, entries: Sequence[LedgerEntry]) -> int:
        """Let each entry stand, then remove its exchange's records."""
        return sum([await self._remove(entry) for entry in entries])

    async def amend(
        self, record: RedactedRecord, entry: LedgerEntry, further: Sequence[RedactedRecord] = ()
    ) -> bool:
        """Let the entry stand, then put each record in place of the stored one of its id."""
        return await self._in_place((record, *further), entry, check_amendable)

    async def rewrite(
        self, record: RedactedRecord, entry: LedgerEntry, further: Sequence[RedactedRecord] = ()
    ) -> bool:
        """As `amend`, for records of which more was taken out."""
        return await self._in_place((record, *further), entry, check_rewritable)

    async def _in_place(
        self,
        records: Sequence[RedactedRecord],
        entry: LedgerEntry,
        check: Callable[[bytes, RedactedRecord], None],
    ) -> bool:
        documents = self._records.documents
        if any(each.id not in documents for each in records):
            return False
        for each in records:
            check(documents[each.id], each)
        if not await self._stands(entry):
            raise StoreUnavailable(f"the record {entry.id} was removed meanwhile")
        return all([await self._records.replace(each) for each in records])

    async def looked_back(self) -> str | None:
        """Up to when removals have been looked at."""
        return self._looked_back

    async def look_back_done(self, until: str) -> None:
        """Keep that."""
        self._looked_back = until

    async def scrub(self, *, thorough: bool) -> bool:
        """Nothing is left behind in memory."""
        del thorough
        return True

    async def _remove(self, entry: LedgerEntry) -> bool:
        documents = self._records.documents
        found = _found(documents, entry.id)
        held = any(from_json(documents[i], RedactedRecord).retention.hold for i in found)
        if held and not await self._removed_before(entry):
            raise RecordHeld(f"a hold forbids to remove the record {entry.id}")
        stands = await self._stands(entry)
        # What was put meanwhile looked at the ledger too early to see the entry.
        for record_id in _found(documents, entry.id):
            documents.pop(record_id, None)
        return stands

    async def _removed_before(self, entry: LedgerEntry) -> bool:
        there = await self._ledger.entry(entry.number)
        return there is not None and there.id == entry.id and there.state in _REMOVED

    async def _stands(self, entry: LedgerEntry) -> bool:
        """Replace the entry as it was seen, or look again; false after a removal."""
        while True:
            there = await self._ledger.entry(entry.number)
            if there is not None:
                if there.id != entry.id:
                    raise RecordInvalid(f"the ledger has another exchange as {entry.number!r}")
                if there.state in _REMOVED:
                    return False
                if there.amendments != entry.amendments[: len(there.amendments)]:
                    raise StoreUnavailable(f"the entry of {entry.number!r} was changed meanwhile")
            if await self._ledger.replace(entry, there):
                return True


class MemoryFinder:
    """Implements `Finder`."""

    def __init__(self, records: MemoryRecords, ledger: MemoryLedger) -> None:
        self._records = records
        self._ledger = ledger

    async def entry_of(self, record_id: str) -> LedgerEntry | None:
        """What became of the exchange of this id."""
        found = [entry async for entry in self._ledger.entries() if entry.id == record_id]
        return found[0] if found else None

    async def removed_by(self, consumer: str, orders: Collection[str]) -> Sequence[LedgerEntry]:
        """The consumer's entries that were erased by one of these orders."""
        return [
            entry
            async for entry in self._ledger.entries()
            if (entry.consumer, entry.state) == (consumer, LedgerState.ERASED)
            and entry.amendments
            and entry.amendments[-1].order in orders
        ]

    async def left_behind(self, since: str, until: str) -> Sequence[LedgerEntry]:
        """The entries erased or expired between these of which there is a record again."""
        return [
            entry
            async for entry in self._ledger.entries()
            if entry.state in _REMOVED
            and since <= (entry.at or "") <= until
            and _found(self._records.documents, entry.id)
        ]

    async def knows(self, consumer: str) -> bool:
        """Whether any record or any ledger entry names this consumer."""
        entered = {entry.consumer async for entry in self._ledger.entries()}
        return consumer in entered | {record.consumer for record in self._all()}

    async def of_consumer(self, consumer: str) -> AsyncGenerator[StoredDocument, None]:
        """Every record of a consumer, oldest first."""
        for record in sorted(self._all(), key=lambda r: (r.timing.received_at, r.id)):
            if record.consumer == consumer and record.id in self._records.documents:
                yield StoredDocument(record.id, self._records.documents[record.id])

    async def overdue(self, now: str) -> tuple[int, str]:
        """How many records `expired` would give, and when the first was to."""
        over = self._expired(now, "")
        return len(over), over[0].retention.expires_at or now if over else now

    async def expired(self, now: str, since: str = "") -> AsyncGenerator[StoredDocument, None]:
        """Every record that expires from `since` to `now` and is not held."""
        for record in self._expired(now, since):
            if record.id in self._records.documents:
                yield StoredDocument(record.id, to_json(record))

    def _expired(self, now: str, since: str) -> list[RedactedRecord]:
        over = [
            (at, each.id, each)
            for each in self._all()
            if (at := each.retention.expires_at) is not None
            and since <= at <= now
            and not each.retention.hold
        ]
        return [each for _, _, each in sorted(over, key=lambda found: found[:2])]

    def _all(self) -> list[RedactedRecord]:
        return [from_json(json, RedactedRecord) for json in self._records.documents.values()]


class MemoryOrderBook:
    """Implements `OrderBook`."""

    def __init__(self) -> None:
        self._orders: dict[str, bytes] = {}

    async def enter(self, order: Order) -> None:
        """Keep the order."""
        self._orders[order.id] = to_json(order)

    async def about(
        self, record_id: str, consumer: str | None, *, lately: bool = False
    ) -> Sequence[Order]:
        """The orders that name this id or this consumer."""
        del lately  # To ask costs nothing here.
        return [
            order
            for order in await self.orders()
            if record_id in order.ids or (consumer is not None and order.consumer == consumer)
        ]

    async def about_any(
        self, record_ids: Collection[str], consumers: Collection[str]
    ) -> Sequence[Order]:
        """The orders that name any of these ids or consumers."""
        return [
            order
            for order in await self.orders()
            if order.consumer in consumers or not set(record_ids).isdisjoint(order.ids)
        ]

    async def orders(self) -> Sequence[Order]:
        """All of them, oldest first."""
        return [from_json(self._orders[each], Order) for each in sorted(self._orders)]


def _found(documents: Collection[str], exchange_id: str) -> list[str]:
    return [i for i in documents if i == exchange_id or i.startswith(f"{exchange_id}/")]
