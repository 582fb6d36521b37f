"""Reassembly: endings by evidence, bodies by their bytes, and nothing that makes it raise."""

from __future__ import annotations

import gzip
import json
from collections.abc import Generator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.digest import commitment, keyed_digest
from audit.exchange import AnswerHead, Dialect, Ending, Level
from audit.flags import ENDING_DETAILS, FLAGS, EndingDetail, Flag
from audit.parts import Text
from audit.record import AuditRecord, Integrity
from audit.sheaf import Sheaf
from tap.capture import Captured, ChunkTiming
from tap.reassembly import assemble, assemble_steps
from tap.shapes import Shape, shape_of
from tests.unit.tap_cores.kit import (
    CHAT_PATH,
    DIGEST_KEY,
    SALT,
    START_NS,
    chunk,
    head,
    opened,
    recorded,
    stream,
)

HELLO = [chunk({"role": "assistant", "content": "Hel"}), chunk({"content": "lo"})]
STOP = chunk({}, finish_reason="stop")
PLAIN = json.dumps(
    {"id": "c", "choices": [{"index": 0, "message": {"content": "Hello"}, "finish_reason": "stop"}]}
).encode()
JSON_HEAD = head(200, "application/json")
CUTS = [
    Ending.CLIENT_DISCONNECTED,
    Ending.UPSTREAM_DISCONNECTED,
    Ending.UPSTREAM_TIMEOUT,
    Ending.TAP_CRASHED,
]


def text_of(record: AuditRecord) -> str:
    """What the record's first output says."""
    outputs = record.response.outputs
    return "".join(part.text for part in outputs[0].parts if isinstance(part, Text))


def test_the_record_says_when_who_and_what() -> None:
    """Facts, timing, identity, retention and commitment come from where they were seen."""
    request = b'{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}'
    record = recorded(stream(*HELLO, STOP), request=request)
    facts = record.exchange
    assert (facts.dialect, facts.operation) == (Dialect.OPENAI_CHAT, "chat.completions")
    assert (facts.method, facts.path, facts.api_version) == ("POST", CHAT_PATH, "2024-10-21")
    assert (facts.deployment, facts.requested_model) == ("gpt-test", "m")
    assert (facts.reported_model, facts.served_model) == ("gpt-test", "gpt-test-2025-01-01")
    assert (facts.status, facts.streamed, facts.flags) == (200, True, ())
    assert (facts.ending, facts.ending_detail) == (Ending.COMPLETE, None)
    assert (record.timing.ttft_ms, record.timing.duration_ms) == (250.0, 2000.0)
    assert record.timing.first_byte_at == "2023-11-14T22:13:20.250000Z"
    assert record.identity.upstream_request_id == "req-1"
    assert record.retention.expires_at == "2024-01-01T00:00:00.000000Z"
    assert record.request.prompt_digest == keyed_digest(DIGEST_KEY, request)
    bare = msgspec.structs.replace(record, integrity=Integrity())
    assert record.integrity == Integrity(salt=SALT, commitment=commitment(bare, SALT, DIGEST_KEY))


@pytest.mark.parametrize("cut", CUTS)
def test_a_cut_after_the_terminal_event_changes_nothing(cut: Ending) -> None:
    """Clients close right after `[DONE]`; a tap that died after it missed nothing."""
    record = recorded(stream(*HELLO, STOP), transport=cut)
    assert record.exchange.ending is Ending.COMPLETE
    assert ("recovered" in record.exchange.flags) is (cut is Ending.TAP_CRASHED)
    assert text_of(record) == "Hello"


@pytest.mark.parametrize("cut", CUTS)
def test_a_cut_before_the_terminal_event_names_the_exchange(cut: Ending) -> None:
    """The partial text is kept, the ending is the cut, and its detail is the connection's."""
    record = recorded(stream(*HELLO, STOP, done=False), transport=cut, detail="idle")
    assert (record.exchange.ending, record.exchange.ending_detail) == (cut, "idle")
    assert record.exchange.flags == ("answer_incomplete",)
    assert text_of(record) == "Hello"


@pytest.mark.parametrize("cut", CUTS)
def test_a_plain_answer_that_is_whole_is_complete_whatever_was_cut(cut: Ending) -> None:
    """Its JSON, or its length, shows that nothing is missing; half of it shows that it is."""
    whole = recorded(PLAIN, answer_head=JSON_HEAD, transport=cut, request={"messages": []})
    assert whole.exchange.ending is Ending.COMPLETE
    sized = head(200, "text/plain", content_length=5)
    by_length = recorded(b"Hello", answer_head=sized, transport=cut, request={"messages": []})
    assert by_length.exchange.ending is Ending.COMPLETE
    torn = PLAIN[: PLAIN.index(b"Hello") + 4]
    half = recorded(torn, answer_head=JSON_HEAD, transport=cut, request={"messages": []})
    assert half.exchange.ending is cut
    assert text_of(half) == "Hell"
    assert set(half.exchange.flags) == {"answer_salvaged", "answer_incomplete"}


