"""How the query side is put together: what its processes share, and what each has alone."""

from __future__ import annotations

from pathlib import Path

from audit.settings import ConsoleSettings, Settings
from audit.telemetry import NoLog
from cli.engines import Desk, StoreView
from cli.run_console import _console
from console.principal import Principal, Role
from console.web.state import Console
from storage.access.memory import MemoryAccessLog, MemoryEndedSessions, MemorySavedSearches
from storage.records.facts_walk import WalkingFacts, WalkingTotals
from storage.records.memory import MemoryLedger, MemoryRecords
from storage.records.memory_keeper import MemoryOrderBook

ADA = Principal("ada", "account", Role.ADMIN, None, "subject-ada")


def put_together(folder: Path, desk: Desk, *keys: str) -> Console:
    """The parts of a query side in a folder, with these keys of sessions."""
    records, ledger = MemoryRecords(), MemoryLedger()
    facts, totals = WalkingFacts(records), WalkingTotals(ledger)
    store = StoreView(records, ledger, MemoryOrderBook(), ledger, facts, totals)
    console = ConsoleSettings.model_validate({"session_keys": list(keys)})
    return _console(Settings(data=folder / "data", console=console), store, desk, NoLog())


async def test_what_is_left_at_one_is_told_to_the_other_where_their_store_can(
    tmp_path: Path,
) -> None:
    """With a key and a store in common, a session goes from one to the other and ends at both."""
    ended = MemoryEndedSessions()
    desk = Desk(MemoryAccessLog(), MemorySavedSearches(), ended)
    here, there = (put_together(tmp_path, desk, "ab" * 32) for _ in range(2))
    cookie = here.sessions.open(ADA)
    session = there.sessions.find(cookie)
    assert session is not None
    assert session.principal == ADA
    left = here.sessions.close(cookie)
    assert left is not None
    assert here.leavings is not None
    assert there.leavings is not None
    await here.leavings.tell(*left)
    assert await there.leavings.heard(session.id)


async def test_a_process_without_a_key_or_a_shared_store_is_alone(tmp_path: Path) -> None:
    """Its sessions are its own, and it asks nobody."""
    desk = Desk(MemoryAccessLog(), MemorySavedSearches())
    here, there = (put_together(tmp_path, desk) for _ in range(2))
    assert there.sessions.find(here.sessions.open(ADA)) is None
    assert here.leavings is None
