"""Realtime sessions: what both sides said, in one record, with nothing of a key or of a sound.

The events are our own, in the shapes that the vendor documents.
"""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.exchange import Dialect, Ending, Level
from audit.flags import Flag
from audit.parts import Media, Text, ToolCall, ToolResult
from audit.record import AuditRecord
from audit.value import to_json
from tap.bodies import TooLargeError
from tap.capture import Captured
from tap.reassembly import assemble_steps
from tests.harness.frames import BINARY, Writer, close, frame
from tests.harness.work import calls_of, memory_of
from tests.unit.tap_cores.kit import DIGEST_KEY, SALT, head, opened, recorded
from tests.unit.tap_cores.session_kit import (
    REALTIME,
    b64,
    digest,
    extras,
    media,
    raw_session,
    said,
    session,
    sheaf,
    switched,
    texts,
)

Json = Any
Event = dict[str, Json]

USAGE = {
    "total_tokens": 30,
    "input_tokens": 20,
    "output_tokens": 10,
    "input_token_details": {"text_tokens": 15, "audio_tokens": 5, "cached_tokens": 4},
    "output_token_details": {"text_tokens": 3, "audio_tokens": 7},
}


def user(text: str, **more: Json) -> Event:
    """A user's item."""
    content = [{"type": "input_text", "text": text}]
    return {"type": "message", "role": "user", "content": content, **more}


def create(item: Event) -> Event:
    """The client adds an item."""
    return {"type": "conversation.item.create", "event_id": "c", "item": item}


def added(item: Event, name: str, how: str = "added") -> Event:
    """The server tells of an item."""
    told = {**item, "id": name, "object": "realtime.item", "status": "completed"}
    return {"type": f"conversation.item.{how}", "event_id": "e", "item": told}


def spoken(name: str) -> Event:
    """The server tells of an item that was spoken."""
    content = [{"type": "input_audio", "transcript": None}]
    return added({"type": "message", "role": "user", "content": content}, name)


def begun(name: str) -> Event:
    """A response begins."""
    return {"type": "response.created", "response": {"id": name, "status": "in_progress"}}


def done(name: str, *output: Event, status: str = "completed", **more: Json) -> Event:
    """A response ends."""
    response = {"id": name, "object": "realtime.response", "status": status, "output": [*output]}
    return {"type": "response.done", "response": {**response, **more}}


def delta(kind: str, text: str, *, of: str = "r1", item: int = 0) -> Event:
    """A piece of what a response says."""
    place = {"item_id": f"{of}-{item}", "output_index": item, "content_index": 0}
    return {"type": f"response.{kind}.delta", "response_id": of, **place, "delta": text}


def answer(text: str, name: str = "a1", kind: str = "output_text") -> Event:
    """An assistant's item."""
    field = "transcript" if kind.endswith("audio") else "text"
    content = [{"type": kind, field: text}]
    return {"id": name, "type": "message", "role": "assistant", "content": content}


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


def test_speech_is_one_medium_for_each_stretch_and_its_transcript_is_the_turn() -> None:
    """What was understood comes later than the turn it belongs to, and stands in its place."""
    stretches = [bytes(range(200)), b"\x07" * 333]
    client: list[Event] = []
    for sound in stretches:
        client += [
            {"type": "input_audio_buffer.append", "audio": b64(sound[:99])},
            {"type": "input_audio_buffer.append", "audio": b64(sound[99:])},
            {"type": "input_audio_buffer.commit"},
        ]
    heard = "conversation.item.input_audio_transcription"
    server = [
        spoken("u1"),
        added(user("and typed"), "u2"),
        spoken("u3"),
        {"type": f"{heard}.delta", "item_id": "u3", "content_index": 0, "delta": "half "},
        {"type": f"{heard}.delta", "item_id": "u3", "content_index": 0, "delta": "heard"},
        {"type": f"{heard}.completed", "item_id": "u1", "content_index": 0, "transcript": "Hi!"},
    ]
    record = session(client, server)
    assert said(record) == [("user", "Hi!"), ("user", "and typed"), ("user", "half heard")]
    buffer = record.request.messages[-1]
    assert buffer.name == "input_audio_buffer"
    assert media(buffer.parts) == [("audio", len(each), digest(each)) for each in stretches]


