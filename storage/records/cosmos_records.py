"""The record store on Cosmos DB: the write door and the reading side.

A record is one item, created and never overwritten here. Record and ledger are two containers
that cannot be changed at once; so the ledger is looked at again after each put, and what was
removed meanwhile is taken away again (see the port). That look must see what others have written:
the account's consistency has to be strong, or bounded staleness with one region that is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import msgspec

from audit.errors import BlobMissing, QueryTooCostly, RecordInvalid
from audit.flags import Flag
from audit.ids import ExchangeNumber
from audit.ledger import LedgerState
from audit.record import RedactedRecord
from audit.value import from_json
from storage.records.cosmos_bodies import Bodies
from storage.records.cosmos_client import Allowance, Container
from storage.records.cosmos_heads import head_document
from storage.records.cosmos_items import Item, item_id, place_of, record_key
from storage.records.cosmos_ledger import CosmosLedger
from storage.records.cursor import check_limit, read_cursor, write_cursor
from storage.records.findable import findable
from storage.records.port import Budget, Page, StoredDocument, StoredRef
from storage.records.query import Query
from storage.records.query_cosmos import CosmosQuery, Parameter, compile_query
from storage.records.query_match import matches
from storage.records.reference import reference

__all__ = ["DOCUMENT", "CosmosRecordReader", "CosmosRecordWriter"]

# What is needed to give a record back, and to go on after it.
DOCUMENT = (
    "SELECT c.id, c.consumer, c.day, c.record, c.tap, c.boot, c.seq, c.received_at, c.hold, c.json,"
    " c.blob FROM c WHERE "
)
_REFERENCES = (
    "SELECT c.id, c.consumer, c.day, c.record, c.tap, c.boot, c.seq, c.json, c.blob FROM c"
    " ORDER BY c.id"
)
_NAMES = ("record", "consumer", "day")
_BEFORE = "c.received_at <= @at AND (c.received_at < @at OR c.id < @id)"
_NEWEST = "c.received_at DESC, c.id DESC"

# Items asked for at once; what they cost is known when they are there.
_PAGE = 100

_REMOVED = (LedgerState.ERASED, LedgerState.EXPIRED)


class CosmosRecordWriter:
    """Implements `RecordWriter`. `clock` gives seconds since the epoch."""

    def __init__(
        self,
        records: Container,
        ledger: CosmosLedger,
        bodies: Bodies,
        clock: Callable[[], float],
    ) -> None:
        self._records = records
        self._ledger = ledger
        self._bodies = bodies
        self._clock = clock

    async def put(self, record: RedactedRecord) -> bool:
        """Store the record durably; false when one of its id is there, or was removed."""
        if type(record) is not RedactedRecord:
            raise RecordInvalid("only a redacted record may be stored")
        item = await self._bodies.item_of(record, self._clock())
        new = await self._records.create(item)
        if await self._was_removed(record):
            await self._take_back(item)
            return False
        if not new:
            await self._forget_unless_it_stands(item)
        return new

    async def stored(self, record: RedactedRecord) -> bytes | None:
        """The text of the stored record of this one's id; None when there is none."""
        name = item_id(record.id)
        there = await self._records.read(name, [record.consumer, record.day, name])
        return None if there is None else await self._bodies.current_text_of(there)

    async def _was_removed(self, record: RedactedRecord) -> bool:
        tap = record.tap
        entry = await self._ledger.entry(ExchangeNumber(tap=tap.name, boot=tap.boot, seq=tap.seq))
        return entry is not None and entry.state in _REMOVED

    async def _take_back(self, item: Item) -> None:
        """Remove what was put, or what a duplicate of it has put."""
        there = await self._records.read(item["id"], record_key(item))
        for each in (item, there or item):
            await self._bodies.forget(each)
        await self._records.delete(item["id"], record_key(item))

    async def _forget_unless_it_stands(self, item: Item) -> None:
        """Remove the blob of a duplicate, unless the record that is there has the very same."""
        if "blob" not in item:
            return
        there = await self._records.read(item["id"], record_key(item))
        if there is None or there.get("blob") != item["blob"]:
            await self._bodies.forget(item)


