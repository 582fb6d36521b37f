"""The book of orders: what names an id or a consumer is found, and its last word stands."""

from __future__ import annotations

import msgspec

from audit.orders import Order, OrderKind
from tests.contract.doors import AT, LATER, Doors
from tests.contract.samples import record_id


def an_order(
    name: str, *, ids: tuple[str, ...] = (), consumer: str | None = None, why: str = "asked for"
) -> Order:
    """An erasure order."""
    return Order(id=name, kind=OrderKind.ERASE, at=AT, why=why, ids=ids, consumer=consumer)


async def test_orders_are_found_by_id_and_consumer(doors: Doors) -> None:
    """What names the id or the consumer is found, once and oldest first; nothing else is."""
    by_id = an_order("o-2", ids=(record_id(1), record_id(2)))
    by_consumer = an_order("o-1", consumer="demo")
    both = an_order("o-3", ids=(record_id(1),), consumer="demo")
    for order in (by_id, by_consumer, both, an_order("o-4", consumer="other")):
        await doors.book.enter(order)
    assert await doors.book.about(record_id(1), "demo") == [by_consumer, by_id, both]
    assert await doors.book.about(record_id(2), None) == [by_id]
    assert await doors.book.about(record_id(9), "nobody") == []
    ids = {record_id(2), record_id(8)}
    assert list(await doors.book.about_any(ids, {"nobody"})) == [by_id]
    assert list(await doors.book.about_any({record_id(9)}, {"demo", "nobody"})) == [
        by_consumer,
        both,
    ]
    assert list(await doors.book.about_any(set(), set())) == []
    assert [order.id for order in await doors.book.orders()] == ["o-1", "o-2", "o-3", "o-4"]


async def test_a_later_word_on_an_order_stands(doors: Doors) -> None:
    """A release takes the place of the order it releases."""
    order = an_order("o-1", consumer="demo")
    released = msgspec.structs.replace(order, released=LATER, released_why="over")
    await doors.book.enter(order)
    await doors.book.enter(released)
    assert await doors.book.about("x", "demo") == [released]
    assert await doors.book.orders() == [released]
