"""What docs/querying-cosmos.md offers to analysts: each query runs, and finds what we find."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from audit.ledger import LedgerState
from bench.console.records import Maker, entry_of
from storage.records.cosmos import CosmosStore
from storage.records.cosmos_client import Container
from storage.records.cosmos_provision import LEDGER
from storage.records.findable import LABELS, SCALARS
from storage.records.query import parse
from tests.emulators.cosmos import CosmosEmulator, cosmos_store

PAGE = (Path(__file__).parents[2] / "docs" / "querying-cosmos.md").read_text("utf-8")

# What the emulator cannot run, by name.
SERVICE_ONLY = {"Tokens to charge, by consumer and deployment", "Words by the full-text index"}
SET_ASIDE = "What was set aside, by the ledger"

_SECTION = re.compile(r"^### \d+\. (.+)$", re.MULTILINE)
_SQL = re.compile(r"```sql\n(.+?)```", re.DOTALL)
_FILTER = re.compile(r"^Filter: `(.+)`$", re.MULTILINE)


@dataclass(frozen=True)
class Ready:
    """A query of the page: its name, its SQL, and the filter that finds the same."""

    name: str
    sql: str
    filter: str | None
    service_only: bool


def ready() -> list[Ready]:
    """The page's queries, in order."""
    _, *parts = _SECTION.split(PAGE.split("\n## What a filter becomes")[0])
    found = []
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        (sql,) = _SQL.findall(text)
        same = _FILTER.search(text)
        only = "*Service only*" in text
        found.append(Ready(name, sql, same[1] if same else None, only))
    return found


async def rows(container: Container, sql: str) -> list[Any]:
    """All that a query gives."""
    return [each async for each in container.query(sql)]


async def ours(store: CosmosStore, text: str) -> list[str]:
    """The ids that a filter finds, newest first."""
    found: list[str] = []
    cursor: str | None = None
    while not found or cursor is not None:
        page = await store.reader.search(parse(text, 0), 100, cursor)
        found += [each.id for each in page.documents]
        cursor = page.cursor
        if not page.documents:
            break
    return found


def test_there_are_twenty_and_those_for_the_service_alone_are_named() -> None:
    """Each of the others has a filter that finds the same, or is asked of the ledger."""
    queries = ready()
    assert len(queries) == 20
    assert {each.name for each in queries if each.service_only} == SERVICE_ONLY
    without = {each.name for each in queries if each.filter is None}
    assert without == {*SERVICE_ONLY, SET_ASIDE}


def test_every_path_of_an_item_is_on_the_page_and_no_other() -> None:
    """Whatever a query names after `c.find` is found by, and all that is, is described."""
    asked = set(re.findall(r"c\.find\.(\w+)", "".join(each.sql for each in ready())))
    assert asked <= {*SCALARS, *LABELS, "prompt", "answer"}
    described = PAGE.split("## Twenty queries")[0]
    for name in {*SCALARS, *LABELS}:
        assert re.search(rf"[`.]{name}`", described), name


async def test_each_query_finds_what_the_filter_beside_it_finds(cosmos: CosmosEmulator) -> None:
    """The same records in the same order, and never none."""
    async with cosmos_store(cosmos.access()) as store:
        for record in Maker(300, seed=4).records(1, 301):
            await store.writer.put(record)
        for each in ready():
            if each.filter is None:
                continue
            found, wanted = await rows(store.records, each.sql), await ours(store, each.filter)
            told = [len(wanted)] if "COUNT" in each.sql else wanted
            assert [row if isinstance(row, int) else row["record"] for row in found] == told, each
            assert wanted, each.name


async def test_the_ledger_names_what_was_set_aside(cosmos: CosmosEmulator) -> None:
    """One entry of three is a dead letter, and it is the one that is found."""
    (query,) = [each for each in ready() if each.name == SET_ASIDE]
    entries = [entry_of(each) for each in Maker(3).records(1, 4)]
    entries[1] = msgspec.structs.replace(entries[1], state=LedgerState.DEAD_LETTERED)
    async with cosmos_store(access := cosmos.access()) as store:
        for entry in entries:
            await store.ledger.enter(entry)
        proxy = store.client.get_database_client(access.database).get_container_client(LEDGER)
        found = [row async for row in proxy.query_items(query.sql)]
    (row,) = found
    assert (row["seq"], row["exchange"]) == (2, entries[1].id)


def test_the_notebook_is_python() -> None:
    """It compiles."""
    (code,) = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)
    compile(code, "notebook", "exec")


@pytest.mark.parametrize("name", sorted(SERVICE_ONLY))
def test_what_the_service_alone_runs_says_why(name: str) -> None:
    """The page names the function or clause."""
    section = PAGE.split(f". {name}\n")[1].split("\n### ")[0]
    assert re.search(r"\*Service only\*.*(`GROUP BY`|`store\.full_text`)", section)
