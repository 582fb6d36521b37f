"""Signing in with an account: to the provider, back again, and leaving there too.

The law: whatever is wrong with a sign-in is shown as a page with its reason, and logged as that
reason alone. Who was proven to be somebody but may not read is entered in the access log.
"""

from __future__ import annotations

from aiohttp import web

from audit.errors import SignInRefused
from console.oidc.refusal import Refusal
from console.oidc.sign_in import SignIn
from console.principal import Visit
from console.sealed import Kind
from console.web.answers import see_other
from console.web.cookies import give, given, take_back
from console.web.enter import entrance, let_in
from console.web.state import CONSOLE
from storage.access.port import Deed

__all__ = ["add_routes"]

_SECONDS = 600
_UNAVAILABLE = frozenset({Refusal.UNREACHABLE, Refusal.STRANGE})


def add_routes(app: web.Application) -> None:
    """Add the sign-in's paths. A previewer's request for the head begins and ends nothing."""
    app.router.add_get("/sign-in", _begin, allow_head=False)
    app.router.add_get("/sign-in/back", _finish, allow_head=False)
    app.router.add_get("/sign-out", _goodbye, allow_head=False)


async def _begin(request: web.Request) -> web.Response:
    try:
        address, cookie = await _sign_in(request).begin()
    except SignInRefused as error:
        return _refusal(request, error)
    answer = see_other(address)
    # The browser comes back from another site: `Strict` would keep the cookie from coming along.
    give(request, answer, Kind.SIGN_IN, cookie, same_site="Lax", seconds=_SECONDS)
    return answer


async def _finish(request: web.Request) -> web.Response:
    sign_in = _sign_in(request)
    try:
        person = await sign_in.finish(given(request, Kind.SIGN_IN), request.query)
    except SignInRefused as error:
        answer = _refusal(request, error)
    else:
        try:
            answer = await let_in(request, sign_in.grants.principal(person))
        except SignInRefused as error:
            visit = Visit(person.stranger)
            room = request.app[CONSOLE].room
            await room.enter(visit, Deed.ENTER, "was not let in", outcome=error.reason)
            answer = _refusal(request, error)
    take_back(request, answer, Kind.SIGN_IN)
    return answer


async def _goodbye(request: web.Request) -> web.Response:
    try:
        address = await _sign_in(request).goodbye(f"{request.app[CONSOLE].url}/enter")
    except SignInRefused as error:
        return _refusal(request, error)
    return see_other(address or "/enter")


def _sign_in(request: web.Request) -> SignIn:
    found = request.app[CONSOLE].sign_in
    if found is None:
        raise web.HTTPNotFound
    return found


def _refusal(request: web.Request, error: SignInRefused) -> web.Response:
    request.app[CONSOLE].log.warning("console.sign_in_refused", reason=error.reason)
    status = 503 if error.reason in _UNAVAILABLE else 403
    return entrance(request, wrong=str(error), reason=error.reason, status=status)
