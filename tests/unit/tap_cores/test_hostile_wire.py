"""What a hostile client or upstream might send: a record holds neither what it must not nor less.

Each of these was found by trying: a credential or a picture that slipped into a record's text, a
text that was missing there, and work or memory beyond proportion.
"""

from __future__ import annotations

import base64
import json
from typing import Any, cast

import pytest

from audit.exchange import Level
from audit.parts import Media, Text
from audit.record import AuditRecord
from audit.value import to_json
from tap.dialects.keeping import SECRET
from tap.dialects.loose_fold import LooseFold
from tap.dialects.responses_session import ResponsesSession
from tests.unit.tap_cores.kit import head, keeper, opened, recorded, stream
from tests.unit.tap_cores.session_kit import extras, session

Json = Any

PLANTED = "Zk39fQ7vLm2xPq81"

PICTURE = base64.b64encode(bytes(range(256)) * 8).decode()

STREAMED = (
    *(
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/responses",
        "/v1/messages",
        "/v1/images/edits",
    ),
    *("/v1/threads/runs", "/v1/audio/speech", "/v1/audio/transcriptions", "/api/chat", "/other"),
    "/v1/models/g:streamGenerateContent",
)


def written(record: AuditRecord) -> str:
    """The record as it is stored."""
    return to_json(record).decode()


@pytest.mark.parametrize("path", STREAMED)
@pytest.mark.parametrize(
    "torn", ['{"authorization":"%s', '{"type":"x","api_key":"%s"', '{"a" "%s"}']
)
def test_a_torn_event_gives_no_credential_away(path: str, torn: str) -> None:
    """What stands before the break is read with its names, or not at all."""
    body = stream({"type": "x"}, done=False) + b"data: " + (torn % PLANTED).encode()
    for end in (b"", b"\n\ndata: {}\n\n"):
        record = recorded(body + end, request=b"{}", opening=opened(path))
        assert PLANTED not in written(record)


@pytest.mark.parametrize("path", STREAMED)
def test_a_torn_event_gives_no_picture_away(path: str) -> None:
    """Base64 that breaks off, inside an event that does, becomes size and digest."""
    for torn in (f'{{"type":"x.partial_image","b64_json":"{PICTURE}', f'{{"a" "{PICTURE}"}}'):
        body = b"data: " + torn.encode()
        for end in (b"", b"\n\ndata: {}\n\n"):
            record = recorded(body + end, request=b"{}", opening=opened(path))
            assert PICTURE[:600] not in written(record)


@pytest.mark.parametrize(
    "path", ["/v1/responses", "/v1/messages", "/v1/threads/runs", "/v1/images/edits", "/other"]
)
def test_a_text_in_pieces_of_events_that_are_not_known_is_one_text(path: str) -> None:
    """A detector would find nothing in its pieces."""
    pieces = [
        {"type": "new.delta", "delta": {"text": each}} for each in ("jo", "hn@exam", "ple.com")
    ]
    body = b"".join(b"event: new.delta\n" + stream(each, done=False) for each in pieces)
    record = recorded(body, request=b"{}", opening=opened(path))
    assert "john@example.com" in written(record)


def test_what_a_stream_of_no_known_format_tore_is_said_to_be_torn() -> None:
    """The record flags it, and of what cannot be read size and digest are left."""
    record = recorded(
        b'data: {"a" "b"}\n\ndata: {"text":"whole"}\n\ndata: [INFO] a note\n\n',
        request=b"{}",
        opening=opened("/other"),
    )
    (output,) = record.response.outputs
    assert "stream_malformed" in record.exchange.flags
    assert extras(output.parts) == {
        "message.text": '"[INFO] a note"',
        "event.message": '{"text":"whole"}',
    }
    assert [(part.name, part.bytes) for part in output.parts if isinstance(part, Media)] == [
        ("unread", 9)
    ]


@pytest.mark.parametrize(
    "holder",
    [
        {"api_key": [PLANTED]},
        {"authorization": {"token": PLANTED}},
        {"client_secret": {"value": PLANTED}},
        {"server_url": f"https://tools.example.com/mcp?code={PLANTED}"},
        {"server_url": f"https://agent:{PLANTED}@tools.example.com/mcp"},
        {"note": f"https://tools.example.com/mcp?code={PLANTED}&x=1"},
        {"note": f"https://tools.example.com/mcp?x=1&key={PLANTED}"},
    ],
    ids="-".join,
)
def test_a_credential_in_another_shape_is_one_all_the_same(holder: dict[str, Json]) -> None:
    """In a list, an object or a query, as a parameter, an extra and in an unknown event."""
    kept = keeper()
    ((name, value),) = holder.items()
    loose = LooseFold()
    loose.take("event", json.dumps({"deep": holder}))
    for held in (
        kept.kept({"deep": holder}),
        kept.as_extra("deep", holder).text,
        kept.as_extra(f"deep.{name}", value).text,
        loose.reading(kept).response.outputs,
    ):
        assert PLANTED not in str(held)


