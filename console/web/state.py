"""What handlers find in the application and in a request, by typed keys."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import web

from console.principal import Principal, Visit
from console.room import ReadingRoom
from console.sessions import Session, Sessions
from storage.access.port import SavedSearches

__all__ = [
    "CONSOLE",
    "COOKIE",
    "RECORD_ID",
    "SESSION",
    "VISIT",
    "Console",
    "session_of",
    "visit_of",
]

COOKIE = "auditstream_session"
# Of a session's records all but the first have a slash and a number behind their ids.
RECORD_ID = "{id:[^/]+(?:/[0-9]+)?}"


@dataclass(frozen=True, slots=True)
class Console:
    """The application's parts. Whoever shows `token` is `owner`."""

    room: ReadingRoom
    sessions: Sessions
    saved: SavedSearches
    owner: Principal
    token: str = field(repr=False)
    max_export: int


CONSOLE = web.AppKey("console", Console)
VISIT = web.RequestKey("visit", Visit)
SESSION = web.RequestKey("session", Session)


def visit_of(request: web.Request) -> Visit:
    """Who asks, and what for."""
    return request[VISIT]


def session_of(request: web.Request) -> Session:
    """The browser's session; pages have one."""
    return request[SESSION]
