"""The contract of lawful change: what is removed is gone, and the ledger says why."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from audit.digest import record_digest
from audit.errors import RecordHeld, RecordInvalid, StoreUnavailable
from audit.ledger import Amendment, LedgerEntry, LedgerState
from audit.orders import Order, OrderKind
from audit.record import RedactedRecord, Retention
from audit.sheaf import record_id as name_of
from audit.value import to_json
from storage.records.keeper import Finder, Keeper, OrderBook
from storage.records.keeper_sqlite import SqliteFinder, SqliteKeeper
from storage.records.ledger_sqlite import SqliteLedger
from storage.records.memory import MemoryLedger, MemoryRecords
from storage.records.memory_keeper import MemoryFinder, MemoryKeeper, MemoryOrderBook
from storage.records.orders_sqlite import SqliteOrderBook
from storage.records.port import LedgerWriter, RecordReader, RecordWriter
from storage.records.query import parse
from storage.records.sqlite import SqliteRecordReader, SqliteRecordWriter
from storage.records.sqlite_file import open_store
from tests.contract.samples import a_record, an_entry, number, record_id
from tests.emulators.cosmos import CosmosEmulator, cosmos_store

AT = "2026-11-21T10:00:00.000000Z"
LATER = "2026-11-22T10:00:00.000000Z"


@dataclass
class Doors:
    """All doors of one store.

    `stands` lets an entry stand as a removal does, and leaves the records: what a store is like
    for whoever looked before that. None where record and ledger are changed at once.
    """

    writer: RecordWriter
    reader: RecordReader
    ledger: LedgerWriter
    keeper: Keeper
    finder: Finder
    book: OrderBook
    stands: Callable[[LedgerEntry], Awaitable[bool]] | None = None


@pytest.fixture(params=["sqlite", "memory", "cosmos"])
async def doors(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Doors]:
    """Each adapter in turn."""
    if request.param == "memory":
        ledger = MemoryLedger()
        records = MemoryRecords(ledger)
        keeper, finder = MemoryKeeper(records, ledger), MemoryFinder(records, ledger)
        yield Doors(records, records, ledger, keeper, finder, MemoryOrderBook(), _replacing(ledger))
        return
    if request.param == "cosmos":
        emulator: CosmosEmulator = request.getfixturevalue("cosmos")
        async with cosmos_store(emulator.access()) as cosmos:
            yield Doors(
                cosmos.writer,
                cosmos.reader,
                cosmos.ledger,
                cosmos.keeper,
                cosmos.finder,
                cosmos.orders,
                cosmos.ledger.stands,
            )
        return
    database = await open_store(tmp_path / "store.db")
    yield Doors(
        SqliteRecordWriter(database),
        SqliteRecordReader(database),
        SqliteLedger(database),
        SqliteKeeper(database),
        SqliteFinder(database),
        SqliteOrderBook(database),
    )
    await database.close()


def _replacing(ledger: MemoryLedger) -> Callable[[LedgerEntry], Awaitable[bool]]:
    async def stands(entry: LedgerEntry) -> bool:
        return await ledger.replace(entry, await ledger.entry(entry.number))

    return stands


def kept(
    seq: int, *, expires_at: str | None = None, hold: bool = False, consumer: str = "demo"
) -> RedactedRecord:
    """A record with this retention."""
    bare = msgspec.structs.replace(
        a_record(seq, consumer=consumer), retention=Retention(expires_at=expires_at, hold=hold)
    )
    stated = msgspec.structs.replace(bare.integrity, record_digest=record_digest(bare))
    return msgspec.structs.replace(bare, integrity=stated)


def gone(seq: int, state: LedgerState = LedgerState.ERASED, order: str = "o-1") -> LedgerEntry:
    """The entry of a record that is removed."""
    last = Amendment(at=AT, kind=state.value, record_digest="ab", order=order)
    entry = msgspec.structs.replace(an_entry(seq, state), consumer="demo", commitment="c0")
    return msgspec.structs.replace(entry, amendments=(last,))


async def store(doors: Doors, *records: RedactedRecord) -> None:
    """Put records and enter them."""
    for record in records:
        assert await doors.writer.put(record)
        entry = an_entry(record.tap.seq)
        await doors.ledger.enter(msgspec.structs.replace(entry, consumer=record.consumer))


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


def part(nth: int, *, seq: int = 1, hold: bool = False) -> RedactedRecord:
    """The n-th of a session's three records."""
    whole = kept(seq, hold=hold)
    tap = msgspec.structs.replace(whole.tap, record=nth, records=3)
    bare = msgspec.structs.replace(whole, id=name_of(record_id(seq), nth), tap=tap)
    stated = msgspec.structs.replace(bare.integrity, record_digest=record_digest(bare))
    return msgspec.structs.replace(bare, integrity=stated)


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


