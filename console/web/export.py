"""The export page: choose a form and say what for; the answer is a ZIP with its manifest.

While the ZIP comes, the page asks how far it is: a browser shows of a download without a length
only that it goes on. What is told is numbers, to the session that exports and to no other.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from audit.errors import QueryInvalid
from console import parquet
from console.exporting import Shape
from console.packing import export
from console.web.answers import json_answer, page, see_other
from console.web.cookies import keep_purpose
from console.web.forms import form_of
from console.web.search import asked_by
from console.web.state import CONSOLE, session_of
from storage.records.query import describe, parse

__all__ = ["add_routes"]


@dataclass(slots=True)
class _Run:
    """An export under way: records looked at, of how many where that is known, and its end."""

    done: int = 0
    of: int | None = None
    ended: bool = False

    def tell(self, done: int, of: int | None) -> None:
        """Hear how far it is."""
        self.done, self.of = done, of


# By the session's own token and the name that its page gave the run; the oldest go.
_RUNS: web.AppKey[dict[tuple[str, str], _Run]] = web.AppKey("runs", dict)
_MOST_RUNS = 100


def add_routes(app: web.Application) -> None:
    """Add the export's paths."""
    app[_RUNS] = {}
    app.router.add_get("/export", _form)
    app.router.add_get("/search/{name}/export", _form)
    app.router.add_post("/export", _export)
    app.router.add_get("/export/progress", _progress)


async def _form(request: web.Request) -> web.Response:
    console = request.app[CONSOLE]
    text = asked_by(request) if "name" in request.match_info else ""
    if text is None:
        return see_other("/")
    asked = describe(parse(text, console.room.now_ns()))
    most = console.max_export
    return page(
        request,
        "export.html",
        text=text,
        asked=asked,
        most=most,
        run=str(console.room.now_ns()),
        parquet=parquet.available(),
        install=parquet.INSTALL,
    )


async def _export(request: web.Request) -> web.StreamResponse:
    console, session = request.app[CONSOLE], session_of(request)
    form = await form_of(request)
    text, wanted = form.get("filter", ""), form.get("shape", "")
    if wanted not in set(Shape):
        raise QueryInvalid(f"shape is one of {', '.join(Shape)}")
    purpose = session.state_purpose(form.get("purpose", ""))
    if not session.purpose:
        raise QueryInvalid("an export has a purpose: say what it is for")
    run = _begun(request, form.get("run", ""))
    most = console.max_export
    archive = export(console.room, session.visit, text, Shape(wanted), most, run.tell)
    # The first bytes come before the answer begins, so that an error can still be said.
    first = await anext(archive)
    answer = web.StreamResponse(
        headers={
            "Content-Type": "application/zip",
            "Content-Disposition": f'attachment; filename="auditstream-{wanted}.zip"',
        }
    )
    keep_purpose(request, answer, purpose)
    await answer.prepare(request)
    await answer.write(first)
    async for data in archive:
        await answer.write(data)
    await answer.write_eof()
    run.ended = True
    return answer


async def _progress(request: web.Request) -> web.Response:
    key = (session_of(request).csrf, request.query.get("run", ""))
    run = request.app[_RUNS].get(key)
    if run is None:
        raise web.HTTPNotFound
    return json_answer({"done": run.done, "of": run.of, "ended": run.ended})


def _begun(request: web.Request, name: str) -> _Run:
    runs = request.app[_RUNS]
    run = runs[session_of(request).csrf, name[:40]] = _Run()
    while len(runs) > _MOST_RUNS:
        del runs[next(iter(runs))]
    return run
