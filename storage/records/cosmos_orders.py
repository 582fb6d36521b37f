"""The order book on Cosmos DB: all orders in one partition, since each delivery asks for them."""

from __future__ import annotations

from collections.abc import Sequence

from audit.orders import Order
from storage.records.cosmos_client import Container
from storage.records.cosmos_items import BOOK, order_item, order_of
from storage.records.query_cosmos import Parameter

__all__ = ["CosmosOrderBook"]

_ORDERS = "SELECT c.json FROM c WHERE c.book = @book"
_BY_ID = "ARRAY_CONTAINS(c.ids, @id)"


class CosmosOrderBook:
    """Implements `OrderBook`."""

    def __init__(self, orders: Container) -> None:
        self._orders = orders

    async def enter(self, order: Order) -> None:
        """Keep the order durably, in place of an earlier word on it."""
        await self._orders.upsert(order_item(order))

    async def about(self, record_id: str, consumer: str | None) -> Sequence[Order]:
        """The orders that name this id or this consumer, oldest first."""
        parameters: list[Parameter] = [{"name": "@id", "value": record_id}]
        if consumer is None:
            return await self._read(f" AND {_BY_ID}", parameters)
        parameters.append({"name": "@consumer", "value": consumer})
        return await self._read(f" AND ({_BY_ID} OR c.consumer = @consumer)", parameters)

    async def orders(self) -> Sequence[Order]:
        """All of them, oldest first."""
        return await self._read("", [])

    async def _read(self, condition: str, parameters: Sequence[Parameter]) -> list[Order]:
        book: Parameter = {"name": "@book", "value": BOOK}
        found = self._orders.query(f"{_ORDERS}{condition}", [book, *parameters], [BOOK])
        return sorted([order_of(item) async for item in found], key=lambda order: order.id)
