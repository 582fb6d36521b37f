"""What a record can be found by: the values of each query field, taken out of a record.

Every store indexes exactly this, so that one query finds the same records everywhere. `SCALARS`
are the fields with at most one value, `LABELS` those with any number of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from audit.parts import Citation, Extra, Media, Part, Refusal, Text, ToolCall, ToolResult
from audit.record import RedactedRecord

__all__ = ["LABELS", "SCALARS", "Findable", "Scalar", "findable"]

Scalar: TypeAlias = str | float | int | None

SCALARS = (
    "consumer",
    "day",
    "received_at",
    "tap",
    "policy",
    "level",
    "dialect",
    "operation",
    "deployment",
    "ending",
    "status",
    "streamed",
    "truncated",
    "app",
    "tenant",
    "user",
    "session",
    "trace",
    "tokens",
    "input",
    "output",
    "latency",
    "ttft",
)
LABELS = ("model", "entity", "signal", "tool", "offered", "flag", "degraded")


@dataclass(frozen=True, slots=True)
class Findable:
    """A record's scalars by name, its labels with how often each occurs, and its two texts."""

    id: str
    scalars: dict[str, Scalar] = field(repr=False)
    labels: dict[str, dict[str, int]] = field(repr=False)
    prompt: str = field(repr=False)
    answer: str = field(repr=False)


def findable(record: RedactedRecord) -> Findable:
    """Take out what the record can be found by."""
    error = record.response.error
    return Findable(
        id=record.id,
        scalars=_about_the_call(record) | _about_the_caller(record),
        labels=_labels(record),
        prompt="\n".join(_texts(p for m in record.request.messages for p in m.parts)),
        answer="\n".join(
            [
                *_texts(part for output in record.response.outputs for part in output.parts),
                *([error.message] if error and error.message else []),
            ]
        ),
    )


def _about_the_call(record: RedactedRecord) -> dict[str, Scalar]:
    exchange, timing, usage = record.exchange, record.timing, record.usage
    return {
        "received_at": timing.received_at,
        "policy": record.redaction.policy,
        "level": record.redaction.level.value,
        "dialect": exchange.dialect.value,
        "operation": exchange.operation,
        "deployment": exchange.deployment,
        "ending": exchange.ending.value,
        "status": exchange.status,
        "streamed": int(exchange.streamed),
        "truncated": int(exchange.truncated),
        "tokens": usage.total,
        "input": usage.input,
        "output": usage.output,
        "latency": timing.duration_ms,
        "ttft": timing.ttft_ms,
    }


def _about_the_caller(record: RedactedRecord) -> dict[str, Scalar]:
    identity = record.identity
    return {
        "consumer": record.consumer,
        "day": record.day,
        "tap": record.tap.name,
        "app": identity.app_id,
        "tenant": identity.tenant_id,
        "user": identity.user,
        "session": identity.session,
        "trace": identity.trace_id,
    }


def _labels(record: RedactedRecord) -> dict[str, dict[str, int]]:
    exchange = record.exchange
    models = (exchange.requested_model, exchange.reported_model, exchange.served_model)
    return {
        "model": _counted(models),
        "entity": dict(record.redaction.counts),
        "signal": _counted(record.safety.signals),
        "tool": _counted(p.name for p in _parts(record) if isinstance(p, ToolCall)),
        "offered": _counted(tool.name for tool in record.request.tools),
        "flag": _counted(exchange.flags),
        "degraded": _counted(record.redaction.degraded),
    }


def _counted(names: Iterable[str | None]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        if name:
            counts[name] = counts.get(name, 0) + 1
    return counts


def _parts(record: RedactedRecord) -> Iterator[Part]:
    for message in record.request.messages:
        yield from message.parts
    for output in record.response.outputs:
        yield from output.parts


def _texts(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        yield from filter(None, _part_texts(part))


def _part_texts(part: Part) -> tuple[str | None, ...]:
    match part:
        case ToolCall():
            return (part.name, part.arguments)
        case ToolResult() | Extra():
            return (part.name, part.text)
        case Citation():
            return (part.title, part.text)
        case Media():
            return (part.name,)
        case Text() | Refusal() | _:
            return (part.text,)
