"""Large records on Cosmos DB: whole, found, swept, and gone when what is left of them goes."""

from __future__ import annotations

import msgspec
import pytest

from audit.errors import RecordInvalid
from audit.ledger import Amendment, LedgerState
from audit.record import RedactedRecord, Retention
from audit.value import from_json, to_json
from storage.records.cosmos_items import item_id
from storage.records.query import parse
from tests.contract.cosmos_house import AT, LARGE, NOW, House, found, references, sealed
from tests.contract.samples import a_record, an_entry, record_id
from tests.emulators.cosmos import CosmosEmulator, cosmos_store
from workers.changes import removed_entry


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
    for listed in (house.store.finder.of_consumer("demo"), house.store.finder.expired(AT)):
        texts = {each.id: each.json async for each in listed}
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
