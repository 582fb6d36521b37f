"""Threads and runs in a record: prompts, references, and plain answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from audit.exchange import Ending
from audit.parts import Extra, Media, Text, ToolResult
from audit.record import Message, Reference
from audit.value import to_json
from tests.unit.tap_cores.assistants_kit import (
    MESSAGE,
    RUN,
    RUNS,
    THREAD,
    asked,
    plain,
    said,
    text,
)
from tests.unit.tap_cores.kit import opened, recorded

Json = Any


def test_the_prompt_of_a_run_is_in_all_its_places() -> None:
    """Instructions, a new thread's messages and further ones are messages in that order."""
    record = asked(
        {
            "assistant_id": "asst_1",
            "model": "gpt-test",
            "instructions": "Be kind.",
            "additional_instructions": "Be brief.",
            "thread": {
                "messages": [{"role": "user", "content": "one"}],
                "metadata": {"a": "b"},
            },
            "additional_messages": [
                {"role": "assistant", "content": [{"type": "text", "text": "two"}]}
            ],
            "temperature": 0.5,
        }
    )
    assert record.exchange.operation == "threads.runs"
    assert record.request.messages == (
        Message(role="system", parts=(Text(text="Be kind."),)),
        Message(role="system", parts=(Text(text="Be brief."),)),
        Message(role="user", parts=(Text(text="one"),)),
        Message(role="assistant", parts=(Text(text="two"),)),
    )
    assert record.request.parameters == {
        "assistant_id": "asst_1",
        "model": "gpt-test",
        "temperature": 0.5,
        "thread": {"metadata": {"a": "b"}},
    }
    assert record.exchange.requested_model == "gpt-test"


def test_what_is_elsewhere_is_a_reference() -> None:
    """Thread and run stand in the path; the assistant, files and stores in the body."""
    record = asked(
        {
            "assistant_id": "asst_1",
            "tool_resources": {
                "code_interpreter": {"file_ids": ["file_1"]},
                "file_search": {"vector_store_ids": ["vs_1"]},
            },
            "thread": {
                "tool_resources": {"file_search": {"vector_stores": [{"file_ids": ["file_2"]}]}}
            },
        }
    )
    assert record.request.references == (
        Reference(kind="thread", id="thread_1"),
        Reference(kind="assistant", id="asst_1"),
        Reference(kind="file", id="file_1"),
        Reference(kind="vector_store", id="vs_1"),
        Reference(kind="file", id="file_2"),
    )
    polled = recorded(b"{}", request=b"", opening=opened(f"{THREAD}/messages", method="GET"))
    assert polled.request.references == (Reference(kind="thread", id="thread_1"),)


def test_a_message_added_to_a_thread_is_the_prompt() -> None:
    """Its text, pictures and files keep their order; attached files are references."""
    content = [
        {"type": "text", "text": "look"},
        {"type": "image_file", "image_file": {"file_id": "file_1"}},
        {"type": "image_url", "image_url": {"url": "https://blob.example/a.png?sig=PLANTED"}},
        {"type": "smell", "smell": 1},
    ]
    attached = [{"file_id": "file_2", "tools": [{"type": "file_search"}]}]
    record = asked(
        {"role": "user", "content": content, "attachments": attached, "metadata": {"k": "v"}},
        f"{THREAD}/messages",
    )
    (asked_for,) = record.request.messages
    assert asked_for.role == "user"
    assert asked_for.parts == (
        Text(text="look"),
        Media(name="file_1"),
        Media(url="https://blob.example/a.png"),
        Extra(name="content.smell", text='{"type":"smell","smell":1}'),
        Extra(name="message.attachments", text=json.dumps(attached, separators=(",", ":"))),
    )
    assert record.request.references[1:] == (
        Reference(kind="file", id="file_1"),
        Reference(kind="file", id="file_2"),
    )
    assert record.request.parameters == {"metadata": {"k": "v"}}


def test_base64_in_an_unknown_part_is_media() -> None:
    """It never becomes text: the extra holds a mark, and the media stand behind it."""
    odd = {"type": "scent", "data": "AAEC" * 200}
    (message,) = asked({"role": "user", "content": [odd]}, f"{THREAD}/messages").request.messages
    extra, media = message.parts
    assert isinstance(media, Media)
    assert media.bytes == 600
    assert extra == Extra(
        name="content.scent",
        text=f'{{"type":"scent","data":"[media:{(media.digest or "")[:16]}]"}}',
    )


