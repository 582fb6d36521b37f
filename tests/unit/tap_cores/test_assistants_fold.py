"""Streamed runs in a record: messages, their parts, steps and calls."""

from __future__ import annotations

import json
from typing import Any

from audit.exchange import Ending
from audit.parts import Citation, Extra, Media, Refusal, Text, ToolCall, ToolResult
from tap.dialects.growing import Growing
from tests.unit.tap_cores.assistants_kit import (
    DONE,
    MESSAGE,
    RUN,
    STEP,
    event,
    message,
    message_delta,
    run,
    said,
    step_delta,
    streamed,
    text,
)

Json = Any


def test_a_run_is_its_messages_and_its_state() -> None:
    """Pieces are joined; model, id, usage and settings are the run's; `done` is the end."""
    usage: dict[str, Json] = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    usage |= {"prompt_token_details": {"cached_tokens": 3}}
    record = streamed(
        run("created", instructions="Be kind."),
        message("created"),
        message_delta(text("Hel")),
        message_delta(text("lo")),
        message("completed", {"type": "text", "text": {"value": "Hello", "annotations": []}}),
        run("completed", model="gpt-test", usage=usage, instructions="Be kind."),
        DONE,
    )
    answer, state = record.response.outputs
    assert (said(answer), answer.role, answer.finish_reason) == (
        [Text(text="Hello")],
        "assistant",
        "completed",
    )
    assert (state.index, said(state), state.finish_reason) == (1, [], "completed")
    (kept,) = state.parts
    assert isinstance(kept, Extra)
    assert json.loads(kept.text) == {
        "id": "run_1",
        "thread_id": "thread_1",
        "assistant_id": "asst_1",
        "instructions": "Be kind.",
    }
    facts = record.exchange
    assert (facts.response_id, facts.reported_model) == ("run_1", "gpt-test")
    assert (facts.ending, facts.flags) == (Ending.COMPLETE, ())
    counted = (record.usage.input, record.usage.output, record.usage.total, record.usage.cached)
    assert counted == (5, 2, 7, 3)
    assert record.usage.reported == usage


def test_a_message_that_was_cut_is_what_its_deltas_say() -> None:
    """Without a last snapshot the pieces are all there is, and nothing says that it ended."""
    record = streamed(run("in_progress"), message("in_progress"), message_delta(text("Hel")))
    answer, state = record.response.outputs
    assert (said(answer), answer.finish_reason) == ([Text(text="Hel")], None)
    assert state.finish_reason is None
    assert record.exchange.ending is Ending.UPSTREAM_DISCONNECTED
    assert record.exchange.ending_detail == "no_terminal_event"


def test_what_was_streamed_stays_where_the_last_snapshot_says_otherwise() -> None:
    """The client has read the pieces, whatever the message became."""
    whole = {"type": "text", "text": {"value": "Good day"}}
    record = streamed(message_delta(text("Hello")), message("completed", whole), DONE)
    (answer,) = record.response.outputs
    assert record.exchange.ending is Ending.COMPLETE
    assert said(answer) == [
        Text(text="Good day"),
        Extra(name="message.streamed", text='"Hello"'),
    ]


def test_messages_and_their_parts_are_told_apart() -> None:
    """Interleaved pieces find their message by id and their part by index."""
    record = streamed(
        message_delta(text("b", 1), text("a")),
        message_delta(text("x"), message_id="msg_2"),
        message_delta(text("c", 1)),
        DONE,
    )
    one, two = record.response.outputs
    assert said(one) == [Text(text="a"), Text(text="bc")]
    assert said(two) == [Text(text="x")]


def test_citations_refusals_and_files_of_an_answer_are_parts() -> None:
    """A quoted file, a page and a file that was made keep what identifies them."""
    annotations = [
        {"type": "file_citation", "file_citation": {"file_id": "file_1", "quote": "thirty days"}},
        {"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A"}},
        {"type": "file_path", "file_path": {"file_id": "file_2"}},
        {"type": "aura", "x": 1},
    ]
    content = [
        {"type": "text", "text": {"value": "See.", "annotations": annotations}},
        {"type": "refusal", "refusal": "No."},
        {"type": "image_file", "image_file": {"file_id": "file_3"}},
    ]
    (answer,) = streamed(message("completed", *content), DONE).response.outputs
    assert said(answer) == [
        Text(text="See."),
        Citation(title="file_1", text="thirty days"),
        Citation(title="A", url="https://a.example"),
        Media(name="file_2"),
        Extra(name="text.annotations", text='{"type":"aura","x":1}'),
        Refusal(text="No."),
        Media(name="file_3"),
    ]


def test_pieces_of_annotations_are_joined() -> None:
    """A citation that comes in deltas is one citation."""
    first = {"index": 0, "type": "file_citation", "file_citation": {"file_id": "f", "quote": "th"}}
    second = {"index": 0, "file_citation": {"quote": "ird"}}
    record = streamed(
        message_delta({"index": 0, "type": "text", "text": {"annotations": [first]}}),
        message_delta({"index": 0, "text": {"value": "See.", "annotations": [second]}}),
    )
    assert said(record.response.outputs[0]) == [
        Text(text="See."),
        Citation(title="f", text="third"),
    ]


