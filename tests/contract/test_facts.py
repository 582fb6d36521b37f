"""The contract of what is counted: every adapter gives the same facts and totals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from audit.errors import QueryTooCostly
from audit.exchange import Ending
from audit.ids import ExchangeNumber
from audit.ledger import LedgerEntry, LedgerState
from storage.records.facts import LedgerTotals, RecordFacts, facts_of
from storage.records.facts_sqlite import SqliteFacts
from storage.records.facts_walk import WalkingFacts, WalkingTotals
from storage.records.ledger_sqlite import SqliteLedger
from storage.records.memory import MemoryLedger, MemoryRecords
from storage.records.port import Budget, LedgerWriter, RecordWriter
from storage.records.query import parse
from storage.records.sqlite import SqliteRecordWriter
from storage.records.sqlite_file import open_store, open_store_for_reading
from tests.contract.samples import BOOT, a_checkpoint, a_record, an_entry, record_id, some_facts
from tests.emulators.cosmos import CosmosEmulator, cosmos_store

NOW_NS = 1_795_170_000 * 10**9


@dataclass(frozen=True)
class Doors:
    """What is written through, and what counts it."""

    records: RecordWriter
    ledger: LedgerWriter
    facts: RecordFacts
    totals: LedgerTotals


@pytest.fixture(params=["sqlite", "walk", "cosmos"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Doors]:
    """Each adapter in turn."""
    if request.param == "walk":
        records, ledger = MemoryRecords(), MemoryLedger()
        yield Doors(records, ledger, WalkingFacts(records), WalkingTotals(ledger))
        return
    if request.param == "cosmos":
        emulator: CosmosEmulator = request.getfixturevalue("cosmos")
        async with cosmos_store(emulator.access()) as there:
            counted = WalkingFacts(there.reader), WalkingTotals(there.ledger)
            yield Doors(there.writer, there.ledger, *counted)
        return
    writing = await open_store(tmp_path / "store.db")
    reading = await open_store_for_reading(tmp_path / "store.db")
    both = SqliteFacts(reading)
    yield Doors(SqliteRecordWriter(writing), SqliteLedger(writing), both, both)
    await reading.close()
    await writing.close()


async def test_the_facts_are_those_of_the_records_newest_first(store: Doors) -> None:
    """Scalars, models, signals and counts of what was taken out come as the records have them."""
    records = [
        a_record(1, counts={"PERSON": 2, "EMAIL_ADDRESS": 1}, signals=("jailbreak.detected",)),
        a_record(2, facts=some_facts(status=None, ending=Ending.FILTERED, model=None), total=None),
        a_record(3, consumer="other", duration_ms=None),
    ]
    for record in records:
        await store.records.put(record)
    page = await store.facts.facts(parse("", NOW_NS), 10)
    assert not page.more
    assert list(page.rows) == [facts_of(record) for record in reversed(records)]


async def test_only_what_a_query_finds_is_counted_up_to_the_limit(store: Doors) -> None:
    """The newest are given, and it is said when older ones were left out."""
    for seq in range(1, 6):
        await store.records.put(a_record(seq, consumer="a" if seq % 2 else "b"))
    page = await store.facts.facts(parse("consumer:a", NOW_NS), 2)
    assert [each.id for each in page.rows] == [record_id(5), record_id(3)]
    assert page.more
    assert not (await store.facts.facts(parse("consumer:a", NOW_NS), 3)).more
    assert not (await store.facts.facts(parse("consumer:nobody", NOW_NS), 3)).rows


async def test_states_are_counted_by_consumer_and_day(store: Doors) -> None:
    """Each combination stands once, with how many numbers are in it."""
    for seq in (1, 2):
        await store.ledger.enter(an_entry(seq))
    number = ExchangeNumber(tap="tap", boot=BOOT, seq=3)
    held = LedgerEntry(
        number=number,
        id=record_id(3),
        state=LedgerState.DEAD_LETTERED,
        consumer="demo",
        day="2026-11-20",
    )
    await store.ledger.enter(held)
    counted = {(s.consumer, s.day, s.state): s.count for s in await store.totals.states()}
    assert counted == {
        (None, None, LedgerState.STORED): 2,
        ("demo", "2026-11-20", LedgerState.DEAD_LETTERED): 1,
    }


async def test_progress_is_the_last_word_of_each_boot(store: Doors) -> None:
    """How many were opened, how many of those the ledger has."""
    await store.ledger.checkpoint(a_checkpoint(0, opened=2))
    await store.ledger.checkpoint(a_checkpoint(1, opened=5))
    await store.ledger.enter(an_entry(1))
    (boot,) = await store.totals.progress()
    assert (boot.tap, boot.boot, boot.opened, boot.settled, boot.unrecorded) == (
        "tap",
        BOOT,
        5,
        1,
        0,
    )


async def test_counting_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    """What was counted by then is given as a part; nothing is no answer; the file stays usable."""
    writing = await open_store(tmp_path / "store.db")
    for seq in range(1, 400):
        await SqliteRecordWriter(writing).put(a_record(seq))
    reading = await open_store_for_reading(tmp_path / "store.db")
    slow = " ".join(f"-id:*{n}*z*" for n in range(80))
    facts = SqliteFacts(reading)
    part = await facts.facts(parse(slow, NOW_NS), 1000, seconds=0.0)
    assert 0 < len(part.rows) < 399
    assert (part.more, part.spent) == (True, Budget.SECONDS)
    with pytest.raises(QueryTooCostly):
        await facts.facts(parse(f"{slow} tap:no*such", NOW_NS), 1000, seconds=0.0)
    assert len((await facts.facts(parse("", NOW_NS), 1000)).rows) == 399
    await reading.close()
    await writing.close()