def test_a_thread_opened_with_messages_holds_prompts() -> None:
    """A thread's first messages are messages of the request that opens it."""
    body = {"messages": [{"role": "user", "content": "one"}, "odd"]}
    record = asked(body, "/v1/threads")
    assert record.exchange.operation == "threads"
    assert record.request.messages == (
        Message(role="user", parts=(Text(text="one"),)),
        Message(role="unknown", parts=(Extra(name="message", text='"odd"'),)),
    )


def test_what_tools_gave_is_handed_in_as_results() -> None:
    """Each output is a result under the id of its call, in a message of its own."""
    outputs = [
        {"tool_call_id": "call_1", "output": "warm"},
        {"tool_call_id": "call_2", "output": {"c": 20}, "note": 1},
        {"tool_call_id": "call_3"},
    ]
    record = asked({"tool_outputs": outputs}, f"{RUNS}/run_1/submit_tool_outputs")
    assert record.exchange.operation == "threads.runs.submit_tool_outputs"
    assert record.request.messages == (
        Message(role="tool", parts=(ToolResult(id="call_1", text="warm"),)),
        Message(
            role="tool",
            parts=(
                ToolResult(id="call_2", text='{"c":20}'),
                Extra(name="tool_outputs.note", text="1"),
            ),
        ),
        Message(role="tool", parts=(ToolResult(id="call_3"),)),
    )
    assert record.request.references == (
        Reference(kind="thread", id="thread_1"),
        Reference(kind="run", id="run_1"),
    )


def test_tools_of_a_run_are_named_and_digested() -> None:
    """Functions have names, the server's own tools are called by their type."""
    tools = [{"type": "function", "function": {"name": "f"}}, {"type": "file_search"}, 3]
    record = asked({"tools": tools})
    assert [tool.name for tool in record.request.tools] == ["f", "file_search", "unnamed"]


def test_a_plain_run_is_read_like_the_last_event_of_a_stream() -> None:
    """A run that was only queued is a whole answer; what it waits for is called."""
    queued = plain({**RUN, "status": "queued"})
    assert queued.exchange.ending is Ending.COMPLETE
    assert queued.response.outputs[0].finish_reason is None
    gone = plain({**RUN, "status": "queued"}, transport=Ending.CLIENT_DISCONNECTED)
    assert gone.exchange.ending is Ending.COMPLETE
    failed = plain({**RUN, "status": "failed", "last_error": {"code": "server_error"}})
    assert failed.exchange.ending is Ending.FAILED
    assert failed.exchange.ending_detail == "error_body"


def test_listed_messages_are_outputs_in_their_order() -> None:
    """This is where the answer of a run that was polled stands."""
    listed = [
        {**MESSAGE, "status": "completed", "content": [text("two")]},
        {**MESSAGE, "id": "msg_0", "role": "user", "content": [text("one")]},
        9,
    ]
    body = {"object": "list", "data": listed, "has_more": True}
    record = plain(body, f"{THREAD}/messages")
    first, second = record.response.outputs
    assert (first.role, said(first)) == ("assistant", [Text(text="two")])
    assert second.role == "user"
    assert said(second) == [
        Text(text="one"),
        Extra(name="has_more", text="true"),
        Extra(name="data", text="[9]"),
    ]


def test_a_plain_message_a_thread_and_an_error_are_read() -> None:
    """One message is an output, a thread is kept as it stands, an error is one."""
    one = plain({**MESSAGE, "content": [text("Hi")]}, f"{THREAD}/messages")
    assert (one.exchange.response_id, said(one.response.outputs[0])) == (
        "msg_1",
        [Text(text="Hi")],
    )
    thread = plain({"id": "thread_1", "object": "thread"}, "/v1/threads")
    assert thread.exchange.response_id == "thread_1"
    assert thread.response.outputs[0].parts == (
        Extra(name="thread", text='{"id":"thread_1","object":"thread"}'),
    )
    refused = plain({"error": {"message": "no such thread", "code": "404"}}, status=404)
    assert refused.exchange.ending is Ending.REJECTED
    assert refused.response.error is not None
    assert refused.response.error.code == "404"


@pytest.mark.parametrize("answer", [[], 3, None, {}, {"object": "list"}, {"object": ["x"]}])
def test_a_plain_answer_of_any_shape_is_a_record(answer: Json) -> None:
    """Nothing makes the reading fail, and the body's end is the answer's."""
    assert plain(answer).exchange.ending is Ending.COMPLETE


@pytest.mark.parametrize("body", [b"no json", b"[1]", b'{"thread": 3, "messages": {}}', b"{}"])
def test_a_request_of_any_shape_is_a_record(body: bytes) -> None:
    """Whatever the body is, a record is made of it."""
    record = recorded(body and b"{}", request=body, opening=opened(RUNS))
    assert to_json(record)
