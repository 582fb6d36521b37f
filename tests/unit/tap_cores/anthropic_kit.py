"""Events and records of the Messages API, as its tests put them together."""

from __future__ import annotations

import base64
import json
from typing import Any

from audit.digest import keyed_digest
from audit.parts import Media, Part
from audit.record import AuditRecord, Request
from tests.unit.tap_cores.kit import DIGEST_KEY, head, opened, recorded

__all__ = [
    "ASKED",
    "HELLO",
    "PATH",
    "SCAN",
    "SCAN_64",
    "START_COUNTS",
    "asked",
    "block",
    "end",
    "event",
    "json_delta",
    "media",
    "parts_of",
    "plain",
    "record_of",
    "said",
    "sealed",
    "start",
    "streamed",
    "text_delta",
]

Json = Any

PATH = "/anthropic/v1/messages"
ASKED = {"messages": [{"role": "user", "content": "hi"}], "stream": True}
START_COUNTS = {"input_tokens": 5, "cache_read_input_tokens": 100, "output_tokens": 1}
SCAN = b"%PDF-1.7 " + bytes(range(256)) * 3
SCAN_64 = base64.b64encode(SCAN).decode()


def event(kind: str, **fields: Json) -> str:
    """One event as the API frames it."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"


def start(**fields: Json) -> str:
    """The start of a message."""
    message: dict[str, Json] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-test",
    }
    message |= {"content": [], "stop_reason": None, "usage": START_COUNTS}
    return event("message_start", message={**message, **fields})


def block(index: Json, content_block: Json, *deltas: Json, stop: bool = True) -> str:
    """A block from its start to its stop."""
    events = [event("content_block_start", index=index, content_block=content_block)]
    events += [event("content_block_delta", index=index, delta=delta) for delta in deltas]
    return "".join([*events, event("content_block_stop", index=index)] if stop else events)


def text_delta(text: str) -> dict[str, Json]:
    """A few letters."""
    return {"type": "text_delta", "text": text}


def json_delta(text: str) -> dict[str, Json]:
    """A piece of a call's arguments."""
    return {"type": "input_json_delta", "partial_json": text}


def end(reason: str = "end_turn", usage: Json = None, **delta: Json) -> str:
    """The reason, the final counts, and the stop."""
    counts = {"output_tokens": 9} if usage is None else usage
    said = event("message_delta", delta={"stop_reason": reason, **delta}, usage=counts)
    return said + event("message_stop")


HELLO = block(0, {"type": "text", "text": ""}, text_delta("Hel"), text_delta("lo"))


def streamed(*events: str, **capture: Any) -> AuditRecord:
    """The record of a streamed answer."""
    return recorded("".join(events).encode(), request=ASKED, opening=opened(PATH), **capture)


def plain(answer: Json, status: int = 200, path: str = PATH, **capture: Any) -> AuditRecord:
    """The record of a plain answer."""
    body = json.dumps(answer).encode()
    asked = {**ASKED, "stream": False}
    answered = head(status, "application/json")
    return recorded(body, request=asked, answer_head=answered, opening=opened(path), **capture)


def said(*events: str) -> tuple[Part, ...]:
    """The parts of the only output."""
    (output,) = streamed(*events).response.outputs
    return output.parts


def sealed(data: bytes, name: str) -> Media:
    """What becomes of an opaque value."""
    return Media(bytes=len(data), digest=keyed_digest(DIGEST_KEY, data), name=name)


def record_of(request: dict[str, Any], path: str = PATH) -> AuditRecord:
    """The record of an exchange that asked this."""
    return recorded(request=request, opening=opened(path))


def asked(request: dict[str, Any]) -> Request:
    """The request group of the record."""
    return record_of(request).request


def parts_of(*blocks: Any, role: str = "user") -> tuple[Part, ...]:
    """The parts of one turn made of these blocks."""
    request = asked({"messages": [{"role": role, "content": list(blocks)}]})
    return request.messages[0].parts


def media(data: bytes, mime: str | None = None, name: str | None = None) -> Media:
    """What becomes of bytes."""
    return Media(mime=mime, bytes=len(data), digest=keyed_digest(DIGEST_KEY, data), name=name)