@pytest.mark.parametrize("path", STREAMED)
def test_a_credential_beside_an_answer_is_known_by_its_name(path: str) -> None:
    """A field of the answer itself is an extra, whose name is all that tells."""
    said = {"authorization": PLANTED, "client_secret": {"value": PLANTED}, "id": "x"}
    plain = recorded(
        json.dumps(said).encode(),
        request=b"{}",
        opening=opened(path),
        answer_head=head(200, "application/json"),
    )
    streamed = recorded(stream(said), request=b"{}", opening=opened(path))
    assert PLANTED not in written(plain) + written(streamed)


def test_a_credential_in_a_delta_that_is_not_known_is_known_by_its_name() -> None:
    """Its name then stands behind that of the delta."""
    for secret in ({"password": PLANTED}, {"client_secret": {"value": PLANTED}}):
        for kind in ("unheard_of", "text_delta"):
            delta = {"type": kind, "text": "x", **secret}
            record = recorded(
                stream({"type": "content_block_delta", "index": 0, "delta": delta}),
                request=b"{}",
                opening=opened("/v1/messages"),
            )
            assert PLANTED not in written(record)
            assert SECRET in written(record)


def test_arguments_that_are_an_object_lose_their_credentials_and_pictures() -> None:
    """Some send the arguments of a call, or what came of it, as an object instead of its text."""
    given = {"api_key": PLANTED, "shot": PICTURE, "port": "Lisbon"}
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": given}}
    asked = {"messages": [{"role": "assistant", "tool_calls": [call]}]}
    for path in ("/api/chat", "/v1/chat/completions"):
        plain = {"message": asked["messages"][0], "choices": [{"message": asked["messages"][0]}]}
        record = recorded(
            json.dumps(plain).encode(),
            request=asked,
            opening=opened(path),
            answer_head=head(200, "application/json"),
        )
        assert written(record).count("Lisbon") >= 2
        assert PLANTED not in written(record)
        assert PICTURE not in written(record)
    run = {**call, "function": {"name": "f", "arguments": given, "output": given}}
    step = {"object": "thread.run.step", "step_details": {"tool_calls": [run]}}
    record = recorded(
        json.dumps(step).encode(),
        request=b"{}",
        opening=opened("/v1/threads/t/runs/r/steps"),
        answer_head=head(200, "application/json"),
    )
    assert written(record).count("Lisbon") == 2
    assert PLANTED not in written(record)
    assert PICTURE not in written(record)


def test_an_error_event_that_is_torn_gives_nothing_away() -> None:
    """It is an error all the same, with what stands before the break."""
    for torn in ('{"code":"busy","api_key":"%s', '{"code" "%s"}', '{"error":{"message":"x'):
        body = b"event: error\ndata: " + (torn.replace("%s", PLANTED)).encode() + b"\n\n"
        record = recorded(body, request=b"{}", opening=opened("/v1/responses"))
        assert record.exchange.ending == "failed"
        assert "stream_malformed" in record.exchange.flags
        assert PLANTED not in written(record)


def test_what_stands_where_a_type_belongs_never_becomes_a_name() -> None:
    """A name is written as it is, and would show what the value's own reading takes out."""
    odd = {"type": {"api_key": PLANTED}, "object": {"api_key": PLANTED}}
    for path in STREAMED:
        asked = {"messages": [{"role": "user", "content": [odd]}], "input": [odd], "prompt": [odd]}
        answered = {**odd, "choices": [{"message": {"content": [odd]}}], "content": [odd]}
        record = recorded(
            json.dumps(answered).encode(),
            request=asked,
            opening=opened(path),
            answer_head=head(200, "application/json"),
        )
        assert PLANTED not in written(record), path


@pytest.mark.parametrize("answer", [[{"value": PLANTED}], {"data": {"value": PLANTED}}])
def test_the_key_to_a_session_is_not_kept_wherever_it_stands(answer: Json) -> None:
    """A gateway may wrap what the provider gave out."""
    record = recorded(
        json.dumps(answer).encode(),
        request=b"{}",
        opening=opened("/v1/realtime/client_secrets"),
        answer_head=head(200, "application/json"),
    )
    assert PLANTED not in written(record)
    assert SECRET in written(record)


