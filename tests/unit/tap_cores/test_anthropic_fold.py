"""The events of the Messages API folded into an answer: one test for each trap."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from audit.parts import Citation, Extra, Media, Reasoning, Text, ToolCall
from audit.value import to_json
from tap.dialects.anthropic_fold import AnthropicFold
from tap.sse import Event
from tests.unit.tap_cores.anthropic_kit import (
    ASKED,
    HELLO,
    PATH,
    block,
    end,
    event,
    json_delta,
    said,
    start,
    streamed,
    text_delta,
)
from tests.unit.tap_cores.kit import opened, recorded

Json = Any


def test_arguments_stay_as_they_were_written() -> None:
    """Spaces stay, what broke off stays, and a call without any has the empty object."""
    call = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
    assert said(start(), block(0, call, json_delta('{ "a": 1}')), end()) == (
        ToolCall(id="t1", name="f", arguments='{ "a": 1}'),
    )
    cut = block(0, call, json_delta('{"lines": ["one",'), stop=False)
    assert said(start(), cut, end("max_tokens")) == (
        ToolCall(id="t1", name="f", arguments='{"lines": ["one",'),
    )
    assert said(start(), block(0, call, json_delta("")), end()) == (
        ToolCall(id="t1", name="f", arguments="{}"),
    )


def test_arguments_given_twice_and_differently_are_both_kept() -> None:
    """A gateway that repeats the whole input at the start is believed where it agrees."""
    call = {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}
    assert said(start(), block(0, call, json_delta('{"a":1}')), end()) == (
        ToolCall(id="t1", name="f", arguments='{"a":1}'),
    )
    assert said(start(), block(0, call, json_delta('{"a":2}')), end()) == (
        ToolCall(id="t1", name="f", arguments='{"a":2}'),
        Extra(name="tool_use.input", text='{"a":1}'),
    )


def test_what_may_not_be_kept_is_taken_out_of_arguments_in_pieces() -> None:
    """A password and a picture inside arguments become marks, however they were cut."""
    picture = base64.b64encode(bytes(600)).decode()
    text = json.dumps({"password": "PLANTED", "png": picture})
    pieces = [json_delta(text[at : at + 7]) for at in range(0, len(text), 7)]
    call = {"type": "tool_use", "id": "t1", "name": "login", "input": {}}
    record = streamed(start(), block(0, call, *pieces), end())
    found, media = record.response.outputs[0].parts
    assert isinstance(found, ToolCall)
    assert isinstance(media, Media)
    assert json.loads(found.arguments)["password"] == "[secret]"
    assert json.loads(found.arguments)["png"] == f"[media:{(media.digest or '')[:16]}]"
    assert b"PLANTED" not in to_json(record)


def test_a_second_start_is_a_second_attempt() -> None:
    """The client has read both: the first is an output, the last one is the answer."""
    record = streamed(
        start(),
        block(0, {"type": "text", "text": ""}, text_delta("Good mor"), stop=False),
        start(id="msg_2"),
        HELLO,
        end(),
    )
    first, answer = record.response.outputs
    assert (first.index, first.parts[0], first.finish_reason) == (0, Text(text="Good mor"), None)
    assert Extra(name="id", text='"msg_1"') in first.parts
    assert (answer.index, answer.parts, answer.finish_reason) == (
        1,
        (Text(text="Hello"),),
        "end_turn",
    )
    assert record.exchange.flags == ("answer_restarted",)
    assert record.exchange.response_id == "msg_2"
    repeated = streamed(start(), start(), HELLO, end())
    assert len(repeated.response.outputs) == 1
    assert repeated.exchange.flags == ()


def test_blocks_are_known_by_index_and_order() -> None:
    """Interleaved deltas find their block; a start at an index in use is another block."""
    starts = [
        event("content_block_start", index=at, content_block={"type": "thinking"}) for at in (0, 1)
    ]
    deltas = [
        event("content_block_delta", index=at, delta={"type": "thinking_delta", "thinking": letter})
        for at, letter in ((1, "c"), (0, "a"), (1, "d"), (0, "b"))
    ]
    more = {"type": "thinking_delta", "thinking": "f"}
    again = block(1, {"type": "thinking", "thinking": "e"}, more)
    assert said(start(), *starts, *deltas, again, end()) == (
        Reasoning(text="ab"),
        Reasoning(text="cd"),
        Reasoning(text="ef"),
    )


def test_a_block_whose_start_was_lost_is_what_its_deltas_are() -> None:
    """Its text is kept, and the stream is flagged."""
    deltas = [
        event("content_block_delta", index=3, delta=text_delta("lost")),
        event("content_block_delta", index="x", delta=json_delta("{}")),
    ]
    for opening in (start(), ""):
        record = streamed(opening, *deltas, end())
        assert record.response.outputs[0].parts == (Text(text="lost"), ToolCall(arguments="{}"))
        assert record.exchange.flags == ("stream_malformed",)


def test_unknown_events_deltas_and_fields_are_kept() -> None:
    """What this version does not know is an extra under the name it had, joined."""
    parts = said(
        start(mood="calm"),
        event("weather", sky="blue"),
        block(
            0,
            {"type": "text", "text": "", "tone": "warm"},
            {"type": "text_delta", "text": "hi", "pace": "slow"},
            {"type": "gesture_delta", "wave": "le"},
            {"type": "gesture_delta", "wave": "ft"},
            {"type": "text_delta", "text": 5},
        ),
        event("message_delta", delta={"container": {"id": "c1"}}, context_management={"a": 1}),
        event("message_stop", **{"amazon-bedrock-invocationMetrics": {"inputTokenCount": 3}}),
    )
    kept = {part.name: part.text for part in parts if isinstance(part, Extra)}
    assert parts[0] == Text(text="hi")
    assert kept == {
        "text.tone": '"warm"',
        "text.delta.pace": '"slow"',
        "text.delta.text": "5",
        "text.gesture_delta.wave": '"left"',
        "mood": '"calm"',
        "container": '{"id":"c1"}',
        "context_management": '{"a":1}',
        "event.weather": '{"type":"weather","sky":"blue"}',
        "amazon-bedrock-invocationMetrics": '[{"inputTokenCount":3}]',
    }


def test_a_block_of_another_shape_is_kept_with_what_follows_it() -> None:
    """What stands where a block, its text or its citations belong is not thrown away."""
    odd = {"type": "text", "text": 7, "citations": {"cited_text": "a"}}
    cited = {"type": "citations_delta", "citation": {"cited_text": "b"}}
    record = streamed(
        start(content=["begun"]),
        block(0, odd, text_delta("hi"), cited),
        block(1, [1]),
        end(),
    )
    assert record.response.outputs[0].parts == (
        Text(text="begunhi"),
        Citation(text="a"),
        Citation(text="b"),
        Extra(name="text.start.text", text="7"),
        Extra(name="content.unknown", text='{"value":[1]}'),
    )
    assert record.exchange.flags == ("stream_malformed",)


def test_an_event_without_a_type_is_of_the_type_it_was_announced_as() -> None:
    """Data and event name agree on the wire; where one is missing the other is believed."""
    bare = 'event: content_block_delta\ndata: {"index": 0, "delta": %s}\n\n'
    record = streamed(
        start(),
        block(0, {"type": "text", "text": "a"}, stop=False),
        bare % json.dumps(text_delta("b")),
        end(),
    )
    assert record.response.outputs[0].parts[0] == Text(text="ab")


def test_halves_of_a_character_in_two_deltas_are_one_character() -> None:
    """A surrogate pair that was cut is joined; a half that stays alone is replaced."""
    cut = block(0, {"type": "text", "text": ""}, text_delta("\ud83d"), text_delta("\ude80!"))
    assert said(start(), cut, end()) == (Text(text="\U0001f680!"),)
    alone = block(0, {"type": "text", "text": ""}, text_delta("\ud83d"))
    assert said(start(), alone, end()) == (Text(text="\ufffd"),)


STREAM = "".join(
    (
        *(start(), event("ping"), HELLO),
        block(
            1,
            {"type": "tool_use", "id": "t1", "name": "f", "input": {}},
            json_delta('{"a": "\ud83d'),
            json_delta('\ude80"}'),
        ),
        end("tool_use"),
    )
).encode()

LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3))
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ("type", "index", "message", "content", "delta", "content_block", "usage", "source")
            ),
            inner | st.sampled_from(("text", "text_delta", "tool_use", "tool_result", "document")),
            max_size=4,
        )
    ),
    max_leaves=12,
)
KINDS = st.sampled_from(
    ("message_start", "content_block_start", "content_block_delta", "message_delta", "error", "x")
)


@settings(max_examples=60, deadline=None)
@given(
    at=st.integers(0, len(STREAM)),
    flips=st.lists(st.tuples(st.integers(0, len(STREAM) - 1), st.integers(0, 255)), max_size=5),
)
def test_any_prefix_with_any_bytes_flipped_reads_twice_alike(
    at: int, flips: list[tuple[int, int]]
) -> None:
    """No bytes make the reading fail, and the same bytes give the same record."""
    broken = bytearray(STREAM)
    for place, byte in flips:
        broken[place] = byte
    once, twice = (
        recorded(bytes(broken[:at]), request=ASKED, opening=opened(PATH)) for _ in range(2)
    )
    assert to_json(once) == to_json(twice)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(KINDS, st.dictionaries(st.text(max_size=3), TREES) | TREES), max_size=6))
def test_events_of_any_shape_are_read(events: list[tuple[str, Json]]) -> None:
    """Whatever stands where, the fold and the mapping give a record that can be written."""
    fold = AnthropicFold()
    for kind, tree in events:
        fields = tree if isinstance(tree, dict) else {"delta": tree, "message": tree}
        fold.feed(Event(data=json.dumps({**fields, "type": kind})))
    body = "".join(event(kind, odd=tree) for kind, tree in events)
    assert to_json(streamed(body))
    assert isinstance(fold.attempts(), list)