def test_a_spoken_turn_that_nobody_understood_is_still_a_turn() -> None:
    """Without a transcript there is no text, and the record shows that something was said."""
    record = session([], [spoken("u1")])
    [turn] = record.request.messages
    assert (turn.role, said(record)) == ("user", [])
    assert "content.input_audio" in extras(turn.parts)


def test_a_sound_or_picture_inside_an_item_is_a_medium() -> None:
    """The client may send them whole."""
    content = [
        {"type": "input_audio", "audio": b64(b"pcm" * 50)},
        {"type": "input_image", "image_url": f"data:image/png;base64,{b64(b'png' * 20)}"},
    ]
    record = session([create({"type": "message", "role": "user", "content": content})], [])
    found = media(record.request.messages[0].parts)
    assert [size for _, size, _ in found] == [150, 60]
    assert [each for _, _, each in found] == [digest(b"pcm" * 50), digest(b"png" * 20)]


def test_the_server_gives_the_order_and_the_client_the_words() -> None:
    """A turn that both tell is told once; the client's others keep their place among its own."""
    ask = {"instructions": "Say one word.", "input": [user("aside")], "metadata": {"n": "1"}}
    record = session(
        [
            create(user("typed", id="mine")),
            {"type": "response.create", "response": ask},
            create(user("refused")),
            create(user("again")),
            create(user("unanswered")),
        ],
        [
            added(user("typed"), "mine"),
            added(user("typed"), "mine", "done"),
            spoken("u2"),
            added(user("again"), "u3", "created"),
        ],
    )
    words = [text for _, text in said(record)]
    assert words == ["typed", "Say one word.", "aside", "refused", "again", "unanswered"]
    roles = [message.role for message in record.request.messages]
    assert roles == ["user", "system", "user", "user", "user", "user", "user"]
    assert record.request.parameters == {"responses": [{"metadata": {"n": "1"}}]}


def test_the_same_words_said_twice_are_two_turns() -> None:
    """A turn is matched with one echo, not with all that are alike."""
    record = session(
        [create(user("hm")), create(user("hm"))], [added(user("hm"), "1"), added(user("hm"), "2")]
    )
    assert said(record) == [("user", "hm"), ("user", "hm")]


def test_what_the_model_said_is_no_turn_of_the_prompt_and_history_is() -> None:
    """Items of responses are outputs; an assistant's item of the client is history."""
    history = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": "Once."}],
    }
    own = answer("Now.", "a1")
    server = [
        added(history, "h1"),
        begun("r1"),
        {"type": "response.output_item.added", "response_id": "r1", "output_index": 0, "item": own},
        added(own, "a1", "created"),
        done("r1", own),
    ]
    record = session([create(history)], server)
    assert said(record) == [("assistant", "Once.")]
    assert texts(record.response.outputs[0]) == ["Now."]


def test_instructions_are_told_whenever_they_change_and_not_when_they_are_repeated() -> None:
    """The server's own come first; each session event repeats those in force."""
    told: list[Event] = [{"type": "session.created", "session": {"instructions": "Defaults."}}]
    told += [{"type": "session.updated", "session": {"instructions": "Mine."}}] * 3
    client = [
        {"type": "session.update", "session": {"instructions": "Mine."}},
        {"type": "session.update", "session": {"voice": "ash"}},
    ]
    for asked in (client, []):
        record = session(asked, told)
        assert said(record) == [("system", "Defaults."), ("system", "Mine.")]
    assert said(session(client, [])) == [("system", "Mine.")]


