"""Chats in lines of JSON, a guest: read like a stream, recorded as `opaque` by its operation."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from audit.digest import keyed_digest
from audit.exchange import Dialect, Ending
from audit.parts import Extra, Media, Reasoning, Text, ToolCall, ToolResult
from audit.record import AuditRecord
from tests.unit.tap_cores.kit import DIGEST_KEY, chunk, head, opened, recorded

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
LINES = head(200, "application/x-ndjson")
COUNTS = {"prompt_eval_count": 5, "eval_count": 3, "total_duration": 9}
DONE = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
END = {**DONE, **COUNTS}


def line(field: str = "content", text: str = "", **more: Any) -> dict[str, Any]:
    """One line of `api/chat`."""
    message = {"role": "assistant", field: text, **more}
    return {"model": "m-1", "created_at": "2025-01-01T00:00:00Z", "message": message, "done": False}


def chat(*lines: dict[str, Any], request: Any = CHAT, path: str = "/api/chat") -> AuditRecord:
    """The record of an answer in lines."""
    answer = "".join(f"{json.dumps(each)}\n" for each in lines).encode()
    return recorded(answer, request=request, opening=opened(path), answer_head=LINES)


def test_lines_are_read_and_are_opaque_by_name_only() -> None:
    """Text, model, usage and finish reason stand in their places; `done` is the end."""
    record = chat(line(text="Hel"), line(text="lo"), END)
    facts = record.exchange
    assert (facts.dialect, facts.operation) == (Dialect.OPAQUE, "generate")
    assert (facts.requested_model, facts.reported_model) == ("m", "m-1")
    assert (facts.streamed, facts.flags, facts.ending) == (True, (), Ending.COMPLETE)
    output = record.response.outputs[0]
    assert (output.role, output.finish_reason) == ("assistant", "stop")
    assert output.parts == (Text(text="Hello"),)
    assert (record.usage.input, record.usage.output, record.usage.total) == (5, 3, 8)
    assert record.usage.reported == COUNTS


def test_lines_without_done_broke_off() -> None:
    """On a clean HTTP end the last line must say so; after a cut, what came is kept."""
    record = chat(line(text="Hel"))
    assert record.exchange.ending is Ending.UPSTREAM_DISCONNECTED
    assert record.exchange.ending_detail == "no_terminal_event"
    assert record.response.outputs[0].parts == (Text(text="Hel"),)


@pytest.mark.parametrize("cut", [Ending.CLIENT_DISCONNECTED, Ending.TAP_CRASHED])
def test_a_cut_after_done_changes_nothing(cut: Ending) -> None:
    """Clients close as soon as they have read the last line."""
    answer = b"".join(json.dumps(each).encode() + b"\n" for each in (line(text="x"), END))
    opening = opened("/api/chat")
    record = recorded(answer, request=CHAT, opening=opening, answer_head=LINES, transport=cut)
    assert record.exchange.ending is Ending.COMPLETE


def test_thoughts_calls_and_texts_stand_in_their_order() -> None:
    """Neighbours are joined; arguments that are an object become its text."""
    call = {"function": {"name": "f", "arguments": {"x": 1}}}
    record = chat(
        line("thinking", "let "),
        line("thinking", "me"),
        line(text="A"),
        line(tool_calls=[call]),
        line(text="B"),
        END,
    )
    assert record.response.outputs[0].parts == (
        Reasoning(text="let me"),
        Text(text="A"),
        ToolCall(name="f", arguments='{"x":1}'),
        Text(text="B"),
    )


def test_generate_has_a_prompt_where_chat_has_messages() -> None:
    """System text, prompt, suffix and images are read; token ids are no text."""
    request = {
        "model": "m",
        "system": "be brief",
        "prompt": "2+",
        "suffix": "=4",
        "images": [base64.b64encode(b"ab").decode()],
        "context": [1] * 200,
        "stream": False,
    }
    answer = json.dumps({"response": "2", "context": [7] * 200, **DONE, **COUNTS}).encode()
    record = recorded(
        answer,
        request=request,
        opening=opened("/ollama/api/generate"),
        answer_head=head(200, "application/json"),
    )
    system, user = record.request.messages
    assert (system.role, system.parts) == ("system", (Text(text="be brief"),))
    image = Media(mime="image", bytes=2, digest=keyed_digest(DIGEST_KEY, b"ab"))
    assert user.parts == (Text(text="2+"), Text(text="=4"), image)
    assert record.request.parameters["context"].startswith("[numbers:200:")
    text, context = record.response.outputs[0].parts
    assert text == Text(text="2")
    assert isinstance(context, Extra)
    assert context.text.startswith('["[numbers:') or context.text.startswith('"[numbers:')
    assert record.exchange.flags == ()


def test_earlier_turns_are_read_whole() -> None:
    """Thoughts, images, calls and the results of tools of a conversation are its parts."""
    messages = [
        {"role": "user", "content": "see", "images": ["YWI="]},
        {"role": "assistant", "thinking": "hm", "tool_calls": [{"function": {"name": "f"}}]},
        {"role": "tool", "tool_name": "f", "content": "22"},
        {"role": "user", "content": "so?", "new": 1},
        "odd",
    ]
    tools = [{"type": "function", "function": {"name": "f"}}]
    record = chat(END, request={"messages": messages, "tools": tools, "options": {"seed": 1}})
    image = Media(mime="image", bytes=2, digest=keyed_digest(DIGEST_KEY, b"ab"))
    assert [message.parts for message in record.request.messages] == [
        (Text(text="see"), image),
        (Reasoning(text="hm"), ToolCall(name="f")),
        (ToolResult(name="f", text="22"),),
        (Text(text="so?"), Extra(name="message.new", text="1")),
        (Extra(name="message", text='"odd"'),),
    ]
    assert [tool.name for tool in record.request.tools] == ["f"]
    assert record.request.parameters == {"options": {"seed": 1}}
    assert record.exchange.flags == ("request_malformed",)


def test_an_error_line_fails_the_exchange() -> None:
    """The error is a string; the text before it is kept."""
    record = chat(line(text="Hel"), {"error": "out of memory"})
    assert record.exchange.ending is Ending.FAILED
    assert record.exchange.ending_detail == "error_event"
    assert record.response.error is not None
    assert record.response.error.message == "out of memory"
    assert record.response.outputs[0].parts == (Text(text="Hel"),)
    body = b'{"error":"model not found"}'
    missing = recorded(body, request=CHAT, opening=opened("/api/chat"), answer_head=head(404, None))
    assert missing.exchange.ending is Ending.REJECTED


def test_a_request_that_says_nothing_asks_for_lines() -> None:
    """Lines are the default of the format, so that a plain answer to it is a surprise."""
    plain = json.dumps({**line(text="x"), **END}).encode()
    for asked, flags in ((CHAT, ("stream_answered_plain",)), ({**CHAT, "stream": False}, ())):
        record = recorded(
            plain,
            request=asked,
            opening=opened("/api/chat"),
            answer_head=head(200, "application/json"),
        )
        assert record.exchange.flags == flags


def test_usage_that_was_not_reported_stays_unknown() -> None:
    """A cached prompt is not counted by the server, and no count is no zero."""
    assert chat(line(text="x"), DONE).usage.reported is None
    usage = chat(line(text="x"), {**DONE, "eval_count": 3}).usage
    assert (usage.input, usage.output, usage.total) == (None, 3, None)


def test_what_has_no_shape_is_kept_and_flagged() -> None:
    """A torn line is read as far as it goes; odd lines and unknown fields are extras."""
    answer = b'{"message":{"content":"x"}}\n[1]\n{"new":"f"}\nno\n{"message":{"content":"y'
    record = recorded(answer, request={"q": 1}, opening=opened("/api/chat"), answer_head=LINES)
    assert record.response.outputs[0].parts == (
        Text(text="xy"),
        Extra(name="new", text='"f"'),
        Extra(name="line", text="[[1]]"),
    )
    assert {"request_malformed", "stream_malformed"} <= set(record.exchange.flags)


def test_a_named_dialect_that_is_answered_in_lines_reads_them() -> None:
    """Some gateways send a chat's chunks as lines; they are its chunks all the same."""
    lines = [chunk({"content": "Hel"}), chunk({"content": "lo"}, finish_reason="stop")]
    answer = "\n".join(json.dumps(each) for each in lines).encode()
    record = recorded(answer, answer_head=LINES)
    assert record.response.outputs[0].parts == (Text(text="Hello"),)
    assert record.exchange.ending is Ending.COMPLETE
    half = recorded(answer.partition(b"\n")[0] + b"\n", answer_head=LINES)
    assert half.exchange.ending is Ending.UPSTREAM_DISCONNECTED
