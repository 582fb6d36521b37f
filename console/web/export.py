"""The export page: choose a form and say what for; the answer is a ZIP with its manifest."""

from __future__ import annotations

from aiohttp import web

from audit.errors import QueryInvalid
from console.exporting import Shape
from console.packing import export
from console.web.answers import page
from console.web.forms import form_of
from console.web.state import CONSOLE, session_of
from storage.records.query import describe, parse

__all__ = ["add_routes"]


def add_routes(app: web.Application) -> None:
    """Add the export's paths."""
    app.router.add_get("/export", _form)
    app.router.add_post("/export", _export)


async def _form(request: web.Request) -> web.Response:
    console = request.app[CONSOLE]
    text = session_of(request).recall(request.query.get("search", "")) or ""
    asked = describe(parse(text, console.room.now_ns()))
    most = console.max_export
    return page(request, "export.html", text=text, asked=asked, most=most, shapes=list(Shape))


async def _export(request: web.Request) -> web.StreamResponse:
    console, session = request.app[CONSOLE], session_of(request)
    form = await form_of(request)
    text, wanted = form.get("filter", ""), form.get("shape", "")
    if wanted not in set(Shape):
        raise QueryInvalid(f"shape is one of {', '.join(Shape)}")
    session.state_purpose(form.get("purpose", ""))
    if not session.purpose:
        raise QueryInvalid("an export has a purpose: say what it is for")
    archive = export(console.room, session.visit, text, Shape(wanted), console.max_export)
    # The first bytes come before the answer begins, so that an error can still be said.
    first = await anext(archive)
    answer = web.StreamResponse(
        headers={
            "Content-Type": "application/zip",
            "Content-Disposition": f'attachment; filename="auditstream-{wanted}.zip"',
        }
    )
    await answer.prepare(request)
    await answer.write(first)
    async for data in archive:
        await answer.write(data)
    await answer.write_eof()
    return answer
