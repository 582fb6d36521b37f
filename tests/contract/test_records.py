"""The record store's contract: what every adapter promises to writers and readers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from audit.errors import QueryInvalid, RecordInvalid
from audit.exchange import Dialect, Ending, Identity
from audit.record import AuditRecord, RedactedRecord
from audit.value import from_json, to_json
from storage.records.memory import MemoryRecords
from storage.records.port import RecordReader, RecordWriter
from storage.records.query import Query, parse
from storage.records.sqlite import SqliteRecordReader, SqliteRecordWriter
from storage.records.sqlite_file import open_store, open_store_for_reading
from tests.contract.samples import a_record, number, record_id, some_facts
from tests.emulators.cosmos import CosmosEmulator, cosmos_store

NOW_NS = 1_795_170_000 * 10**9


class Doors:
    """Both doors of one store."""

    def __init__(self, writer: RecordWriter, reader: RecordReader) -> None:
        self.writer = writer
        self.reader = reader


@pytest.fixture(params=["sqlite", "memory", "cosmos"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Doors]:
    """Each adapter in turn."""
    if request.param == "memory":
        memory = MemoryRecords()
        yield Doors(memory, memory)
        return
    if request.param == "cosmos":
        emulator: CosmosEmulator = request.getfixturevalue("cosmos")
        async with cosmos_store(emulator.access()) as cosmos:
            yield Doors(cosmos.writer, cosmos.reader)
        return
    writing = await open_store(tmp_path / "store.db")
    reading = await open_store_for_reading(tmp_path / "store.db")
    yield Doors(SqliteRecordWriter(writing), SqliteRecordReader(reading))
    await reading.close()
    await writing.close()


async def found(store: Doors, text: str) -> set[int]:
    """The numbers of the records that a filter finds."""
    page = await store.reader.search(parse(text, NOW_NS), 100)
    return {from_json(d.json, RedactedRecord).tap.seq for d in page.documents}


async def test_what_was_put_is_read_back_exactly(store: Doors) -> None:
    """A stored record comes back as the same JSON, byte for byte."""
    record = a_record(1, prompt="größer ☃ \u202e <PERSON_1>")
    assert await store.writer.put(record)
    document = await store.reader.get(record.id)
    assert document is not None
    assert document.json == to_json(record)
    assert from_json(document.json, RedactedRecord) == record


async def test_an_unknown_id_is_not_there(store: Doors) -> None:
    """Fetching an id that was never stored gives nothing."""
    assert await store.reader.get(record_id(9)) is None
    assert await store.writer.stored(a_record(9)) is None


async def test_the_second_put_of_an_id_changes_nothing(store: Doors) -> None:
    """A duplicate is reported and the record that was there stays, in document and search."""
    assert await store.writer.put(a_record(1, prompt="first"))
    assert not await store.writer.put(a_record(1, prompt="second"))
    assert await found(store, "first") == {1}
    assert await found(store, "second") == set()


async def test_what_is_stored_is_the_record_that_stands(store: Doors) -> None:
    """After a duplicate with other content, the text told is the first one's."""
    first = a_record(1, prompt="first")
    await store.writer.put(first)
    await store.writer.put(a_record(1, prompt="second"))
    assert await store.writer.stored(a_record(1, prompt="second")) == to_json(first)


async def test_a_clear_record_is_refused_at_run_time(store: Doors) -> None:
    """Whoever gets past the type checker with a clear record is refused at the door."""
    redacted = a_record(1)
    clear = AuditRecord(
        id=redacted.id,
        consumer="demo",
        day=redacted.day,
        level=redacted.redaction.level,
        tap=redacted.tap,
        exchange=redacted.exchange,
        timing=redacted.timing,
        identity=redacted.identity,
    )
    put = cast("Callable[[Any], Any]", store.writer.put)
    with pytest.raises(RecordInvalid):
        await put(clear)
    assert await store.reader.get(redacted.id) is None


async def test_references_name_every_record_with_both_digests(store: Doors) -> None:
    """The walk for verification gives each record once, and an untouched one agrees with itself."""
    for seq in (3, 1, 2):
        await store.writer.put(a_record(seq))
    references = [ref async for ref in store.reader.references()]
    assert sorted(ref.number for ref in references) == [number(1), number(2), number(3)]
    assert all(ref.stated_digest == ref.actual_digest for ref in references)
    assert {ref.id for ref in references} == {record_id(seq) for seq in (1, 2, 3)}


