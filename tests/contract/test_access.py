"""The access log's contract, and that of saved searches."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from storage.access.memory import MemoryAccessLog, MemorySavedSearches
from storage.access.port import (
    GENESIS,
    Access,
    AccessLog,
    Deed,
    SavedSearch,
    SavedSearches,
    chained,
)
from storage.access.sqlite import SqliteAccessLog, SqliteSavedSearches, open_access


def look(number: int) -> Access:
    """A look that differs from others."""
    at = f"2026-11-20T10:00:{number:02d}.000000Z"
    asked = f"records where the status is {number}"
    return Access(at=at, who="ada", via="link", deed=Deed.SEARCH, asked=asked, records=number)


def a_search(owner: str, name: str, text: str = "ending:filtered") -> SavedSearch:
    """A search that somebody keeps."""
    return SavedSearch(owner=owner, name=name, filter=text, at="2026-11-20T10:00:00.000000Z")


Doors = tuple[AccessLog, SavedSearches]


@pytest.fixture(params=["sqlite", "memory"])
async def doors(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Doors]:
    """Each adapter in turn."""
    if request.param == "memory":
        yield MemoryAccessLog(), MemorySavedSearches()
        return
    database = await open_access(tmp_path / "not" / "there" / "access.sqlite")
    yield SqliteAccessLog(database), SqliteSavedSearches(database)
    await database.close()


async def test_entries_are_numbered_and_come_newest_first(doors: Doors) -> None:
    """Numbers rise by one from 1; a page before a number holds the next older ones."""
    log, _ = doors
    for number in range(1, 6):
        await log.enter(look(number))
    newest = await log.newest(2)
    assert [each.number for each in newest] == [5, 4]
    assert [each.number for each in await log.newest(9, before=4)] == [3, 2, 1]
    assert newest[0].access == look(5)
    assert [each.number async for each in log.entries()] == [1, 2, 3, 4, 5]


async def test_every_entry_follows_the_one_before_it(doors: Doors) -> None:
    """Each link of the chain is the digest of the link before and the entry."""
    log, _ = doors
    for number in range(1, 4):
        await log.enter(look(number))
    before = GENESIS
    async for each in log.entries():
        assert each.chain == chained(before, each.access)
        before = each.chain


async def test_a_saved_search_gives_way_to_one_of_its_name(doors: Doors) -> None:
    """What an owner keeps is theirs alone, ordered by name, and goes when it is forgotten."""
    _, saved = doors
    await saved.save(a_search("ada", "b"))
    await saved.save(a_search("ada", "a"))
    await saved.save(a_search("ada", "b", "ending:failed"))
    await saved.save(a_search("bob", "a"))
    assert [(s.name, s.filter) for s in await saved.saved("ada")] == [
        ("a", "ending:filtered"),
        ("b", "ending:failed"),
    ]
    await saved.forget("ada", "b")
    await saved.forget("ada", "b")
    assert [each.name for each in await saved.saved("ada")] == ["a"]
    assert [each.name for each in await saved.saved("bob")] == ["a"]


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


async def test_two_writers_share_one_chain(tmp_path: Path) -> None:
    """Entries of the console and of the command line follow one another."""
    first, second = [await open_access(tmp_path / "access.sqlite") for _ in range(2)]
    for number in range(1, 7):
        await SqliteAccessLog(first if number % 2 else second).enter(look(number))
    entries = [each async for each in SqliteAccessLog(first).entries()]
    await first.close()
    await second.close()
    assert [each.number for each in entries] == [1, 2, 3, 4, 5, 6]
    assert all(b.chain == chained(a.chain, b.access) for a, b in pairwise(entries))
