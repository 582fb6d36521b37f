"""The entrance: a one-time link, or the token of the keys folder, becomes a session.

Where people have accounts (`console.web.sign_in`), links and the token are closed to browsers:
whoever reads is then known by name. A form posted from another site is refused.
"""

from __future__ import annotations

import hmac
from dataclasses import replace

from aiohttp import web

from audit.errors import StoreUnavailable
from console.principal import Principal, Visit
from console.sealed import Kind
from console.web.answers import page, problem, see_other
from console.web.cookies import given, keep_purpose, keep_session, take_back
from console.web.forms import form_of
from console.web.state import CONSOLE, session_of
from storage.access.port import Deed

__all__ = ["add_routes", "entrance", "let_in"]


def add_routes(app: web.Application) -> None:
    """Add the entrance's paths."""
    app.router.add_get("/enter", _entrance)
    app.router.add_post("/enter", _by_token)
    # Whoever only asks for the head, a previewer say, must not use the link up.
    app.router.add_get("/enter/{code}", _by_link, allow_head=False)
    app.router.add_post("/purpose", _purpose)
    app.router.add_post("/leave", _leave)


def entrance(
    request: web.Request, *, wrong: str = "", reason: str = "", status: int = 200
) -> web.Response:
    """Show the entrance, with what is `wrong` and the code of its `reason`."""
    accounts = request.app[CONSOLE].sign_in is not None
    left = "left" in request.query
    values = {"wrong": wrong, "reason": reason, "accounts": accounts, "left": left}
    return page(request, "enter.html", status=status, **values)


async def let_in(request: web.Request, principal: Principal) -> web.Response:
    """Begin a session, once that is on record; one that the browser had ends.

    Raises `SignInRefused` for a scope that is too large for a session.
    """
    console = request.app[CONSOLE]
    cookie = console.sessions.open(principal)
    await console.room.enter(Visit(principal), Deed.ENTER, "a session was begun")
    await _end(request)
    answer = see_other("/")
    keep_session(request, answer, cookie, via=principal.via)
    return answer


async def _entrance(request: web.Request) -> web.Response:
    return entrance(request)


async def _by_link(request: web.Request) -> web.Response:
    console = request.app[CONSOLE]
    principal = console.sessions.follow(request.match_info["code"])
    if principal is None or console.sign_in is not None:
        wrong = "This link was used before, or is of an earlier start."
        return entrance(request, wrong=wrong, status=403)
    return await let_in(request, principal)


async def _by_token(request: web.Request) -> web.Response:
    console = request.app[CONSOLE]
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return problem(403, "access.forged", "this form was posted from another site", request)
    said = (await form_of(request)).get("token", "").strip()
    if console.sign_in is not None or console.token is None or not _same(said, console.token):
        return entrance(request, wrong="This is not the token.", status=403)
    return await let_in(request, replace(console.owner, via="token"))


async def _purpose(request: web.Request) -> web.Response:
    form = await form_of(request)
    back = form.get("back", "/")
    # Only a path of ours: `//host` and `/\host` lead elsewhere.
    ours = back.startswith("/") and back[1:2] not in ("/", "\\")
    answer = see_other(back if ours else "/")
    keep_purpose(request, answer, session_of(request).state_purpose(form.get("purpose", "")))
    return answer


async def _leave(request: web.Request) -> web.Response:
    accounts = request.app[CONSOLE].sign_in is not None
    answer = see_other("/enter?left" if accounts else "/enter")
    try:
        await _end(request)
    except StoreUnavailable as error:
        said = f"you have left here; that others behind this address know cannot be said: {error}"
        answer = problem(503, error.code, said, request)
    take_back(request, answer, Kind.SESSION)
    take_back(request, answer, Kind.PURPOSE)
    # Not "cookies": that would end those of the sites beside this one too.
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


async def _end(request: web.Request) -> None:
    """End the session that the browser had, and tell the others. Raises `StoreUnavailable`."""
    console = request.app[CONSOLE]
    ended = console.sessions.close(given(request, Kind.SESSION))
    if ended is not None and console.leavings is not None:
        await console.leavings.tell(*ended)


def _same(said: str, expected: str) -> bool:
    return hmac.compare_digest(said.encode("utf-8", "replace"), expected.encode())