def test_settings_that_the_client_left_open_are_the_servers() -> None:
    """With a key made beforehand, only the server tells what the session was set to."""
    tool = {"type": "function", "name": "lights"}
    told = {"id": "s", "voice": "ash", "tools": [tool], "prompt": {"id": "pmpt_1", "version": "2"}}
    request = session([], [{"type": "session.created", "session": told}]).request
    assert request.parameters["session"]["voice"] == "ash"
    assert [each.name for each in request.tools] == ["lights"]
    assert [(each.kind, each.id) for each in request.references] == [("prompt", "pmpt_1")]


def test_a_stored_prompt_is_a_reference_and_its_variables_are_turns() -> None:
    """The text is the server's; what is filled in is the client's."""
    prompt = {"id": "pmpt_1", "variables": {"city": "Oslo"}}
    record = session([{"type": "session.update", "session": {"prompt": prompt}}], [])
    assert [(each.kind, each.id) for each in record.request.references] == [("prompt", "pmpt_1")]
    assert said(record) == [("user", "Oslo")]
    assert record.request.messages[0].name == "city"


def test_a_translation_is_read_as_one_response() -> None:
    """It has no turns: what went in and what came out are one text each."""
    server: list[Event] = [
        {"type": "session.input_transcript.delta", "delta": "Guten ", "elapsed_ms": 1},
        {"type": "session.output_transcript.delta", "delta": "Good ", "elapsed_ms": 1},
        {"type": "session.output_audio.delta", "delta": b64(b"pcm")},
        {"type": "session.input_transcript.delta", "delta": "Tag"},
        {"type": "session.output_transcript.delta", "delta": "day"},
    ]
    sent = {"type": "session.input_audio_buffer.append", "audio": b64(b"spoken")}
    record = session([sent], server, path="/v1/realtime/translations")
    assert said(record) == [("user", "Guten Tag")]
    output = record.response.outputs[0]
    assert texts(output) == ["Good day"]
    assert media(output.parts) == [("audio", 3, digest(b"pcm"))]
    assert media(record.request.messages[-1].parts) == [("audio", 6, digest(b"spoken"))]


def test_unknown_events_and_fields_of_both_sides_are_kept() -> None:
    """Text that comes in pieces is joined; sound of an unknown kind is no text."""
    record = session(
        [{"type": "new.ask", "x": "what?"}, {**create(user("hi")), "extra": "more"}],
        [
            {"type": "new.news", "delta": "jo"},
            {"type": "new.news", "delta": "hn"},
            {"type": "new.audio.delta", "delta": b64(b"sound")},
            {"type": "new.audio.delta", "delta": b64(b"s")},
            {**delta("output_text", "x"), "novel": "field"},
            {"type": "response.novelty", "response_id": "r1", "y": 1},
        ],
    )
    asked = extras(record.request.messages[-1].parts)
    assert json.loads(asked["event.new.ask"])["x"] == "what?"
    assert json.loads(asked["event.conversation.item.create"])["extra"] == "more"
    output, beside = record.response.outputs
    assert json.loads(extras(output.parts)["response.output_text.delta.novel"]) == "field"
    kept = extras(beside.parts)
    assert json.loads(kept["event.new.news"])["delta"] == "john"
    assert json.loads(kept["event.response.novelty"])["y"] == 1
    assert media(beside.parts) == [("audio", 6, digest(b"sounds"))]
    assert b64(b"sound").encode() not in to_json(record)


def test_keys_inside_a_session_reach_no_record() -> None:
    """Ephemeral keys, what a tool server is called with, and signed addresses are taken out."""
    mcp = {
        "type": "mcp",
        "server_label": "box",
        "server_url": "https://box.test/mcp?sig=planted-query",
        "authorization": "planted-bearer",
        "headers": {"X-Key": "planted-header"},
    }
    told = {"id": "s", "tools": [mcp], "client_secret": {"value": "ek_planted", "expires_at": 1}}
    client = [
        {"type": "session.update", "session": {"tools": [mcp], "api_key": "planted-key"}},
        {"type": "new.event", "session": {"client_secret": {"value": "ek_planted"}}, **mcp},
    ]
    server = [
        {"type": "session.created", "session": told},
        {"type": "new.event", "session": told},
        {"type": "error", "error": {"message": "no", "tools": [mcp]}},
        begun("r1") | {"tools": [mcp]},
    ]
    for record in (session(client, server), session([], server), session(client, [])):
        assert b"planted" not in to_json(record)


