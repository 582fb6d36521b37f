"""What is peculiar to the store on Cosmos DB: large records, expiry, races, costs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import pytest

from audit.completeness import DamagedRow
from audit.digest import document_digest, record_digest
from audit.errors import QueryTooCostly, RecordInvalid, StoreUnavailable
from audit.ledger import Amendment, LedgerState
from audit.orders import Order, OrderKind
from audit.record import Integrity, RedactedRecord, Request, Retention, Usage
from audit.value import from_json, to_json
from cli.reference.words import LABELS
from storage.blobs.memory import MemoryBlobs
from storage.records.cosmos import CosmosStore
from storage.records.cosmos_items import GRACE, item_id
from storage.records.cosmos_orders import CosmosOrderBook
from storage.records.facts_walk import WalkingFacts
from storage.records.port import Budget, StoredRef
from storage.records.query import Query, parse
from tests.contract.samples import BOOT, a_record, an_entry, number, record_id
from tests.emulators.cosmos import CosmosEmulator, cosmos_store
from workers.changes import removed_entry

NOW = datetime.fromisoformat("2026-11-20T12:00:00Z").timestamp()
AT = "2026-11-21T10:00:00.000000Z"
LARGE = "grüße " * 350_000 + "unforgettable"


class Charges:
    """Counts what it is told, by operation."""

    def __init__(self) -> None:
        self.told: dict[str, float] = {}

    def add(self, metric: str, amount: float = 1, **labels: str) -> None:
        """Count up."""
        assert metric == "auditstream_store_request_units_total"
        (operation,) = labels.values()
        assert operation in LABELS[metric][1]
        self.told[operation] = self.told.get(operation, 0) + amount

    def state(self, metric: str, value: float) -> None:
        """Nothing is stated."""


@dataclass
class House:
    """A store with a place for blobs, and what it told."""

    store: CosmosStore
    blobs: MemoryBlobs
    charges: Charges

    async def item(self, seq: int) -> dict[str, Any]:
        """The item of a sample as it lies there."""
        name = item_id(record_id(seq))
        found = await self.store.records.read(name, ["demo", "2026-11-20", name])
        assert found is not None
        return found

    async def blob_names(self) -> list[str]:
        """All blobs there are."""
        return [blob.name async for blob in self.blobs.listing("")]


@pytest.fixture
async def house(cosmos: CosmosEmulator) -> AsyncIterator[House]:
    """An empty store at noon."""
    blobs, charges = MemoryBlobs(clock=lambda: NOW), Charges()
    async with cosmos_store(
        cosmos.access(), blobs=blobs, count=charges, clock=lambda: NOW
    ) as store:
        yield House(store, blobs, charges)


def sealed(record: RedactedRecord, **changes: Any) -> RedactedRecord:
    """The record with changes, and with the digest that it then has."""
    bare = msgspec.structs.replace(record, **changes)
    return msgspec.structs.replace(bare, integrity=Integrity(record_digest=record_digest(bare)))


async def found(house: House, text: str) -> list[str]:
    """The ids that a filter finds."""
    page = await house.store.reader.search(parse(text, 0), 10)
    return [document.id for document in page.documents]


async def references(house: House) -> list[StoredRef]:
    """What verification walks over."""
    return [each async for each in house.store.reader.references()]


async def test_numbers_and_letters_survive(house: House) -> None:
    """Numbers beyond a double's, and any letters, come back as they were, with their digest."""
    odd = {"seed": 2**63 + 1, "p": 0.1, "e": 1e300, "s": '☃ \u2028 \u0000 \U0001f600 "\\'}
    record = sealed(
        a_record(1),
        request=Request(parameters=odd),
        usage=Usage(reported={"total": 12345678901234567890}),
    )
    await house.store.writer.put(record)
    document = await house.store.reader.get(record.id)
    assert document is not None
    assert document.json == to_json(record)
    assert [r.actual_digest for r in await references(house)] == [record.integrity.record_digest]


async def test_an_id_with_a_slash_is_another_item(house: House) -> None:
    """Records of a session have their own items, and are found by their own ids."""
    first, second = a_record(1), msgspec.structs.replace(a_record(1), id=f"{record_id(1)}/2")
    assert await house.store.writer.put(first)
    assert await house.store.writer.put(second)
    document = await house.store.reader.get(second.id)
    assert document is not None
    assert document.id == second.id
    assert await found(house, f"id:{second.id}") == [second.id]
    assert await found(house, "") == [second.id, first.id]


