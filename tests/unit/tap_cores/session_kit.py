"""What the tests of sessions share: records of WebSocket connections, and what is in them."""

from __future__ import annotations

import base64
from typing import Any

from msgspec.structs import replace

from audit.digest import keyed_digest
from audit.exchange import AnswerHead, Ending
from audit.parts import Extra, Media, Part, Text
from audit.record import AuditRecord, ExchangeFacts, Output, Request, Response, Usage
from audit.sheaf import Sheaf, read_sheaf, sheaf_json
from tap.dialects.session_totals import combined, summed
from tests.harness.frames import Writer, close
from tests.unit.tap_cores.kit import DIGEST_KEY, START_NS, opened, recorded_sheaf

__all__ = [
    "REALTIME",
    "RESPONSES",
    "b64",
    "digest",
    "extras",
    "joined",
    "media",
    "raw_session",
    "raw_sheaf",
    "said",
    "session",
    "sheaf",
    "switched",
    "texts",
]

Json = Any
Event = dict[str, Json]

REALTIME = "/openai/realtime"
RESPONSES = "/openai/v1/responses"


def raw_sheaf(
    client: bytes,
    server: bytes,
    *,
    path: str = REALTIME,
    extensions: str | None = None,
    transport: Ending | None = Ending.TUNNELLED,
    detail: str | None = "client_closed",
    **capture: Json,
) -> Sheaf:
    """The records of a connection whose bytes after the upgrade are these, as their JSON has it."""
    records = recorded_sheaf(
        server,
        request=client,
        opening=opened(path, method="GET", content_type=None, upgrade="websocket"),
        answer_head=switched(extensions),
        transport=transport,
        detail=detail,
        **capture,
    )
    assert read_sheaf(sheaf_json(records)) == records
    return records


def raw_session(client: bytes, server: bytes, **how: Json) -> AuditRecord:
    """All that the records of such a connection say, as one record."""
    return joined(raw_sheaf(client, server, **how))


def joined(records: Sheaf) -> AuditRecord:
    """The whole session: what was said and answered in all records, one after the other.

    Verdicts stand at the index of their output, and what belongs to no response comes last.
    """
    last = records[-1]
    outputs = [each for record in records for each in record.response.outputs]
    outputs.sort(key=lambda each: each.role == "session")
    numbered = [replace(each, index=index) for index, each in enumerate(outputs)]
    errors = [each.response.error for each in (last, *records) if each.response.error]
    return replace(
        last,
        id=records[0].id,
        tap=replace(last.tap, record=1, records=1),
        exchange=_facts(records),
        request=_asked(records),
        response=Response(outputs=tuple(numbered), error=errors[0] if errors else None),
        safety=combined([each.safety for each in records]),
        usage=_usage(records),
    )


def _facts(records: Sheaf) -> ExchangeFacts:
    last = records[-1].exchange
    flags = {flag for record in records for flag in record.exchange.flags}
    answers = [each.exchange.response_id for each in records if each.exchange.response_id]
    return replace(
        last,
        flags=tuple(sorted(flags)),
        response_id=answers[0] if len(answers) == 1 else None,
        requested_model=records[0].exchange.requested_model or last.requested_model,
        reported_model=records[0].exchange.reported_model or last.reported_model,
    )


def _asked(records: Sheaf) -> Request:
    requests = [each.request for each in records]
    parameters = requests[-1].parameters | {
        "responses": [e for r in requests for e in r.parameters.get("responses", [])]
    }
    return replace(
        requests[-1],
        messages=tuple(each for request in requests for each in request.messages),
        tools=tuple(dict.fromkeys(each for request in requests for each in request.tools)),
        references=tuple(
            dict.fromkeys(each for request in requests for each in request.references)
        ),
        parameters={name: each for name, each in parameters.items() if each},
    )


def _usage(records: Sheaf) -> Usage:
    usages = [each.usage for each in records if each.usage.reported]
    reported: dict[str, Json] = {"responses": []}
    for usage in usages:
        for name, objects in usage.reported.items():
            reported.setdefault(name, []).extend(objects)
    return replace(summed(usages), reported=reported) if usages else Usage()


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
    """A whole session in which these events were sent, and which both sides closed."""
    return joined(sheaf(client, server, **how))


def sheaf(client: list[Event], server: list[Event], **how: Json) -> Sheaf:
    """The records of such a session."""
    asked, answered = Writer(masked=True), Writer()
    return raw_sheaf(
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
