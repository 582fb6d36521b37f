"""Whether the record of a recorded Messages stream says what the streams' index says."""

from __future__ import annotations

from typing import Any

import msgspec

from audit.exchange import Ending
from audit.parts import Citation, Media, Part, Reasoning, Text, ToolCall, ToolResult
from audit.record import AuditRecord
from tests.harness.corpus import Entry, expected_of

__all__ = ["check_anthropic"]

Json = Any

# The index shortens longer strings; a test can only count and compare their beginning.
_SHORTENED = "__long__"


def check_anthropic(record: AuditRecord, entry: Entry) -> None:
    """Assert that blocks, texts, calls, reason, usage and ending agree with the index."""
    expected = expected_of(entry)
    answer = record.response.outputs[-1] if record.response.outputs else None
    parts = answer.parts if answer else ()
    assert _whole(expected.get("text") or "", _said(parts))
    assert (answer.finish_reason if answer else None) == expected.get("stop_reason")
    blocks = expected.get("content") or []
    _check_thoughts(parts, blocks)
    _check_tools(parts, blocks)
    _check_citations(parts, blocks)
    _check_counts(record, expected)
    assert record.exchange.response_id == (expected.get("id") or None)
    assert record.exchange.ending is _ending(expected)
    assert ("answer_restarted" in record.exchange.flags) == (len(record.response.outputs) > 1)
    assert msgspec.json.decode(msgspec.json.encode(record), type=AuditRecord) == record


def _said(parts: tuple[Part, ...]) -> str:
    return "".join(part.text for part in parts if isinstance(part, Text))


def _whole(text: Json, kept: str) -> bool:
    """Whether a kept text is the one of the index, which may be shortened there."""
    if isinstance(text, dict) and _SHORTENED in text:
        return len(kept) == text["chars"] and kept.startswith(text["head"])
    return bool(kept == text)


def _check_thoughts(parts: tuple[Part, ...], blocks: list[dict[str, Json]]) -> None:
    thoughts = [block["thinking"] for block in blocks if block.get("thinking")]
    kept = [part.text for part in parts if isinstance(part, Reasoning)]
    assert len(kept) == len(thoughts)
    assert all(_whole(text, mine) for text, mine in zip(thoughts, kept, strict=True))
    hidden = [block for block in blocks if block["type"] == "redacted_thinking"]
    media = [part for part in parts if isinstance(part, Media)]
    assert sum(part.name == "redacted_thinking" for part in media) == len(hidden)
    signed = [block for block in blocks if block["type"] == "thinking" and block.get("signature")]
    assert sum(part.name == "thinking.signature" for part in media) == len(signed)


def _check_tools(parts: tuple[Part, ...], blocks: list[dict[str, Json]]) -> None:
    calls = [block for block in blocks if block["type"].endswith("tool_use")]
    kept = [part for part in parts if isinstance(part, ToolCall)]
    assert [(call.id, call.name) for call in kept] == [
        (block["id"], block["name"]) for block in calls
    ]
    for call, block in zip(kept, calls, strict=True):
        said = block.get("input_json")
        assert _whole(said, call.arguments) if said else _read(call.arguments) == block["input"]
    results = [block["tool_use_id"] for block in blocks if block["type"].endswith("tool_result")]
    answered = [part.id for part in parts if isinstance(part, ToolResult)]
    assert list(dict.fromkeys(answered)) == list(dict.fromkeys(results))


def _read(text: str) -> Json:
    return msgspec.json.decode(text)


def _check_citations(parts: tuple[Part, ...], blocks: list[dict[str, Json]]) -> None:
    cited = [each for block in blocks for each in block.get("citations") or []]
    kept = [part for part in parts if isinstance(part, Citation)]
    for part, each in zip(kept, cited, strict=True):
        assert _whole(each["cited_text"], part.text or "")
        assert part.title == (each.get("title") or each.get("document_title"))


def _check_counts(record: AuditRecord, expected: dict[str, Json]) -> None:
    reported = expected.get("usage") or {}
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    whole = sum(reported.get(name) or 0 for name in names)
    assert record.usage.input == (whole if reported else None)
    if expected.get("stop_reason"):
        assert record.usage.output == reported.get("output_tokens")
    assert record.usage.reported == (reported or None)


def _ending(expected: dict[str, Json]) -> Ending:
    if expected.get("stop_reason") == "refusal":
        return Ending.FILTERED
    if expected["errors"]:
        return Ending.FAILED
    finished = expected["terminal"] == "message_stop" or expected.get("stop_reason")
    return Ending.COMPLETE if finished else Ending.UPSTREAM_DISCONNECTED
