"""One query finds the same records in every store."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.exchange import Dialect, Ending, Identity
from audit.record import RedactedRecord
from storage.records.memory import MemoryRecords
from storage.records.port import RecordReader
from storage.records.query import Query, parse
from storage.records.sqlite import SqliteRecordReader, SqliteRecordWriter
from storage.records.sqlite_file import open_store
from tests.contract.samples import a_record, some_facts
from tests.emulators.cosmos import CosmosEmulator, cosmos_store
from tests.unit.query.strategies import queries

_names = st.sampled_from(["demo", "a-b", "o[1]", "m?x", "", "aXd"])


@st.composite
def _records(draw: st.DrawFn) -> list[RedactedRecord]:
    return [
        a_record(
            seq,
            prompt=draw(st.sampled_from(["refund my order", "done", "Done: PERSON 1", ""])),
            answer=draw(st.sampled_from(["my order is done", "é", "e"])),
            facts=some_facts(
                status=draw(st.sampled_from([None, 200, 500, 5000])),
                ending=draw(st.sampled_from(Ending)),
                model=draw(st.none() | _names),
                dialect=draw(st.sampled_from(Dialect)),
                streamed=draw(st.booleans()),
                flags=tuple(draw(st.lists(_names.filter(bool), max_size=2))),
            ),
            identity=Identity(user=draw(st.none() | _names), session=draw(st.none() | _names)),
            consumer=draw(_names),
            duration_ms=draw(st.none() | st.sampled_from([0.0, 10.25, 4000.0])),
            total=draw(st.none() | st.integers(0, 5000)),
            counts=draw(st.dictionaries(st.sampled_from(["EMAIL_ADDRESS", "PERSON"]), st.just(1))),
        )
        for seq in range(1, draw(st.integers(1, 6)) + 1)
    ]


@given(_records(), st.lists(queries, min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_stores_agree_on_every_query(records: list[RedactedRecord], asked: list[Query]) -> None:
    """Whatever is stored and whatever is asked, SQL and plain Python find the same records."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_agree(Path(folder), records, asked))


async def test_records_that_lack_a_detector_are_found(tmp_path: Path) -> None:
    """By its name or by any, so that they can be redacted again once it answers."""
    whole, lacking = a_record(1), a_record(2)
    said = msgspec.structs.replace(lacking.redaction, degraded=("azure_language",))
    lacking = msgspec.structs.replace(lacking, redaction=said)
    memory, database = MemoryRecords(), await open_store(tmp_path / "store.db")
    writer, reader = SqliteRecordWriter(database), SqliteRecordReader(database)
    for record in (whole, lacking):
        await memory.put(record)
        await writer.put(record)
    for asked in ("degraded:azure_language", "degraded:*"):
        query = parse(asked, now_ns=0)
        assert await _ids(reader, query) == await _ids(memory, query) == [lacking.id]
    await database.close()


async def _agree(folder: Path, records: list[RedactedRecord], asked: list[Query]) -> None:
    memory = MemoryRecords()
    database = await open_store(folder / "store.db")
    writer = SqliteRecordWriter(database)
    for record in records:
        await memory.put(record)
        await writer.put(record)
    for query in asked:
        assert await _ids(SqliteRecordReader(database), query) == await _ids(memory, query)
    await database.close()


@given(_records(), st.lists(queries, min_size=1, max_size=3))
@settings(max_examples=12, deadline=None)
def test_cosmos_agrees_on_every_query(
    cosmos: CosmosEmulator, records: list[RedactedRecord], asked: list[Query]
) -> None:
    """Cosmos DB's SQL finds what plain Python finds; the emulator is slow to read a query."""
    asyncio.run(_cosmos_agrees(cosmos, records, asked))


async def _cosmos_agrees(
    cosmos: CosmosEmulator, records: list[RedactedRecord], asked: list[Query]
) -> None:
    memory = MemoryRecords()
    async with cosmos_store(cosmos.access(), budget=60.0) as store:
        for record in records:
            await memory.put(record)
            await store.writer.put(record)
        for query in asked:
            assert await _ids(store.reader, query) == await _ids(memory, query)


async def _ids(reader: RecordReader, query: Query) -> list[str]:
    return [document.id for document in (await reader.search(query, 100)).documents]