@pytest.mark.parametrize("name", ["a.b", "a\\b", "a?b", "a#b", "a/b/c", "", "ü", "a b", "x" * 300])
async def test_an_id_that_no_item_can_have_is_refused(house: House, name: str) -> None:
    """It is refused when written, and is not there when asked for."""
    with pytest.raises(RecordInvalid):
        await house.store.writer.put(msgspec.structs.replace(a_record(1), id=name))
    assert await house.store.reader.get(name) is None


async def test_time_to_live_follows_the_expiry_and_spares_what_is_held(house: House) -> None:
    """The service may remove a record a day after its time, and one under a hold never."""
    at = "2026-11-20T13:00:00.000000Z"
    past = "2026-11-01T13:00:00.000000Z"
    kept = [Retention(expires_at=at), Retention(expires_at=at, hold=True), Retention()]
    kept.append(Retention(expires_at=past))
    for seq, retention in enumerate(kept, start=1):
        await house.store.writer.put(sealed(a_record(seq), retention=retention))
    assert [(await house.item(seq)).get("ttl") for seq in (1, 2, 3, 4)] == [
        3600 + GRACE,
        None,
        None,
        1,
    ]


async def test_a_hold_takes_the_time_to_live_away_and_a_release_gives_it_back(
    house: House,
) -> None:
    """What the service would remove by itself follows each amendment."""
    record = sealed(a_record(1), retention=Retention(expires_at="2026-11-20T13:00:00.000000Z"))
    entry = an_entry(1)
    await house.store.writer.put(record)
    for hold, ttl in ((True, None), (False, 3600 + GRACE)):
        retention = msgspec.structs.replace(record.retention, hold=hold)
        more = Amendment(at=AT, kind="hold" if hold else "release", record_digest="cd")
        entry = msgspec.structs.replace(entry, amendments=(*entry.amendments, more))
        assert await house.store.keeper.amend(sealed(record, retention=retention), entry)
        assert (await house.item(1)).get("ttl") == ttl


async def test_a_large_record_is_whole_and_found_like_any_other(house: House) -> None:
    """Its text is in a blob, its head in the item; reading, searching and digests know of none."""
    large = a_record(1, prompt=LARGE)
    await house.store.writer.put(a_record(2))
    assert await house.store.writer.put(large)
    assert "json" not in await house.item(1)
    document = await house.store.reader.get(large.id)
    assert document is not None
    assert document.json == to_json(large)
    assert await house.store.writer.stored(large) == to_json(large)
    assert await found(house, "unforgettable") == [record_id(1)]
    assert await found(house, "consumer:demo prompt:unforget*") == [record_id(1)]
    assert await found(house, "-unforgettable") == [record_id(2)]
    assert await found(house, "answer:unforgettable") == []
    assert await found(house, "tool:get_weather") == [record_id(2), record_id(1)]
    assert all(r.stated_digest == r.actual_digest for r in await references(house))


async def test_a_large_duplicate_leaves_no_blob_behind(house: House) -> None:
    """Another redaction of a stored exchange goes, text and all; the same one changes nothing."""
    await house.store.writer.put(a_record(1, prompt=LARGE))
    names = await house.blob_names()
    assert not await house.store.writer.put(a_record(1, prompt=LARGE))
    assert not await house.store.writer.put(a_record(1, prompt=f"{LARGE} again"))
    assert await house.blob_names() == names
    assert await found(house, "unforgettable") == [record_id(1)]


async def test_a_large_record_goes_with_its_blob(house: House) -> None:
    """Removal takes both; one that is removed already is not stored, and leaves nothing."""
    for seq in (1, 2):
        await house.store.writer.put(a_record(seq, prompt=LARGE))
    assert await house.store.keeper.remove([an_entry(1, LedgerState.ERASED)]) == 1
    assert len(await house.blob_names()) == 1
    assert not await house.store.writer.put(a_record(1, prompt=LARGE))
    assert len(await house.blob_names()) == 1


async def test_a_large_record_can_be_amended(house: House) -> None:
    """The new text takes the place of the old one, of which nothing is left."""
    record = a_record(1, prompt=LARGE)
    held = sealed(record, retention=Retention(hold=True))
    await house.store.writer.put(record)
    await house.store.ledger.enter(an_entry(1))
    hold = Amendment(at=AT, kind="hold", record_digest="cd")
    amended = msgspec.structs.replace(an_entry(1), amendments=(hold,))
    assert await house.store.keeper.amend(held, amended)
    document = await house.store.keeper.document(record_id(1))
    assert document is not None
    assert document.json == to_json(held)
    assert len(await house.blob_names()) == 1


