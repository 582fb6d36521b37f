"""What is remembered of the order book on Cosmos DB, and for how long."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest

from audit.errors import RecordInvalid
from audit.orders import OrderKind
from storage.records.cosmos_client import Container
from storage.records.cosmos_items import Item, order_item
from storage.records.cosmos_orders import LARGEST, REMEMBERED, CosmosOrderBook
from tests.contract.samples import record_id
from tests.unit.workers.house import an_order
from tests.unit.workers.remembering import BookContainer

ERASE = an_order(OrderKind.ERASE, 1, name="o-1")


@dataclass
class Desk:
    """A worker's book and an operator's, over one container, and the worker's clock."""

    container: BookContainer = field(default_factory=BookContainer)
    now: float = 0.0

    def book(self) -> CosmosOrderBook:
        """A book of one process."""
        return CosmosOrderBook(cast("Container", self.container), clock=lambda: self.now)

    def asked(self) -> list[str]:
        """What the container was asked since the last look."""
        asked, self.container.asked = self.container.asked, []
        return asked


async def test_a_book_that_did_not_change_costs_one_point_read() -> None:
    """The orders are read once; later questions read the version, early ones nothing at all."""
    desk = Desk()
    await desk.book().enter(ERASE)
    worker = desk.book()
    assert await worker.about(record_id(1), "demo") == [ERASE]
    desk.asked()
    assert await worker.about(record_id(1), "demo") == [ERASE]
    assert await worker.about(record_id(2), "demo") == []
    assert desk.asked() == ["read", "read"]
    assert await worker.about(record_id(1), None, lately=True) == [ERASE]
    assert desk.asked() == []


async def test_what_was_entered_is_heard_of_by_the_next_question() -> None:
    """Another process's order, and its release, are known as soon as they are entered."""
    desk = Desk()
    worker, operator = desk.book(), desk.book()
    assert await worker.about(record_id(1), None) == []
    for word in (ERASE, an_order(OrderKind.ERASE, 1, 2, name="o-1")):
        await operator.enter(word)
        assert await worker.about(record_id(1), None) == [word]


class Interrupted(BookContainer):
    """A container between whose upserts another process asks for orders."""

    def __init__(self) -> None:
        super().__init__()
        self.between: list[CosmosOrderBook] = []

    async def upsert(self, item: Item) -> None:
        """Put it, and let others ask."""
        await super().upsert(item)
        for each in self.between:
            await each.about(record_id(1), None)


async def test_who_asks_while_an_order_is_entered_hears_of_it_after() -> None:
    """What they remember from in between does not outlast the entering."""
    container = Interrupted()
    desk = Desk(container)
    worker, operator = desk.book(), desk.book()
    container.between = [worker]
    for seq in (1, 2):
        order = an_order(OrderKind.ERASE, 1, name=f"o-{seq}")
        await operator.enter(order)
        assert order in await worker.about(record_id(1), None)


async def test_an_order_without_its_version_is_heard_of_in_time() -> None:
    """A command died between the two, or an earlier release wrote it: nothing lasts longer."""
    desk = Desk()
    worker = desk.book()
    assert await worker.about(record_id(1), None) == []
    await desk.container.upsert(order_item(ERASE))
    assert await worker.about(record_id(1), None) == []
    desk.now += REMEMBERED
    assert await worker.about(record_id(1), None, lately=True) == [ERASE]


async def test_a_damaged_order_holds_up_only_what_it_is_about() -> None:
    """One that cannot be read is no order less, and none about others."""
    desk = Desk()
    await desk.book().enter(ERASE)
    desk.container.items["orders", "o-1"]["json"] = "{"
    worker = desk.book()
    assert await worker.about(record_id(2), None) == []
    with pytest.raises(RecordInvalid):
        await worker.about(record_id(1), None)


@pytest.mark.parametrize("beside", [{"consumer": []}, {"ids": 5}, {"ids": [{}]}])
async def test_an_altered_order_holds_up_no_other(beside: Item) -> None:
    """Whatever somebody made of what stands beside its text: others are found, by either way."""
    desk = Desk()
    other = an_order(OrderKind.ERASE, 2, name="o-2")
    for order in (ERASE, other):
        await desk.book().enter(order)
    desk.container.items["orders", "o-1"] |= beside
    worker = desk.book()
    assert list(await worker.about(record_id(2), "demo")) == [other]
    assert list(await worker.about_any({record_id(2)}, {"demo"})) == [other]


async def test_a_book_that_is_too_large_is_not_kept_in_memory() -> None:
    """By the ids that its orders name: then the service is asked each time, by id and consumer."""
    desk = Desk()
    ids = tuple(f"id-{n}" for n in range(LARGEST))
    large = order_item(ERASE) | {"ids": list(ids)}
    await desk.container.upsert(large)
    worker = desk.book()
    with pytest.raises(AssertionError, match="ARRAY_CONTAINS"):
        await worker.about(record_id(1), None)
