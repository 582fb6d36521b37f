"""Every look is on record before anything is shown."""

from __future__ import annotations

import pytest

from audit.errors import StoreUnavailable
from storage.access.memory import MemoryAccessLog
from storage.access.port import Access
from tests.contract.samples import a_record, record_id
from tests.unit.console.kit import TOKEN, site


async def test_each_kind_of_look_is_entered_with_how_many_records() -> None:
    """Searches, views, comparisons, overviews, exports and readings of the log."""
    async with site([a_record(1), a_record(2)]) as here, here.visitor() as visitor:
        await visitor.post("/purpose", purpose="case 7", back="/overview")
        await visitor.search('consumer:demo "please refund my"')
        await visitor.get(f"/records/{record_id(1)}")
        await visitor.get(f"/records/{record_id(9)}")
        await visitor.get(f"/compare?pick={record_id(1)}&pick={record_id(2)}")
        await visitor.post("/export", filter="", shape="csv", purpose="case 7")
        await visitor.get("/access-log")
        looks = await here.looks()
    said = [(look.deed.value, look.records) for look in looks if look.purpose == "case 7"]
    assert said == [
        ("overview", 2),
        ("search", 2),
        ("view", 1),
        ("view", 0),
        ("compare", 2),
        ("export", 0),
        ("export", 2),
        ("read_log", len(looks) - 1),
    ]
    assert {look.who for look in looks} == {"ada"}


async def test_free_text_is_in_no_entry_and_in_no_address() -> None:
    """A phrase stands as the number of its words; the address names it without telling it."""
    async with site([a_record(1)]) as here, here.visitor() as visitor:
        answer = await visitor.search('"please refund" answer:done consumer:demo')
        assert answer.status == 200
        assert "refund" not in answer.path
        asked = (await here.looks())[-1].asked
    assert "refund" not in asked
    assert "done" not in asked
    assert "a phrase of 2 words" in asked
    assert "the consumer is demo" in asked


class Full(MemoryAccessLog):
    """A log that takes nothing."""

    async def enter(self, access: Access) -> None:
        """Refuse."""
        del access
        raise StoreUnavailable("the disk is full")


@pytest.mark.parametrize(
    "path", ["/", f"/records/{record_id(1)}", "/overview", f"/records/{record_id(1)}/raw"]
)
async def test_nothing_is_shown_that_cannot_be_entered(path: str) -> None:
    """A log that takes no entry makes every look fail, and no word of a record comes."""
    async with site([a_record(1)]) as here, here.visitor() as visitor:
        here.log.__class__ = Full
        answer = await visitor.get(path)
        assert answer.status == 503
        assert "cannot be put on record, so nothing is shown: the disk is full" in answer.text
        assert "refund" not in answer.text
        assert (await visitor.post("/export", filter="", shape="csv", purpose="p")).status == 503


async def test_the_api_is_entered_too_with_the_purpose_it_names() -> None:
    """A program's search and its view stand there like a browser's."""
    async with site([a_record(1)]) as here, here.visitor() as visitor:
        headers = {"Authorization": f"Bearer {TOKEN}", "X-AuditStream-Purpose": "nightly"}
        async with visitor.client.post("/api/v1/search", json={}, headers=headers) as answer:
            assert len((await answer.json())["records"]) == 1
        path = f"/api/v1/records/{record_id(1)}"
        async with visitor.client.get(path, headers=headers) as answer:
            assert (await answer.json())["id"] == record_id(1)
        looks = [look for look in await here.looks() if look.purpose == "nightly"]
    assert [look.deed.value for look in looks] == ["search", "view"]
    assert {look.via for look in looks} == {"token"}