def test_safety_verdicts_of_responses_stand_at_their_outputs() -> None:
    """Azure's verdicts, wherever a response carries them."""
    verdict = {"hate": {"filtered": True, "severity": "high"}}
    blocked = {"code": "content_filter", "innererror": {"content_filter_result": verdict}}
    server = [
        done("r1"),
        done("r2", content_filter_results=verdict),
        done("r3", status="failed", status_details={"error": blocked}),
    ]
    safety = session([], server).safety
    assert [(each.index, each.verdicts[0].filtered) for each in safety.outputs] == [(1, True)]
    assert safety.prompt[0].category == "hate"
    assert safety.signals == ("hate.filtered",)


def test_log_probabilities_are_left_out_and_flagged() -> None:
    """They repeat the text token by token."""
    heard = "conversation.item.input_audio_transcription.completed"
    event = {"type": heard, "item_id": "u", "transcript": "x", "logprobs": [{"token": "x"}]}
    record = session([], [event])
    assert Flag.LOGPROBS_OMITTED in record.exchange.flags
    assert b'"token"' not in to_json(record)


def test_messages_that_are_no_events_are_kept_and_flagged() -> None:
    """Text as text, bytes as a digest, JSON in a binary message as what it says."""
    client = Writer(masked=True).text("hello?") + frame(b"\x00\x01", BINARY, masked=True)
    server = frame(json.dumps(done("r1", answer("binary"))).encode(), BINARY) + frame(b"[1]")
    record = raw_session(client + frame(b"\x02", BINARY, masked=True), server + frame(b"\xff{"))
    asked, other = record.request.messages
    assert json.loads(extras(asked.parts)["client.text"]) == "hello?"
    assert media(other.parts) == [("application/octet-stream", 3, digest(b"\x00\x01\x02"))]
    assert texts(record.response.outputs[0]) == ["binary"]
    expected = {Flag.REQUEST_MALFORMED, Flag.STREAM_MALFORMED, Flag.INVALID_UTF8}
    assert expected <= set(record.exchange.flags)


def test_a_message_that_breaks_off_is_read_as_far_as_it_goes() -> None:
    """On either side; the flags say which side it was."""
    client = Writer(masked=True).events(create(user("please tell me abo")))[:-8]
    server = Writer().events(begun("r1"), delta("output_text", "Once upon a time"))[:-9]
    record = raw_session(client, server, detail="upstream_closed")
    assert said(record)[0][1].startswith("please tell")
    assert texts(record.response.outputs[0])[0].startswith("Once upon")
    flags = {Flag.UNTERMINATED_FINAL_EVENT, Flag.REQUEST_INCOMPLETE, Flag.ANSWER_INCOMPLETE}
    assert flags <= set(record.exchange.flags)
    assert record.exchange.ending is Ending.TUNNELLED


def test_a_torn_text_that_is_no_json_is_not_kept() -> None:
    """What only the whole would have masked may stand in it."""
    torn = frame(b'ek_planted {"client_secret"', announced=100)
    record = raw_session(b"", torn)
    assert b"planted" not in to_json(record)
    assert Flag.UNTERMINATED_FINAL_EVENT in record.exchange.flags


def test_bytes_that_are_no_frames_are_counted_and_flagged() -> None:
    """What was read before them stands; of the rest there are size and digest."""
    rest = b"\x8f\x00 no frame of any kind"
    record = raw_session(b"", Writer().events(done("r1", answer("read"))) + rest)
    output, beside = record.response.outputs
    assert texts(output) == ["read"]
    [unread] = [part for part in beside.parts if isinstance(part, Media)]
    assert (unread.name, unread.bytes, unread.digest) == ("unread", len(rest), digest(rest))
    assert Flag.FRAMES_MALFORMED in record.exchange.flags


