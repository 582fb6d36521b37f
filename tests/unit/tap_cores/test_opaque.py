"""Formats without a reader: kept as far as they can be inspected, and named by their path."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.digest import keyed_digest
from audit.exchange import Dialect, Ending
from audit.parts import Extra, Media, Text
from audit.record import AuditRecord
from audit.value import to_json
from tap.dialects import multipart
from tap.dialects.multipart import boundary_of, form_parts
from tap.dialects.registry import deployment_in, route
from tap.held import Held
from tests.unit.tap_cores.kit import DIGEST_KEY, head, opened, recorded, stream


@pytest.mark.parametrize(
    ("method", "path", "dialect", "operation"),
    [
        ("POST", "/v1/chat/completions", Dialect.OPENAI_CHAT, "chat.completions"),
        ("POST", "/openai/v1/chat/completions", Dialect.OPENAI_CHAT, "chat.completions"),
        ("POST", "/a/b/openai/deployments/d/chat/completions", Dialect.OPENAI_CHAT, None),
        ("POST", "/models/chat/completions", Dialect.OPENAI_CHAT, "chat.completions"),
        ("POST", "/x/extensions/chat/completions/", Dialect.OPENAI_CHAT, "chat.completions"),
        ("GET", "/v1/chat/completions", Dialect.OPAQUE, "chat.completions.stored"),
        ("POST", "/v1/completions", Dialect.OPENAI_COMPLETIONS, "completions"),
        ("POST", "/v1/responses", Dialect.OPENAI_RESPONSES, "responses"),
        ("GET", "/v1/responses/resp_1", Dialect.OPENAI_RESPONSES, "responses.item"),
        ("POST", "/anthropic/v1/messages", Dialect.ANTHROPIC_MESSAGES, "messages"),
        ("POST", "/v1beta/models/m:generateContent", Dialect.OPAQUE, "generate_content"),
        ("POST", "/api/chat", Dialect.OPAQUE, "generate"),
        ("POST", "/v1/messages/count_tokens", Dialect.ANTHROPIC_MESSAGES, "messages.count_tokens"),
        ("POST", "/v1/threads/t/messages", Dialect.OPENAI_ASSISTANTS, "threads.messages"),
        ("GET", "/v1/threads/t/messages/m", Dialect.OPENAI_ASSISTANTS, "threads.messages"),
        ("GET", "/v1/threads/t", Dialect.OPENAI_ASSISTANTS, "threads.item"),
        ("POST", "/v1/threads/runs", Dialect.OPENAI_ASSISTANTS, "threads.runs"),
        ("GET", "/v1/threads/t/runs/r", Dialect.OPENAI_ASSISTANTS, "threads.runs.item"),
        ("POST", "/v1/threads/t/runs/r/cancel", Dialect.OPENAI_ASSISTANTS, "threads.runs.item"),
        ("GET", "/v1/threads/t/runs/r/steps", Dialect.OPENAI_ASSISTANTS, "threads.runs.steps"),
        ("GET", "/v1/messages/batches/b", Dialect.ANTHROPIC_MESSAGES, "messages.batches"),
        ("POST", "/v1/embeddings", Dialect.OPENAI_EMBEDDINGS, "embeddings"),
        ("POST", "/v1/images/edits", Dialect.OPENAI_IMAGES, "images"),
        ("POST", "/v1/audio/speech", Dialect.OPENAI_AUDIO, "audio.speech"),
        ("POST", "/v1/audio/translations", Dialect.OPENAI_AUDIO, "audio.transcriptions"),
        ("POST", "/v1/moderations", Dialect.OPAQUE, "moderations"),
        ("GET", "/", Dialect.OPAQUE, "other"),
        ("POST", "/notchat/completionsx", Dialect.OPAQUE, "other"),
    ],
)
def test_the_end_of_the_path_names_dialect_and_operation(
    method: str, path: str, dialect: Dialect, operation: str | None
) -> None:
    """Any prefix may stand before a path; a format without a reader is opaque under its name."""
    chosen = route(method, path, None)
    assert chosen.dialect.name is dialect
    assert chosen.operation == (operation or "chat.completions")


@pytest.mark.parametrize(
    ("path", "upgrade", "dialect", "operation"),
    [
        ("/openai/realtime", "websocket", Dialect.OPENAI_REALTIME, "realtime"),
        ("/v1/realtime/translations", " WebSocket", Dialect.OPENAI_REALTIME, "realtime"),
        ("/openai/v1/responses", "websocket", Dialect.OPENAI_RESPONSES, "responses"),
        ("/v1/chat/completions", "websocket", Dialect.OPAQUE, "chat.completions.stored"),
        ("/v1/anything", "websocket", Dialect.OPAQUE, "other"),
        ("/openai/realtime", "h2c", Dialect.OPAQUE, "realtime"),
    ],
)
def test_an_upgraded_connection_is_read_where_its_format_is_spoken_over_websocket(
    path: str, upgrade: str, dialect: Dialect, operation: str
) -> None:
    """Any other is opaque; the operation tells what it was."""
    chosen = route("GET", path, upgrade)
    assert (chosen.dialect.name, chosen.operation) == (dialect, operation)


def test_the_deployment_is_decoded_from_the_path() -> None:
    """Azure's classic paths name the deployment."""
    assert deployment_in("/p/openai/deployments/my%20gpt/chat/completions") == "my gpt"
    assert deployment_in("/v1/chat/completions") is None


