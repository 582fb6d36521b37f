"""Two hundred filters over all fields find the same in a file and in Cosmos DB, page by page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from audit.errors import StoreUnavailable
from audit.exchange import Identity
from audit.record import RedactedRecord
from bench.console.asking import Asked, Asker
from bench.console.records import Maker
from storage.records import planning_sqlite
from storage.records.port import RecordReader
from storage.records.query import FIELDS, parse
from storage.records.query_cosmos import compile_query
from storage.records.sqlite import SqliteRecordReader, SqliteRecordWriter
from storage.records.sqlite_file import open_store
from tests.emulators.cosmos import CosmosEmulator, cosmos_store

QUERIES, RECORDS, PAGE = 200, 240, 60

# Filters that the emulator cannot run, by name: none is left. What no filter is compiled to
# without `store.full_text` is in the second test.
NOT_ON_THE_EMULATOR: set[str] = set()

ODD = ("o[1]", "m?x", 'say "hi"', "it's; --", "größer", "a b", "@p0", "%_", "\\d+")


def records() -> list[RedactedRecord]:
    """Uneven ones, and some whose callers have names that mean something to a query language."""
    made = list(Maker(RECORDS, seed=9).records(1, RECORDS + 1))
    for place, name in enumerate(ODD):
        odd = Identity(user=name, session=name, app_id=name, tenant_id=name)
        made[place * 7] = msgspec.structs.replace(made[place * 7], identity=odd)
    return made


async def pages(reader: RecordReader, asked: Asked) -> list[list[str]]:
    """The ids on each of the first pages; one that says so where the store could not tell."""
    query, cursor = parse(asked.text, 0), None
    found: list[list[str]] = []
    for _ in range(3):
        try:
            page = await reader.search(query, PAGE, cursor)
        except StoreUnavailable as problem:
            return [[str(problem)]]
        found.append([document.id for document in page.documents])
        cursor = page.cursor
        if cursor is None:
            break
    return found


async def test_two_hundred_filters_find_the_same_in_both_stores(
    cosmos: CosmosEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever way SQLite goes: the same ids in the same order; each field is asked for first."""
    of = records()
    asked = Asker(of, seed=3).ask(QUERIES)
    assert {each.about for each in asked} == set(FIELDS)
    database = await open_store(tmp_path / "store.db")
    reader = SqliteRecordReader(database)
    async with cosmos_store(cosmos.access()) as store:
        for record in of:
            await SqliteRecordWriter(database).put(record)
            await store.writer.put(record)
        theirs = [await pages(store.reader, each) for each in asked]
    from_lists = [await pages(reader, each) for each in asked]
    monkeypatch.setattr(planning_sqlite, "_FEW", 0)
    monkeypatch.setattr(planning_sqlite, "_WINDOW", 16)
    through_time = [await pages(reader, each) for each in asked]
    await database.close()
    assert through_time == from_lists
    assert apart(asked, from_lists, theirs) == NOT_ON_THE_EMULATOR
    # Neither are most of them empty, nor do most find all there is.
    sizes = [sum(map(len, ours)) for ours in from_lists]
    assert sum(0 < size < RECORDS * 3 // 4 for size in sizes) > QUERIES // 3


def apart(asked: Sequence[Asked], ours: Sequence[object], theirs: Sequence[object]) -> set[str]:
    """The filters that were not answered alike."""
    answers = zip(asked, ours, theirs, strict=True)
    return {each.text for each, one, other in answers if one != other}


def test_only_words_are_asked_of_what_the_emulator_lacks() -> None:
    """The function of the service's full-text index stands in filters for words, and no others."""
    asked = Asker(records(), seed=3).ask(QUERIES)
    beyond = {
        each.text
        for each in asked
        if "FullText" in compile_query(parse(each.text, 0), full_text=True).condition
    }
    assert beyond
    for text in beyond:
        assert {"text", "prompt", "answer"} & set(re.findall(r"\b(\w+):", text))
