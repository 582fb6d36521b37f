"""What is peculiar to the store on Cosmos DB: names, expiry, races, damage."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from audit.completeness import DamagedRow
from audit.digest import document_digest
from audit.errors import RecordInvalid, StoreUnavailable
from audit.ledger import Amendment, LedgerState
from audit.record import Request, Retention, Usage
from audit.value import to_json
from storage.records.cosmos_items import GRACE
from tests.contract.cosmos_house import AT, House, found, references, sealed
from tests.contract.doors import gone
from tests.contract.samples import BOOT, a_record, an_entry, number, record_id


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


async def test_an_item_that_lost_its_fields_is_found_and_removed(house: House) -> None:
    """Its id is the item's own; whoever goes over all records reaches those behind it."""
    for seq in (1, 2):
        await house.store.writer.put(sealed(a_record(seq), retention=Retention(expires_at=AT)))
    item = await house.item(1)
    del item["record"]
    assert await house.store.records.replace(item, item["_etag"])
    finder, keeper = house.store.finder, house.store.keeper
    for walk in (finder.expired(AT), finder.of_consumer("demo")):
        assert {each.id async for each in walk} == {record_id(1), record_id(2)}
    assert [each.id for each in await keeper.documents(record_id(1))] == [record_id(1)]
    item = await house.item(1)
    del item["hold"]
    assert await house.store.records.replace(item, item["_etag"])
    assert await keeper.remove([an_entry(1, LedgerState.EXPIRED)]) == 1
    assert await keeper.document(record_id(1)) is None


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


async def test_a_damaged_entry_is_not_among_those_that_an_order_erased(house: House) -> None:
    """It is verify's to name, and keeps none of the others from being told."""
    for seq in (1, 2):
        await house.store.keeper.remove([gone(seq)])
    ledger = house.store.ledger._ledger
    item = await ledger.read("entry.1", ["tap", BOOT, "entry.1"])
    assert item is not None
    assert await ledger.replace(item | {"json": "{"}, item["_etag"])
    assert await house.store.finder.removed_by("demo", {"o-1"}) == [gone(2)]
