"""The search page: find, refine, page on, follow what arrives, keep a search.

Free text never stands in an address: what is asked is posted, kept by the browser in a sealed
cookie, and then has a name that tells nothing, so that a page can be loaded again, gone back to and
paged.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from audit.errors import QueryInvalid, QueryTooCostly
from audit.ids import timestamp
from audit.reading.neutral import neutral_line
from console.room import FACETS_OVER, Found
from console.rows import rows_of
from console.sealed import Kind
from console.searching import conditions, facets, problem_of
from console.web.answers import page, see_other
from console.web.cookies import given, keep_search
from console.web.forms import form_of
from console.web.state import CONSOLE, session_of, visit_of
from storage.access.port import SavedSearch
from storage.records.port import Budget, Page
from storage.records.query import FIELDS, Query, describe, notes, parse

__all__ = ["add_routes", "asked_by"]

_PAGE = 50
_LONGEST_NAME = 80
_BUDGETS = {Budget.SECONDS: "time", Budget.REQUEST_UNITS: "request units"}


class _Newer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which records a page shows already."""

    shown: list[str] = msgspec.field(default_factory=list)


def add_routes(app: web.Application) -> None:
    """Add the search's paths."""
    app.router.add_get("/", _all)
    app.router.add_post("/search", _ask)
    app.router.add_get("/search/{name}", _answer_page)
    app.router.add_post("/search/{name}/newer", _newer)
    app.router.add_post("/saved", _save)
    app.router.add_post("/saved/forget", _forget)


async def _all(request: web.Request) -> web.Response:
    return await _show(request, "")


async def _ask(request: web.Request) -> web.Response:
    text = (await form_of(request)).get("filter", "")
    try:
        parse(text, request.app[CONSOLE].room.now_ns())
        return _to_its_page(request, text)
    except QueryInvalid as error:
        return await _refuse(request, text, error)


def _to_its_page(request: web.Request, text: str) -> web.Response:
    answer = see_other("/")
    if text.strip():
        answer.headers["Location"] = keep_search(request, answer, session_of(request), text)
    return answer


def asked_by(request: web.Request) -> str | None:
    """The filter that the path names, where the browser has kept it."""
    name, cookie = request.match_info["name"], given(request, Kind.SEARCH)
    return session_of(request).recall(name, cookie)


async def _answer_page(request: web.Request) -> web.Response:
    text = asked_by(request)
    return see_other("/") if text is None else await _show(request, text)


async def _show(request: web.Request, text: str) -> web.Response:
    room = request.app[CONSOLE].room
    query = parse(text, room.now_ns())
    cursor = request.query.get("after")
    try:
        found = await room.search(visit_of(request), query, _PAGE, cursor, facets=True)
    except QueryTooCostly as error:
        return await _refuse(request, text, error)
    name = session_of(request).named(text)
    return page(
        request,
        "search.html",
        **await _common(request, text),
        name=name,
        asked=describe(query),
        conditions=conditions(query) if text.strip() else [],
        facets=facets(text, query, found.facts) if found.facts else [],
        counted=_counted(found),
        spent=_spent(found.page),
        notes=notes(query),
        units=f"{found.page.units:,.0f} request units" if found.page.units else "",
        rows=rows_of(found.page.documents),
        older=f"/search/{name}?{urlencode({'after': found.page.cursor})}"
        if found.page.cursor
        else "",
        first_page=cursor is None,
        live="live" in request.query and cursor is None,
        problem=None,
    )


async def _refuse(
    request: web.Request, text: str, error: QueryInvalid | QueryTooCostly
) -> web.Response:
    """Show the box again with what is wrong, and where."""
    wrong = (
        problem_of(text, error)
        if isinstance(error, QueryInvalid)
        else problem_of("", QueryInvalid(str(error)))
    )
    return page(
        request,
        "search.html",
        status=400,
        **await _common(request, text),
        name="",
        asked="",
        conditions=[],
        facets=[],
        counted="",
        spent="",
        notes=[],
        units="",
        rows=[],
        older="",
        first_page=True,
        live=False,
        problem=wrong,
    )


async def _common(request: web.Request, text: str) -> dict[str, Any]:
    console = request.app[CONSOLE]
    saved = await console.saved.saved(visit_of(request).principal.key)
    return {"text": text, "saved": saved, "fields": list(FIELDS.values())}


def _counted(found: Found) -> str:
    """Say over how many records the facets were counted."""
    if found.facts is None:
        return "not counted: that would have taken longer than a query may"
    count = len(found.facts.rows)
    if found.facts.spent is not None:
        return f"counted over the newest {count:,} found; more would have taken too long"
    if found.facts.more:
        return f"counted over the newest {FACETS_OVER:,} found"
    return f"{count:,} found"


def _spent(found: Page) -> str:
    """Say that a budget ran out before the page was full; empty where none did."""
    if found.spent is None:
        return ""
    return (
        f"Only a part: this search had spent its {_BUDGETS[found.spent]} when it had found these."
        " Narrow the filter, or go on from here with Older."
    )


async def _newer(request: web.Request) -> web.Response:
    text = asked_by(request)
    try:
        asked = msgspec.json.decode(await request.read() or b"{}", type=_Newer)
    except msgspec.DecodeError:
        raise QueryInvalid("the list of what is shown is not understood") from None
    if text is None:
        raise web.HTTPNotFound
    room = request.app[CONSOLE].room
    query: Query = parse(text, room.now_ns())
    found = await room.newer(visit_of(request), query, frozenset(asked.shown))
    return page(request, "rows.html", rows=rows_of(found.documents), fresh=True)


async def _save(request: web.Request) -> web.Response:
    console, form = request.app[CONSOLE], await form_of(request)
    text = form.get("filter", "")
    name = neutral_line(form.get("name", "")).strip()[:_LONGEST_NAME]
    parse(text, console.room.now_ns())
    if not name:
        raise QueryInvalid("a search is kept under a name")
    owner = visit_of(request).principal.key
    at = timestamp(console.room.now_ns())
    answer = _to_its_page(request, text)
    await console.saved.save(SavedSearch(owner=owner, name=name, filter=text, at=at))
    return answer


async def _forget(request: web.Request) -> web.Response:
    name = (await form_of(request)).get("name", "")
    await request.app[CONSOLE].saved.forget(visit_of(request).principal.key, name)
    return see_other("/")
