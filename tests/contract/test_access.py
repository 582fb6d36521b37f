"""The access log's contract, and that of saved searches."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage.access.cosmos import CosmosDesk, open_cosmos_desk
from storage.access.memory import MemoryAccessLog, MemoryEndedSessions, MemorySavedSearches
from storage.access.port import (
    GENESIS,
    Access,
    AccessLog,
    Deed,
    EndedSessions,
    LoggedAccess,
    SavedSearch,
    SavedSearches,
    chained,
)
from storage.access.sqlite import SqliteAccessLog, SqliteSavedSearches, open_access
from storage.database import Database
from storage.records.cosmos_provision import provision
from tests.emulators.cosmos import CosmosEmulator


def look(number: int) -> Access:
    """A look that differs from others."""
    at = f"2026-11-20T10:00:{number:02d}.000000Z"
    asked = f"records where the status is {number}"
    return Access(at=at, who="ada", via="link", deed=Deed.SEARCH, asked=asked, records=number)


def a_search(owner: str, name: str, text: str = "ending:filtered") -> SavedSearch:
    """A search that somebody keeps."""
    return SavedSearch(owner=owner, name=name, filter=text, at="2026-11-20T10:00:00.000000Z")


@dataclass(frozen=True)
class Doors:
    """Both doors of one place, and a way to come to its log as another process does."""

    log: AccessLog
    saved: SavedSearches
    ended: EndedSessions | None
    again: Callable[[], Awaitable[AccessLog]]


@asynccontextmanager
async def in_memory() -> AsyncIterator[Doors]:
    """Lists."""
    log = MemoryAccessLog()

    async def again() -> AccessLog:
        return log

    yield Doors(log, MemorySavedSearches(), MemoryEndedSessions(), again)


@asynccontextmanager
async def in_a_file(path: Path) -> AsyncIterator[Doors]:
    """A file in a folder that is made for it."""
    async with AsyncExitStack() as stack:

        async def opened() -> Database:
            database = await open_access(path)
            stack.push_async_callback(database.close)
            return database

        async def again() -> AccessLog:
            return SqliteAccessLog(await opened())

        database = await opened()
        yield Doors(SqliteAccessLog(database), SqliteSavedSearches(database), None, again)


@asynccontextmanager
async def in_cosmos(emulator: CosmosEmulator) -> AsyncIterator[Doors]:
    """Containers of a database made for it."""
    access = emulator.access()
    await provision(access)
    async with AsyncExitStack() as stack:

        async def opened() -> CosmosDesk:
            desk = await open_cosmos_desk(access)
            stack.push_async_callback(desk.close)
            return desk

        async def again() -> AccessLog:
            return (await opened()).log

        desk = await opened()
        yield Doors(desk.log, desk.saved, desk.ended, again)


@pytest.fixture(params=["sqlite", "cosmos", "memory"])
async def doors(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Doors]:
    """Each adapter in turn."""
    if request.param == "memory":
        place = in_memory()
    elif request.param == "sqlite":
        place = in_a_file(tmp_path / "not" / "there" / "access.sqlite")
    else:
        place = in_cosmos(request.getfixturevalue("cosmos"))
    async with place as found:
        yield found


async def whole(log: AccessLog) -> list[LoggedAccess]:
    """All entries, once it is seen that they are numbered from 1 and each follows the last."""
    entries = [each async for each in log.entries()]
    before = GENESIS
    for number, each in enumerate(entries, 1):
        assert (each.number, each.chain) == (number, chained(before, each.access))
        before = each.chain
    return entries


async def test_entries_are_numbered_and_come_newest_first(doors: Doors) -> None:
    """Numbers rise by one from 1; a page before a number holds the next older ones."""
    assert await doors.log.newest(9) == []
    for number in range(1, 6):
        await doors.log.enter(look(number))
    newest = await doors.log.newest(2)
    assert [each.number for each in newest] == [5, 4]
    assert [each.number for each in await doors.log.newest(9, before=4)] == [3, 2, 1]
    assert newest[0].access == look(5)
    assert [each.access for each in await whole(doors.log)] == [look(n) for n in range(1, 6)]


async def test_all_that_write_share_one_chain(doors: Doors) -> None:
    """Entries of several processes follow one another, whoever waited meanwhile."""
    other, late = await doors.again(), await doors.again()
    for number in range(1, 7):
        await (doors.log if number % 2 else other).enter(look(number))
    for number in range(7, 25):
        await other.enter(look(number))
    await doors.log.enter(look(25))
    await late.enter(look(26))
    assert [each.access for each in await whole(late)] == [look(n) for n in range(1, 27)]


async def test_entries_of_one_moment_all_stand(doors: Doors) -> None:
    """Of looks that are entered at once by several, none is lost and none takes another's place."""
    logs = [doors.log, await doors.again(), await doors.again()]
    await asyncio.gather(*(logs[number % 3].enter(look(number)) for number in range(15)))
    entered = await whole(doors.log)
    assert sorted(each.access.records for each in entered) == list(range(15))


async def test_a_saved_search_gives_way_to_one_of_its_name(doors: Doors) -> None:
    """What an owner keeps is theirs alone, ordered by name, and goes when it is forgotten."""
    saved = doors.saved
    await saved.save(a_search("ada", "b/../? #"))
    await saved.save(a_search("ada", "a"))
    await saved.save(a_search("ada", "b/../? #", "ending:failed"))
    await saved.save(a_search("account:bob", "a"))
    assert [(s.name, s.filter) for s in await saved.saved("ada")] == [
        ("a", "ending:filtered"),
        ("b/../? #", "ending:failed"),
    ]
    await saved.forget("ada", "b/../? #")
    await saved.forget("ada", "b/../? #")
    assert [each.name for each in await saved.saved("ada")] == ["a"]
    assert [each.name for each in await saved.saved("account:bob")] == ["a"]


# A file is shared by no query sides.
@pytest.mark.parametrize("doors", ["cosmos", "memory"], indirect=True)
async def test_a_session_that_was_left_is_known_by_its_id_alone(doors: Doors) -> None:
    """Ended twice it is ended once; no other is, and no reader has a search by it."""
    assert doors.ended is not None
    until = time.time() + 60.0
    assert not await doors.ended.has_ended("a1")
    await doors.ended.end("a1", until)
    await doors.ended.end("a1", until)
    await doors.ended.end("b2", time.time() - 60.0)
    assert await doors.ended.has_ended("a1")
    assert not await doors.ended.has_ended("a")
    assert await doors.saved.saved("a1") == []


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM access", "UPDATE access SET json = '{}'"],
)
async def test_the_file_refuses_to_change_what_was_entered(tmp_path: Path, statement: str) -> None:
    """Neither removing nor altering an entry works, whoever opens the file."""
    path = tmp_path / "access.sqlite"
    database = await open_access(path)
    await SqliteAccessLog(database).enter(look(1))
    await database.close()
    assert path.stat().st_mode & 0o777 == 0o600
    with (
        closing(sqlite3.connect(path)) as db,
        pytest.raises(sqlite3.DatabaseError, match="only added"),
    ):
        db.execute(statement)