def opaque(
    request: bytes = b"",
    answer: bytes = b"",
    *,
    asked_as: str = "application/json",
    answered_as: str | None = "application/json",
) -> AuditRecord:
    """An exchange on a path that nothing reads."""
    return recorded(
        answer,
        request=request,
        opening=opened("/v1/anything", content_type=asked_as),
        answer_head=head(200, answered_as),
    )


def test_json_is_kept_as_json_text_on_both_sides() -> None:
    """Bodies are extras, with usage and model read where they stand."""
    record = opaque(
        b'{"input": "hi", "model": "m", "user": "u"}',
        b'{"id": "e-1", "model": "m2", "usage": {"prompt_tokens": 2, "total_tokens": 2}}',
    )
    assert record.request.messages[0].parts == (
        Extra(name="body", text='{"input":"hi","model":"m","user":"u"}'),
    )
    assert record.exchange.requested_model == "m"
    assert record.exchange.reported_model == "m2"
    assert (record.usage.input, record.usage.total, record.identity.user) == (2, 2, "u")
    assert record.exchange.ending is Ending.COMPLETE


def test_base64_numbers_and_credentials_do_not_enter_a_kept_body() -> None:
    """Long base64 and long runs of numbers become marks; tokens of tool servers are replaced."""
    picture = b"\x01\x02" * 600
    encoded = base64.b64encode(picture).decode()
    tool = {"type": "mcp", "authorization": "PLANTED", "headers": {"X-Key": "PLANTED"}}
    body = {"image": encoded, "vector": [0.5] * 200, "tools": [tool]}
    record = opaque(b"", json.dumps(body).encode())
    kept, media = record.response.outputs[0].parts
    assert isinstance(kept, Extra)
    assert isinstance(media, Media)
    assert media.digest == keyed_digest(DIGEST_KEY, picture)
    document = json.loads(kept.text)
    assert document["image"] == f"[media:{media.digest[:16]}]"
    assert document["vector"].startswith("[numbers:200:")
    assert b"PLANTED" not in to_json(record)
    assert encoded.encode() not in to_json(record)


def test_text_is_text_and_bytes_are_media() -> None:
    """A transcript is read; a sound is known by its digest."""
    record = opaque(b"\x00\x01", b"Hello\n", asked_as="audio/mpeg", answered_as="text/plain")
    assert record.response.outputs[0].parts == (Text(text="Hello\n"),)
    assert record.request.messages[0].parts == (
        Media(mime="audio/mpeg", bytes=2, digest=keyed_digest(DIGEST_KEY, b"\x00\x01")),
    )


