"""The contract of lawful change: what is removed is gone, and the ledger says why."""

from __future__ import annotations

import msgspec
import pytest

from audit.digest import record_digest
from audit.errors import RecordHeld, RecordInvalid, StoreUnavailable
from audit.ledger import Amendment, LedgerState
from audit.record import RedactedRecord, Retention
from audit.sheaf import record_id as name_of
from audit.value import to_json
from storage.records.query import parse
from tests.contract.doors import AT, LATER, Doors, gone, kept, part, store
from tests.contract.samples import a_record, an_entry, number, record_id


async def test_a_removed_record_is_found_by_nothing(doors: Doors) -> None:
    """Neither id nor word nor label finds it, its neighbour stays, and the ledger says erased."""
    await store(doors, kept(1), kept(2))
    assert await doors.keeper.remove([gone(1)]) == 1
    assert await doors.reader.get(record_id(1)) is None
    for text in ("refund", "tool:get_weather", "consumer:demo", ""):
        page = await doors.reader.search(parse(text, 0), 10)
        assert [document.id for document in page.documents] == [record_id(2)]
    assert await doors.ledger.entry(number(1)) == gone(1)
    assert await doors.keeper.scrub(thorough=True)
    assert await doors.keeper.scrub(thorough=False)


async def test_a_consumer_is_known_by_a_record_or_an_entry(doors: Doors) -> None:
    """Also where only the one or the other names it, and also when the record is gone."""
    assert not await doors.finder.knows("demo")
    await doors.writer.put(kept(1, consumer="stored"))
    await doors.ledger.enter(msgspec.structs.replace(an_entry(2), consumer="entered"))
    await doors.keeper.remove([gone(3)])
    for consumer in ("stored", "entered", "demo"):
        assert await doors.finder.knows(consumer)
    for consumer in ("Stored", "store%", ""):
        assert not await doors.finder.knows(consumer)


async def test_removing_again_changes_nothing(doors: Doors) -> None:
    """The first removal's entry stays, whatever a later one says."""
    await store(doors, kept(1))
    await doors.keeper.remove([gone(1)])
    assert await doors.keeper.remove([gone(1, LedgerState.EXPIRED)]) == 0
    assert await doors.ledger.entry(number(1)) == gone(1)


async def test_what_was_removed_cannot_be_put(doors: Doors) -> None:
    """A record whose number was erased or has expired is not stored, whoever brings it."""
    await doors.keeper.remove([gone(1), gone(2, LedgerState.EXPIRED)])
    for seq in (1, 2):
        assert not await doors.writer.put(kept(seq))
        assert await doors.reader.get(record_id(seq)) is None
        assert await doors.writer.stored(kept(seq)) is None
        assert not await doors.ledger.enter(an_entry(seq))


@pytest.mark.parametrize("state", [LedgerState.DEAD_LETTERED, LedgerState.UNREADABLE])
async def test_a_removal_stands_over_what_was_set_aside(doors: Doors, state: LedgerState) -> None:
    """A number that was set aside is erased as well."""
    await doors.ledger.enter(an_entry(1, state))
    assert await doors.keeper.remove([gone(1)]) == 1
    assert await doors.ledger.entry(number(1)) == gone(1)


async def test_the_records_of_a_session_go_together(doors: Doors) -> None:
    """Records `id/n` are removed with their exchange, and no other id that begins alike."""
    inner = [msgspec.structs.replace(kept(1), id=f"{record_id(1)}{end}") for end in ("/1", "/2")]
    other = msgspec.structs.replace(kept(1), id=f"{record_id(1)}0")
    for record in (*inner, other):
        await doors.writer.put(record)
    await doors.keeper.remove([gone(1)])
    page = await doors.reader.search(parse("", 0), 10)
    assert [document.id for document in page.documents] == [other.id]


async def test_the_records_of_an_exchange_are_read_in_their_order(doors: Doors) -> None:
    """By number and not by text, whenever each was put; no other exchange's are among them."""
    for nth in (12, 2, 1, 3):
        await doors.writer.put(part(nth))
    await doors.writer.put(part(1, seq=2))
    await doors.writer.put(msgspec.structs.replace(kept(1), id=f"{record_id(1)}0"))
    found = await doors.keeper.documents(record_id(1))
    assert [each.id for each in found] == [name_of(record_id(1), nth) for nth in (1, 2, 3, 12)]
    assert found[1].json == to_json(part(2))
    assert await doors.keeper.documents(record_id(9)) == []


