"""Style, script and sign: files of ours, the only ones a page loads."""

from __future__ import annotations

from aiohttp import web

from console.web.answers import ASSETS

__all__ = ["add_routes"]


def add_routes(app: web.Application) -> None:
    """Add the assets' path."""
    app.router.add_get("/static/{name}", _asset)


async def _asset(request: web.Request) -> web.Response:
    found = ASSETS.get(request.match_info["name"])
    if found is None:
        raise web.HTTPNotFound
    kind, body = found
    # Its address changes with its content.
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return web.Response(body=body, content_type=kind, charset="utf-8", headers=kept)