@pytest.mark.parametrize("url", [PICTURE, f" data:image/png;base64,{PICTURE}"])
def test_a_picture_where_a_url_belongs_is_a_picture(url: str) -> None:
    """Bare, or behind a space, base64 is no URL to be kept."""
    media = keeper().url_as_media(url)
    assert media.url is None
    assert media.bytes == 2048


def test_a_picture_in_json_that_is_a_text_is_a_picture() -> None:
    """Some writers put a backslash before each slash; the bytes are the same."""
    picture = base64.b64encode(b"\xff" * 600).decode()
    inner = json.dumps({"shot": f"data:image/png;base64,{picture}", "n": 1})
    kept = keeper()
    before, media, after = kept.text_parts(inner.replace("/", "\\/"))
    assert (before, after) == (Text(text='{"shot": "'), Text(text='", "n": 1}'))
    assert media == kept.bytes_as_media(b"\xff" * 600, "image/png")
    assert "[media:" in kept.inline(inner.replace("/", "\\/"))
    assert len(kept.inline(inner.replace("/", "\\/"))) < 60


def test_base64_in_lines_is_base64() -> None:
    """As mail and certificates have it; words that stand one a line stay text."""
    lined = base64.encodebytes(bytes(range(256)) * 8).decode()
    words = "\n".join(["word"] * 300)
    kept = keeper().kept({"file": lined, "words": words})
    assert kept["file"].startswith("[media:")
    assert kept["words"] == words


def test_an_error_that_is_a_bare_text_holds_no_picture() -> None:
    """Such a text is read as an error's message is."""
    said = f"cannot read data:image/png;base64,{PICTURE}"
    record = recorded(
        json.dumps({"error": said}).encode(),
        request=b"{}",
        opening=opened("/v1/responses"),
        answer_head=head(400, "application/json"),
    )
    assert record.response.error is not None
    assert (record.response.error.message or "").startswith("cannot read [media:")


def test_what_a_client_sends_out_of_shape_is_kept() -> None:
    """Settings, prompts and inputs of another kind than the format has are parameters or extras."""
    client = [
        {
            "type": "response.create",
            "response": {"input": "one", "tools": "two", "prompt": "three"},
        },
        {"type": "response.create", "response": "four"},
        {"type": "session.update", "session": {"tools": {"x": "five"}, "input": "six"}},
        {"type": "session.update", "session": {"prompt": {"id": "p", "version": "seven"}}},
        {"type": "session.update", "session": ["eight"]},
        {"type": "input_audio_buffer.append", "audio": ["nine"]},
    ]
    record = session(cast("list[dict[str, Json]]", client), [])
    for word in ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine"):
        assert word in written(record), word


def test_a_response_that_calls_itself_a_list_keeps_its_output() -> None:
    """What was streamed is the output, whatever the object says that it is."""
    record = recorded(
        stream(
            {"type": "response.created", "response": {"object": "list"}},
            {"type": "response.output_text.delta", "output_index": 0, "delta": "said"},
            {"type": "response.completed", "response": {"object": "list"}},
        ),
        request={"input": "hi"},
        opening=opened("/v1/responses"),
    )
    assert "said" in written(record)


def test_media_of_one_response_stand_in_it_alone() -> None:
    """On a connection with many responses, each has the media of its own events and no others."""
    connection = ResponsesSession()
    for _ in range(20):
        connection.server(json.dumps({"type": "response.created", "response": {}}))
        connection.server(json.dumps({"type": "response.new", "blob": PICTURE}))
        connection.server(json.dumps({"type": "response.completed", "response": {}}))
    turns = connection.turns(keeper().digest, 10)
    outputs = [each for turn in turns for each in turn.answered.response.outputs]
    assert [sum(isinstance(part, Media) for part in each.parts) for each in outputs] == [1] * 20


def test_at_level_none_usage_keeps_its_numbers_and_no_words() -> None:
    """A gateway may write anything beside the counts; none of it is metadata of ours."""
    usage = {"input_tokens": 3, "note": PLANTED, "parts": [{"of": PLANTED, "share": 0.5}, PLANTED]}
    record = recorded(
        json.dumps({"object": "response", "output": [], "usage": usage}).encode(),
        request={"input": "hi"},
        opening=opened("/v1/responses", level=Level.NONE),
        answer_head=head(200, "application/json"),
    )
    assert PLANTED not in written(record)
    assert record.usage.input == 3
    assert record.usage.reported == {"input_tokens": 3, "parts": [{"share": 0.5}, None]}
