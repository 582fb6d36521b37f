"""The overview page, and its charge-back table as CSV."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence

from aiohttp import web

from audit.errors import QueryInvalid
from audit.exchange import PRECEDENCE
from audit.reading.words import duration
from console.exporting import safe_cell
from console.overview import SPANS, Overview, Span, began, overview, states_by_day
from console.plots import lines, ranked, stacked
from console.web.answers import page
from console.web.state import CONSOLE, visit_of
from storage.records.query import Match, Node, Query, Received, every

__all__ = ["add_routes"]

_ENDINGS = ["complete", *(each.value for each in PRECEDENCE if each.value != "complete")]


def add_routes(app: web.Application) -> None:
    """Add the overview's paths."""
    app.router.add_get("/overview", _overview)
    app.router.add_get("/overview/charges.csv", _charges)


async def _overview(request: web.Request) -> web.Response:
    room, visit = request.app[CONSOLE].room, visit_of(request)
    span, consumer = _asked(request)
    numbers = await _numbers(request, span, consumer)
    states = await room.states(visit)
    own = [each for each in states if not consumer or each.consumer == consumer]
    labels = [bucket.label for bucket in numbers.buckets]
    return page(
        request,
        "overview.html",
        numbers=numbers,
        span=span,
        spans=list(SPANS.values()),
        consumer=consumer,
        consumers=sorted({each.consumer for each in states if each.consumer}),
        traffic=stacked(labels, [bucket.endings for bucket in numbers.buckets], _ENDINGS),
        latency=lines(
            labels,
            {
                "median": [bucket.median for bucket in numbers.buckets],
                "p95": [bucket.high for bucket in numbers.buckets],
            },
            "ms",
        ),
        endings=ranked(numbers.endings),
        signals=ranked(numbers.signals),
        entities=ranked(numbers.entities),
        days=states_by_day(own),
        progress=await room.progress(visit),
        duration=duration,
    )


async def _charges(request: web.Request) -> web.Response:
    numbers = await _numbers(request, *_asked(request))
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\r\n")
    write.writerow(["consumer", "model", "exchanges", "input", "output", "total", "without_tokens"])
    for each in numbers.charges:
        counts: Sequence[object] = (each.exchanges, each.input, each.output, each.total)
        write.writerow([*map(safe_cell, (each.consumer, each.model, *counts, each.unknown))])
    attached = {"Content-Disposition": 'attachment; filename="charges.csv"'}
    return web.Response(text=out.getvalue(), content_type="text/csv", headers=attached)


async def _numbers(request: web.Request, span: Span, consumer: str) -> Overview:
    room = request.app[CONSOLE].room
    now_ns = room.now_ns()
    asked: tuple[Node, ...] = (Received("after", began(span, now_ns)),)
    if consumer:
        asked = (*asked, Match("consumer", consumer))
    found = await room.count(visit_of(request), Query(every(asked)))
    # Fifty thousand rows take a moment, and others are reading.
    return await asyncio.to_thread(overview, found, span, now_ns)


def _asked(request: web.Request) -> tuple[Span, str]:
    span = SPANS.get(request.query.get("span", "24h"))
    if span is None:
        raise QueryInvalid(f"span is one of {', '.join(SPANS)}")
    return span, request.query.get("consumer", "")
