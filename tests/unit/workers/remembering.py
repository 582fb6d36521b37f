"""Order books that remember, over a container in memory: each of its calls is one step."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from itertools import count
from typing import cast

from storage.records.cosmos_client import Container
from storage.records.cosmos_items import Item
from storage.records.cosmos_orders import CosmosOrderBook
from storage.records.query_cosmos import Parameter
from tests.unit.workers.turns import Turns

__all__ = ["BookContainer", "remembering"]


class BookContainer:
    """The items of one container with their etags; what it was asked is counted."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Item] = {}
        self.asked: list[str] = []
        self._etags = count(1)

    async def read(self, name: str, key: Sequence[str]) -> Item | None:
        """Get an item."""
        self.asked.append("read")
        return self.items.get((key[0], name))

    async def upsert(self, item: Item) -> None:
        """Put an item, under an etag that it never had."""
        self.asked.append("upsert")
        self.items[item["book"], item["id"]] = item | {"_etag": str(next(self._etags))}

    async def listed(self, book: str) -> list[Item]:
        """All items of a partition."""
        self.asked.append("query")
        return [item for (place, _), item in self.items.items() if place == book]

    async def query(
        self, sql: str, parameters: Sequence[Parameter] = (), key: Sequence[str] = ()
    ) -> AsyncGenerator[Item, None]:
        """Give them all; conditions are the service's to know."""
        assert "ARRAY_CONTAINS" not in sql, "ARRAY_CONTAINS is the service's to know"
        del parameters
        for item in await self.listed(key[0]):
            yield item


class _Walked:
    """A paced container whose walk is a call in turn as well."""

    def __init__(self, paced: BookContainer) -> None:
        self.read, self.upsert, self._listed = paced.read, paced.upsert, paced.listed

    async def query(
        self, sql: str, parameters: Sequence[Parameter] = (), key: Sequence[str] = ()
    ) -> AsyncGenerator[Item, None]:
        """Give what is there when its turn comes."""
        del sql, parameters
        for item in await self._listed(key[0]):
            yield item


async def remembering(turns: Turns, books: int) -> list[CosmosOrderBook]:
    """So many books over one container, each of which remembers that it is empty."""
    container = cast("Container", _Walked(turns.paced(BookContainer())))
    made = [CosmosOrderBook(container, clock=lambda: 0.0) for _ in range(books)]
    for book in made:
        assert await book.about("nobody", None) == []
    return made
