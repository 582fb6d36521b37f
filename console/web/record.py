"""The conversation page, the record as JSON, and two exchanges beside each other."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from aiohttp import web

from audit.errors import QueryInvalid
from audit.reading.neutral import neutral
from console.conversation import conversation
from console.difference import align, facts_apart
from console.evidence import checks, facts, kept, looked
from console.marks import Pieces
from console.room import Opened
from console.rows import rows_of
from console.web.answers import page, problem
from console.web.state import CONSOLE, RECORD_ID, visit_of
from storage.access.port import Deed

__all__ = ["add_routes"]


def add_routes(app: web.Application) -> None:
    """Add the record's paths."""
    app.router.add_get(f"/records/{RECORD_ID}", _conversation)
    app.router.add_get(f"/records/{RECORD_ID}/raw", _raw)
    app.router.add_get("/compare", _compare)


async def _conversation(request: web.Request) -> web.Response:
    room = request.app[CONSOLE].room
    found = await room.open(visit_of(request), [request.match_info["id"]])
    if found is None:
        return _unknown(request)
    (opened,) = found
    record = opened.record
    if record is None:
        return _as_json(request, opened)
    others = await room.neighbours(visit_of(request), record)
    return page(
        request,
        "record.html",
        talk=conversation(record),
        facts=facts(record),
        checks=checks(opened.document.json, record, opened.entry, room.trust),
        looked=looked(record),
        kept=kept(record),
        others=rows_of(others.documents) if others else [],
        record_id=record.id,
    )


async def _raw(request: web.Request) -> web.Response:
    room = request.app[CONSOLE].room
    found = await room.open(visit_of(request), [request.match_info["id"]])
    return _unknown(request) if found is None else _as_json(request, found[0])


def _as_json(request: web.Request, opened: Opened) -> web.Response:
    try:
        text = msgspec.json.format(opened.document.json, indent=2).decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = opened.document.json.decode(errors="backslashreplace")
    readable = opened.record is not None
    said = neutral(text)
    return page(request, "raw.html", record_id=opened.document.id, json=said, readable=readable)


async def _compare(request: web.Request) -> web.Response:
    ids = request.query.getall("pick", [])
    if len(ids) != 2:
        raise QueryInvalid("choose two records to compare")
    found = await request.app[CONSOLE].room.open(visit_of(request), ids, Deed.COMPARE)
    if found is None:
        return _unknown(request)
    one, other = found[0].record, found[1].record
    if one is None or other is None:
        raise QueryInvalid("one of the two has not the shape of this version's records")
    left, right = conversation(one), conversation(other)
    return page(
        request,
        "compare.html",
        one=left,
        other=right,
        turns=align(left, right),
        facts=facts_apart(_plain(facts(one)), _plain(facts(other))),
    )


def _unknown(request: web.Request) -> web.Response:
    return problem(404, "record.unknown", "there is no such record", request)


def _plain(
    groups: dict[str, tuple[tuple[str, Pieces], ...]],
) -> dict[str, Sequence[tuple[str, str]]]:
    return {
        name: [(label, "".join(piece.text for piece in pieces)) for label, pieces in rows]
        for name, rows in groups.items()
    }