def test_how_each_side_closed_is_kept() -> None:
    """Codes and reasons of both; the server's code is what the session's output ends with."""
    record = raw_session(close(1001, "bye", masked=True), close(4000, "session expired"))
    [output] = record.response.outputs
    assert output.finish_reason == "close 4000"
    kept = extras(output.parts)
    assert json.loads(kept["close.client"]) == {"code": 1001, "reason": "bye"}
    assert json.loads(kept["close.server"]) == {"code": 4000, "reason": "session expired"}
    assert Flag.ANSWER_INCOMPLETE not in record.exchange.flags


def test_a_compressed_session_is_read_as_it_was_negotiated() -> None:
    """Each direction by what was agreed upon for it."""
    deflate = "permessage-deflate; server_no_context_takeover"
    client = Writer(masked=True, deflate=True).events(create(user("hi")), create(user("hi hi")))
    server = Writer(deflate=True, keeps_context=False).events(begun("r1"), done("r1", answer("yo")))
    record = raw_session(client, server, extensions=deflate)
    assert said(record) == [("user", "hi"), ("user", "hi hi")]
    assert texts(record.response.outputs[0]) == ["yo"]
    unknown = raw_session(client, server)
    assert Flag.FRAMES_MALFORMED in unknown.exchange.flags
    assert said(unknown) == []


def test_a_session_that_unfolds_too_far_is_cut_at_the_limit() -> None:
    """What compression makes larger than a body may be is read up to there, and flagged."""
    writer = Writer(masked=True, deflate=True)
    bomb = writer.text(json.dumps(create(user("0" * 70_000_000))))
    record = raw_session(bomb, b"", extensions="permessage-deflate")
    assert Flag.DECODED_TOO_LARGE in record.exchange.flags
    assert record.exchange.truncated


def test_a_capture_that_was_cut_says_so() -> None:
    """The head of what passed is there."""
    client = Writer(masked=True).events(create(user("kept")), create(user("lost")))[:170]
    record = raw_session(client, b"", request_cut=True, answer_cut=True)
    assert record.exchange.truncated
    assert {Flag.REQUEST_TRUNCATED, Flag.ANSWER_TRUNCATED} <= set(record.exchange.flags)
    assert said(record)[0] == ("user", "kept")


def test_a_tap_that_died_after_the_close_missed_nothing() -> None:
    """The connection's own end decides, and the record says that it was recovered."""
    how: Event = {"transport": Ending.TAP_CRASHED, "detail": "recovered_from_spool"}
    ended = raw_session(b"", Writer().events(done("r1")) + close(), **how)
    assert ended.exchange.ending is Ending.TUNNELLED
    assert Flag.RECOVERED in ended.exchange.flags
    cut = raw_session(b"", Writer().events(done("r1")), **how)
    assert cut.exchange.ending is Ending.TAP_CRASHED


def test_an_upgrade_that_was_refused_is_an_ordinary_answer() -> None:
    """No session came about: status and error are the record."""
    body = json.dumps({"error": {"message": "no", "type": "auth", "code": "401"}}).encode()
    opening = opened(REALTIME, method="GET", upgrade="websocket")
    record = recorded(body, request=b"", opening=opening, answer_head=head(401, "application/json"))
    assert (record.exchange.ending, record.exchange.status) == (Ending.REJECTED, 401)
    assert record.response.error is not None
    assert record.response.error.code == "401"


def test_at_level_none_a_session_keeps_how_its_responses_ended_and_nothing_they_said() -> None:
    """No turn, no part; usage, finish reasons and the close remain."""
    opening = opened(REALTIME, method="GET", upgrade="websocket", level=Level.NONE)
    record = recorded(
        Writer().events(done("r1", answer("secret"), usage=USAGE)) + close(),
        request=Writer(masked=True).events(create(user("secret"))),
        opening=opening,
        answer_head=head(101, None),
        transport=Ending.TUNNELLED,
    )
    assert b"secret" not in to_json(record)
    assert [each.finish_reason for each in record.response.outputs] == ["completed", "close 1000"]
    assert record.usage.total == 30