def test_a_run_that_waits_for_tools_has_ended_with_its_calls() -> None:
    """The calls stand once, with the step that told of them; the results come elsewhere."""
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "aa"}}
    pieces = [
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f"}},
        {"index": 0, "function": {"arguments": "a"}},
        {"index": 0, "function": {"arguments": "a", "output": None}},
    ]
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call]}}
    waiting = run("requires_action", required_action=action, model="gpt-test")
    record = streamed(
        event("thread.run.step.created", {**STEP, "status": "in_progress"}),
        *(step_delta(piece) for piece in pieces),
        waiting,
    )
    step, state = record.response.outputs
    assert said(step) == [ToolCall(id="call_1", name="f", arguments="aa")]
    assert (said(state), state.finish_reason) == ([], "requires_action")
    assert record.exchange.ending is Ending.COMPLETE
    assert record.usage.reported is None
    (alone,) = streamed(waiting).response.outputs
    assert said(alone) == [ToolCall(id="call_1", name="f", arguments="aa")]


def test_a_step_that_was_cut_is_what_its_deltas_say() -> None:
    """Its snapshot was taken before it had called anything."""
    empty = {"type": "tool_calls", "tool_calls": []}
    piece = {"index": 0, "id": "c1", "type": "code_interpreter"}
    record = streamed(
        event("thread.run.step.created", {**STEP, "status": "in_progress", "step_details": empty}),
        step_delta({**piece, "code_interpreter": {"input": "1+"}}),
        step_delta({**piece, "code_interpreter": {"input": "1"}}),
    )
    (step,) = record.response.outputs
    assert said(step) == [ToolCall(id="c1", name="code_interpreter", arguments="1+1")]
    assert step.finish_reason is None


def test_steps_keep_what_the_servers_tools_were_asked_and_gave() -> None:
    """Code, what it printed and drew, searches and functions are calls and results in order."""
    calls = [
        {
            "id": "c1",
            "type": "code_interpreter",
            "code_interpreter": {
                "input": "1+1",
                "outputs": [
                    {"type": "logs", "logs": "2"},
                    {"type": "image", "image": {"file_id": "file_9"}},
                    {"type": "odour"},
                ],
            },
        },
        {"id": "c2", "type": "file_search", "file_search": {"results": []}},
        {
            "id": "c3",
            "type": "function",
            "function": {"name": "f", "arguments": "{}", "output": "4"},
        },
        7,
    ]
    details = {"type": "tool_calls", "tool_calls": calls}
    done = {**STEP, "status": "completed", "step_details": details, "usage": {"total_tokens": 3}}
    created = {"type": "message_creation", "message_creation": {"message_id": "msg_1"}}
    silent = {**STEP, "id": "step_2", "status": "completed", "step_details": created}
    record = streamed(
        event("thread.run.step.completed", done),
        event("thread.run.step.completed", silent),
        run("completed"),
    )
    step, state = record.response.outputs
    assert said(step) == [
        ToolCall(id="c1", name="code_interpreter", arguments="1+1"),
        ToolResult(id="c1", text="2"),
        Media(mime="image", name="file_9"),
        Extra(name="code_interpreter.outputs", text='{"type":"odour"}'),
        ToolCall(id="c2", name="file_search"),
        ToolResult(id="c2", text='{"results":[]}'),
        ToolCall(id="c3", name="f", arguments="{}"),
        ToolResult(id="c3", text="4"),
        Extra(name="tool_calls", text="7"),
    ]
    kept = [part for part in state.parts if isinstance(part, Extra) and part.name != "thread.run"]
    assert [json.loads(part.text) for part in kept] == [
        {"id": "step_1", "usage": {"total_tokens": 3}},
        {"id": "step_2"},
    ]


def test_an_event_with_an_unknown_name_is_kept_as_it_came() -> None:
    """It is no message, even where its data looks like one."""
    record = streamed(event("thread.mood", MESSAGE), DONE)
    (kept,) = record.response.outputs[0].parts
    assert isinstance(kept, Extra)
    assert kept.name == "event.thread.mood"
    assert json.loads(kept.text) == MESSAGE


def test_events_that_lost_their_names_are_known_by_their_objects() -> None:
    """Some gateways pass on the data alone."""
    whole = {**MESSAGE, "status": "completed", "content": [{"type": "text", "text": "Hi"}]}
    record = streamed(
        f"data: {json.dumps({'id': 'thread_1', 'object': 'thread'})}\n\n",
        f"data: {json.dumps(whole)}\n\n",
        f"data: {json.dumps({**RUN, 'status': 'completed'})}\n\n",
    )
    answer, state = record.response.outputs
    assert said(answer) == [Text(text="Hi")]
    assert Extra(name="thread", text='{"id":"thread_1","object":"thread"}') in state.parts
    assert record.exchange.ending is Ending.COMPLETE


def test_an_object_grows_by_its_deltas() -> None:
    """Strings are joined, even equal ones; names are said once; lists go by their index."""
    growing = Growing()
    for delta in (
        {"id": "a", "n": 1, "log": "\n", "list": [{"index": 1, "t": "x"}, "odd"]},
        {"id": "a", "n": None, "log": "\n", "list": [{"index": 0, "t": "y"}]},
        {"list": [{"index": 1, "t": "x"}], "inner": {"type": "t", "s": "1"}},
        {"inner": {"type": "t", "s": "1"}},
    ):
        growing.add(delta)
    assert growing.final() == {
        "id": "a",
        "n": 1,
        "log": "\n\n",
        "list": [{"index": 0, "t": "y"}, {"index": 1, "t": "xx"}, "odd"],
        "inner": {"type": "t", "s": "11"},
    }
