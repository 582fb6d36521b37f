"""The ledger's contract: what became of a number is entered once and kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import msgspec
import pytest

from audit.errors import RecordInvalid
from audit.ids import ExchangeNumber
from audit.ledger import Amendment, LedgerState
from storage.records.ledger_sqlite import SqliteLedger
from storage.records.memory import MemoryLedger
from storage.records.port import LedgerReader, LedgerWriter
from storage.records.sqlite_file import open_store
from tests.contract.samples import a_checkpoint, an_entry, number
from tests.emulators.cosmos import CosmosEmulator, cosmos_store


class Ledger(LedgerWriter, LedgerReader, Protocol):
    """A ledger that can be written and read."""


@pytest.fixture(params=["sqlite", "memory", "cosmos"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    """Each adapter in turn."""
    if request.param == "memory":
        yield MemoryLedger()
        return
    if request.param == "cosmos":
        emulator: CosmosEmulator = request.getfixturevalue("cosmos")
        async with cosmos_store(emulator.access()) as cosmos:
            yield cosmos.ledger
        return
    database = await open_store(tmp_path / "store.db")
    yield SqliteLedger(database)
    await database.close()


async def test_an_entry_is_read_back_whole(ledger: Ledger) -> None:
    """Every field of an entry survives, amendments included."""
    amended = Amendment(at="2026-11-20T10:00:00.000000Z", kind="re-redacted", record_digest="cd")
    entry = msgspec.structs.replace(
        an_entry(1),
        consumer="demo",
        day="2026-11-20",
        commitment="ef",
        amendments=(amended,),
        records=3,
    )
    assert await ledger.enter(entry)
    assert await ledger.entry(number(1)) == entry
    assert await ledger.entry(number(2)) is None


FINAL = [LedgerState.STORED, LedgerState.ERASED, LedgerState.EXPIRED, LedgerState.REFUSED]
PASSING = [LedgerState.DEAD_LETTERED, LedgerState.UNREADABLE]


@pytest.mark.parametrize("state", FINAL)
@pytest.mark.parametrize("later", list(LedgerState))
async def test_a_final_state_stays(ledger: Ledger, state: LedgerState, later: LedgerState) -> None:
    """What is stored, erased, expired or refused is not changed by entering anything else."""
    await ledger.enter(an_entry(1, state))
    assert not await ledger.enter(an_entry(1, later))
    assert await ledger.entry(number(1)) == an_entry(1, state)


@pytest.mark.parametrize("state", PASSING)
@pytest.mark.parametrize("later", list(LedgerState))
async def test_a_passing_state_gives_way(
    ledger: Ledger, state: LedgerState, later: LedgerState
) -> None:
    """A number that was set aside takes any other state; the same one again is no change."""
    await ledger.enter(an_entry(1, state))
    assert await ledger.enter(an_entry(1, later)) is (later is not state)
    assert await ledger.entry(number(1)) == an_entry(1, later)


async def test_entries_come_in_the_order_of_their_numbers(ledger: Ledger) -> None:
    """All entries are read by tap, boot and number, however they were entered."""
    numbers = [
        ExchangeNumber(tap=tap, boot=boot, seq=seq)
        for tap in ("b", "a")
        for boot in ("2", "1")
        for seq in (10, 9, 1)
    ]
    for each in numbers:
        await ledger.enter(msgspec.structs.replace(an_entry(1), number=each))
    assert [entry.number async for entry in ledger.entries()] == sorted(numbers)


async def test_more_entries_than_one_chunk_are_all_read(ledger: Ledger) -> None:
    """A long ledger is read to its end."""
    for seq in range(1, 1102):
        await ledger.enter(an_entry(seq))
    assert [entry.number.seq async for entry in ledger.entries()] == list(range(1, 1102))


async def test_checkpoints_are_kept_in_order_and_once(ledger: Ledger) -> None:
    """A checkpoint that comes twice is there once; all are read by index."""
    for index in (2, 0, 1, 1):
        await ledger.checkpoint(a_checkpoint(index))
    kept = [checkpoint async for checkpoint in ledger.checkpoints()]
    assert kept == [a_checkpoint(0), a_checkpoint(1), a_checkpoint(2)]


async def test_a_checkpoint_may_be_said_again_later(ledger: Ledger) -> None:
    """A later boot that draws up a last word anew says the same, later; the first stays."""
    first = a_checkpoint(0)
    await ledger.checkpoint(first)
    again = msgspec.structs.replace(first, at="2027-01-01T00:00:00.000000Z", signature="later")
    await ledger.checkpoint(again)
    assert [checkpoint async for checkpoint in ledger.checkpoints()] == [first]


async def test_a_second_story_of_one_checkpoint_is_refused(ledger: Ledger) -> None:
    """Another checkpoint of an index that is there is an error, and the first one stays."""
    await ledger.checkpoint(a_checkpoint(0, opened=5))
    with pytest.raises(RecordInvalid):
        await ledger.checkpoint(a_checkpoint(0, opened=3))
    assert [c.opened async for c in ledger.checkpoints()] == [5]
