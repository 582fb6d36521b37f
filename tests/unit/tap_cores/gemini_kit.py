"""What the tests of Gemini share: responses, and the records of exchanges made of them."""

from __future__ import annotations

import json
from typing import Any

from audit.record import AuditRecord
from tests.unit.tap_cores.kit import head, opened, recorded

__all__ = [
    "ASKED",
    "JSON_HEAD",
    "PATH",
    "PLAIN_PATH",
    "asked",
    "parts_of",
    "plain",
    "said",
    "streamed",
]

PATH = "/v1beta/models/gemini-test:streamGenerateContent"
PLAIN_PATH = "/v1beta/models/gemini-test:generateContent"
ASKED = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
JSON_HEAD = head(200, "application/json; charset=UTF-8")


def said(*parts: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One response with one candidate."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, **more}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "gemini-test-001", "responseId": "r-1"}


def streamed(*responses: dict[str, Any], request: Any = ASKED, **capture: Any) -> AuditRecord:
    """The record of an event stream, framed as Google frames it."""
    answer = "".join(f"data: {json.dumps(each)}\r\n\r\n" for each in responses).encode()
    return recorded(answer, request=request, opening=opened(PATH), **capture)


def plain(answer: object, path: str = PLAIN_PATH, request: Any = ASKED) -> AuditRecord:
    """The record of a JSON body."""
    body = json.dumps(answer).encode()
    return recorded(body, request=request, opening=opened(path), answer_head=JSON_HEAD)


def asked(**request: Any) -> AuditRecord:
    """The record of a request that was answered with a word."""
    return plain(said({"text": "ok"}, finish="STOP"), request=request)


def parts_of(record: AuditRecord, output: int = 0) -> tuple[Any, ...]:
    """The parts of one output."""
    return record.response.outputs[output].parts