def removed_at(seq: int, at: str, state: LedgerState = LedgerState.ERASED) -> LedgerEntry:
    """The entry of a record that was removed at an instant."""
    return msgspec.structs.replace(gone(seq, state), at=at)


async def leave_behind(doors: Doors, *entries: LedgerEntry) -> None:
    """Let the entries stand and their records stay, where a store can come to that."""
    if doors.stands is None:
        await doors.keeper.remove(entries)
        return
    for entry in entries:
        assert await doors.stands(entry)


async def test_what_came_back_is_found_until_it_is_removed_again(doors: Doors) -> None:
    """From the instant on, erased or expired; not what is stored, or has no record."""
    await store(doors, *[kept(seq) for seq in range(1, 6)])
    back = [removed_at(1, AT), removed_at(2, LATER, LedgerState.EXPIRED)]
    await leave_behind(doors, *back, removed_at(3, "2026-11-21T09:59:59.999999Z"))
    await doors.keeper.remove([removed_at(4, LATER), removed_at(9, LATER)])
    found = await doors.finder.left_behind(AT)
    assert sorted(found, key=lambda each: each.number.seq) == (back if doors.stands else [])
    await doors.keeper.remove(found)
    assert not await doors.finder.left_behind(AT)
    assert await doors.reader.get(record_id(1)) is None
    assert await doors.reader.get(record_id(5)) is not None


async def test_one_record_of_a_session_that_came_back_is_found(doors: Doors) -> None:
    """Whichever of its records it is; what only begins like its id is another exchange's."""
    other = msgspec.structs.replace(kept(1), id=f"{record_id(1)}0")
    for record in (part(2), other, part(3, seq=2)):
        await doors.writer.put(record)
    await leave_behind(doors, removed_at(1, AT), removed_at(3, AT))
    found = await doors.finder.left_behind(AT)
    assert [each.id for each in found] == ([record_id(1)] if doors.stands else [])


async def test_what_came_back_is_found_however_many(doors: Doors) -> None:
    """More than are asked for at once, each once."""
    removed = [removed_at(seq, AT) for seq in range(1, 251)]
    back = [entry for entry in removed if entry.number.seq % 60 == 0]
    await store(doors, *[kept(entry.number.seq) for entry in back])
    await leave_behind(doors, *back)
    await doors.keeper.remove([entry for entry in removed if entry not in back])
    found = await doors.finder.left_behind(AT)
    assert sorted(each.number.seq for each in found) == (
        [60, 120, 180, 240] if doors.stands else []
    )


async def test_what_came_back_goes_whatever_hold_it_bears(doors: Doors) -> None:
    """Its exchange is removed: a hold that was asked for before that keeps nothing any more."""
    await store(doors, kept(1, hold=doors.stands is not None))
    await leave_behind(doors, removed_at(1, AT))
    assert await doors.keeper.remove([removed_at(1, LATER)]) == 0
    assert await doors.reader.get(record_id(1)) is None
    assert await doors.ledger.entry(number(1)) == removed_at(1, AT)


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
    assert [order.id for order in await doors.book.orders()] == ["o-1", "o-2", "o-3", "o-4"]


async def test_a_later_word_on_an_order_stands(doors: Doors) -> None:
    """A release takes the place of the order it releases."""
    order = an_order("o-1", consumer="demo")
    released = msgspec.structs.replace(order, released=LATER, released_why="over")
    await doors.book.enter(order)
    await doors.book.enter(released)
    assert await doors.book.about("x", "demo") == [released]
    assert await doors.book.orders() == [released]