async def test_a_session_is_amended_as_a_whole(doors: Doors) -> None:
    """All its records and the one entry; where one is not there, nothing is changed."""
    for nth in (1, 2, 3):
        await doors.writer.put(part(nth))
    entry = msgspec.structs.replace(an_entry(1), records=3)
    held = [part(nth, hold=True) for nth in (1, 2, 3)]
    assert await doors.keeper.amend(held[0], entry, held[1:])
    found = await doors.keeper.documents(record_id(1))
    assert [each.json for each in found] == [to_json(each) for each in held]
    assert await doors.ledger.entry(number(1)) == entry
    assert [each.id async for each in doors.finder.expired(LATER)] == []
    amendment = Amendment(at=AT, kind="release", record_digest="cd")
    later = msgspec.structs.replace(entry, amendments=(amendment,))
    assert not await doors.keeper.amend(part(1), later, [part(2), part(4)])
    other = msgspec.structs.replace(part(3), request=a_record(1, prompt="else").request)
    with pytest.raises(RecordInvalid):
        await doors.keeper.amend(part(1), later, [part(2), other])
    assert await doors.keeper.documents(record_id(1)) == found
    assert await doors.ledger.entry(number(1)) == entry


async def test_a_session_of_which_one_record_is_held_is_not_removed(doors: Doors) -> None:
    """None of its records goes."""
    for nth in (1, 2, 3):
        await doors.writer.put(part(nth, hold=nth == 3))
    with pytest.raises(RecordHeld):
        await doors.keeper.remove([gone(1)])
    assert len(await doors.keeper.documents(record_id(1))) == 3


async def test_a_held_record_is_not_removed(doors: Doors) -> None:
    """A hold stands above whoever removes, and the entry stays what it was."""
    await store(doors, kept(1, hold=True))
    with pytest.raises(RecordHeld):
        await doors.keeper.remove([gone(1)])
    assert await doors.reader.get(record_id(1)) is not None
    entry = await doors.ledger.entry(number(1))
    assert entry is not None
    assert entry.state is LedgerState.STORED


def reworded(record: RedactedRecord, prompt: str) -> RedactedRecord:
    """The record with another prompt and other counts, as another redaction leaves it."""
    other = a_record(record.tap.seq, prompt=prompt)
    redaction = msgspec.structs.replace(record.redaction, counts={"PERSON": 2})
    bare = msgspec.structs.replace(record, request=other.request, redaction=redaction)
    stated = msgspec.structs.replace(bare.integrity, record_digest=record_digest(bare))
    return msgspec.structs.replace(bare, integrity=stated)


async def test_a_rewritten_record_is_found_by_what_it_says_now(doors: Doors) -> None:
    """By its new words and types and no longer by the old ones, under its entry's amendment."""
    await store(doors, kept(1), kept(2))
    before = await doors.ledger.entry(number(1))
    assert before is not None
    made = reworded(kept(1), "about <PERSON_1> only")
    amendment = Amendment(at=AT, kind="reredacted", record_digest="cd", order="o-1")
    entry = msgspec.structs.replace(before, amendments=(amendment,))
    assert await doors.keeper.rewrite(made, entry)
    document = await doors.keeper.document(record_id(1))
    assert document is not None
    assert document.json == to_json(made)
    assert await doors.ledger.entry(number(1)) == entry
    for text, seqs in (("refund", [2]), ("entity:PERSON", [1]), ("only", [1]), ("", [2, 1])):
        page = await doors.reader.search(parse(text, 0), 10)
        assert [each.id for each in page.documents] == [record_id(seq) for seq in seqs], text
    assert not await doors.keeper.rewrite(kept(3), an_entry(3))


async def test_a_rewriting_changes_neither_whose_nor_when_a_record_is(doors: Doors) -> None:
    """Consumer, day, number, times, retention, salt and commitment stay; else nothing is done."""
    await store(doors, kept(1))
    there, entry = kept(1), an_entry(1)
    timing = msgspec.structs.replace(there.timing, received_at=LATER)
    salted = msgspec.structs.replace(there.integrity, salt="0f")
    for change in (
        {"retention": Retention(hold=True)},
        {"timing": timing},
        {"integrity": salted},
        {"tap": msgspec.structs.replace(there.tap, seq=2)},
    ):
        with pytest.raises(RecordInvalid):
            await doors.keeper.rewrite(msgspec.structs.replace(there, **change), entry)
    document = await doors.keeper.document(record_id(1))
    assert document is not None
    assert document.json == to_json(there)


