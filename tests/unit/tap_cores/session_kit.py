"""What the tests of sessions share: records of WebSocket connections, and what is in them."""

from __future__ import annotations

import base64
from typing import Any

from audit.digest import keyed_digest
from audit.exchange import AnswerHead, Ending
from audit.parts import Extra, Media, Part, Text
from audit.record import AuditRecord, Output
from audit.value import from_json, to_json
from tests.harness.frames import Writer, close
from tests.unit.tap_cores.kit import DIGEST_KEY, START_NS, opened, recorded

__all__ = [
    "REALTIME",
    "RESPONSES",
    "b64",
    "digest",
    "extras",
    "media",
    "raw_session",
    "said",
    "session",
    "switched",
    "texts",
]

Json = Any
Event = dict[str, Json]

REALTIME = "/openai/realtime"
RESPONSES = "/openai/v1/responses"


def raw_session(
    client: bytes,
    server: bytes,
    *,
    path: str = REALTIME,
    extensions: str | None = None,
    transport: Ending | None = Ending.TUNNELLED,
    detail: str | None = "client_closed",
    **capture: Json,
) -> AuditRecord:
    """The record of a connection whose bytes after the upgrade are these, as its JSON gives it."""
    record = recorded(
        server,
        request=client,
        opening=opened(path, method="GET", content_type=None, upgrade="websocket"),
        answer_head=switched(extensions),
        transport=transport,
        detail=detail,
        **capture,
    )
    assert from_json(to_json(record), AuditRecord) == record
    return record


def switched(extensions: str | None = None) -> AnswerHead:
    """The head that takes an upgrade."""
    return AnswerHead(
        status=101,
        content_type=None,
        content_encoding=None,
        at_ns=START_NS,
        websocket_extensions=extensions,
    )


def session(client: list[Event], server: list[Event], **how: Json) -> AuditRecord:
    """The record of a session in which these events were sent, and which both sides closed."""
    asked, answered = Writer(masked=True), Writer()
    return raw_session(
        asked.events(*client) + close(masked=True), answered.events(*server) + close(), **how
    )


def b64(data: bytes) -> str:
    """Base64 of audio."""
    return base64.b64encode(data).decode()


def digest(data: bytes) -> str:
    """The digest that a record has of it."""
    return keyed_digest(DIGEST_KEY, data)


def said(record: AuditRecord) -> list[tuple[str, str]]:
    """The texts of the prompt, each with its role."""
    return [
        (message.role, part.text)
        for message in record.request.messages
        for part in message.parts
        if isinstance(part, Text)
    ]


def texts(output: Output) -> list[str]:
    """The texts of an output."""
    return [part.text for part in output.parts if isinstance(part, Text)]


def media(parts: tuple[Part, ...]) -> list[tuple[str | None, int | None, str | None]]:
    """Type, size and digest of each medium."""
    return [(each.mime, each.bytes, each.digest) for each in parts if isinstance(each, Media)]


def extras(parts: tuple[Part, ...]) -> dict[str, str]:
    """The extras by name."""
    return {each.name: each.text for each in parts if isinstance(each, Extra)}
