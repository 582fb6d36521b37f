"""What a proxy changes in message heads, and that it changes nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap.heads import (
    AnswerFraming,
    AnswerStart,
    Header,
    RequestHead,
    answer_head,
    request_head,
    tap_error,
)

FIELDS: tuple[Header, ...] = (
    (b"Host", b"client.example"),
    (b"X-First", b"1"),
    (b"x-first", b"2"),
    (b"ACCEPT", b"*/*"),
)

_HOPS = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade"}


def passed(*fields: Header) -> list[bytes]:
    """The field lines that the upstream gets of these."""
    return request_head(RequestHead("GET", b"/", fields), None).split(b"\r\n")[1:-2]


def an_answer(raw: bytes, fields: list[Header], *, chunked: bool = False) -> AnswerStart:
    """An answer's head as it is read from these bytes."""
    return AnswerStart(200, fields, AnswerFraming(chunked, None, True), raw)


_names = st.from_regex(rb"\A[A-Za-z][A-Za-z0-9-]{0,12}\Z").filter(
    lambda name: name.lower() not in _HOPS
)
_values = st.binary(max_size=12).filter(lambda value: not set(value) & {10, 13, 0})


def test_host_is_replaced_in_its_place_and_all_else_kept() -> None:
    """The upstream's own host stands where the caller's stood; order, case, duplicates stay."""
    head = request_head(RequestHead("POST", b"/a?b=%20c", FIELDS), b"up.example")
    assert head == (
        b"POST /a?b=%20c HTTP/1.1\r\nHost: up.example\r\nX-First: 1\r\nx-first: 2\r\n"
        b"ACCEPT: */*\r\n\r\n"
    )


def test_host_of_the_caller_is_kept_where_that_is_asked() -> None:
    """Without a host of our own the caller's passes."""
    assert b"Host: client.example\r\n" in request_head(RequestHead("GET", b"/", FIELDS), None)


def test_missing_host_is_added() -> None:
    """An HTTP/1.0 caller need not send a Host; our own connection must."""
    head = request_head(RequestHead("GET", b"/", (), http10=True), b"up.example")
    assert head == b"GET / HTTP/1.1\r\nHost: up.example\r\n\r\n"


@pytest.mark.parametrize(
    "name", [b"Connection", b"KEEP-ALIVE", b"Proxy-Connection", b"te", b"Upgrade"]
)
def test_hop_by_hop_fields_are_not_forwarded(name: bytes) -> None:
    """What belongs to one connection ends with it (RFC 9110 §7.6.1)."""
    assert passed((name, b"x"), (b"A", b"b")) == [b"A: b"]


def test_fields_named_by_connection_are_not_forwarded() -> None:
    """`Connection: x-hop` makes X-Hop hop-by-hop."""
    assert passed((b"Connection", b"close, X-Hop"), (b"x-hop", b"1"), (b"Y", b"2")) == [b"Y: 2"]


def test_connection_cannot_make_us_drop_credentials() -> None:
    """A caller that names Authorization in Connection must not strip it from the request."""
    named = (b"Connection", b"authorization, host")
    kept = passed(named, (b"Authorization", b"k"), (b"Host", b"h"))
    assert kept == [b"Authorization: k", b"Host: h"]


@given(st.lists(st.tuples(_names, _values), max_size=12))
def test_any_end_to_end_fields_pass_unchanged(fields: list[Header]) -> None:
    """Whatever the fields are, they pass in order, with their case, duplicates included."""
    lines = b"".join(b"%b: %b\r\n" % each for each in fields)
    asked = request_head(RequestHead("GET", b"/", tuple(fields)), None)
    assert asked == b"GET / HTTP/1.1\r\n" + lines + b"\r\n"
    raw = b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n"
    assert answer_head(an_answer(raw, fields), http10=False, close=False) == raw


def test_answer_keeps_its_lines_and_the_place_of_its_framing() -> None:
    """Reason, spaces and case are the upstream's, and Transfer-Encoding stands where it stood."""
    fields = [(b"A", b"1"), (b"transfer-Encoding", b"chunked"), (b"Connection", b"x"), (b"B", b"")]
    raw = (
        b"HTTP/1.1 299\r\nA:  1 \r\ntransfer-Encoding:chunked\r\nConnection: x\r\n"
        b"Connection : y\r\nB:\r\n\r\n"
    )
    assert answer_head(an_answer(raw, fields, chunked=True), http10=False, close=False) == (
        b"HTTP/1.1 299\r\nA:  1 \r\ntransfer-Encoding:chunked\r\nB:\r\n\r\n"
    )


def test_a_request_keeps_the_place_of_its_framing_and_its_coding() -> None:
    """Transfer-Encoding stands where it stood, with what it says."""
    fields = ((b"A", b"1"), (b"Transfer-encoding", b"gzip, chunked"), (b"B", b"2"))
    head = request_head(RequestHead("POST", b"/", fields, chunked=True), None)
    assert head == b"POST / HTTP/1.1\r\nA: 1\r\nTransfer-encoding: gzip, chunked\r\nB: 2\r\n\r\n"


def test_an_upgrade_is_asked_for_in_its_place_and_once() -> None:
    """What the caller's Connection names beside the upgrade stays with the caller's connection."""
    fields = (
        (b"Connection", b"keep-alive, Upgrade, X-Hop"),
        (b"X-Hop", b"1"),
        (b"Upgrade", b"websocket"),
        (b"Connection", b"x"),
        (b"B", b"2"),
    )
    head = request_head(RequestHead("GET", b"/", fields, upgrade=b"websocket"), None)
    assert head == (b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nB: 2\r\n\r\n")


def test_tap_error_says_that_it_is_the_taps() -> None:
    """An answer of our own is complete JSON, names the tap and closes the connection."""
    answer = tap_error(502, "Bad Gateway", "upstream_unreachable", 'a "quoted" word')
    head, _, body = answer.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"Connection: close" in head
    assert b'"code":"upstream_unreachable"' in body
    assert b'AuditStream tap: a \\"quoted\\" word' in body