async def test_a_large_record_without_a_place_for_blobs_is_refused(
    cosmos: CosmosEmulator,
) -> None:
    """Nothing of it is stored: it is never cut."""
    async with cosmos_store(cosmos.access()) as store:
        with pytest.raises(RecordInvalid):
            await store.writer.put(a_record(1, prompt=LARGE))
        assert await store.reader.get(record_id(1)) is None


async def test_a_blob_that_is_missing_is_said(house: House) -> None:
    """It is shown with its head and a flag, keeps no other back, and verification names it."""
    whole = a_record(1, prompt=LARGE)
    await house.store.writer.put(whole)
    await house.store.writer.put(a_record(2))
    for name in await house.blob_names():
        await house.blobs.remove(name)
    everything = await house.store.reader.search(parse("", 0), 10)
    by_word = await house.store.reader.search(parse("consumer:demo beforehand", 0), 10)
    assert [each.id for each in everything.documents] == [record_id(2), record_id(1)]
    assert [each.id for each in by_word.documents] == [record_id(1)]
    found = await house.store.reader.get(record_id(1))
    assert found is not None
    head = from_json(found.json, RedactedRecord)
    assert head.exchange.flags == ("text_missing",)
    assert head.exchange.dialect is whole.exchange.dialect
    assert (head.tap, head.consumer, head.day) == (whole.tap, whole.consumer, whole.day)
    assert (head.timing.received_at, head.retention) == (
        whole.timing.received_at,
        whole.retention,
    )
    assert head.request.messages == ()
    assert head.integrity.signature is None
    await house.store.records.delete(record_id(2), ["demo", "2026-11-20", record_id(2)])
    assert [r.stated_digest == r.actual_digest for r in await references(house)] == [False]


async def removal_cut_short(house: House) -> None:
    """Of two records whose time is over, the first one's removal got as far as its text."""
    for seq, size in ((1, LARGE), (2, "small")):
        over = Retention(expires_at=f"2026-11-20T11:0{seq}:00.000000Z")
        await house.store.writer.put(sealed(a_record(seq, prompt=size), retention=over))
        await house.store.ledger.enter(an_entry(seq))
    expired = removed_entry(an_entry(1), LedgerState.EXPIRED, at=AT, kind="expired")
    assert await house.store.ledger.stands(expired)
    for name in await house.blob_names():
        await house.blobs.remove(name)


async def test_a_removal_that_was_cut_short_keeps_no_other_from_expiring(house: House) -> None:
    """The sweep finds what has expired since, and finishes what was begun."""
    await removal_cut_short(house)
    assert [each.id async for each in house.store.finder.expired(AT)] == [record_id(2)]
    assert [each.id for each in await references(house)] == [record_id(2)]


async def test_a_removal_that_was_cut_short_keeps_no_other_from_being_erased(house: House) -> None:
    """Whoever looks for a consumer's records finds the others, and finishes what was begun."""
    await removal_cut_short(house)
    assert [each.id async for each in house.store.finder.of_consumer("demo")] == [record_id(2)]
    assert [each.id for each in await references(house)] == [record_id(2)]


async def test_a_removal_that_was_cut_short_is_finished_by_whoever_asks_for_it(
    house: House,
) -> None:
    """Asked for by its id, it is not there, and then nothing of it is."""
    await removal_cut_short(house)
    assert not await house.store.keeper.documents(record_id(1))
    assert [each.id for each in await references(house)] == [record_id(2)]


async def test_a_text_that_nobody_removed_is_missed_and_hides_no_other(house: House) -> None:
    """Only the ledger's word makes what is left of a record go; all others are found behind it."""
    over = Retention(expires_at=AT)
    await house.store.writer.put(sealed(a_record(1, prompt=LARGE), retention=over))
    await house.store.writer.put(sealed(a_record(2), retention=over))
    await house.store.ledger.enter(an_entry(1))
    for name in await house.blob_names():
        await house.blobs.remove(name)
    (lost,) = await house.store.keeper.documents(record_id(1))
    assert (lost.id, lost.json) == (record_id(1), b"")
    for found in (house.store.finder.of_consumer("demo"), house.store.finder.expired(AT)):
        texts = {each.id: each.json async for each in found}
        assert texts.keys() == {record_id(1), record_id(2)}
        assert texts[record_id(1)] == b""
        assert texts[record_id(2)]
    assert len(await references(house)) == 2


async def test_the_sweep_removes_what_no_record_points_to(house: House) -> None:
    """Blobs of items that the service removed go after a day; all others stay."""
    for seq in (1, 2):
        await house.store.writer.put(a_record(seq, prompt=LARGE))
    name = item_id(record_id(1))
    await house.store.records.delete(name, ["demo", "2026-11-20", name])
    assert await house.store.sweep_blobs(house.blobs, NOW + 3600) == 0
    assert await house.store.sweep_blobs(house.blobs, NOW + 90_000) == 1
    assert await found(house, "unforgettable") == [record_id(2)]


