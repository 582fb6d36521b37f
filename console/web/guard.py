"""What stands before every handler: who asks, whether they meant it, and what goes with answers.

The law: everything but health, assets and the entrance wants a session or the token; whatever a
browser posts wants the session's own token, so that no other site can post in its name. The
headers go with every answer, those of errors too.
"""

from __future__ import annotations

import hmac

from aiohttp import web
from aiohttp.typedefs import Handler

from audit.errors import AccessDenied, AuditStreamError, PermanentError
from console.principal import Visit, stated
from console.sealed import Kind
from console.sessions import Session
from console.web.answers import of_programs, problem, see_other, wants_json
from console.web.cookies import given, renew
from console.web.forms import form_of
from console.web.state import CONSOLE, SESSION, VISIT

__all__ = ["errors_as_answers", "known_only", "with_headers"]

_OPEN = ("/healthz", "/enter", "/sign-in", "/sign-in/back", "/sign-out")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_HEADERS = {
    # No inline script or style, nothing from another host, and no page of ours within another.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "X-Permitted-Cross-Domain-Policies": "none",
    "Permissions-Policy": (
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"
    ),
}


async def with_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on an answer; records are kept by no cache."""
    for name, value in _HEADERS.items():
        response.headers[name] = value
    if request.app[CONSOLE].is_secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.popall("Server", None)


@web.middleware
async def errors_as_answers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer errors with their code and message."""
    try:
        return await handler(request)
    except AccessDenied as error:
        return problem(403, error.code, str(error), request)
    except AuditStreamError as error:
        status = 400 if isinstance(error, PermanentError) else 503
        return problem(status, error.code, str(error), request)
    except web.HTTPException as error:
        answer = problem(error.status, "http.error", error.reason, request)
        if isinstance(error, web.HTTPMethodNotAllowed):
            # RFC 9110, section 15.5.6: a 405 names what the path takes.
            answer.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return answer


@web.middleware
async def known_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let through who has a session or shows the token."""
    if _is_open(request.path):
        return await handler(request)
    if _by_token(request):
        purpose = stated(request.headers.get("X-AuditStream-Purpose", ""))
        request[VISIT] = Visit(request.app[CONSOLE].owner, purpose)
        return await handler(request)
    return await _by_session(request, handler)


async def _by_session(request: web.Request, handler: Handler) -> web.StreamResponse:
    session = await _session(request)
    if session is None:
        if wants_json(request):
            return problem(401, "access.denied", "show the token as Bearer", request)
        return see_other("/enter")
    request[SESSION] = session
    request[VISIT] = session.visit
    if request.method not in _SAFE and not await _is_meant(request, session.csrf):
        message = "this did not come from a page of this session; go back, load it anew, try again"
        return problem(403, "access.forged", message, request)
    answer = await handler(request)
    renew(request, answer, session)
    return answer


async def _session(request: web.Request) -> Session | None:
    """The browser's session, unless it was left, here or anywhere."""
    console = request.app[CONSOLE]
    cookie = given(request, Kind.SESSION)
    # Who leaves may do so again, whether or not anybody can tell that they have left already.
    if request.path == "/leave":
        return console.sessions.leaving(cookie)
    session = console.sessions.find(cookie, given(request, Kind.PURPOSE))
    if session is None or console.leavings is None:
        return session
    return None if await console.leavings.heard(session.id) else session


def _is_open(path: str) -> bool:
    return path in _OPEN or path.startswith(("/static/", "/enter/"))


def _by_token(request: web.Request) -> bool:
    token = request.app[CONSOLE].token
    if token is None:
        return False
    expected = f"Bearer {token}".encode()
    shown = request.headers.get("Authorization", "").encode("utf-8", "replace")
    # A page is a browser's, which has a session; the token is for programs.
    return of_programs(request.path) and hmac.compare_digest(shown, expected)


async def _is_meant(request: web.Request, csrf: str) -> bool:
    shown = request.headers.get("X-CSRF-Token") or (await form_of(request)).get("csrf", "")
    return hmac.compare_digest(shown.encode("utf-8", "replace"), csrf.encode())
