"""What the store on Cosmos DB asks for, and what that costs: partitions, queries, request units."""

from __future__ import annotations

import pytest

from audit.errors import QueryTooCostly
from audit.ledger import LedgerState
from audit.orders import Order, OrderKind
from storage.records.cosmos_orders import CosmosOrderBook
from storage.records.facts_walk import WalkingFacts
from storage.records.port import Budget
from storage.records.query import Query, parse
from tests.contract.cosmos_house import AT, House, found
from tests.contract.samples import BOOT, a_record, an_entry, number, record_id
from tests.emulators.cosmos import CosmosEmulator, cosmos_store
from workers.changes import removed_entry


async def test_a_search_says_that_it_asked_every_partition(house: House) -> None:
    """Only a query that names its consumer is answered by part of the store."""
    await house.store.writer.put(a_record(1))
    for text, fanned_out in (
        ("refund", True),
        ("consumer:d*", True),
        ("-consumer:demo", True),
        ("consumer:demo OR refund", True),
        ("consumer:demo", False),
        ("consumer:demo day:2026-11-20 refund", False),
    ):
        page = await house.store.reader.search(parse(text, 0), 10)
        assert page.fanned_out is fanned_out, text


async def test_a_query_with_an_order_is_given_no_key(house: House) -> None:
    """The SDK would put the answers of several partitions one after the other."""
    ordered = "SELECT c.id FROM c WHERE c.consumer = 'demo' ORDER BY c.id"
    with pytest.raises(ValueError, match="order"):
        await anext(house.store.records.query(ordered, key=("demo",)))


async def test_a_worker_hears_at_once_of_what_another_process_ordered(
    house: House,
) -> None:
    """Its questions cost a point read, until an order comes; then it has it with the next one."""
    operator = CosmosOrderBook(house.store.orders._orders)
    order = Order(id="o-1", kind=OrderKind.ERASE, at=AT, why="asked for", ids=(record_id(1),))
    worker = house.store.orders
    assert await worker.about(record_id(1), "demo") == []
    house.charges.told.clear()
    assert await worker.about(record_id(1), "demo") == []
    assert set(house.charges.told) == {"orders.read"}
    await operator.enter(order)
    assert await worker.about(record_id(1), "demo") == [order]
    assert await worker.orders() == [order]


async def test_a_query_has_a_budget(cosmos: CosmosEmulator) -> None:
    """One that outlasts it is given up, and says so."""
    async with cosmos_store(cosmos.access(), budget=0.0) as store:
        with pytest.raises(QueryTooCostly):
            await store.reader.search(Query(), 10)


async def test_a_query_has_a_budget_of_request_units(cosmos: CosmosEmulator) -> None:
    """When they are spent it gives what it has found, says so, and goes on from there."""
    async with cosmos_store(cosmos.access(), units=1.0) as store:
        for seq in range(1, 106):
            await store.writer.put(a_record(seq))
        page = await store.reader.search(Query(), 150)
        assert (len(page.documents), page.spent, page.units) == (100, Budget.REQUEST_UNITS, 1.0)
        rest = await store.reader.search(Query(), 150, page.cursor)
        assert (len(rest.documents), rest.spent, rest.cursor) == (5, None, None)
        facts = await WalkingFacts(store.reader, units=1.0).facts(Query(), 150)
        assert (len(facts.rows), facts.more, facts.spent) == (100, True, Budget.REQUEST_UNITS)


async def test_request_units_are_counted_by_operation(house: House) -> None:
    """Also where the answer was that the item is there already, or is not."""
    house.charges.told.clear()
    await house.store.writer.put(a_record(1))
    await house.store.writer.put(a_record(1))
    await found(house, "consumer:demo")
    assert house.charges.told == {
        "records.create": 2.0,
        "ledger.read": 2.0,
        "records.query": 1.0,
    }


async def came_back(house: House, *seqs: int) -> None:
    """Records that are there although the ledger calls them erased."""
    for seq in seqs:
        await house.store.writer.put(a_record(seq))
        erased = removed_entry(an_entry(seq), LedgerState.ERASED, at=AT, kind="erased")
        assert await house.store.ledger.stands(erased)


async def test_a_look_for_what_came_back_is_two_queries(house: House) -> None:
    """One over the ledger, and one over the records only where something was removed."""
    await house.store.ledger.enter(an_entry(9))
    house.charges.told.clear()
    assert not await house.store.finder.left_behind(AT, AT)
    assert set(house.charges.told) == {"ledger.query"}
    await came_back(house, 1, 2, 3)
    house.charges.told.clear()
    assert len(await house.store.finder.left_behind(AT, AT)) == 3
    assert house.charges.told == {"ledger.query": 1.0, "records.query": 1.0}


async def test_a_damaged_entry_keeps_nobody_from_finding_what_came_back(house: House) -> None:
    """It is left for verify to name, and the others are found."""
    await came_back(house, 1, 2)
    ledger = house.store.ledger._ledger
    item = await ledger.read("entry.1", ["tap", BOOT, "entry.1"])
    assert item is not None
    assert await ledger.replace(item | {"consumer": "x"}, item["_etag"])
    found = await house.store.finder.left_behind(AT, AT)
    assert [each.number for each in found] == [number(2)]
