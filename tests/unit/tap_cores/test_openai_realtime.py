"""Realtime sessions: what both sides said, response by response.

The events are our own, in the shapes that the vendor documents.
"""

from __future__ import annotations

import json

import pytest

from audit.exchange import Dialect, Ending
from audit.parts import ToolCall, ToolResult
from audit.value import to_json
from tests.unit.tap_cores.realtime_kit import (
    USAGE,
    added,
    answer,
    begun,
    create,
    delta,
    done,
    user,
)
from tests.unit.tap_cores.session_kit import (
    b64,
    digest,
    extras,
    media,
    said,
    session,
    sheaf,
    texts,
)


def test_a_session_holds_both_sides_response_by_response() -> None:
    """Instructions and tools are in force in each record; turns stand in the one they led to."""
    tool = {"type": "function", "name": "weather", "parameters": {"type": "object"}}
    settings_ = {"instructions": "Be brief.", "tools": [tool], "voice": "marin"}
    call = {"id": "f1", "type": "function_call", "name": "weather", "call_id": "k"}
    result = {"type": "function_call_output", "call_id": "k", "output": "sunny"}
    first, second = sheaf(
        [
            {"type": "session.update", "session": settings_},
            create(user("Hello")),
            {"type": "response.create"},
            create(result),
            {"type": "response.create"},
        ],
        [
            {"type": "session.created", "session": {"id": "sess_1", "model": "gpt-realtime"}},
            {"type": "session.updated", "session": {**settings_, "id": "sess_1"}},
            added(user("Hello"), "u1"),
            begun("r1"),
            done("r1", {**call, "arguments": '{"city":"Oslo"}'}, usage=USAGE),
            added(result, "o1"),
            begun("r2"),
            done("r2", answer("It is sunny."), usage=USAGE),
        ],
    )
    for record in (first, second):
        assert record.exchange.dialect is Dialect.OPENAI_REALTIME
        assert (record.exchange.reported_model, record.exchange.flags) == ("gpt-realtime", ())
        assert record.identity.session == "sess_1"
        assert [tool.name for tool in record.request.tools] == ["weather"]
        assert record.request.parameters == {"session": {"voice": "marin"}}
        assert (record.usage.total, record.usage.reported) == (30, {"responses": [USAGE]})
    assert [each.exchange.ending for each in (first, second)] == [
        Ending.COMPLETE,
        Ending.TUNNELLED,
    ]
    assert [each.exchange.response_id for each in (first, second)] == ["r1", "r2"]
    assert said(first) == [("system", "Be brief."), ("user", "Hello")]
    assert said(second) == [("system", "Be brief.")]
    assert ToolResult(id="k", text="sunny") in second.request.messages[1].parts
    (called,) = first.response.outputs
    told, closed = second.response.outputs
    assert called.parts[0] == ToolCall(id="k", name="weather", arguments='{"city":"Oslo"}')
    assert texts(told) == ["It is sunny."]
    assert [each.index for each in second.response.outputs] == [0, 1]
    assert called.finish_reason == told.finish_reason == "completed"
    assert (closed.role, closed.finish_reason) == ("session", "close 1000")


def test_each_record_holds_what_was_said_since_the_response_before() -> None:
    """Behind the last response, a count tells how much of it was said before that one."""
    first, second = sheaf(
        [create(user("one")), create(user("two")), create(user("three"))],
        [
            added(user("one"), "u1"),
            begun("r1"),
            added(user("two"), "u2"),
            done("r1"),
            begun("r2"),
            done("r2"),
            added(user("three"), "u3"),
        ],
    )
    assert said(first) == [("user", "one")]
    assert said(second) == [("user", "two"), ("user", "three")]
    for record, name in ((first, "r1"), (second, "r2")):
        told = json.loads(extras(record.response.outputs[0].parts)["response"])
        assert told == {"id": name, "messages": 1}


def test_the_usage_of_responses_is_summed_and_kept_as_reported() -> None:
    """What a transcription cost is another model's: it is kept, and not added."""
    seconds = {"type": "duration", "seconds": 2}
    heard = {"item_id": "u", "content_index": 0, "transcript": "x", "usage": seconds}
    kind = "conversation.item.input_audio_transcription.completed"
    server = [done("r1", usage=USAGE), done("r2"), done("r3", usage=USAGE), {"type": kind, **heard}]
    usage = session([], server).usage
    assert (usage.input, usage.output, usage.total, usage.cached) == (40, 20, 60, 8)
    assert (usage.audio_in, usage.audio_out, usage.reasoning) == (10, 14, None)
    assert usage.reported == {"responses": [USAGE, USAGE], "transcriptions": [seconds]}
    assert session([], [done("r1")]).usage.reported is None


