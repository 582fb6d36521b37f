"""What the tests of the tap's cores share: openings, captures, and small streams."""

from __future__ import annotations

import json
from typing import Any

from audit.exchange import AnswerHead, Ending, Identity, Level, Opening
from audit.ids import ExchangeNumber
from audit.record import AuditRecord
from audit.sheaf import Sheaf
from tap.capture import Captured, ChunkTiming
from tap.dialects.keeping import Keeper
from tap.reassembly import assemble

__all__ = [
    "CHAT_PATH",
    "DIGEST_KEY",
    "SALT",
    "START_NS",
    "chunk",
    "head",
    "keeper",
    "opened",
    "recorded",
    "recorded_sheaf",
    "stream",
]

CHAT_PATH = "/apim/openai/deployments/gpt-test/chat/completions"
DIGEST_KEY = b"k" * 32
SALT = "5a" * 16
START_NS = 1_700_000_000_000_000_000


def opened(
    path: str = CHAT_PATH,
    *,
    method: str = "POST",
    level: Level = Level.REDACTED,
    content_type: str | None = "application/json",
    content_encoding: str | None = None,
    query: dict[str, str] | None = None,
    identity: Identity | None = None,
    upgrade: str | None = None,
) -> Opening:
    """An opening as the tap would have frozen it."""
    return Opening(
        id="018bcfe5-6800-7000-8000-000000000001",
        number=ExchangeNumber(tap="tap", boot="boot", seq=7),
        received_at_ns=START_NS,
        consumer="shop",
        day="2023-11-14",
        level=level,
        method=method,
        target_path=path,
        query={"api-version": "2024-10-21"} if query is None else query,
        content_type=content_type,
        content_encoding=content_encoding,
        identity=identity or Identity(),
        expires_at="2024-01-01T00:00:00.000000Z",
        upgrade=upgrade,
    )


def head(
    status: int = 200,
    content_type: str | None = "text/event-stream",
    *,
    content_encoding: str | None = None,
    content_length: int | None = None,
) -> AnswerHead:
    """An answer's head."""
    return AnswerHead(
        status=status,
        content_type=content_type,
        content_encoding=content_encoding,
        at_ns=START_NS + 100_000_000,
        served_model="gpt-test-2025-01-01",
        upstream_request_id="req-1",
        content_length=content_length,
    )


def recorded_sheaf(
    answer: bytes = b"",
    *,
    request: bytes | dict[str, Any] | None = None,
    answer_head: AnswerHead | None = None,
    opening: Opening | None = None,
    transport: Ending | None = None,
    detail: str | None = None,
    **capture: Any,
) -> Sheaf:
    """The records of one exchange; by default a streamed chat that ended well."""
    asked = {"messages": [{"role": "user", "content": "hi"}], "stream": True}
    body = asked if request is None else request
    captured = Captured(
        request_body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        answer_head=answer_head or head(),
        answer_body=answer,
        answer_whole=transport is None,
        transport=transport,
        detail=detail,
        ended_ns=START_NS + 2_000_000_000,
        timing=ChunkTiming(first_ns=START_NS + 250_000_000, last_ns=START_NS + 1_500_000_000),
    )
    if capture:
        fields = {name: getattr(captured, name) for name in Captured.__struct_fields__}
        captured = Captured(**{**fields, **capture})
    return assemble(opening or opened(), captured, digest_key=DIGEST_KEY, salt=SALT)


def recorded(answer: bytes = b"", **how: Any) -> AuditRecord:
    """The record of one exchange that has one, as `recorded_sheaf` makes it."""
    (record,) = recorded_sheaf(answer, **how)
    return record


def chunk(delta: dict[str, Any] | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    """One chat completion chunk with one choice; `more` goes to the choice."""
    choice: dict[str, Any] = {"index": index, **more}
    if delta is not None:
        choice["delta"] = delta
    return {"id": "chatcmpl-1", "model": "gpt-test", "created": 5, "choices": [choice]}


def stream(*documents: object, done: bool = True) -> bytes:
    """An event stream of JSON documents, with `[DONE]` at its end."""
    events = [f"data: {json.dumps(document)}\n\n" for document in documents]
    return "".join([*events, "data: [DONE]\n\n"] if done else events).encode()


def keeper() -> Keeper:
    """A keeper whose digests have the length of real ones."""
    return Keeper(lambda data: f"{len(data):064}")