def test_an_http_error_that_came_whole_is_rejected_even_after_a_crash() -> None:
    """The remnant of a whole error answer has the answer's own ending."""
    body = b'{"error":{"code":"429","message":"slow down"}}'
    record = recorded(body, answer_head=head(429, None), transport=Ending.TAP_CRASHED)
    assert record.exchange.ending is Ending.REJECTED
    assert "recovered" in record.exchange.flags


def test_a_stream_without_terminal_event_needs_a_finish_reason_to_be_complete() -> None:
    """On a clean HTTP end a reason suffices; without one the upstream broke off."""
    finished = recorded(stream(*HELLO, STOP, done=False))
    assert finished.exchange.ending is Ending.COMPLETE
    unfinished = recorded(stream(*HELLO, done=False))
    assert unfinished.exchange.ending is Ending.UPSTREAM_DISCONNECTED
    assert unfinished.exchange.ending_detail == "no_terminal_event"
    other = recorded(stream(*HELLO, STOP, chunk({"content": "x"}, 1), done=False))
    assert other.exchange.ending is Ending.UPSTREAM_DISCONNECTED


def test_an_exchange_without_an_answer_has_the_connections_ending() -> None:
    """No head, no body: the evidence is the transport's, or that there was none."""
    capture = Captured(transport=Ending.UPSTREAM_UNREACHABLE, detail="connect_failed")
    (bare,) = assemble(opened(), capture, digest_key=DIGEST_KEY, salt=SALT)
    assert bare.exchange.ending is Ending.UPSTREAM_UNREACHABLE
    assert bare.exchange.status is None
    assert bare.exchange.ending_detail == "connect_failed"
    (nothing,) = assemble(opened(), Captured(), digest_key=DIGEST_KEY, salt=SALT)
    assert nothing.exchange.ending is Ending.UPSTREAM_DISCONNECTED
    assert nothing.exchange.ending_detail == "no_answer"


def test_a_refused_and_a_tunnelled_exchange_keep_their_names() -> None:
    """What the tap itself did takes precedence over what the bodies say."""
    refused = Captured(transport=Ending.REFUSED, detail="connect")
    assert assemble(opened(), refused, digest_key=DIGEST_KEY, salt=SALT)[0].exchange.ending is (
        Ending.REFUSED
    )
    upgraded = opened("/openai/realtime", method="GET", upgrade="websocket")
    record = recorded(
        answer_head=head(101, None), opening=upgraded, request=b"", transport=Ending.TUNNELLED
    )
    assert (record.exchange.ending, record.exchange.status) == (Ending.TUNNELLED, 101)


def test_bodies_under_a_content_coding_are_read() -> None:
    """Request and answer may both be encoded; a truncated answer keeps its beginning."""
    answer = gzip.compress(stream(*HELLO, STOP))
    encoded = head(content_encoding="gzip")
    request = gzip.compress(b'{"messages":[{"role":"user","content":"hi"}],"stream":true}')
    opening = opened(content_encoding="gzip")
    record = recorded(answer, answer_head=encoded, opening=opening, request=request)
    assert text_of(record) == "Hello"
    assert record.request.messages[0].parts == (Text(text="hi"),)
    assert record.exchange.flags == ()
    record = recorded(answer[:-12], answer_head=encoded, transport=Ending.UPSTREAM_DISCONNECTED)
    assert "encoding_truncated" in record.exchange.flags


@pytest.mark.parametrize("content_type", [None, "", "application/json", "application/octet-stream"])
def test_a_stream_is_a_stream_whatever_its_type_says(content_type: str | None) -> None:
    """The bytes are believed rather than the head."""
    record = recorded(stream(*HELLO, STOP), answer_head=head(200, content_type))
    assert record.exchange.streamed
    assert text_of(record) == "Hello"


def test_answers_of_another_kind_than_was_asked_for_are_flagged() -> None:
    """A cache may answer a stream with JSON, a gateway a plain call with a stream."""
    plain = recorded(PLAIN, answer_head=JSON_HEAD)
    assert (plain.exchange.streamed, plain.exchange.flags) == (False, ("stream_answered_plain",))
    asked = {"messages": [{"role": "user", "content": "hi"}]}
    streamed = recorded(stream(*HELLO, STOP), request=asked)
    assert streamed.exchange.flags == ("plain_answered_stream",)


@pytest.mark.parametrize(
    ("start", "content_type", "shape"),
    [
        (b"", "application/json", Shape.EMPTY),
        (b"\xef\xbb\xbf \n", None, Shape.EMPTY),
        (b": note\n\ndata: {}\n\n", None, Shape.EVENTS),
        (b": note\n\n", "text/event-stream; charset=utf-8", Shape.EVENTS),
        (b": note\n\n", "text/plain", Shape.OTHER),
        (b' {"a":1}', None, Shape.JSON),
        (b'{"a":1}\n{"a":2}', None, Shape.LINES),
        (b"{\n}", None, Shape.JSON),
        (b"<html>", "application/json", Shape.OTHER),
    ],
)
def test_the_shape_of_a_body_is_told_by_its_first_bytes(
    start: bytes, content_type: str | None, shape: Shape
) -> None:
    """Bytes first, type second."""
    assert shape_of(start, content_type) is shape