# -- calls that prepare a session ------------------------------------------------------------


def prepared(
    path: str, answer_body: Json, request: bytes, kind: str = "application/json"
) -> AuditRecord:
    """The record of a plain call."""
    body = answer_body if isinstance(answer_body, bytes) else json.dumps(answer_body).encode()
    answered_as = "application/sdp" if isinstance(answer_body, bytes) else "application/json"
    return recorded(
        body,
        request=request,
        opening=opened(path, content_type=kind),
        answer_head=head(201, answered_as),
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/v1/realtime/client_secrets", {"value": "ek_planted", "expires_at": 1, "session": {}}),
        ("/openai/realtime/sessions", {"id": "s", "client_secret": {"value": "ek_planted"}}),
        ("/v1/realtime/translations/client_secrets", {"value": "ek_planted", "session": {}}),
        ("/v1/realtime/sessions", {"id": "s", "client_secret": "ek_planted"}),
    ],
)
def test_a_key_that_is_given_out_reaches_no_record(path: str, value: Event) -> None:
    """The answer is kept without it, and so are the settings that were asked for."""
    asked = {"session": {"type": "realtime", "instructions": "Be kind.", "voice": "ash"}}
    record = prepared(path, value, json.dumps(asked).encode())
    assert record.exchange.dialect is Dialect.OPENAI_REALTIME
    assert record.exchange.ending is Ending.COMPLETE
    assert b"planted" not in to_json(record)
    assert b"[secret]" in to_json(record)
    assert said(record) == [("system", "Be kind.")]
    assert record.request.parameters["session"] == {"type": "realtime", "voice": "ash"}


def test_the_description_of_a_call_is_a_digest_and_its_settings_are_read() -> None:
    """SDP holds addresses and passwords of the media, which never pass here."""
    sdp = b"v=0\r\na=ice-pwd:planted\r\n"
    config = b'{"type":"realtime","instructions":"Be quick."}'
    form = b"".join(
        b'--B\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % field
        for field in ((b"sdp", sdp), (b"session", config))
    )
    kind = "multipart/form-data; boundary=B"
    record = prepared("/v1/realtime/calls", sdp, form + b"--B--\r\n", kind)
    assert said(record) == [("system", "Be quick.")]
    assert media(record.request.messages[-1].parts) == [("application/sdp", len(sdp), digest(sdp))]
    assert media(record.response.outputs[0].parts) == [("application/sdp", len(sdp), digest(sdp))]
    bare = prepared("/v1/realtime/calls", sdp, sdp, "application/sdp")
    for each in (record, bare):
        assert b"planted" not in to_json(each)
        assert each.exchange.flags == ()


# -- hostile input, and its cost -------------------------------------------------------------

_SOUND = b64(bytes(90))
CLIENT = [
    {"type": "session.update", "session": {"instructions": "a", "tools": [{"name": "t"}]}},
    create(user("hello")),
    {"type": "response.create", "response": {"instructions": "b", "input": [user("c")]}},
    {"type": "input_audio_buffer.append", "audio": _SOUND},
    {"type": "input_audio_buffer.commit"},
]
SERVER = [
    {"type": "session.created", "session": {"id": "s", "model": "m", "instructions": "d"}},
    added(user("hello"), "u1"),
    begun("r1"),
    {
        "type": "response.output_item.added",
        "response_id": "r1",
        "output_index": 0,
        "item": answer(""),
    },
    delta("output_text", "wor"),
    delta("output_audio", _SOUND),
    delta("output_audio_transcript", "ds"),
    delta("function_call_arguments", "{}", item=1),
    spoken("u2"),
    {
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": "u2",
        "transcript": "e",
    },
    done("r1", answer("words"), usage=USAGE),
    {"type": "conversation.item.truncated", "item_id": "a1", "audio_end_ms": 1},
    {"type": "error", "error": {"code": "f", "message": "g"}},
    {"type": "novel", "h": "i"},
]
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.sampled_from(["", "x", "\ud800", "r1", "a1", "response.done", "====", _SOUND]),
    st.just([]),
    st.just({}),
    st.just([None, 1, {"type": []}]),
    st.just({"id": {}, "type": 7}),
)


