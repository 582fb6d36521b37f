"""A reader of one consumer gets the same bytes, whether others' records exist or not.

Every path that is served is asked, with whatever its parameters may hold, in a log with the others'
records and in one without them. What differs by a byte would tell something. Time is left aside.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from audit.errors import PermanentError
from audit.record import RedactedRecord
from console.app import build_app
from console.principal import Principal, Role, Visit
from console.room import ReadingRoom
from storage.access.port import SavedSearch
from storage.records.query import Query, parse
from tests.contract.samples import a_checkpoint, record_id
from tests.unit.console.kit import ADMIN, NOW_NS, Site, Visitor, site
from tests.unit.console.two_worlds import (
    ATTEMPTS,
    OURS,
    READER,
    THEIRS,
    entry_of,
    sqlite_world,
    told,
)

IDS = [record_id(1), record_id(70), record_id(3), record_id(999), f"{record_id(70)}/2", "*", "x"]
CONSUMERS = ["", "ours", "theirs", "ours-too", "*", "our%"]

# What is asked of each page and path: (address, form or JSON).
Asked = tuple[str, dict[str, Any] | None]


def addresses(path: str, **values: Sequence[str]) -> list[Asked]:
    """A path with each value of each parameter."""
    made = [(f"{path}?{urlencode({name: each})}", None) for name in values for each in values[name]]
    return [(path, None), *made]


def forms(path: str, name: str, values: Sequence[str], /, **more: Any) -> list[Asked]:
    """A form that is posted with each value."""
    return [(path, {**more, name: each}) for each in values]


PAIRS = [f"pick={one}&pick={other}" for one in IDS for other in IDS]
SPANS = ["1h", "7d", "90d", "ages"]
REQUESTS: dict[tuple[str, str], list[Asked]] = {
    ("GET", "/"): [*addresses("/", live=["1"], after=["x"]), ("/?after={theirs}", None)],
    ("POST", "/search"): forms("/search", "filter", ATTEMPTS),
    ("GET", "/search/{name}"): [("{search}", None), ("{search}?after={theirs}", None)],
    ("POST", "/search/{name}/newer"): [
        ("{search}/newer", {"json": {"shown": shown}}) for shown in ([], [record_id(70)], IDS)
    ],
    ("POST", "/saved"): forms("/saved", "filter", ATTEMPTS[:4], name="kept"),
    ("POST", "/saved/forget"): forms("/saved/forget", "name", ["kept", "of theirs"]),
    ("GET", "/records/{id}"): [(f"/records/{each}", None) for each in IDS],
    ("GET", "/records/{id}/raw"): [(f"/records/{each}/raw", None) for each in IDS],
    ("GET", "/compare"): [("/compare", None), *((f"/compare?{pair}", None) for pair in PAIRS)],
    ("GET", "/overview"): addresses("/overview", span=SPANS, consumer=CONSUMERS),
    ("GET", "/overview/charges.csv"): addresses(
        "/overview/charges.csv", span=SPANS, consumer=CONSUMERS
    ),
    ("GET", "/export"): [("/export", None)],
    ("GET", "/search/{name}/export"): [("{search}/export", None), ("/search/x/export", None)],
    ("GET", "/export/progress"): addresses("/export/progress", run=["", "theirs", IDS[0]]),
    ("POST", "/export"): [
        each
        for shape in ("jsonl", "csv", "evaluation", "parquet")
        for each in forms("/export", "filter", ATTEMPTS, shape=shape, purpose="curious")
    ],
    ("GET", "/access-log"): addresses("/access-log", before=["1", "9"]),
    ("GET", "/api/v1/access-log"): addresses("/api/v1/access-log", limit=["1"], before=["9"]),
    ("GET", "/api/v1/fields"): [("/api/v1/fields", None)],
    ("GET", "/api/v1/records/{id}"): [(f"/api/v1/records/{each}", None) for each in IDS],
    ("POST", "/api/v1/search"): [
        ("/api/v1/search", {"json": {"filter": each, "limit": limit, "cursor": cursor}})
        for each in ATTEMPTS
        for limit, cursor in ((1, None), (50, None), (50, "{theirs}"))
    ],
    ("POST", "/api/v1/facets"): [
        ("/api/v1/facets", {"json": {"filter": each}}) for each in ATTEMPTS
    ],
    ("POST", "/api/v1/overview"): [
        ("/api/v1/overview", {"json": {"filter": each, "span": "90d"}}) for each in ATTEMPTS
    ],
    ("GET", "/openapi.json"): [("/openapi.json", None)],
    ("POST", "/purpose"): [("/purpose", {"purpose": "theirs", "back": "/overview"})],
    ("POST", "/leave"): [("/leave", {})],
}
# What is the same for everybody and reads nothing of the log.
OPEN = {"/healthz", "/static/{name}", "/enter", "/enter/{code}", *("/sign-in", "/sign-in/back")}
OPEN |= {"/sign-out"}


def served(here: Site) -> Iterator[tuple[str, str]]:
    """Every method and path of the application."""
    for route in build_app(here.console).router.routes():
        assert route.resource is not None
        path = route.resource.canonical
        if route.method != "HEAD" and path not in OPEN:
            yield route.method, path


@asynccontextmanager
async def world(*records: RedactedRecord) -> AsyncIterator[tuple[Site, Visitor]]:
    """A log with these records, and the reader in it."""
    async with site() as here:
        for record in records:
            await here.records.put(record)
            await here.ledger.enter(entry_of(record))
        if any(record.consumer == "theirs" for record in records):
            await here.ledger.checkpoint(a_checkpoint(1, opened=101))
            kept = SavedSearch(owner=ADMIN.key, name="of theirs", filter="zebra", at="")
            await here.console.saved.save(kept)
        async with here.visitor(READER) as rob:
            yield here, rob


async def said(rob: Visitor, method: str, asked: Asked, names: dict[str, str]) -> tuple[Any, ...]:
    """All that an answer tells: status, address, headers but the date, and every byte."""
    address, sent = asked
    for name, value in names.items():
        address = address.replace(f"{{{name}}}", value)
    kind: dict[str, Any] = {"data": sent}
    headers = {"X-CSRF-Token": rob.csrf}
    if sent is not None and "json" in sent:
        cursor = sent["json"].get("cursor")
        json = {**sent["json"], "cursor": names["theirs"]} if cursor else sent["json"]
        kind = {"json": json}
    if method == "GET":
        kind = {}
    async with rob.client.request(method, address, headers=headers, **kind) as answer:
        body = await answer.read()
        told_in = {key: value for key, value in answer.headers.items() if key != "Date"}
        return answer.status, answer.url.path_qs, told_in, body


async def test_every_page_and_path_gives_the_same_bytes_in_both_worlds() -> None:
    """For every method and path that is served, by every parameter; a new path must be added."""
    async with world(*OURS) as (alone, rob), world(*OURS, *THEIRS) as (apart, rob_too):
        assert set(served(apart)) == set(REQUESTS)
        # A cursor that lies among the others' records, as somebody who sees all gets it.
        found = await apart.console.room.search(Visit(ADMIN), Query(), 7)
        different: list[object] = []
        names = {"theirs": found.page.cursor or ""}
        asked_for = "horse OR zebra"
        names["search"] = (await rob.search(asked_for)).path
        assert (await rob_too.search(asked_for)).path == names["search"]
        names["name"] = names["search"].rpartition("/")[2]
        for (method, _), asked in REQUESTS.items():
            for each in asked:
                one = await said(rob, method, each, names)
                other = await said(rob_too, method, each, names)
                assert one[0] < 500, each
                if one != other or told(other[3].decode("utf-8", "replace"), f"{each} {asked_for}"):
                    different.append((method, each, one[0], other[0]))
        assert different == []
        # What was entered of him is the same too, counts of records and errors included.
        assert await alone.looks() == [
            look for look in await apart.looks() if look.who == READER.who
        ]


async def test_a_record_of_no_readable_shape_is_nobodys_to_see() -> None:
    """Whose it is cannot be told: a reader gets the answer for an id that was never given."""
    odd = b'{"id": "odd", "consumer": "ours", "schema": 9}'
    async with world(*OURS) as (here, rob):
        for path in ("/records/{}", "/records/{}/raw", "/api/v1/records/{}", "/compare?pick={}"):
            pick = f"&pick={record_id(1)}" if "compare" in path else ""
            never = await rob.get(path.format("never") + pick)
            here.records.documents["odd"] = odd
            there = await rob.get(path.format("odd") + pick)
            del here.records.documents["odd"]
            assert (there.status, never.status) == (404, 404)
            assert there.text.replace("odd", "never") == never.text


async def walked(room: ReadingRoom, text: str) -> list[object]:
    """What a filter finds, page by page, and what is counted of it; or the error's words."""
    visit = Visit(READER)
    try:
        query = parse(text, NOW_NS)
    except PermanentError as error:
        return [str(error)]
    seen: list[object] = [await room.count(visit, query)]
    cursor: str | None = None
    while True:
        found = await room.search(visit, query, 1, cursor, facets=True)
        seen += [[each.json for each in found.page.documents], found.facts]
        cursor = found.page.cursor
        if cursor is None:
            return seen


@pytest.fixture(scope="module")
def widened() -> Principal:
    """Somebody whose scope holds both, to show that the worlds differ."""
    return Principal("sue", "account", Role.READER, frozenset({"ours", "theirs"}))


async def test_a_store_in_files_tells_no_more(tmp_path: Path, widened: Principal) -> None:
    """By every filter, page by page and one at a time, counted and by number of the ledger."""
    async with (
        sqlite_world(tmp_path / "one.db", *OURS) as alone,
        sqlite_world(tmp_path / "two.db", *OURS, *THEIRS) as apart,
    ):
        for text in ATTEMPTS:
            assert await walked(alone, text) == await walked(apart, text), text
        assert await alone.states(Visit(READER)) == await apart.states(Visit(READER))
        assert await apart.open(Visit(READER), [record_id(70)]) is None
        opened = await apart.open(Visit(READER), [record_id(1)])
        assert opened is not None
        assert opened[0].record is not None
        near = await apart.neighbours(Visit(READER), opened[0].record)
        assert near is not None
        assert [each.id for each in near.documents] == [record_id(1)]
        assert await apart.states(Visit(widened)) != await alone.states(Visit(widened))
