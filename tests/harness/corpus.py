"""The recorded streams: where they are, what their index expects, and whether a record agrees.

The recordings live outside the project, in the folder that `AUDITSTREAM_STREAMS` names; tests
that need them are skipped without it.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from audit.exchange import Ending
from audit.parts import Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from audit.record import AuditRecord, Output

__all__ = [
    "ANTHROPICS",
    "ASSISTANTS",
    "CHATS",
    "COMPLETIONS",
    "ERRORS",
    "EVERY",
    "GEMINIS",
    "IMAGES",
    "MISSING",
    "NDJSONS",
    "RESPONSES",
    "TRANSCRIPTS",
    "WHY_MISSING",
    "Entry",
    "by_id",
    "check_chat",
    "check_error",
    "check_prompt",
    "content_encoding",
    "expected_of",
    "random_pieces",
    "recorded_body",
    "recorded_request",
    "split_pieces",
]

Json = Any
Entry = dict[str, Json]

_FOLDER = os.environ.get("AUDITSTREAM_STREAMS", "")
_INDEX = Path(_FOLDER) / "index.json"

MISSING = not (_FOLDER and _INDEX.is_file())
WHY_MISSING = "AUDITSTREAM_STREAMS names no folder of recorded streams"


def _entries(*formats: str) -> list[Entry]:
    if MISSING:
        return [{"id": "none-recorded", "request_texts": ["none"]}]
    streams = json.loads(_INDEX.read_text())["streams"]
    return [entry for entry in streams if entry["format"] in formats]


ANTHROPICS = _entries("anthropic")
ASSISTANTS = _entries("assistants")
CHATS = _entries("chat")
COMPLETIONS = _entries("completions")
ERRORS = _entries("error-body")
EVERY = [] if MISSING else json.loads(_INDEX.read_text())["streams"]
GEMINIS = _entries("gemini")
IMAGES = _entries("images")
NDJSONS = _entries("ndjson")
RESPONSES = _entries("responses")
TRANSCRIPTS = _entries("transcription")


def by_id(entry: Entry) -> str:
    """Name a test's parameter."""
    return str(entry["id"])


def expected_of(entry: Entry) -> dict[str, Json]:
    """What the index says the stream adds up to."""
    expected: dict[str, Json] = entry["expected"]
    if "same_as" in expected:
        alike = _entries(entry["format"])
        return next(expected_of(other) for other in alike if other["id"] == expected["same_as"])
    return expected


def recorded_body(entry: Entry) -> bytes:
    """The answer's body as recorded."""
    return Path(_FOLDER, entry["file"]).read_bytes()


def recorded_request(entry: Entry) -> bytes | None:
    """The request's body, where one was recorded."""
    file = entry.get("request_file")
    return Path(_FOLDER, file).read_bytes() if file else None


def content_encoding(entry: Entry) -> str | None:
    """Only entries that carry headers of their own are still encoded."""
    encoding: str | None = entry.get("headers", {}).get("content-encoding")
    return encoding


def random_pieces(data: bytes, seed: int) -> list[bytes]:
    """Cut at random places, from single bytes to a few thousand; a seed gives the same cuts."""
    return list(_cut_at_random(data, random.Random(seed)))


def _cut_at_random(data: bytes, chance: random.Random) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        step = chance.choice((1, 2, 3, 7, 50, 400, 3000))
        yield data[at : at + step]
        at += step


def split_pieces(entry: Entry, data: bytes) -> list[bytes]:
    """Cut where the index says that it hurts; whole where it says nothing."""
    offsets = [0, *entry.get("split_offsets", []), *entry.get("flush_offsets", []), len(data)]
    offsets = sorted({offset for offset in offsets if offset <= len(data)})
    return [data[start:end] for start, end in pairwise(offsets)]


def check_chat(record: AuditRecord, entry: Entry) -> None:
    """Assert that texts, calls, finish reasons, usage and ending agree with the index."""
    expected = expected_of(entry)
    outputs = record.response.outputs
    for output, choice in zip(outputs, expected["choices"], strict=bool(expected["choices"])):
        _check_choice(output, choice)
    reported = expected["usage"] or {}
    assert record.usage.input == reported.get("prompt_tokens")
    assert record.usage.output == reported.get("completion_tokens")
    assert record.usage.total == reported.get("total_tokens")
    assert record.usage.reported == expected["usage"]
    assert record.exchange.response_id == (expected["id"] or None)
    assert record.exchange.reported_model == (expected["model"] or None)
    assert record.exchange.ending is _ending(expected)
    assert msgspec.json.decode(msgspec.json.encode(record), type=AuditRecord) == record


def _check_choice(output: Output, choice: dict[str, Json]) -> None:
    said = "".join(part.text for part in output.parts if isinstance(part, Text))
    spoken = (choice.get("audio") or {}).get("transcript") or ""
    assert said == (choice["content"] or "") + _legacy_text(choice) + spoken
    refused = "".join(part.text for part in output.parts if isinstance(part, Refusal))
    assert refused == (choice["refusal"] or "")
    thought = "".join(part.text for part in output.parts if isinstance(part, Reasoning))
    assert thought == (choice["reasoning"] or "")
    calls = [part for part in output.parts if isinstance(part, ToolCall)]
    assert [(call.id, call.name, call.arguments) for call in calls] == [
        (call["id"], call["name"], call["arguments"]) for call in choice["tool_calls"] or []
    ]
    assert output.finish_reason == choice["finish_reason"]


def _legacy_text(choice: dict[str, Json]) -> str:
    messages = choice.get("oyd_messages") or []
    return "".join(message["delta"]["content"] for message in messages)


def _ending(expected: dict[str, Json]) -> Ending:
    reasons = [choice["finish_reason"] for choice in expected["choices"]]
    if "content_filter" in reasons:
        return Ending.FILTERED
    if expected["errors"]:
        return Ending.FAILED
    finished = expected["terminal"] == "done" or all(reasons)
    return Ending.COMPLETE if finished else Ending.UPSTREAM_DISCONNECTED


def check_error(record: AuditRecord, entry: Entry) -> None:
    """Assert that ending, code, type and message of a recorded error are in the record."""
    expected = entry["expected"]
    filtered = expected["error_code"] == "content_filter"
    assert record.exchange.ending is (Ending.FILTERED if filtered else Ending.REJECTED)
    error = record.response.error
    assert (error.code if error else None) == expected["error_code"]
    assert (error.type if error else None) == expected["error_type"]
    prefix = expected.get("error_message_prefix") or ""
    assert ((error.message if error else None) or "").startswith(prefix)


def check_prompt(record: AuditRecord, entry: Entry) -> None:
    """Assert that each text leaf of the recorded request, by length and digest, is a part."""
    asked = record.request
    kept = [_text(part) for message in asked.messages for part in message.parts]
    kept += _parameter_texts(asked.parameters)
    said = {(len(text), hashlib.sha256(text.encode()).hexdigest()) for text in kept if text}
    for leaf in entry.get("request_texts") or []:
        assert (leaf["chars"], leaf["sha256"]) in said


def _parameter_texts(parameters: dict[str, Json]) -> list[str | None]:
    """Requests of other formats, read as a chat, keep their prompt among the parameters."""
    return [parameters.get("prompt"), *(item["content"] for item in parameters.get("input", []))]


def _text(part: Part) -> str | None:
    return part.text if isinstance(part, Text | Reasoning | Refusal | ToolResult) else None
