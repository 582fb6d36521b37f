"""Whether the record of a recorded run says what the streams' index says."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from audit.exchange import Ending
from audit.parts import Extra, Part, Text, ToolCall, ToolResult
from audit.record import AuditRecord, Output
from tests.harness.corpus import Entry, expected_of

__all__ = ["check_assistants"]

Json = Any

_STOPPED = ("requires_action", "completed", "incomplete", "failed", "cancelled", "expired")


def check_assistants(record: AuditRecord, entry: Entry) -> None:
    """Assert that messages, calls, state, usage, ids and ending agree with the index."""
    expected = expected_of(entry)
    outputs = record.response.outputs
    said = [output for output in outputs if _named(output.parts, "thread.message")]
    for output, message in zip(said, expected["messages"], strict=True):
        _check_message(output, message)
    _check_calls(outputs, expected)
    usage = expected.get("usage") or {}
    assert record.usage.input == usage.get("prompt_tokens")
    assert record.usage.output == usage.get("completion_tokens")
    assert record.usage.reported == (usage or None)
    if expected.get("run_id"):
        _check_run(record, expected)
    assert record.exchange.ending is _ending(expected)
    assert msgspec.json.decode(msgspec.json.encode(record), type=AuditRecord) == record


def _named(parts: tuple[Part, ...], name: str) -> list[dict[str, Json]]:
    return [
        json.loads(part.text) for part in parts if isinstance(part, Extra) and part.name == name
    ]


def _check_message(output: Output, message: dict[str, Json]) -> None:
    texts = [part.text for part in output.parts if isinstance(part, Text)]
    assert "".join(texts) == (message["text"] or "")
    assert output.role == message["role"]
    assert _named(output.parts, "thread.message")[0]["id"] == message["id"]


def _check_calls(outputs: tuple[Output, ...], expected: dict[str, Json]) -> None:
    details = [step["step_details"] or {} for step in expected["steps"]]
    details += [step.get("delta_step_details") or {} for step in expected["steps"]]
    action = (expected.get("required_action") or {}).get("submit_tool_outputs") or {}
    calls = [call for holder in (*details, action) for call in holder.get("tool_calls") or []]
    kept = {part.id: part for out in outputs for part in out.parts if isinstance(part, ToolCall)}
    assert set(kept) == {call["id"] for call in calls}
    results = {part.id for out in outputs for part in out.parts if isinstance(part, ToolResult)}
    for call in calls:
        if call["type"] == "function":
            assert kept[call["id"]].name == call["function"]["name"]
            assert kept[call["id"]].arguments == call["function"]["arguments"]
            assert (call["id"] in results) or call["function"].get("output") is None


def _check_run(record: AuditRecord, expected: dict[str, Json]) -> None:
    last = record.response.outputs[-1]
    run = _named(last.parts, "thread.run")[0]
    assert (record.exchange.response_id, run["id"]) == (expected["run_id"], expected["run_id"])
    assert run["thread_id"] == expected["thread_id"]
    assert run["assistant_id"] == expected["assistant_id"]
    assert record.exchange.reported_model == expected["model"]
    stopped = expected["status"] in _STOPPED
    assert (last.finish_reason is not None) == stopped


def _ending(expected: dict[str, Json]) -> Ending:
    status = expected.get("status")
    if expected["errors"] or expected.get("last_error") or status == "failed":
        return Ending.FAILED
    finished = expected["terminal"] != "eof" or status in _STOPPED
    return Ending.COMPLETE if finished else Ending.UPSTREAM_DISCONNECTED
