"""The query side as a service: the reading room's pages and a JSON API over the same room.

The law: it reads records and never writes one; what it writes is who looked, and what readers
keep. Free text of a filter travels in a request's body, never in an address that a proxy might
log. Handlers are thin: what a page shows is computed without HTTP, and tested so.
"""

from __future__ import annotations

from aiohttp import web

from console.web import api, assets, enter, export, log, overview, record, search, sign_in
from console.web.guard import errors_as_answers, known_only, with_headers
from console.web.state import CONSOLE, Console

__all__ = ["Console", "build_app"]

# A filter has at most 8 KiB; a list of what a live page shows some 20.
_LARGEST_BODY = 65_536


def build_app(console: Console) -> web.Application:
    """Put the application together."""
    app = web.Application(
        middlewares=[errors_as_answers, known_only], client_max_size=_LARGEST_BODY
    )
    app[CONSOLE] = console
    app.on_response_prepare.append(with_headers)
    for module in (enter, sign_in, search, record, overview, export, log, api, assets):
        module.add_routes(app)
    return app