def test_a_form_is_read_field_by_field() -> None:
    """Fields are text under their name, files are media, and the model is known."""
    form = (
        b'--B\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper\r\n'
        b'--B\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nnames: Ann\r\n'
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
        b"Content-Type: audio/wav\r\n\r\n\x00\x01\r\n\x02\r\n--B--\r\nafter"
    )
    record = opaque(form, b"{}", asked_as='multipart/form-data; boundary="B"')
    sound = keyed_digest(DIGEST_KEY, b"\x00\x01\r\n\x02")
    assert record.request.messages[0].parts == (
        Extra(name="form.model", text='"whisper"'),
        Extra(name="form.prompt", text='"names: Ann"'),
        Media(mime="audio/wav", bytes=5, digest=sound, name="a.wav"),
    )
    assert record.exchange.requested_model == "whisper"


def test_the_fields_of_a_form_are_found_without_quotes_too() -> None:
    """.NET quotes the names of a form only where they need it."""
    head = b"Content-Disposition: form-data; name=file; filename=a.wav; filename*=utf-8''a.wav"
    part = form_parts(b"--B\r\n" + head + b"\r\n\r\nab\r\n--B--", b"B")[0]
    assert (part.name, part.filename, part.data) == ("file", "a.wav", b"ab")


MARKS = ["\r\n", "--B", "--", "B", "\r", "\n", 'x: name="f"', "\r\n--B\r\n", "\r\n\r\n"]


@given(marks=st.lists(st.sampled_from(MARKS), max_size=14), size=st.integers(1, 6))
def test_a_large_form_has_the_parts_of_a_small_one(marks: list[str], size: int) -> None:
    """Looked through in pieces, of any size, a form falls into what splitting it would give."""
    data = "".join(marks).encode()
    held = Held.joined([data[at : at + size] for at in range(0, len(data), size)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multipart, "_LARGE", 0)
        large = form_parts(held, b"B")
    small = form_parts(data, b"B")
    assert [(part.name, part.data) for part in large] == [(part.name, part.data) for part in small]


def test_a_form_that_breaks_off_gives_what_it_has() -> None:
    """A missing end, a missing head and a missing boundary raise nothing."""
    assert boundary_of("multipart/form-data") is None
    assert [part.data for part in form_parts(b"--B\r\nX: y\r\n\r\nab", b"B")] == [b"ab"]
    assert form_parts(b"--B\r\nno head", b"B") == []


def test_streams_of_unknown_formats_are_gathered_without_splitting_text() -> None:
    """Text that came in pieces stands in one piece, apart for each type and index."""
    deltas = [
        {"type": "text.delta", "index": index, "delta": text}
        for index, text in ((0, "jo"), (1, "x"), (0, "hn@"), (0, "example.com"))
    ]
    record = opaque(b"{}", stream(*deltas), answered_as="text/event-stream")
    first, second = record.response.outputs[0].parts
    assert isinstance(first, Extra)
    assert isinstance(second, Extra)
    assert (first.name, second.name) == ("event.text.delta.0", "event.text.delta.1")
    assert json.loads(first.text)["delta"] == "john@example.com"
    assert record.exchange.streamed


def test_lines_of_json_are_gathered_like_a_stream() -> None:
    """NDJSON, named or recognised, keeps its text together."""
    lines = b'{"message":{"content":"jo"}}\n{"message":{"content":"hn"},"done":true}\n'
    for kind in ("application/x-ndjson", "application/json", None):
        record = opaque(b"{}", lines, answered_as=kind)
        kept = record.response.outputs[0].parts[0]
        assert isinstance(kept, Extra)
        assert json.loads(kept.text) == {"message.content": "john", "done": True}


def test_an_opaque_error_is_read_like_any_other() -> None:
    """Anthropic's shape, with its type, is an error of the record."""
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"m"},"request_id":"r"}'
    record = recorded(body, opening=opened("/v1/messages"), answer_head=head(529, None))
    assert record.exchange.ending is Ending.REJECTED
    assert record.response.error is not None
    assert record.response.error.type == "overloaded_error"
