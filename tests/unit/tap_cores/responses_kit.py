"""What the tests of the Responses dialect share: its events, and records of its exchanges."""

from __future__ import annotations

import json
from typing import Any

from audit.parts import Extra, Part
from audit.record import AuditRecord
from tests.unit.tap_cores.kit import head, opened, recorded

__all__ = [
    "CREATED",
    "PATH",
    "added",
    "answered",
    "asked",
    "beside",
    "ended",
    "event",
    "extras",
    "message",
    "parts",
    "said",
    "sse",
    "streamed",
]

PATH = "/apim/openai/v1/responses"

Json = Any
Event = dict[str, Json]


def event(kind: str, **fields: Json) -> Event:
    """One event; `kind` is its type without the `response.` before it."""
    name = kind if kind == "error" else f"response.{kind}"
    return {"type": name, **fields}


def sse(*events: Event) -> bytes:
    """The events as a stream, each named by its type and numbered from 0."""
    numbered = [{"sequence_number": n, **each} for n, each in enumerate(events)]
    return "".join(f"event: {it['type']}\ndata: {json.dumps(it)}\n\n" for it in numbered).encode()


def message(*texts: str, **more: Json) -> Event:
    """A finished message item."""
    content = [{"type": "output_text", "text": text, "annotations": []} for text in texts]
    return {"type": "message", "role": "assistant", "content": content, **more}


def streamed(*events: Event, **capture: Json) -> AuditRecord:
    """The record of a streamed response."""
    request = capture.pop("request", {"model": "m", "input": "hi", "stream": True})
    path = opened(PATH)
    return recorded(sse(*events), request=request, opening=path, **capture)


def answered(body: Json, status: int = 200, path: str = PATH, method: str = "POST") -> AuditRecord:
    """The record of a plain answer."""
    return recorded(
        json.dumps(body).encode(),
        request={"model": "m", "input": "hi"} if method == "POST" else b"",
        answer_head=head(status, "application/json"),
        opening=opened(path, method=method),
    )


def asked(body: Json, path: str = PATH) -> AuditRecord:
    """The record of a request."""
    request = body if isinstance(body, bytes) else json.dumps(body).encode()
    plain = head(200, "application/json")
    return recorded(b'{"id":"resp_1"}', request=request, answer_head=plain, opening=opened(path))


def extras(parts: tuple[Part, ...]) -> dict[str, Json]:
    """The extras among some parts, by name, read as JSON."""
    return {part.name: json.loads(part.text) for part in parts if isinstance(part, Extra)}


CREATED = event("created", response={"id": "resp_1", "model": "m", "status": "in_progress"})


def added(index: int, kind: str, **fields: Json) -> Event:
    """An item that begins."""
    return event("output_item.added", output_index=index, item={"type": kind, **fields})


def said(delta: str, index: int = 0, part: int = 0, **more: Json) -> Event:
    """A piece of a message's text."""
    place = {"output_index": index, "content_index": part, **more}
    return event("output_text.delta", delta=delta, **place)


def ended(kind: str = "completed", **response: Json) -> Event:
    """The end of the response."""
    return event(kind, response={"id": "resp_1", "model": "m", "status": kind, **response})


def parts(record: AuditRecord, place: int = 0) -> list[Part]:
    """The parts of one output, without extras."""
    return [part for part in record.response.outputs[place].parts if not isinstance(part, Extra)]


def beside(record: AuditRecord) -> Event:
    """The extras of the last output, which hold what belongs to none."""
    outputs = record.response.outputs
    return extras(outputs[-1].parts) if outputs else {}