@pytest.mark.parametrize("old", [False, True])
def test_sound_is_type_size_and_digest_and_its_words_are_text(old: bool) -> None:
    """Each fragment is base64 by itself; present and older event names say the same."""
    sound = bytes(range(256)) * 5
    voice, words = (
        ("audio", "audio_transcript") if old else ("output_audio", "output_audio_transcript")
    )
    form = (
        {"output_audio_format": "pcm16"}
        if old
        else {"audio": {"output": {"format": {"type": "audio/pcm"}}}}
    )
    part = {"type": "response.content_part.added", "response_id": "r1", "output_index": 0}
    record = session(
        [],
        [
            {"type": "session.created", "session": {"id": "s", **form}},
            begun("r1"),
            {**part, "content_index": 0, "part": {"type": "audio", "transcript": ""}},
            delta(voice, b64(sound[:100])),
            delta(words, "Good "),
            delta(voice, b64(sound[100:])),
            delta(words, "day."),
            {"type": f"response.{voice}.done", "response_id": "r1", "output_index": 0},
        ],
    )
    output = record.response.outputs[0]
    assert texts(output) == ["Good day."]
    assert media(output.parts) == [("audio/pcm16" if old else "audio/pcm", 1280, digest(sound))]
    assert b64(sound[:100])[:40].encode() not in to_json(record)
    assert record.exchange.flags == ()


@pytest.mark.parametrize("name", ["text", "output_text"])
def test_text_is_joined_from_its_pieces_where_a_response_never_ended(name: str) -> None:
    """The partial answer is there, and without a finish reason."""
    halves = [delta(name, "\ud83d"), delta(name, "\ude80 up")]
    [output, _] = session([], [begun("r1"), *halves]).response.outputs
    assert (texts(output), output.finish_reason) == (["🚀 up"], None)


def test_what_was_streamed_and_then_cut_from_the_response_is_kept_beside_it() -> None:
    """A user who interrupts leaves a response that holds less than was sent."""
    kept = answer("It was", kind="output_audio")
    details = {"type": "cancelled", "reason": "turn_detected"}
    server = [
        begun("r1"),
        delta("output_audio_transcript", "It was a dark night"),
        done("r1", kept, status="cancelled", status_details=details),
    ]
    [output, _] = session([], server).response.outputs
    assert (texts(output), output.finish_reason) == (["It was"], "cancelled")
    beside = extras(output.parts)
    assert json.loads(beside["streamed.0.content.0"]) == "It was a dark night"
    assert json.loads(beside["response"])["status_details"] == {"reason": "turn_detected"}


def test_that_the_user_did_not_hear_the_tail_stands_with_the_answer() -> None:
    """A truncation names an item, and goes to the response that said it."""
    cut = {"item_id": "a1", "content_index": 0, "audio_end_ms": 120}
    kind = "conversation.item.truncated"
    server = [done("r1", answer("Long story")), done("r2", answer("other", "a2"))]
    record = session([], [*server, {"type": kind, "event_id": "e", **cut}])
    first, second, _ = record.response.outputs
    assert json.loads(extras(first.parts)[kind]) == [cut]
    assert kind not in extras(second.parts)
    unknown = session([], [{"type": kind, **cut, "item_id": "who"}]).response.outputs[-1]
    assert f"event.{kind}.0" in extras(unknown.parts)


def test_an_incomplete_response_says_why() -> None:
    """The reason of an incomplete one is its finish reason."""
    why = {"type": "incomplete", "reason": "max_output_tokens"}
    [output, _] = session(
        [], [done("r1", status="incomplete", status_details=why)]
    ).response.outputs
    assert output.finish_reason == "max_output_tokens"


def test_responses_stand_in_the_order_in_which_they_began() -> None:
    """Two may be under way at once; their events are told apart by id."""
    server = [
        begun("r1"),
        begun("r2"),
        delta("output_text", "first", of="r1"),
        delta("output_text", "second", of="r2"),
        done("r2", answer("second", "b")),
        done("r1", answer("first", "a")),
        begun("r3"),
    ]
    records = sheaf([], server)
    assert [texts(record.response.outputs[0]) for record in records] == [["first"], ["second"], []]
    assert [record.exchange.ending for record in records] == [
        Ending.COMPLETE,
        Ending.COMPLETE,
        Ending.TUNNELLED,
    ]


def test_an_error_is_kept_and_the_session_goes_on() -> None:
    """A response's own is its record's; one of the session stands beside the last response."""
    error = {"type": "invalid_request_error", "code": "no_item", "message": "not found"}
    failed = {"type": "failed", "error": {"type": "server_error", "code": "late"}}
    server = [
        {"type": "error", "event_id": "e", "error": {**error, "event_id": "c7"}},
        done("r1", answer("still here")),
        done("r2", status="failed", status_details=failed),
    ]
    first, second = sheaf([], server)
    assert (first.response.error, first.exchange.ending) == (None, Ending.COMPLETE)
    assert texts(first.response.outputs[0]) == ["still here"]
    assert second.response.error is not None
    assert (second.response.error.code, second.exchange.ending) == ("late", Ending.FAILED)
    assert second.exchange.ending_detail == "error_event"
    failed_, beside = second.response.outputs
    assert failed_.finish_reason == "failed"
    kept = json.loads(extras(beside.parts)["error"])
    assert (kept["code"], kept["event_id"]) == ("no_item", "c7")
    (alone,) = sheaf([], server[:2])
    assert alone.response.error is not None
    assert (alone.response.error.code, alone.response.error.message) == ("no_item", "not found")
    assert alone.exchange.ending is Ending.TUNNELLED
