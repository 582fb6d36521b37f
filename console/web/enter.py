"""The entrance: a one-time link, or the token of the keys folder, becomes a session.

The cookie is for this site alone and for no script. A form posted from another site is refused.
"""

from __future__ import annotations

import hmac
from dataclasses import replace

from aiohttp import web

from console.principal import Visit
from console.web.answers import page, problem, see_other
from console.web.forms import form_of
from console.web.state import CONSOLE, COOKIE, session_of
from storage.access.port import Deed

__all__ = ["add_routes"]


def add_routes(app: web.Application) -> None:
    """Add the entrance's paths."""
    app.router.add_get("/enter", _entrance)
    app.router.add_post("/enter", _by_token)
    # Whoever only asks for the head, a previewer say, must not use the link up.
    app.router.add_get("/enter/{code}", _by_link, allow_head=False)
    app.router.add_post("/purpose", _purpose)
    app.router.add_post("/leave", _leave)


async def _entrance(request: web.Request) -> web.Response:
    return page(request, "enter.html", wrong="")


async def _by_link(request: web.Request) -> web.Response:
    console = request.app[CONSOLE]
    cookie = console.sessions.follow(request.match_info["code"])
    if cookie is None:
        wrong = "This link was used before, or is of an earlier start."
        return page(request, "enter.html", status=403, wrong=wrong)
    return await _let_in(request, cookie)


async def _by_token(request: web.Request) -> web.Response:
    console = request.app[CONSOLE]
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return problem(403, "access.forged", "this form was posted from another site", request)
    if not _same((await form_of(request)).get("token", "").strip(), console.token):
        return page(request, "enter.html", status=403, wrong="This is not the token.")
    return await _let_in(request, console.sessions.open(replace(console.owner, via="token")))


async def _let_in(request: web.Request, cookie: str) -> web.Response:
    console = request.app[CONSOLE]
    session = console.sessions.find(cookie)
    principal = session.principal if session is not None else console.owner
    await console.room.enter(Visit(principal), Deed.ENTER, "a session was begun")
    answer = see_other("/")
    answer.set_cookie(
        COOKIE, cookie, httponly=True, samesite="Strict", secure=request.secure, path="/"
    )
    return answer


async def _purpose(request: web.Request) -> web.Response:
    form = await form_of(request)
    session_of(request).state_purpose(form.get("purpose", ""))
    back = form.get("back", "/")
    # Only a path of ours: `//host` and `/\host` lead elsewhere.
    return see_other(back if back.startswith("/") and back[1:2] not in ("/", "\\") else "/")


async def _leave(request: web.Request) -> web.Response:
    request.app[CONSOLE].sessions.close(request.cookies.get(COOKIE, ""))
    answer = see_other("/enter")
    answer.del_cookie(COOKIE, path="/")
    return answer


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
