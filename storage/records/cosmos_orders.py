"""The order book on Cosmos DB: all orders in one partition, remembered under a version.

The law: whoever asks after an order was entered hears of it. Entering writes the order, then the
version, an item of its own, and is over only then. Asking reads the version, one point read, and
answers from memory where it is the one that was read before the orders were. Who reads the old
version while an order is being entered asks before it is over: what they have stored by then is
found by the search that follows, as the port has it (`workers.custody`).

A command that dies between order and version leaves an order that no version tells of, and so may
one of an earlier release; so nothing is remembered for longer than `REMEMBERED` seconds. A book
that has outgrown `LARGEST` is asked each time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from dataclasses import dataclass, field

from audit.orders import Order
from audit.value import Json
from storage.records.cosmos_client import Container
from storage.records.cosmos_items import BOOK, Item, order_item, order_of
from storage.records.query_cosmos import Parameter

__all__ = ["LARGEST", "REMEMBERED", "CosmosOrderBook"]

_ORDERS = "SELECT c.json, c.ids, c.consumer FROM c WHERE c.book = @book"
_BY_ID = "ARRAY_CONTAINS(c.ids, @id)"

REMEMBERED = 30.0

# Orders with all ids that they name: to read a book of some megabytes twice a minute costs less
# than a question for each delivery, and no more than that much memory.
LARGEST = 5_000

# In a partition of its own, since it is no order. Its etag changes with each write.
_VERSION = "version"


@dataclass(frozen=True, slots=True)
class _Memory:
    """The items of all orders, under the version that was read before; `items` None: too many."""

    version: str | None
    until: float
    items: Sequence[Item] | None = field(repr=False)


class CosmosOrderBook:
    """Implements `OrderBook`. `clock` gives seconds and never goes back."""

    def __init__(self, orders: Container, clock: Callable[[], float] = time.monotonic) -> None:
        self._orders = orders
        self._clock = clock
        self._memory: _Memory | None = None
        self._reading = asyncio.Lock()

    async def enter(self, order: Order) -> None:
        """Keep the order durably, in place of an earlier word on it."""
        await self._orders.upsert(order_item(order))
        await self._orders.upsert({"id": _VERSION, "book": _VERSION})

    async def about(
        self, record_id: str, consumer: str | None, *, lately: bool = False
    ) -> Sequence[Order]:
        """The orders that name this id or this consumer, oldest first."""
        memory = self._lately() if lately else None
        items = (memory or await self._current()).items
        if items is None:
            return await self._asked(record_id, consumer)
        return _in_order([each for each in items if _names(each, record_id, consumer)])

    async def about_any(
        self, record_ids: Collection[str], consumers: Collection[str]
    ) -> Sequence[Order]:
        """The orders that name any of these ids or consumers, oldest first."""
        items = (await self._current()).items
        if items is None:
            # A book that is too large to remember is read through once, and not once for each id.
            items = [item async for item in self._query("", [])]
        return _in_order([each for each in items if _names_any(each, record_ids, consumers)])

    async def orders(self) -> Sequence[Order]:
        """All of them, oldest first."""
        return await self._read("", [])

    def _lately(self) -> _Memory | None:
        memory = self._memory
        return memory if memory is not None and self._clock() < memory.until else None

    async def _current(self) -> _Memory:
        """What is remembered, if it is of this very moment; else it is read anew."""
        found = await self._orders.read(_VERSION, [_VERSION])
        version = None if found is None else str(found["_etag"])
        if (memory := self._of(version)) is not None:
            return memory
        async with self._reading:
            if (memory := self._of(version)) is None:
                until = self._clock() + REMEMBERED
                memory = self._memory = _Memory(version, until, await self._all())
            return memory

    def _of(self, version: str | None) -> _Memory | None:
        memory = self._lately()
        return memory if memory is not None and memory.version == version else None

    async def _all(self) -> list[Item] | None:
        items, size = [], 0
        async for item in self._query("", []):
            items.append(item)
            size += 1 + len(_ids(item))
        return items if size <= LARGEST else None

    async def _asked(self, record_id: str, consumer: str | None) -> list[Order]:
        parameters: list[Parameter] = [{"name": "@id", "value": record_id}]
        if consumer is None:
            return await self._read(f" AND {_BY_ID}", parameters)
        parameters.append({"name": "@consumer", "value": consumer})
        return await self._read(f" AND ({_BY_ID} OR c.consumer = @consumer)", parameters)

    async def _read(self, condition: str, parameters: Sequence[Parameter]) -> list[Order]:
        return _in_order([item async for item in self._query(condition, parameters)])

    def _query(self, condition: str, parameters: Sequence[Parameter]) -> AsyncGenerator[Item, None]:
        book: Parameter = {"name": "@book", "value": BOOK}
        return self._orders.query(f"{_ORDERS}{condition}", [book, *parameters], [BOOK])


def _names(item: Item, record_id: str, consumer: str | None) -> bool:
    """As the service tells it, by what stands beside the order's text."""
    by_consumer = consumer is not None and item.get("consumer") == consumer
    return by_consumer or record_id in _ids(item)


def _names_any(item: Item, record_ids: Collection[str], consumers: Collection[str]) -> bool:
    """As `_names`, for many; what is no text is no id and no consumer."""
    named = item.get("consumer")
    by_consumer = isinstance(named, str) and named in consumers
    return by_consumer or any(isinstance(i, str) and i in record_ids for i in _ids(item))


def _ids(item: Item) -> Sequence[Json]:
    """The ids beside the order's text; none where somebody has put anything else there."""
    ids = item.get("ids")
    return ids if isinstance(ids, list) else ()


def _in_order(items: Sequence[Item]) -> list[Order]:
    return sorted(map(order_of, items), key=lambda order: order.id)
