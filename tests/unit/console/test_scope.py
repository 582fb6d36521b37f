"""A reader of one consumer cannot see, count, export or infer anything of another."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator

import pytest

from console.principal import Principal, Role, Visit
from storage.access.port import Access
from storage.records.query import Query, parse
from tests.contract.samples import a_record, record_id
from tests.unit.console.kit import ADMIN, NOW_NS, Site, Visitor, site

OURS = Principal("rob", "link", Role.READER, frozenset({"ours"}))
NOBODYS = Principal("nil", "link", Role.READER, frozenset())
SECRET = "zebra"

ATTEMPTS = [
    "",
    "consumer:theirs",
    "consumer:ours OR consumer:theirs",
    "-consumer:ours",
    "-(consumer:ours)",
    "consumer:*",
    "consumer:t*",
    SECRET,
    f"{SECRET} OR -{SECRET}",
    f"id:{record_id(2)}",
    "id:*",
    "status:200 OR status:201",
    "entity:PASSPORT",
    "signal:theirs.signal",
    "(consumer:ours) OR (consumer:theirs)",
    "after:2026-01-01",
]


def theirs() -> list[str]:
    """Words that occur in the other consumer's record and in nothing else."""
    return [SECRET, "theirs", record_id(2), "PASSPORT", "their-session"]


@pytest.fixture
async def here() -> AsyncIterator[Site]:
    """One record of each of two consumers."""
    mine = a_record(1, consumer="ours", prompt="a horse")
    other = a_record(
        2,
        consumer="theirs",
        prompt=f"a {SECRET} called their-session",
        counts={"PASSPORT": 3},
        signals=("theirs.signal",),
    )
    async with site([mine, other]) as made:
        yield made


@pytest.fixture
async def rob(here: Site) -> AsyncIterator[Visitor]:
    """Somebody who may read `ours` only."""
    async with here.visitor(OURS) as visitor:
        yield visitor


def told(text: str, asked: str) -> list[str]:
    """Which of the other's words a page holds beyond what was asked itself."""
    return [word for word in theirs() if word in text and word not in asked]


@pytest.mark.parametrize("attempt", ATTEMPTS)
async def test_no_search_finds_or_counts_another_consumer(rob: Visitor, attempt: str) -> None:
    """Whatever is asked, the page holds no word of the other's, neither as a row nor counted."""
    answer = await rob.search(attempt)
    assert told(answer.text, attempt) == []
    assert f'data-id="{record_id(2)}"' not in answer.text
    assert 'data-field="consumer" data-value="theirs"' not in answer.text.replace(
        'data-value="theirs" aria-pressed', ""
    )


@pytest.mark.parametrize("attempt", ATTEMPTS)
async def test_no_export_holds_another_consumer(rob: Visitor, attempt: str) -> None:
    """Nor does its manifest count it."""
    answer = await rob.post("/export", filter=attempt, shape="jsonl", purpose="curious")
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        lines = archive.read("records.jsonl").splitlines()
        said = json.loads(archive.read("manifest.json"))
    assert {json.loads(line)["consumer"] for line in lines} <= {"ours"}
    assert said["records"] == len(lines) <= 1


async def test_anothers_record_is_as_one_that_is_not_there(rob: Visitor) -> None:
    """Opened, as JSON or compared: the same answer, word for word, as for an id never given."""
    for path in ("/records/{}", "/records/{}/raw", f"/compare?pick={record_id(1)}&pick={{}}"):
        there = await rob.get(path.format(record_id(2)))
        never = await rob.get(path.format(record_id(9)))
        assert (there.status, never.status) == (404, 404)
        assert there.text.replace(record_id(2), "") == never.text.replace(record_id(9), "")


async def test_the_overview_counts_only_what_is_in_scope(rob: Visitor) -> None:
    """No consumer, number or tap of the others is in it, by whatever parameter."""
    for path in ("/overview", "/overview?span=90d", "/overview?consumer=theirs&span=90d"):
        for kind in (path, path.replace("/overview", "/overview/charges.csv")):
            answer = await rob.get(kind)
            assert answer.status == 200
            assert told(answer.text, kind) == []
            assert "Completeness" not in answer.text
    charges = (await rob.get("/overview/charges.csv?consumer=theirs&span=90d")).text
    assert len(charges.splitlines()) == 1


async def test_a_live_page_brings_only_what_is_in_scope(here: Site, rob: Visitor) -> None:
    """What arrives for another consumer does not come in."""
    name = (await rob.search("after:2026-01-01")).path
    await here.put(a_record(3, consumer="theirs"), a_record(4, consumer="ours"))
    headers = {"X-CSRF-Token": rob.csrf}
    async with rob.client.post(f"{name}/newer", json={"shown": []}, headers=headers) as answer:
        text = await answer.text()
    assert record_id(4) in text
    assert record_id(3) not in text


async def test_a_cursor_from_elsewhere_widens_nothing(here: Site, rob: Visitor) -> None:
    """One that was given to somebody who sees all shows no more than one's own."""
    found = await here.console.room.search(Visit(ADMIN), Query(), 1)
    name = (await rob.search("after:2026-01-01")).path
    answer = await rob.get(f"{name}?after={found.page.cursor}")
    assert answer.status == 200
    assert told(answer.text, "") == []


async def test_nobodys_reader_finds_nothing(here: Site) -> None:
    """A scope without a consumer is no scope that is open."""
    found = await here.console.room.search(Visit(NOBODYS), parse("", NOW_NS), 10, facets=True)
    assert not found.page.documents
    assert found.facts is not None
    assert not found.facts.rows


async def test_only_an_admin_reads_the_access_log(here: Site, rob: Visitor) -> None:
    """Others are refused, and the attempt is entered."""
    assert (await rob.get("/access-log")).status == 403
    assert 'href="/access-log"' not in (await rob.get("/")).text
    last = [look for look in await here.looks() if look.deed == "read_log"]
    assert [(each.who, each.outcome) for each in last] == [("rob", "access.denied")]


def test_words_of_a_look_are_not_repeated_by_its_repr() -> None:
    """Neither who looked nor for what."""
    access = Access(at="", who="rob", via="link", deed="view", asked="x", records=1)  # type: ignore[arg-type]
    assert "rob" not in repr(access)
