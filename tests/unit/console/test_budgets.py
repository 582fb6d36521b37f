"""A search that has spent a budget: page and program are told, and nothing is lost."""

from __future__ import annotations

from dataclasses import replace

import aiohttp
import pytest

from storage.records.facts_walk import WalkingFacts
from storage.records.memory import MemoryRecords
from storage.records.port import Budget, Page
from storage.records.query import Query
from tests.contract.samples import a_record
from tests.unit.console.kit import TOKEN, site

RECORDS = [a_record(seq) for seq in range(1, 6)]


class Hurried(MemoryRecords):
    """Finds two records, and has then spent a budget."""

    def __init__(self, spent: Budget) -> None:
        super().__init__()
        self.spent = spent

    async def search(self, query: Query, limit: int, cursor: str | None = None) -> Page:
        """A part of what there is."""
        page = await super().search(query, min(limit, 2), cursor)
        return replace(page, spent=self.spent if page.cursor else None, units=30.0)


@pytest.mark.parametrize("spent", Budget)
async def test_the_page_says_which_budget_was_spent_and_leads_on(spent: Budget) -> None:
    """It shows what was found, what that cost, and where it goes on."""
    async with site(RECORDS, store=Hurried(spent)) as here, here.visitor() as visitor:
        answer = await visitor.search("consumer:demo")
    word = {"seconds": "time", "request_units": "request units"}[spent]
    assert f"this search had spent its {word} when it had found these" in answer.text
    assert answer.text.count("data-id=") == 2
    assert 'rel="next"' in answer.text
    assert "30 request units" in answer.text
    assert "counted over the newest 2 found; more would have taken too long" in answer.text


async def test_a_program_is_told_and_gets_the_rest() -> None:
    """The answer names the budget until the last part, and the parts are all there is."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    told: list[tuple[str | None, float]] = []
    found: list[str] = []
    cursor = None
    async with (
        site(RECORDS, store=Hurried(Budget.REQUEST_UNITS)) as here,
        aiohttp.ClientSession(here.url, headers=headers) as client,
    ):
        while not told or cursor is not None:
            async with client.post("/api/v1/search", json={"cursor": cursor}) as answer:
                said = await answer.json()
            told.append((said["spent"], said["request_units"]))
            found += [each["id"] for each in said["records"]]
            cursor = said["cursor"]
    assert told == [("request_units", 30.0), ("request_units", 30.0), (None, 30.0)]
    assert found == [each.id for each in reversed(RECORDS)]


async def test_counting_has_one_allowance_for_all_its_pages() -> None:
    """What each page took is summed up: the walk ends when that is more than it may be."""
    store = MemoryRecords()
    for record in RECORDS:
        await store.put(record)
    walk = WalkingFacts(Costly(store), units=50.0)
    page = await walk.facts(Query(), 1000)
    assert (len(page.rows), page.more, page.spent) == (2, True, Budget.REQUEST_UNITS)
    assert len((await WalkingFacts(Costly(store), units=1e9).facts(Query(), 1000)).rows) == 5


class Costly(MemoryRecords):
    """A page has one record, and takes 30 request units."""

    def __init__(self, store: MemoryRecords) -> None:
        super().__init__()
        self.documents = store.documents

    async def search(self, query: Query, limit: int, cursor: str | None = None) -> Page:
        """One record."""
        return replace(await super().search(query, min(limit, 1), cursor), units=30.0)
