"""The query side as a service: stored records over a small JSON API.

The law: it reads and never writes; every answer is for whoever holds the token, and free text of
a filter travels in a request's body, never in an address that a proxy might log.
"""

from __future__ import annotations

import hmac
import time

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from audit.errors import AuditStreamError, PermanentError, QueryInvalid
from storage.records.cursor import MAX_PAGE
from storage.records.port import RecordReader
from storage.records.query import describe, parse

__all__ = ["build_app"]

_READER = web.AppKey("reader", RecordReader)
_MAX_ROWS = web.AppKey("max_rows", int)


class _Search(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a search asks: a filter, how many records at most, and where to go on.

    A member of another name is refused: a misspelt `filter` would find everything.
    """

    filter: str = ""
    limit: int = 50
    cursor: str | None = None


def build_app(reader: RecordReader, *, token: str, max_rows: int) -> web.Application:
    """Put the application together. `token` is what callers show as a bearer token."""
    app = web.Application(middlewares=[_errors_as_json, _only_for(token)], client_max_size=65_536)
    app[_READER] = reader
    app[_MAX_ROWS] = max_rows
    app.router.add_get("/healthz", _health)
    app.router.add_post("/api/v1/search", _search)
    # Of a session's records all but the first have a slash in their ids.
    app.router.add_get("/api/v1/records/{id:.+}", _record)
    return app


def _only_for(token: str) -> Middleware:
    expected = f"Bearer {token}".encode()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode("utf-8", "replace")
        if request.path != "/healthz" and not hmac.compare_digest(given, expected):
            return _problem(401, "access.denied", "show the token of the keys folder as Bearer")
        return await handler(request)

    return check


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except AuditStreamError as error:
        status = 400 if isinstance(error, PermanentError) else 503
        return _problem(status, error.code, str(error))
    except web.HTTPException as error:
        return _problem(error.status, "http.error", error.reason)


def _problem(status: int, code: str, message: str) -> web.Response:
    return _json({"error": {"code": code, "message": message}}, status)


def _json(value: object, status: int = 200) -> web.Response:
    body = msgspec.json.encode(value)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


async def _health(request: web.Request) -> web.Response:
    del request
    return _json({"healthy": True})


async def _search(request: web.Request) -> web.Response:
    asked = _asked(await request.read())
    query = parse(asked.filter, time.time_ns())
    limit = min(asked.limit, request.app[_MAX_ROWS], MAX_PAGE)
    page = await request.app[_READER].search(query, limit, asked.cursor)
    found = [msgspec.Raw(document.json) for document in page.documents]
    return _json({"asked": describe(query), "records": found, "cursor": page.cursor})


async def _record(request: web.Request) -> web.Response:
    found = await request.app[_READER].get(request.match_info["id"])
    if found is None:
        return _problem(404, "record.unknown", "there is no such record")
    return _json(msgspec.Raw(found.json))


def _asked(body: bytes) -> _Search:
    try:
        asked = msgspec.json.decode(body or b"{}", type=_Search)
    except msgspec.DecodeError as error:
        raise QueryInvalid(f"the search is not understood: {error}") from None
    if asked.limit < 1:
        raise QueryInvalid("limit must be at least 1")
    return asked
