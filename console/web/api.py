"""The JSON API: the same room as the pages, for programs."""

from __future__ import annotations

import msgspec
from aiohttp import web

from audit.errors import QueryInvalid
from audit.value import Json
from console.openapi import document
from console.overview import SPANS, began, overview
from console.room import FACETS_OVER
from console.searching import facets
from console.web.answers import json_answer, problem
from console.web.state import CONSOLE, RECORD_ID, visit_of
from storage.records.query import FIELDS, Query, Received, describe, every, parse

__all__ = ["add_routes"]


class _Search(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a search asks: a filter, how many records at most, and where to go on.

    A member of another name is refused: a misspelt `filter` would find everything.
    """

    filter: str = ""
    limit: int = 50
    cursor: str | None = None


class _Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A filter alone."""

    filter: str = ""


class _Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A filter, and a span of time for an overview."""

    filter: str = ""
    span: str = "24h"


def add_routes(app: web.Application) -> None:
    """Add the API's paths."""
    app.router.add_get("/healthz", _health)
    app.router.add_get("/openapi.json", _openapi)
    app.router.add_get("/api/v1/fields", _fields)
    app.router.add_post("/api/v1/search", _search)
    app.router.add_post("/api/v1/facets", _facets)
    app.router.add_post("/api/v1/overview", _overview)
    app.router.add_get(f"/api/v1/records/{RECORD_ID}", _record)
    app.router.add_get("/api/v1/access-log", _log)


async def _health(request: web.Request) -> web.Response:
    del request
    return json_answer({"healthy": True})


async def _openapi(request: web.Request) -> web.Response:
    return json_answer(document(request.app[CONSOLE].cookie))


async def _fields(request: web.Request) -> web.Response:
    del request
    rows = [
        {
            "name": field.name,
            "kind": field.kind.value,
            "sentence": field.sentence,
            "example": field.example,
            "choices": field.choices,
        }
        for field in FIELDS.values()
    ]
    return json_answer({"fields": rows})


async def _search(request: web.Request) -> web.Response:
    asked = _decoded(await request.read(), _Search)
    if asked.limit < 1:
        raise QueryInvalid("limit must be at least 1")
    room = request.app[CONSOLE].room
    query = parse(asked.filter, room.now_ns())
    found = await room.search(visit_of(request), query, asked.limit, asked.cursor)
    records = [msgspec.Raw(document.json) for document in found.page.documents]
    said = {"asked": describe(query), "records": records, "cursor": found.page.cursor}
    cost = {"spent": found.page.spent, "request_units": found.page.units}
    return json_answer(said | cost)


async def _facets(request: web.Request) -> web.Response:
    asked = _decoded(await request.read(), _Filter)
    room = request.app[CONSOLE].room
    query = parse(asked.filter, room.now_ns())
    page = await room.count(visit_of(request), query, FACETS_OVER)
    counted = {
        facet.field: {value.label: value.count for value in (*facet.values, *facet.more)}
        for facet in facets(asked.filter, query, page)
    }
    said = {"asked": describe(query), "facets": counted}
    return json_answer({**said, "counted": len(page.rows), "more": page.more, "spent": page.spent})


async def _overview(request: web.Request) -> web.Response:
    asked = _decoded(await request.read(), _Span)
    span = SPANS.get(asked.span)
    if span is None:
        raise QueryInvalid(f"span is one of {', '.join(SPANS)}")
    room = request.app[CONSOLE].room
    now_ns = room.now_ns()
    query = parse(asked.filter, now_ns)
    within = Query(every((query.where, Received("after", began(span, now_ns)))))
    found = await room.count(visit_of(request), within)
    return json_answer({"asked": describe(within), "overview": overview(found, span, now_ns)})


async def _record(request: web.Request) -> web.Response:
    found = await request.app[CONSOLE].room.open(visit_of(request), [request.match_info["id"]])
    if found is None:
        return problem(404, "record.unknown", "there is no such record", request)
    return json_answer(msgspec.Raw(found[0].document.json))


async def _log(request: web.Request) -> web.Response:
    room = request.app[CONSOLE].room
    limit, before = _number(request, "limit", 100), _number(request, "before", None)
    entries = await room.looks(visit_of(request), min(limit or 100, 1000), before)
    return json_answer({"entries": entries})


def _number(request: web.Request, name: str, default: int | None) -> int | None:
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 16) or int(text) < 1:
        raise QueryInvalid(f"{name} is a number from 1 on")
    return int(text)


def _decoded(body: bytes, kind: type[Json]) -> Json:
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.DecodeError as error:
        raise QueryInvalid(f"the search is not understood: {error}") from None
