"""Bytes that are no request: answered without repeating them, counted, never forwarded."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.harness.raw_client import RawClient
from tests.harness.raw_upstream import RawUpstream, simple
from tests.harness.tap import running_tap

SECRET = b"Bearer planted-credential"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

SMUGGLED = {
    "two lengths": b"Content-Length: 4\r\nContent-Length: 5\r\n",
    "length with chunked": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
    "obsolete folding": b"X-A: 1\r\n folded\r\n",
    "bare CR": b"X-A: 1\rX-B: 2\r\n",
    "space before colon": b"X-A : 1\r\n",
    "NUL": b"X-A: \x00\r\n",
    "bad length": b"Content-Length: 4x\r\n",
    "negative length": b"Content-Length: -1\r\n",
}


@pytest.mark.parametrize("shape", SMUGGLED)
async def test_shapes_of_request_smuggling_are_refused(tmp_path: Path, shape: str) -> None:
    """What two parsers could read in two ways is never passed on (RFC 9112 §11.2)."""
    async with (
        RawUpstream(simple(OK)) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        answer = await client.ask(
            b"POST / HTTP/1.1\r\nHost: t\r\nAuthorization: %b\r\n%b\r\n0\r\n\r\n"
            % (SECRET, SMUGGLED[shape])
        )
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"planted" not in answer
        assert upstream.conversations == []
        assert tap.notes.counts["auditstream_requests_rejected_total"] == 1


async def test_a_head_beyond_the_limit_is_a_431_that_repeats_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A field that is too long is refused with the right status, and no log line holds it."""
    async with (
        RawUpstream(simple(OK)) as upstream,
        running_tap(tmp_path, upstream.port, max_head=10_000) as tap,
        RawClient(tap.port) as client,
    ):
        answer = await client.ask(
            b"GET / HTTP/1.1\r\nHost: t\r\nAuthorization: " + SECRET * 500 + b"\r\n\r\n"
        )
        assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
        assert b"planted" not in answer
        assert "planted" not in caplog.text
        assert all("planted" not in str(event) for event in tap.notes.events)


async def test_a_long_head_within_the_limit_passes(tmp_path: Path) -> None:
    """Tokens of many kilobytes are common with Entra ID groups; they must pass."""
    async with (
        RawUpstream(simple(OK)) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        token = b"x" * 30_000
        await client.send(b"GET / HTTP/1.1\r\nHost: t\r\nAuthorization: " + token + b"\r\n\r\n")
        assert await client.head() == OK
        assert token in upstream.conversations[0].received


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(garbage=st.binary(min_size=1, max_size=200))
async def test_any_garbage_is_survived(tmp_path: Path, garbage: bytes) -> None:
    """Whatever bytes come, the tap answers or closes, and serves the next caller."""
    async with (
        RawUpstream(simple(OK)) as upstream,
        running_tap(tmp_path / garbage.hex()[:8], upstream.port) as tap,
    ):
        async with RawClient(tap.port) as client:
            await client.send(garbage + b"\r\n\r\n")
            client.writer.write_eof()
            await client.to_end()
        async with RawClient(tap.port) as client:
            await client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
            assert await client.head() == OK


async def test_a_broken_answer_is_passed_on_as_far_as_it_goes(tmp_path: Path) -> None:
    """An upstream whose chunks are malformed gives the client what it would have seen."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    broken = head + b"3\r\nabc\r\nZZ\r\nrubbish"
    async with (
        RawUpstream(simple(broken)) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        assert await client.ask(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n") == broken
        [record] = await tap.records()
        assert record.exchange.ending == "upstream_disconnected"


async def test_more_bytes_than_the_message_has_are_not_forwarded(tmp_path: Path) -> None:
    """What an upstream sends behind its answer belongs to nobody and reaches nobody."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    async with (
        RawUpstream(simple(answer + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen")) as up,
        running_tap(tmp_path, up.port) as tap,
        RawClient(tap.port) as client,
    ):
        for _ in range(2):
            await client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
            assert await client.exactly(len(answer)) == answer
        assert len(up.conversations) == 2