def test_damage_is_flagged_and_the_rest_is_read() -> None:
    """Broken events, bytes and requests cost their own text and nothing else."""
    broken = b"data: {nonsense\n\n" + stream(chunk({"content": "Hello\ufffd"}), STOP)
    record = recorded(broken.replace(b"\\ufffd", b"\xff").rstrip(b"\n"), request=b"{nonsense")
    assert text_of(record) == "Hello\ufffd"
    assert record.request.messages == ()
    assert record.request.prompt_digest is not None
    assert set(record.exchange.flags) == {
        "invalid_utf8",
        "request_unparsed",
        "stream_malformed",
        "unterminated_final_event",
    }


def test_what_outgrew_the_capture_is_read_up_to_the_cut() -> None:
    """A cut request keeps its beginning; a cut answer that ended cleanly is complete."""
    request = b'{"stream":true,"messages":[{"role":"user","content":"a long promp'
    answer = stream(*HELLO, done=False)
    record = recorded(answer, request=request, request_cut=True, answer_cut=True)
    assert record.request.messages[0].parts == (Text(text="a long promp"),)
    assert record.exchange.truncated
    assert record.exchange.ending is Ending.COMPLETE
    assert set(record.exchange.flags) == {
        "answer_truncated",
        "request_salvaged",
        "request_truncated",
    }


def test_the_work_is_done_in_slices() -> None:
    """A long stream yields many times before its record, which is the same as in one go."""
    answer = stream(*[chunk({"content": "x" * 500})] * 2000, STOP)
    captured = Captured(request_body=b"{}", answer_head=head(), answer_body=answer)
    ended: list[Sheaf] = []

    def driven() -> Generator[None, None, None]:
        ended.append(
            (yield from assemble_steps(opened(), captured, digest_key=DIGEST_KEY, salt=SALT))
        )

    count = sum(1 for _ in driven())
    assert ended == [assemble(opened(), captured, digest_key=DIGEST_KEY, salt=SALT)]
    assert count >= len(answer) // (64 * 1024)


def test_every_code_has_a_sentence() -> None:
    """The catalogue lists each flag and each detail once."""
    assert set(FLAGS) == set(Flag)
    assert set(ENDING_DETAILS) == set(EndingDetail)


BODIES = [
    stream(*HELLO, STOP, {"usage": {"total_tokens": 3}}),
    PLAIN,
    gzip.compress(PLAIN),
    b'{"error":{"message":"m","innererror":{"content_filter_result":{"hate":{}}}}}',
    b'{"a":1}\n{"a":2}\n',
    b'--B\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n--B--',
]
TYPES = [
    None,
    "application/json",
    "text/event-stream",
    "multipart/form-data; boundary=B",
    "image/x",
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Bytes of a real-looking body: cut, with a flipped bit, or not of any body at all."""
    body = draw(st.sampled_from(BODIES) | st.binary(max_size=80))
    body = body[: draw(st.integers(0, len(body)))] if draw(st.booleans()) else body
    if body and draw(st.booleans()):
        at = draw(st.integers(0, len(body) - 1))
        return body[:at] + bytes([body[at] ^ (1 << draw(st.integers(0, 7)))]) + body[at + 1 :]
    return body


HEADS = st.none() | st.builds(
    AnswerHead,
    status=st.sampled_from([200, 204, 302, 400, 429, 500]),
    content_type=st.sampled_from(TYPES),
    content_encoding=st.sampled_from([None, "gzip", "br", "deflate", "zstd, gzip", "x"]),
    at_ns=st.just(START_NS),
    content_length=st.none() | st.integers(0, 200),
)


@settings(max_examples=300)
@given(
    request=damaged(),
    answer=damaged(),
    answer_head=HEADS,
    path=st.sampled_from([CHAT_PATH, "/v1/responses", "/v1/audio/transcriptions", "/"]),
    content_type=st.sampled_from(TYPES),
    encoding=st.sampled_from([None, "gzip", "br"]),
    level=st.sampled_from(Level),
    transport=st.none() | st.sampled_from(Ending),
    whole=st.booleans(),
)
def test_no_bytes_make_reassembly_raise(
    request: bytes,
    answer: bytes,
    answer_head: AnswerHead | None,
    path: str,
    content_type: str | None,
    encoding: str | None,
    level: Level,
    transport: Ending | None,
    whole: bool,
) -> None:
    """Any bytes under any head give a record that survives its JSON round trip exactly."""
    captured = Captured(
        request_body=request,
        request_whole=whole,
        answer_head=answer_head,
        answer_body=answer,
        answer_whole=whole,
        answer_cut=whole and len(answer) % 2 == 0,
        transport=transport,
        timing=ChunkTiming(),
    )
    opening = opened(path, content_type=content_type, content_encoding=encoding, level=level)
    (record,) = assemble(opening, captured, digest_key=DIGEST_KEY, salt=SALT)
    read: Any = msgspec.json.decode(msgspec.json.encode(record), type=AuditRecord)
    assert read == record
    assert commitment(read, SALT, DIGEST_KEY) == record.integrity.commitment
    assert set(record.exchange.flags) <= {str(flag) for flag in Flag}
