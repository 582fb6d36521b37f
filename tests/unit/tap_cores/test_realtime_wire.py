"""Realtime sessions as bytes: what breaks off, closes, is compressed; and plain calls beside."""

from __future__ import annotations

import json

import pytest

from audit.exchange import Dialect, Ending, Level
from audit.flags import Flag
from audit.parts import Media
from audit.record import AuditRecord
from audit.value import to_json
from tests.harness.frames import BINARY, Writer, close, frame
from tests.unit.tap_cores.kit import head, opened, recorded
from tests.unit.tap_cores.realtime_kit import (
    USAGE,
    Event,
    Json,
    answer,
    begun,
    create,
    delta,
    done,
    user,
)
from tests.unit.tap_cores.session_kit import (
    REALTIME,
    digest,
    extras,
    media,
    raw_session,
    said,
    texts,
)


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
