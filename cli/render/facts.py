"""The facts of a record as lines of label and value: who, when, what, how it went.

A fact that is not known has no line. A value's path goes with it, so that what was taken out of
it is marked here too.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from audit.reading.neutral import neutral_line
from audit.reading.words import SOURCES, duration, ending_detail, flag
from audit.record import RedactedRecord, Usage
from cli.render.marks import Marks

__all__ = ["Row", "fact_rows", "grid"]

Row = tuple[str, Text]


def grid(rows: Iterator[Row]) -> RenderableType:
    """Set rows in two columns; long values go on below, whole."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="dim", min_width=10)
    table.add_column(overflow="fold")
    for label, value in rows:
        table.add_row(Text(label), value)
    return table


def fact_rows(record: RedactedRecord, marks: Marks) -> Iterator[Row]:
    """Give the rows of a record's head, in reading order."""
    yield from _exchange(record, marks)
    yield from _timing(record)
    yield from _identity(record, marks)
    yield from _usage(record.usage)
    for code in record.exchange.flags:
        yield "note", Text(flag(code), style="yellow")


def _exchange(record: RedactedRecord, marks: Marks) -> Iterator[Row]:
    facts = record.exchange
    if facts.ending_detail:
        yield "because", Text(ending_detail(facts.ending_detail))
    if facts.status is not None:
        yield "status", Text(str(facts.status))
    path = marks.line(facts.path, "/exchange/path")
    yield "request", Text.assemble(neutral_line(facts.method), " ", path)
    streamed = "streamed" if facts.streamed else "not streamed"
    yield "format", Text(neutral_line(f"{facts.dialect}, {facts.operation}, {streamed}"))
    for label, name in _EXCHANGE_FACTS.items():
        value = getattr(facts, name)
        if value is not None:
            yield label, marks.line(value, f"/exchange/{name}")
    tap = record.tap
    yield "number", Text(neutral_line(f"{tap.name}/{tap.boot}/{tap.seq}"))


_EXCHANGE_FACTS = {
    "deployment": "deployment",
    "asked for": "requested_model",
    "answered as": "reported_model",
    "served by": "served_model",
    "API version": "api_version",
    "fingerprint": "system_fingerprint",
    "response id": "response_id",
    "follows": "previous_response_id",
}


def _timing(record: RedactedRecord) -> Iterator[Row]:
    timing = record.timing
    yield "received", Text(neutral_line(timing.received_at))
    if timing.duration_ms is not None:
        first = duration(timing.ttft_ms)
        yield "took", Text(f"{duration(timing.duration_ms)}, first byte after {first}")
    if timing.chunks and timing.gap_max_ms is not None:
        gaps = (timing.gap_p50_ms, timing.gap_p99_ms, timing.gap_max_ms)
        median, high, longest = map(duration, gaps)
        spread = f"gaps {median} median, {high} p99, {longest} longest"
        yield "chunks", Text(f"{timing.chunks}, {spread}")


def _identity(record: RedactedRecord, marks: Marks) -> Iterator[Row]:
    identity = record.identity
    who = Text.assemble(neutral_line(record.consumer), (f"  {neutral_line(record.day)}", "dim"))
    yield "consumer", who
    yield "identity", Text(SOURCES[identity.source])
    for label, name in _IDENTITY_FACTS.items():
        value = getattr(identity, name)
        if value is not None:
            yield label, marks.line(value, f"/identity/{name}")


_IDENTITY_FACTS = {
    "app": "app_id",
    "tenant": "tenant_id",
    "user": "user",
    "session": "session",
    "trace": "trace_id",
    "upstream id": "upstream_request_id",
    "key fingerprint": "key_fingerprint",
}


def _usage(usage: Usage) -> Iterator[Row]:
    named = {
        "in": usage.input,
        "out": usage.output,
        "in all": usage.total,
        "cached": usage.cached,
        "reasoning": usage.reasoning,
        "audio in": usage.audio_in,
        "audio out": usage.audio_out,
    }
    known = [f"{count} {name}" for name, count in named.items() if count is not None]
    if known:
        source = neutral_line(usage.source or "source unknown")
        yield "tokens", Text(f"{', '.join(known)} ({source})")