def _damaged(value: Json, chance: random.Random, leaf: Json) -> Json:
    """The value with one of its places replaced."""
    if not isinstance(value, dict | list) or not value or chance.random() < 0.2:
        return leaf
    copy = value.copy()
    key = chance.choice(list(copy)) if isinstance(copy, dict) else chance.randrange(len(copy))
    copy[key] = _damaged(copy[key], chance, leaf)
    return copy


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_events_of_any_shape_never_raise_and_read_the_same_again(data: st.DataObject) -> None:
    """Any order, any value at any place, any number of repetitions."""
    chance = random.Random(data.draw(st.integers(0, 2**32)))
    sides: list[list[Event]] = []
    for events in (CLIENT, SERVER):
        drawn = data.draw(st.lists(st.sampled_from(events), max_size=12))
        sides.append([_damaged(each, chance, data.draw(_LEAVES)) for each in drawn])
    assert session(*sides) == session(*sides)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_prefix_and_any_damage_of_the_bytes_gives_a_record(data: st.DataObject) -> None:
    """A connection may break anywhere, and anything may stand in it."""
    bodies: list[bytes] = []
    for writer, events in ((Writer(masked=True), CLIENT), (Writer(), SERVER)):
        raw = bytearray(writer.events(*events))
        for at in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=3)):
            raw[at] = data.draw(st.integers(0, 255))
        bodies.append(bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    assert raw_session(*bodies) == raw_session(*bodies)


@pytest.mark.parametrize("number", range(len(CLIENT) + len(SERVER)))
@pytest.mark.parametrize("moved", [False, True], ids=["same", "moved"])
def test_twice_the_events_are_twice_the_work(number: int, moved: bool) -> None:
    """Each event again and again, of the same response and item or of ever new ones."""
    asked = number < len(CLIENT)
    event = [*CLIENT, *SERVER][number]
    many = [_moved(event, at) if moved else event for at in range(300)]

    def read(count: int) -> AuditRecord:
        more = many[:count]
        return session([*CLIENT, *(more if asked else [])], [*SERVER, *([] if asked else more)])

    read(10)
    assert calls_of(lambda: read(300)) <= 2.2 * calls_of(lambda: read(150))


def _moved(value: Json, number: int) -> Json:
    if isinstance(value, list):
        return [_moved(each, number) for each in value]
    if not isinstance(value, dict):
        return value
    moved = {name: _moved(each, number) for name, each in value.items()}
    for name, each in moved.items():
        if name.endswith("id") and isinstance(each, str):
            moved[name] = f"{each}-{number}"
    return moved


def test_sound_is_held_once_beside_the_bytes_it_came_in() -> None:
    """Hours of it are decoded as they come, and digested without another copy."""
    sound = b64(bytes(3000))
    server = Writer().events(*[delta("output_audio", sound)] * 1000)
    held = memory_of(lambda: raw_session(b"", server))
    assert held < 2 * 3_000_000 + 1_000_000


def test_a_session_too_large_for_the_tap_is_refused_by_its_steps() -> None:
    """What compression hides is found before it is unfolded, and left to the worker."""
    writer = Writer(masked=True, deflate=True)
    body = writer.text(json.dumps(create(user("0" * 1_000_000))))
    capture = Captured(request_body=body, answer_head=switched("permessage-deflate"))
    steps = assemble_steps(
        opened(REALTIME, method="GET", upgrade="websocket"),
        capture,
        digest_key=DIGEST_KEY,
        salt=SALT,
        most=100_000,
    )
    with pytest.raises(TooLargeError):
        list(steps)


def test_text_parts_are_the_only_words_of_a_response() -> None:
    """An empty answer has none."""
    [output, _] = session([], [done("r1", answer(""))]).response.outputs
    assert [part for part in output.parts if isinstance(part, Text)] == []
