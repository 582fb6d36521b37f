"""The entrance: a one-time link, or the token of the keys folder, becomes a session.

Where people have accounts (`console.web.sign_in`), links and the token are closed to browsers:
whoever reads is then known by name. A form posted from another site is refused.
"""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Literal

from aiohttp import web

from console.principal import Principal, Visit
from console.web.answers import page, problem, see_other
from console.web.cookies import give, take_back
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


async def let_in(
    request: web.Request, principal: Principal, same_site: Literal["Lax", "Strict"]
) -> web.Response:
    """Begin a session, once that is on record; one that the browser had ends."""
    console = request.app[CONSOLE]
    await console.room.enter(Visit(principal), Deed.ENTER, "a session was begun")
    console.sessions.close(request.cookies.get(console.cookie, ""))
    answer = see_other("/")
    give(request, answer, console.cookie, console.sessions.open(principal), same_site=same_site)
    return answer


async def _entrance(request: web.Request) -> web.Response:
    return entrance(request)


async def _by_link(request: web.Request) -> web.Response:
    console = request.app[CONSOLE]
    principal = console.sessions.follow(request.match_info["code"])
    if principal is None or console.sign_in is not None:
        wrong = "This link was used before, or is of an earlier start."
        return entrance(request, wrong=wrong, status=403)
    return await let_in(request, principal, "Strict")


async def _by_token(request: web.Request) -> web.Response:
    console = request.app[CONSOLE]
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return problem(403, "access.forged", "this form was posted from another site", request)
    given = (await form_of(request)).get("token", "").strip()
    if console.sign_in is not None or console.token is None or not _same(given, console.token):
        return entrance(request, wrong="This is not the token.", status=403)
    return await let_in(request, replace(console.owner, via="token"), "Strict")


async def _purpose(request: web.Request) -> web.Response:
    form = await form_of(request)
    session_of(request).state_purpose(form.get("purpose", ""))
    back = form.get("back", "/")
    # Only a path of ours: `//host` and `/\host` lead elsewhere.
    return see_other(back if back.startswith("/") and back[1:2] not in ("/", "\\") else "/")


async def _leave(request: web.Request) -> web.Response:
    console = request.app[CONSOLE]
    console.sessions.close(request.cookies.get(console.cookie, ""))
    answer = see_other("/enter?left" if console.sign_in is not None else "/enter")
    take_back(request, answer, console.cookie)
    # Not "cookies": that would end those of the sites beside this one too.
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
