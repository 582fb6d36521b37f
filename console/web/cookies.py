"""The cookies: for this site alone, for no script, and over TLS only where the site has it.

What they hold is sealed. A session's comes with every request, a search's with the requests for its
own page only, so that a reader may have a hundred of them.
"""

from __future__ import annotations

from typing import Literal

from aiohttp import web

from console.sealed import Kind
from console.sessions import Session
from console.web.state import CONSOLE

__all__ = ["give", "given", "keep_purpose", "keep_search", "keep_session", "renew", "take_back"]


def given(request: web.Request, kind: Kind) -> str:
    """What a browser has brought; empty where it is nothing."""
    return request.cookies.get(request.app[CONSOLE].cookie_named(kind), "")


def give(
    request: web.Request,
    answer: web.StreamResponse,
    kind: Kind,
    value: str,
    *,
    same_site: Literal["Lax", "Strict"],
    seconds: int | None = None,
    path: str = "/",
) -> None:
    """Set a cookie; it ends with the browser where no `seconds` are given.

    `Strict` cookies do not come back with a browser that another site sent here.
    """
    console = request.app[CONSOLE]
    answer.set_cookie(
        console.cookie_named(kind),
        value,
        httponly=True,
        samesite=same_site,
        secure=console.is_secure,
        path=path,
        max_age=seconds,
    )


def keep_session(
    request: web.Request, answer: web.StreamResponse, cookie: str, *, via: str
) -> None:
    """Set a session's cookie. Who has an account is sent here by its provider, another site."""
    same_site: Literal["Lax", "Strict"] = "Lax" if via == "account" else "Strict"
    give(request, answer, Kind.SESSION, cookie, same_site=same_site)


def keep_purpose(request: web.Request, answer: web.StreamResponse, cookie: str) -> None:
    """Set the cookie of what the reader says it is for."""
    give(request, answer, Kind.PURPOSE, cookie, same_site="Strict")


def keep_search(
    request: web.Request, answer: web.StreamResponse, session: Session, text: str
) -> str:
    """Keep a filter, and give the path of its page. Raises `QueryInvalid` for one too long."""
    path = f"/search/{session.named(text)}"
    seconds = int(request.app[CONSOLE].sessions.longest)
    cookie = session.kept(text)
    give(request, answer, Kind.SEARCH, cookie, same_site="Strict", seconds=seconds, path=path)
    return path


def renew(request: web.Request, answer: web.StreamResponse, session: Session) -> None:
    """Give the session's cookie anew where that is due, unless it has just been set or ended."""
    console = request.app[CONSOLE]
    if answer.prepared or console.cookie in answer.cookies:
        return
    if (cookie := console.sessions.renewed(session)) is not None:
        keep_session(request, answer, cookie, via=session.principal.via)


def take_back(request: web.Request, answer: web.StreamResponse, kind: Kind) -> None:
    """Have the browser forget a cookie. One named `__Host-` is only changed by a secure one."""
    console = request.app[CONSOLE]
    answer.del_cookie(
        console.cookie_named(kind),
        path="/",
        secure=console.is_secure,
        httponly=True,
        samesite="Lax",
    )
