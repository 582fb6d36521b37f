"""The cookies: for this site alone, for no script, and over TLS only where the site has it."""

from __future__ import annotations

from typing import Literal

from aiohttp import web

from console.web.state import CONSOLE

__all__ = ["give", "take_back"]


def give(
    request: web.Request,
    answer: web.StreamResponse,
    name: str,
    value: str,
    *,
    same_site: Literal["Lax", "Strict"],
    seconds: int | None = None,
) -> None:
    """Set a cookie; it ends with the browser where no `seconds` are given.

    `Strict` cookies do not come back with a browser that another site sent here.
    """
    secure = request.app[CONSOLE].is_secure
    answer.set_cookie(
        name,
        value,
        httponly=True,
        samesite=same_site,
        secure=secure,
        path="/",
        max_age=seconds,
    )


def take_back(request: web.Request, answer: web.StreamResponse, name: str) -> None:
    """Have the browser forget a cookie. One named `__Host-` is only changed by a secure one."""
    secure = request.app[CONSOLE].is_secure
    answer.del_cookie(name, path="/", secure=secure, httponly=True, samesite="Lax")
