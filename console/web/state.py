"""What handlers find in the application and in a request, by typed keys."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import web

from audit.telemetry import Log, NoLog
from console.leaving import Leavings
from console.oidc.sign_in import SignIn
from console.principal import Principal, Visit
from console.room import ReadingRoom
from console.sealed import Kind
from console.sessions import Session, Sessions
from storage.access.port import SavedSearches

__all__ = [
    "CONSOLE",
    "RECORD_ID",
    "SESSION",
    "VISIT",
    "Console",
    "session_of",
    "visit_of",
]

# Of a session's records all but the first have a slash and a number behind their ids.
RECORD_ID = "{id:[^/]+(?:/[0-9]+)?}"


@dataclass(frozen=True, slots=True)
class Console:
    """The application's parts. Whoever shows `token` is `owner`; None lets nobody in so.

    `leavings` is what query sides share of sessions that were left, where they share it. With
    `sign_in`, people come in by their accounts only. `url` is the address that browsers see
    (scheme, host, port), where one is set.
    """

    room: ReadingRoom
    sessions: Sessions
    saved: SavedSearches
    owner: Principal
    token: str | None = field(repr=False)
    max_export: int
    leavings: Leavings | None = None
    sign_in: SignIn | None = None
    url: str | None = None
    log: Log = field(default_factory=NoLog)

    @property
    def is_secure(self) -> bool:
        """Whether browsers come over TLS, which ends in front of this service."""
        return self.url is not None and self.url.startswith("https:")

    @property
    def cookie(self) -> str:
        """The name of a session's cookie."""
        return self.cookie_named(Kind.SESSION)

    def cookie_named(self, name: Kind) -> str:
        """A cookie's name: with `__Host-`, no other host and no plain connection can set it.

        A search's cookie goes with its own page only, which that prefix does not allow.
        """
        prefix = "__Secure-" if name is Kind.SEARCH else "__Host-"
        return f"{prefix if self.is_secure else ''}auditstream_{name}"


CONSOLE = web.AppKey("console", Console)
VISIT = web.RequestKey("visit", Visit)
SESSION = web.RequestKey("session", Session)


def visit_of(request: web.Request) -> Visit:
    """Who asks, and what for."""
    return request[VISIT]


def session_of(request: web.Request) -> Session:
    """The browser's session; pages have one."""
    return request[SESSION]