class CosmosRecordReader:
    """Implements `RecordReader`.

    One search takes at most `budget` seconds and `units` request units, and what the page costs
    with which these are spent.
    """

    def __init__(
        self, records: Container, bodies: Bodies, budget: float, units: float, *, full_text: bool
    ) -> None:
        self._records = records
        self._bodies = bodies
        self._budget = budget
        self._units = units
        self._full_text = full_text

    async def get(self, record_id: str) -> StoredDocument | None:
        """Fetch one record by id; None when there is none, its head where its text is missing.

        An id alone names no partition: each physical one is asked, by its index.
        """
        try:
            name = item_id(record_id)
        except RecordInvalid:
            return None
        found = self._records.query(f"{DOCUMENT}c.id = @id", [{"name": "@id", "value": name}])
        async with aclosing(found):
            async for item in found:
                if (text := await self._shown(item)) is not None:
                    return StoredDocument(record_id, text)
        return None

    async def search(self, query: Query, limit: int, cursor: str | None = None) -> Page:
        """Find records, newest opening first.

        Of one whose text is missing it cannot be told whether it has the words that are asked for:
        its head is shown wherever it could.
        """
        check_limit(limit)
        compiled = compile_query(query, full_text=self._full_text)
        sql, parameters = _statement(compiled, read_cursor(cursor) if cursor is not None else None)
        search = _Search(query, compiled, limit + 1, Allowance(self._units))
        spent: Budget | None = None
        try:
            async with asyncio.timeout(self._budget):
                await self._find(search, sql, parameters)
        except TimeoutError:
            spent = Budget.SECONDS
        if search.allowance.cut:
            spent = Budget.REQUEST_UNITS
        return search.page(limit, spent)

    async def references(self) -> AsyncIterator[StoredRef]:
        """Walk every stored record in the order of ids."""
        async for item in self._records.query(_REFERENCES):
            try:
                text = await self._bodies.current_text_of(item)
            except BlobMissing:
                text = b""  # no record: it shows as altered, which it is
            if text is not None:
                record_id, consumer, day = (str(item.get(each, "")) for each in _NAMES)
                yield reference(record_id, *place_of(item), consumer, day, text)

    async def _find(self, search: _Search, sql: str, parameters: Sequence[Parameter]) -> None:
        """Find until the search is full or its allowance spent."""
        items = self._records.query(
            sql, parameters, page_size=min(search.wanted, _PAGE), allowance=search.allowance
        )
        async with aclosing(items):
            async for item in items:
                text = await self._shown(item)
                if text is not None and _holds(search.query, search.compiled, item, text):
                    search.found.append((item, text))
                if search.full:
                    return

    async def _shown(self, item: Item) -> bytes | None:
        """A record's text, or its head where that is missing; None when it was removed."""
        try:
            return await self._bodies.current_text_of(item)
        except BlobMissing:
            whole = await self._records.read(item["id"], record_key(item))
            return None if whole is None else head_document(whole)


@dataclass(slots=True)
class _Search:
    """One search under way: what it wants, and the items found so far with their text."""

    query: Query
    compiled: CosmosQuery
    wanted: int
    allowance: Allowance
    found: list[tuple[Item, bytes]] = field(default_factory=list)

    @property
    def full(self) -> bool:
        """Whether all that was wanted is there."""
        return len(self.found) >= self.wanted

    def page(self, limit: int, spent: Budget | None) -> Page:
        """The page to show. Raises `QueryTooCostly` where a budget was spent for nothing."""
        if spent and not self.found:
            raise QueryTooCostly
        shown = self.found[:limit]
        # One more than asked for tells whether there is a next page.
        last = shown[-1][0] if self.full or spent else None
        return Page(
            [StoredDocument(item["record"], text) for item, text in shown],
            write_cursor(last["received_at"], last["record"]) if last else None,
            fanned_out=not self.compiled.key,
            spent=None if self.full else spent,
            units=self.allowance.taken,
        )


def _statement(
    compiled: CosmosQuery, before: tuple[str, str] | None
) -> tuple[str, list[Parameter]]:
    """Give the whole query.

    A record whose text is in a blob has no words in its item: it comes along wherever words are
    asked for, and is looked at when its text is there.
    """
    condition, parameters = compiled.condition, list(compiled.parameters)
    further: list[str] = []
    if compiled.reads_text:
        condition = f"{condition} OR IS_DEFINED(c.blob)"
        for level, value in zip(("consumer", "day"), compiled.key, strict=False):
            further.append(f"c.{level} = @{level}")
            parameters.append({"name": f"@{level}", "value": value})
    if before is not None:
        further.append(_BEFORE)
        at, record_id = before
        parameters += [{"name": "@at", "value": at}, {"name": "@id", "value": _item_id(record_id)}]
    if further:
        condition = " AND ".join((f"({condition})", *further))
    # With the consumer fixed, its name in the order lets the index of both serve.
    order = "c.consumer ASC, c.received_at DESC, c.id DESC" if compiled.key else _NEWEST
    return f"{DOCUMENT}{condition} ORDER BY {order}", parameters


def _item_id(record_id: str) -> str:
    """A cursor's id as an item's; ids order the same way in both spellings."""
    return record_id.replace("/", ".")


def _holds(query: Query, compiled: CosmosQuery, item: Item, text: bytes) -> bool:
    """Whether a record is really what was asked for: the store could not tell of one in a blob."""
    if "blob" not in item or not compiled.reads_text:
        return True
    try:
        record = from_json(text, RedactedRecord)
    except (ValueError, msgspec.DecodeError):
        return True  # it cannot be told any more; whoever looks shall see it
    missing = Flag.TEXT_MISSING in record.exchange.flags
    return missing or matches(query.where, findable(record))
