"""Whether the record of a recorded response says what the streams' index says."""

from __future__ import annotations

from typing import Any

import msgspec

from audit.exchange import Ending
from audit.parts import Citation, Media, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from audit.record import AuditRecord, Output
from tests.harness.corpus import Entry, expected_of

__all__ = ["check_responses"]

Json = Any

# The index shortens longer strings; a test can only count and compare their beginning.
_SHORTENED = "__long__"
# The types of calls whose arguments the index lists by themselves.
_LISTED = ("function_call", "custom_tool_call", "mcp_call", "mcp_approval_request")


def check_responses(record: AuditRecord, entry: Entry) -> None:
    """Assert that items, texts, calls, usage, errors and ending agree with the index."""
    expected = expected_of(entry)
    outputs = record.response.outputs
    items = expected.get("output") or []
    assert len(outputs) >= len(items)
    for output, item in zip(outputs, items, strict=False):
        _check_item(output, item, (expected.get("incomplete_details") or {}).get("reason"))
    if not items:
        _check_deltas(outputs, expected["from_deltas"])
    _check_counts(record, expected)
    assert record.exchange.response_id == (expected.get("id") or None)
    assert "model" not in expected or record.exchange.reported_model == expected["model"]
    assert record.exchange.ending is _ending(expected)
    _check_errors(record, expected)
    assert _unkept(outputs) or not _differing(expected)
    assert msgspec.json.decode(msgspec.json.encode(record), type=AuditRecord) == record


def _same(text: Json, kept: str) -> bool:
    """Whether a kept text is the one of the index, which may be shortened there."""
    if isinstance(text, dict) and _SHORTENED in text:
        return len(kept) == text["chars"] and kept.startswith(text["head"])
    return bool(kept == (text or ""))


def _said(parts: tuple[Part, ...], *kinds: type[Text | Reasoning | Refusal]) -> str:
    return "".join(part.text for part in parts if isinstance(part, kinds))


def _check_item(output: Output, item: dict[str, Json], reason: str | None) -> None:
    kind = item["type"]
    if kind == "message":
        _check_message(output, item)
    elif kind == "reasoning":
        listed = [*(item.get("summary") or []), *(item.get("content") or [])]
        thoughts = [part for part in output.parts if isinstance(part, Reasoning)]
        wanted = [part["text"] for part in listed if part.get("text")]
        assert all(_same(text, mine.text) for text, mine in zip(wanted, thoughts, strict=True))
        sealed = [part for part in output.parts if isinstance(part, Media)]
        assert len(sealed) == bool(item.get("encrypted_content"))
    elif kind in _LISTED:
        _check_call(output, item)
    elif kind.endswith("_call") or kind == "program":
        assert sum(isinstance(part, ToolCall) for part in output.parts) == 1
    status = item.get("status")
    assert output.finish_reason == (reason if status == "incomplete" and reason else status)


def _check_message(output: Output, item: dict[str, Json]) -> None:
    texts = [part for part in output.parts if isinstance(part, Text)]
    wanted = [part for part in item["content"] if part.get("text")]
    assert len(texts) == len(wanted)
    assert all(_same(part["text"], mine.text) for part, mine in zip(wanted, texts, strict=True))
    notes = [note for part in item["content"] for note in part.get("annotations") or []]
    named = [note for note in notes if {"url", "title", "filename"} & set(note)]
    assert len([part for part in output.parts if isinstance(part, Citation)]) == len(named)


def _check_call(output: Output, item: dict[str, Json]) -> None:
    (call,) = (part for part in output.parts if isinstance(part, ToolCall))
    assert call.id == (item.get("call_id") or item.get("id"))
    assert call.name == item["name"]
    assert _same(item.get("arguments") or item.get("input"), call.arguments)
    results = [part.text for part in output.parts if isinstance(part, ToolResult)]
    assert len(results) == bool(item.get("output")) + bool(item.get("error"))


def _check_deltas(outputs: tuple[Output, ...], items: list[dict[str, Json]]) -> None:
    """What the index makes of the deltas alone, where there is no final object."""
    by_index = {output.index: output for output in outputs}
    for item in items:
        if item["output_index"] is None:
            continue
        output = by_index[item["output_index"]]
        assert _same(item.get("text"), _said(output.parts, Text))
        thoughts = [*(item.get("summary") or []), item.get("reasoning_text") or ""]
        assert _said(output.parts, Reasoning) == "".join(thoughts)
        calls = [part.arguments for part in output.parts if isinstance(part, ToolCall)]
        assert "arguments" not in item or calls == [item["arguments"]]


def _check_counts(record: AuditRecord, expected: dict[str, Json]) -> None:
    reported = expected.get("usage") or {}
    assert record.usage.reported == expected.get("usage")
    assert record.usage.input == reported.get("input_tokens")
    assert record.usage.output == reported.get("output_tokens")
    assert record.usage.total == reported.get("total_tokens")
    filters = expected.get("content_filters") or []
    named = {name for entry in filters for name in entry.get("content_filter_results") or {}}
    verdicts = [*record.safety.prompt]
    verdicts += [verdict for output in record.safety.outputs for verdict in output.verdicts]
    assert {verdict.category for verdict in verdicts} == named


def _check_errors(record: AuditRecord, expected: dict[str, Json]) -> None:
    said = [error.get("error") or error for error in expected["errors"]]
    said += [expected["error"]] if expected.get("error") else []
    error = record.response.error
    assert (error is not None) == bool(said)
    if error is not None:
        assert (error.code, error.message) == (said[0].get("code"), said[0]["message"])


def _ending(expected: dict[str, Json]) -> Ending:
    if (expected.get("incomplete_details") or {}).get("reason") == "content_filter":
        return Ending.FILTERED
    if expected["errors"] or expected.get("error") or expected.get("status") == "failed":
        return Ending.FAILED
    return Ending.UPSTREAM_DISCONNECTED if expected["terminal"] == "eof" else Ending.COMPLETE


def _unkept(outputs: tuple[Output, ...]) -> bool:
    """Whether the record holds a streamed text beside the final one."""
    names = (getattr(part, "name", None) or "" for output in outputs for part in output.parts)
    return any(name.startswith("streamed.") for name in names)


def _differing(expected: dict[str, Json]) -> bool:
    """Whether what was streamed is not what the end says; a cut stream has no such end."""
    flags = ("delta_text_equals_final", "delta_arguments_equal_final")
    return any(expected.get(flag) is False for flag in flags)