async def test_an_amendment_changes_record_and_entry(doors: Doors) -> None:
    """The new document and the new entry stand, and the record is found as before."""
    await store(doors, kept(1))
    before = await doors.ledger.entry(number(1))
    assert before is not None
    held = kept(1, hold=True)
    amendment = Amendment(at=AT, kind="hold", record_digest="cd", order="o-1")
    entry = msgspec.structs.replace(before, amendments=(amendment,))
    assert await doors.keeper.amend(held, entry)
    document = await doors.keeper.document(record_id(1))
    assert document is not None
    assert document.json == to_json(held)
    assert await doors.ledger.entry(number(1)) == entry
    assert (await doors.reader.search(parse("refund", 0), 10)).documents
    assert not await doors.keeper.amend(kept(2, hold=True), an_entry(2))


async def test_an_amendment_changes_nothing_else(doors: Doors) -> None:
    """A record that says something else than the stored one is refused."""
    await store(doors, kept(1))
    other = a_record(1, prompt="something else")
    with pytest.raises(RecordInvalid):
        await doors.keeper.amend(other, an_entry(1))
    document = await doors.keeper.document(record_id(1))
    assert document is not None
    assert document.json == to_json(kept(1))


@pytest.mark.parametrize("verb", ["remove", "amend"])
async def test_an_entry_made_of_an_older_one_is_refused(doors: Doors, verb: str) -> None:
    """Nobody's amendment is lost to someone who had not seen it."""
    await store(doors, kept(1))
    seen = Amendment(at=AT, kind="hold", record_digest="cd", order="o-1")
    amended = msgspec.structs.replace(an_entry(1), amendments=(seen,), consumer="demo")
    await doors.keeper.amend(kept(1), amended)
    stale = msgspec.structs.replace(seen, order="o-2")
    entry = msgspec.structs.replace(amended, amendments=(stale,))
    with pytest.raises(StoreUnavailable):
        await (
            doors.keeper.remove([msgspec.structs.replace(entry, state=LedgerState.ERASED)])
            if verb == "remove"
            else doors.keeper.amend(kept(1), entry)
        )
    assert await doors.ledger.entry(number(1)) == amended


async def test_another_exchange_under_the_number_is_an_error(doors: Doors) -> None:
    """An entry is never replaced by one of another id."""
    await store(doors, kept(1))
    with pytest.raises(RecordInvalid):
        await doors.keeper.remove([msgspec.structs.replace(gone(1), id=record_id(9))])


async def test_expired_records_are_found_but_not_held_ones(doors: Doors) -> None:
    """Up to and including the instant; without one, or held, a record does not expire."""
    await store(
        doors,
        kept(1, expires_at=AT),
        kept(2, expires_at=LATER),
        kept(3),
        kept(4, expires_at=AT, hold=True),
    )
    found = [each.id async for each in doors.finder.expired(AT)]
    assert found == [record_id(1)]


async def test_what_is_over_is_counted_and_found_from_any_instant_on(doors: Doors) -> None:
    """In the order in which it was to expire; what is held or has time left counts for nothing."""
    times = [f"2026-11-2{day}T10:00:00.000000Z" for day in (5, 1, 3, 2, 4)]
    await store(doors, *[kept(seq, expires_at=at) for seq, at in enumerate(times, start=1)])
    await store(doors, kept(6, expires_at=times[1], hold=True), kept(7))
    assert await doors.finder.overdue(times[4]) == (4, times[1])
    assert await doors.finder.overdue(AT[:10]) == (0, AT[:10])
    found = [each.id async for each in doors.finder.expired(times[4], times[3])]
    assert found == [record_id(seq) for seq in (4, 3, 5)]


async def test_a_consumers_records_are_found_in_order_however_many(doors: Doors) -> None:
    """More than one chunk, each once, oldest first, and nobody else's."""
    for seq in range(450, 0, -1):
        await doors.writer.put(kept(seq, consumer="demo" if seq % 3 else "other"))
    found = [each.id async for each in doors.finder.of_consumer("other")]
    assert len(found) == 150
    assert set(found) == {record_id(seq) for seq in range(3, 451, 3)}


async def test_entries_are_found_by_id_and_by_order(doors: Doors) -> None:
    """The ledger tells what became of an id, and what an order erased."""
    await store(doors, kept(1), kept(2), kept(3))
    await doors.keeper.remove([gone(1, order="o-1"), gone(2, order="o-2")])
    assert await doors.finder.entry_of(record_id(2)) == gone(2, order="o-2")
    assert await doors.finder.entry_of(record_id(9)) is None
    assert await doors.finder.removed_by("demo", {"o-1", "o-3"}) == [gone(1, order="o-1")]
    assert not list(await doors.finder.removed_by("other", {"o-1"}))
