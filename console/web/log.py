"""The access log's page, for those who may read it; reading it is a look too."""

from __future__ import annotations

from aiohttp import web

from audit.errors import QueryInvalid
from console.web.answers import page
from console.web.state import CONSOLE, visit_of

__all__ = ["add_routes"]

_PAGE = 100


def add_routes(app: web.Application) -> None:
    """Add the log's path."""
    app.router.add_get("/access-log", _log)


async def _log(request: web.Request) -> web.Response:
    before = request.query.get("before")
    if before is not None and not (before.isascii() and before.isdigit() and len(before) < 16):
        raise QueryInvalid("before is the number of an entry")
    room = request.app[CONSOLE].room
    entries = await room.looks(visit_of(request), _PAGE, int(before) if before else None)
    older = entries[-1].number if len(entries) == _PAGE else None
    return page(request, "access.html", entries=entries, older=older)
