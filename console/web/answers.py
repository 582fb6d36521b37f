"""Answers: JSON, pages, redirections, and problems in the form that the asker reads."""

from __future__ import annotations

import hashlib
from pathlib import Path

import jinja2
import msgspec
from aiohttp import web

from audit.reading.neutral import neutral_line
from console.sessions import Session
from console.web.state import SESSION

__all__ = ["ASSETS", "json_answer", "of_programs", "page", "problem", "see_other", "wants_json"]

_HERE = Path(__file__).parents[1]
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

# Name -> (type, bytes). All that is served as a file; read once, so that no path is ever joined.
ASSETS: dict[str, tuple[str, bytes]] = {
    path.name: (_TYPES[path.suffix], path.read_bytes())
    for path in sorted((_HERE / "static").iterdir())
    if path.suffix in _TYPES
}

_PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
# For what readers typed: text of records is neutral before it comes to a template.
_PAGES.filters["neutral"] = neutral_line
# In an asset's address, so that a browser may keep it until another version is installed.
_PAGES.globals["version"] = hashlib.sha256(b"".join(d for _, d in ASSETS.values())).hexdigest()[:12]


def page(
    request: web.Request, template: str, *, status: int = 200, **values: object
) -> web.Response:
    """Render a page for whoever asks; a session's token and purpose are always at hand."""
    session: Session | None = request.get(SESSION)
    text = _PAGES.get_template(template).render(session=session, path=request.path, **values)
    return web.Response(text=text, status=status, content_type="text/html")


def json_answer(value: object, status: int = 200) -> web.Response:
    """Answer with JSON."""
    body = msgspec.json.encode(value)
    return web.Response(body=body, status=status, content_type="application/json")


def problem(status: int, code: str, message: str, request: web.Request) -> web.Response:
    """Say what is wrong: as JSON to programs, as a page to people."""
    if wants_json(request):
        return json_answer({"error": {"code": code, "message": message}}, status)
    return page(request, "problem.html", status=status, code=code, message=message)


def see_other(address: str) -> web.Response:
    """Send a browser on after what it posted."""
    return web.Response(status=303, headers={"Location": address})


def wants_json(request: web.Request) -> bool:
    """Whether a program asks: browsers say that they take HTML."""
    return of_programs(request.path) or "text/html" not in request.headers.get("Accept", "")


def of_programs(path: str) -> bool:
    """Whether the path is one that programs ask, and not a page."""
    return path.startswith("/api/") or path in ("/healthz", "/openapi.json")
