"""Realtime sessions: turns, settings, media and keys of the client's side."""

from __future__ import annotations

import json

from audit.flags import Flag
from audit.value import to_json
from tests.unit.tap_cores.realtime_kit import (
    Event,
    added,
    answer,
    begun,
    create,
    delta,
    done,
    spoken,
    user,
)
from tests.unit.tap_cores.session_kit import (
    b64,
    digest,
    extras,
    media,
    said,
    session,
    texts,
)


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