async def test_of_many_writers_of_one_number_one_comes_first(
    house: House,
) -> None:
    """Whatever is entered at once by whomever, one entry is told that it stands, and it does."""
    await house.store.ledger.enter(an_entry(1, LedgerState.DEAD_LETTERED))
    entries = [msgspec.structs.replace(an_entry(1), record_digest=f"{n:02x}") for n in range(20)]
    stood = await asyncio.gather(*(house.store.ledger.enter(entry) for entry in entries))
    assert sum(stood) == 1
    assert await house.store.ledger.entry(number(1)) == entries[stood.index(True)]


async def test_a_record_that_is_put_while_it_is_erased_does_not_stay(house: House) -> None:
    """Whichever comes first, in the end the record is gone and the ledger says why."""
    for seq in range(1, 41):
        await asyncio.gather(
            house.store.writer.put(a_record(seq)),
            house.store.keeper.remove([an_entry(seq, LedgerState.ERASED)]),
        )
    assert await found(house, "") == []


async def test_of_two_amendments_at_once_none_is_lost(house: House) -> None:
    """Both stand, or the second one hears that it came too late; record and ledger agree."""
    record = a_record(1)
    await house.store.writer.put(record)
    await house.store.ledger.enter(an_entry(1))

    async def amend(order: str, hold: bool) -> bool:
        changed = sealed(record, retention=Retention(hold=hold))
        digest = changed.integrity.record_digest or ""
        more = Amendment(at=AT, kind="hold", record_digest=digest, order=order)
        entry = msgspec.structs.replace(an_entry(1), amendments=(more,))
        try:
            return await house.store.keeper.amend(changed, entry)
        except StoreUnavailable:
            return False

    done = await asyncio.gather(amend("o-1", hold=True), amend("o-2", hold=False))
    entry = await house.store.ledger.entry(number(1))
    assert entry is not None
    assert done.count(True) == 1
    text = await house.store.writer.stored(record)
    assert text is not None
    assert document_digest(msgspec.json.decode(text)) == entry.amendments[-1].record_digest


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


async def test_an_altered_item_is_seen_and_stops_nobody(house: House) -> None:
    """What was written past us shows as altered, whatever became of it; others are as before."""
    for seq in (1, 2, 3):
        await house.store.writer.put(a_record(seq))
    first, second = await house.item(1), await house.item(2)
    first["json"] = first["json"].replace("refund", "reject")
    for name in ("record", "tap", "boot", "seq", "json"):
        del second[name]
    for item in (first, second):
        assert await house.store.records.replace(item, item["_etag"])
    altered = {r.id for r in await references(house) if r.stated_digest != r.actual_digest}
    assert altered == {record_id(1), ""}
    assert len(await references(house)) == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [("state", "erased"), ("exchange", "x"), ("consumer", "x"), ("json", "{}"), ("json", None)],
)
async def test_an_entry_that_is_found_by_something_else_is_damaged(
    house: House, name: str, value: str | None
) -> None:
    """An entry whose fields do not say what its text says is told of, and the others are read."""
    await house.store.ledger.enter(an_entry(1))
    await house.store.ledger.enter(an_entry(2))
    ledger = house.store.ledger._ledger
    item = await ledger.read("entry.1", ["tap", BOOT, "entry.1"])
    assert item is not None
    assert await ledger.replace(item | {name: value}, item["_etag"])
    told: list[DamagedRow] = []
    assert [entry async for entry in house.store.ledger.entries(told.append)] == [an_entry(2)]
    assert told == [DamagedRow("tap", BOOT, seq=1)]
    with pytest.raises(RecordInvalid):
        await house.store.ledger.entry(number(1))


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
    assert not await house.store.finder.left_behind(AT)
    assert set(house.charges.told) == {"ledger.query"}
    await came_back(house, 1, 2, 3)
    house.charges.told.clear()
    assert len(await house.store.finder.left_behind(AT)) == 3
    assert house.charges.told == {"ledger.query": 1.0, "records.query": 1.0}


async def test_a_damaged_entry_keeps_nobody_from_finding_what_came_back(house: House) -> None:
    """It is left for verify to name, and the others are found."""
    await came_back(house, 1, 2)
    ledger = house.store.ledger._ledger
    item = await ledger.read("entry.1", ["tap", BOOT, "entry.1"])
    assert item is not None
    assert await ledger.replace(item | {"consumer": "x"}, item["_etag"])
    found = await house.store.finder.left_behind(AT)
    assert [each.number for each in found] == [number(2)]
