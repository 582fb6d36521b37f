"""What the caller meets when the audit cannot take an opening: the consumer's choice."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.exchange import Level, OnAuditFailure
from storage.spool.frame import Kind
from storage.spool.options import SpoolOptions
from storage.spool.pieces import piece_number
from storage.spool.port import PieceKind
from storage.spool.reader import Frame, read_frames
from tap.consumers import ConsumerPolicy
from tests.harness.raw_client import RawClient
from tests.harness.raw_upstream import RawUpstream, simple
from tests.harness.tap import running_tap

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
# A cap below the size of any frame: the first opening reaches it.
FULL = SpoolOptions(max_bytes=1)


async def fill(client: RawClient) -> None:
    """Have one exchange recorded, which fills a spool of no size."""
    await client.send(ask("first"))
    assert await client.exactly(len(ANSWER)) == ANSWER


def ask(key: str) -> bytes:
    """A request with a consumer's key."""
    return f"GET /x HTTP/1.1\r\nHost: t\r\napi-key: {key}\r\n\r\n".encode()


async def test_an_open_consumer_is_forwarded_and_leaves_a_numbered_gap(tmp_path: Path) -> None:
    """With `open` nobody waits for the audit; the number says what is missing and why."""
    async with (
        RawUpstream(simple(ANSWER)) as upstream,
        running_tap(tmp_path, upstream.port, spool=FULL) as tap,
        RawClient(tap.port) as client,
    ):
        await fill(client)
        await client.send(ask("anyone"))
        assert await client.exactly(len(ANSWER)) == ANSWER
        checkpoint = tap.spool.checkpoint()
        assert checkpoint.unrecorded == ((2, 2, "forwarded:spool.full"),)
        assert tap.notes.counts["auditstream_unrecorded_total/open"] == 1
        assert [name for name, _ in tap.notes.events] == ["tap.audit_unavailable"]
        assert tap.desk.refusing == "spool.full"


async def test_a_closed_consumer_gets_503_and_nothing_is_forwarded(tmp_path: Path) -> None:
    """With `closed` no call passes unrecorded; the answer is clear JSON of the tap's."""
    closed = {"strict-key": ConsumerPolicy(on_audit_failure=OnAuditFailure.CLOSED)}
    async with (
        RawUpstream(simple(ANSWER)) as upstream,
        running_tap(tmp_path, upstream.port, spool=FULL, consumers=closed) as tap,
        RawClient(tap.port) as client,
    ):
        await fill(client)
        answer = await client.ask(ask("strict-key"))
        assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b'"code":"audit_unavailable"' in answer
        assert b"strict-key" not in upstream.conversations[0].received
        assert len(upstream.conversations) == 1
        assert tap.spool.checkpoint().unrecorded == ((2, 2, "refused:spool.full"),)


async def test_a_defect_in_the_opening_is_the_audits_failure_and_not_the_callers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong while the opening is drawn up, the call passes and its number tells."""
    async with (
        RawUpstream(simple(ANSWER)) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        monkeypatch.setattr(tap.desk, "opening", _defect)
        await client.send(ask("anyone"))
        assert await client.exactly(len(ANSWER)) == ANSWER
        assert tap.spool.checkpoint().unrecorded == ((1, 1, "forwarded:audit.unexpected"),)
        assert "planted" not in str(tap.notes.events)


def _defect(*_: object) -> object:
    raise RuntimeError("planted content in a message")


async def test_a_strict_consumer_is_recorded_like_any_other(tmp_path: Path) -> None:
    """`strict` waits for the sync and changes nothing else."""
    strict = {"k": ConsumerPolicy(strict=True)}
    async with (
        RawUpstream(simple(ANSWER)) as upstream,
        running_tap(tmp_path, upstream.port, consumers=strict) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(ask("k"))
        assert await client.exactly(len(ANSWER)) == ANSWER
        [record] = await tap.records()
        assert record.consumer == "k"


async def test_level_none_puts_no_body_into_any_frame(tmp_path: Path) -> None:
    """Metadata only: neither the record nor what a crash would leave holds a body."""
    none = {"k": ConsumerPolicy(level=Level.NONE)}
    body = b'{"messages":[{"role":"user","content":"planted-in-the-prompt"}]}'
    answer = b'{"choices":[{"index":0,"message":{"content":"planted-in-the-answer"}}]}'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    whole = head % len(answer) + answer
    async with (
        RawUpstream(simple(whole, body_bytes=len(body))) as upstream,
        running_tap(tmp_path, upstream.port, consumers=none) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: t\r\napi-key: k\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body
        )
        assert await client.exactly(len(whole)) == whole
        [record] = await tap.records()
        assert record.request.messages == ()
        assert all(output.parts == () for output in record.response.outputs)
    kinds = {frame.header.kind for frame in _frames(tmp_path)}
    parts = {frame.header.part for frame in _frames(tmp_path) if frame.header.kind == Kind.PIECE}
    assert Kind.OPENED in kinds
    assert parts <= {piece_number(PieceKind.ANSWER_HEAD)}


async def test_a_defect_of_ours_puts_no_byte_into_an_answer(tmp_path: Path) -> None:
    """Once the upstream's answer has begun, an error of the tap's own may only close."""
    async with (
        RawUpstream(simple(ANSWER)) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        tap.desk.recorder.finish = _broken  # type: ignore[method-assign]  # broken on purpose
        assert await client.ask(ask("anyone")) == ANSWER


async def test_a_defect_before_the_opening_answers_and_closes(tmp_path: Path) -> None:
    """Not even a tap that cannot number its calls leaves a caller waiting."""
    async with (
        RawUpstream(simple(ANSWER)) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        tap.spool.next_number = _broken  # type: ignore[assignment]  # broken on purpose
        answer = await client.ask(ask("anyone"))
        assert answer.startswith(b"HTTP/1.1 500 ")
        assert b'"code":"tap_defect"' in answer
        assert not tap.desk.exchanges
        assert "repeats content" not in str(tap.notes.events)


def _broken(*_: object, **__: object) -> None:
    raise RuntimeError("a message that repeats content")


def _frames(folder: Path) -> list[Frame]:
    data = b"".join(file.read_bytes() for file in folder.rglob("*.spool"))
    return [finding for finding in read_frames(data) if isinstance(finding, Frame)]