FILTERS = [
    ("", {1, 2, 3}),
    ("consumer:demo", {1, 2}),
    ("-consumer:demo", {3}),
    ("ending:complete", {1, 3}),
    ("status:429", {2}),
    ("-status:429", {1, 3}),
    ("status>=200", {1, 2}),
    ("-status>=200", {3}),
    ("model:gpt*", {1}),
    ("-model:gpt*", {2, 3}),
    ("model:claude-3", {2}),
    ("model:g?t*", set()),
    ("dialect:anthropic.messages", {2}),
    ("streamed:false", {2}),
    ("entity:email_address", {1}),
    ("-entity:EMAIL_ADDRESS", {2, 3}),
    ("entity:*", {1, 2}),
    ("signal:jailbreak.detected", {3}),
    ("tool:get_weather", {1, 2, 3}),
    ("offered:send_mail tool:send_mail", set()),
    ("flag:request_unparsed", {3}),
    ("trace:4bf92f3577b34da6a3ce929d0e0e4736", {1}),
    ("session:s-1 user:u[1] app:a-1 tenant:t-1", {1}),
    ("user:u[1*", {1}),
    ("user:u?1*", set()),
    ("user:*", {1}),
    ("-user:*", {2, 3}),
    ("tokens>1000", {2}),
    ("latency>2s", {2}),
    ("latency<=1200.5ms", {1}),
    ("day:2026-11-20", {1, 2}),
    ("after:2026-11-20", {1, 2}),
    ("before:2026-11-20", {3}),
    ("after:2026-11-20T10:00:02Z", {2}),
    ("after:1h", {1, 2}),
    ("id:*0003", {3}),
    ("refund", {1, 2}),
    ("REFUND", {1, 2}),
    ("refun", set()),
    ("refun*", {1, 2}),
    ('"my order"', {1}),
    ('"order my"', set()),
    ("resume", {3}),
    ("prompt:refused", set()),
    ("answer:refused", {2}),
    ("PERSON_1", {3}),
    ("refund -order", {2}),
    ("order OR résumé", {1, 3}),
    ("(consumer:demo OR signal:*) -refused", {1, 3}),
    ('"a "" b"', set()),
]


@pytest.mark.parametrize(("text", "numbers"), FILTERS, ids=[text for text, _ in FILTERS])
async def test_a_filter_finds(store: Doors, text: str, numbers: set[int]) -> None:
    """Each filter finds exactly the records it describes, negation and unknown values included."""
    await _three_records(store)
    assert await found(store, text) == numbers


async def _three_records(store: Doors) -> None:
    """Store three exchanges that differ in everything that can be asked for."""
    caller = Identity(
        app_id="a-1",
        tenant_id="t-1",
        user="u[1]",
        session="s-1",
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
    )
    await store.writer.put(a_record(1, identity=caller, counts={"EMAIL_ADDRESS": 2}))
    await store.writer.put(
        a_record(
            2,
            prompt="refund",
            answer="refused",
            facts=some_facts(
                status=429,
                ending=Ending.REJECTED,
                model="claude-3",
                dialect=Dialect.ANTHROPIC_MESSAGES,
                streamed=False,
            ),
            duration_ms=2500,
            total=5000,
            counts={"PERSON": 1},
        )
    )
    await store.writer.put(
        a_record(
            3,
            prompt="<PERSON_1> sent a Résumé",
            answer="",
            facts=some_facts(status=None, model=None, flags=("request_unparsed",)),
            consumer="other",
            received_at="2026-11-19T10:00:00.000000Z",
            duration_ms=None,
            total=None,
            signals=["jailbreak.detected"],
        )
    )


async def test_pages_are_newest_first_and_whole(store: Doors) -> None:
    """Following the cursor gives every record once, newest opening first, then ends."""
    for seq in (4, 1, 3, 5, 2):
        await store.writer.put(a_record(seq))
    seen, cursor = [], None
    while True:
        page = await store.reader.search(Query(), 2, cursor)
        seen += [document.id for document in page.documents]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == [record_id(seq) for seq in (5, 4, 3, 2, 1)]


async def test_paging_is_stable_while_records_arrive(store: Doors) -> None:
    """A record that arrives between two pages neither repeats nor hides another."""
    for seq in (1, 2, 3):
        await store.writer.put(a_record(seq))
    first = await store.reader.search(Query(), 2)
    await store.writer.put(a_record(4))
    second = await store.reader.search(Query(), 2, first.cursor)
    assert [d.id for d in (*first.documents, *second.documents)] == [
        record_id(seq) for seq in (3, 2, 1)
    ]


async def test_records_of_one_instant_are_paged_by_id(store: Doors) -> None:
    """Records with the same opening time are neither skipped nor repeated."""
    at = "2026-11-20T10:00:00.000000Z"
    for seq in range(1, 6):
        await store.writer.put(a_record(seq, received_at=at))
    first = await store.reader.search(Query(), 3)
    second = await store.reader.search(Query(), 3, first.cursor)
    assert len({d.id for d in (*first.documents, *second.documents)}) == 5


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "MjAyNnwn", "é", "=" * 8, "A" * 5000])
async def test_a_foreign_cursor_is_refused(store: Doors, cursor: str) -> None:
    """A cursor that no search has given is an invalid query."""
    with pytest.raises(QueryInvalid):
        await store.reader.search(Query(), 1, cursor)


@pytest.mark.parametrize("limit", [0, -1, 1001])
async def test_a_page_has_a_bound(store: Doors, limit: int) -> None:
    """No page may be empty by request or larger than the store can hold in memory."""
    with pytest.raises(QueryInvalid):
        await store.reader.search(Query(), limit)
