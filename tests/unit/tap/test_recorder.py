"""When a record is made, and of what: small ones at once, large ones by the worker."""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from audit.exchange import Ending, Level
from audit.parts import Text
from audit.sheaf import Sheaf
from audit.value import to_json
from storage.spool.port import PieceKind
from tap import recorder
from tap.consumers import ConsumerPolicy
from tap.reassembly import assemble_steps
from tests.harness.raw_client import RawClient
from tests.harness.raw_upstream import Conversation, RawUpstream, simple
from tests.harness.tap import RunningTap, running_tap

ASKED = b'{"messages":[{"role":"user","content":"say much"}]}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


def ask(body: bytes = ASKED) -> bytes:
    """A chat call."""
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


def answer(text: str) -> bytes:
    """A plain chat answer."""
    choice = {"index": 0, "message": {"content": text}, "finish_reason": "stop"}
    body = to_json({"id": "c", "choices": [choice]})
    return HEAD % len(body) + body


class Pieces:
    """Notes which pieces go to the spool, which takes them as before."""

    def __init__(self, tap: RunningTap) -> None:
        self.kinds: list[PieceKind] = []
        self._piece = tap.spool.piece
        tap.spool.piece = self.note  # type: ignore[method-assign]  # it is watched

    def note(self, record_id: str, kind: PieceKind, data: bytes) -> None:
        """Note the kind and pass the piece on."""
        self.kinds.append(kind)
        self._piece(record_id, kind, data)


async def test_a_small_call_is_in_the_spool_before_its_caller_can_act(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its last byte the record is handed in: no piece is written, and nothing is left over."""
    monkeypatch.setattr(recorder, "AT_ONCE_SECONDS", 60.0)
    whole = answer("little")
    async with (
        RawUpstream(simple(whole, body_bytes=len(ASKED))) as upstream,
        running_tap(tmp_path, upstream.port, flush_seconds=60) as tap,
        RawClient(tap.port) as client,
    ):
        pieces = Pieces(tap)
        await client.send(ask())
        assert await client.exactly(len(whole)) == whole
        assert tap.notes.counts["auditstream_exchanges_total/complete"] == 1
        assert pieces.kinds == []
        [record] = await tap.records()
        assert record.exchange.flags == ()


async def test_a_large_call_is_made_into_a_record_by_the_worker(tmp_path: Path) -> None:
    """The event loop is not held by it, and the record is the one that the tap would have made."""
    text = "much to say " * 100_000
    whole = answer(text)
    async with (
        RawUpstream(simple(whole, body_bytes=len(ASKED))) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        tap.desk.recorder._assemble = _never  # type: ignore[assignment]  # it must not be asked
        await client.send(ask())
        assert await client.exactly(len(whole)) == whole
        [record] = await tap.records()
        assert tap.notes.counts["auditstream_exchanges_total/left_to_worker"] == 1
    assert (record.exchange.ending, record.exchange.flags) == (Ending.COMPLETE, ())
    assert record.request.messages[0].parts == (Text(text="say much"),)
    assert record.response.outputs[0].parts == (Text(text=text),)
    assert record.timing.chunks > 0
    assert record.timing.duration_ms is not None


async def test_a_body_that_decodes_to_much_is_left_to_the_worker_too(tmp_path: Path) -> None:
    """A coding hides how much there is to read: the tap notices while it decodes, and stops."""
    text = "again and again " * 50_000
    body = gzip.compress(answer(text).partition(b"\r\n\r\n")[2])
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    whole = head % len(body) + body
    async with (
        RawUpstream(simple(whole, body_bytes=len(ASKED))) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(ask())
        assert await client.exactly(len(whole)) == whole
        [record] = await tap.records()
        assert tap.notes.counts["auditstream_exchanges_total/left_to_worker"] == 1
    assert (record.exchange.ending, record.exchange.flags) == (Ending.COMPLETE, ())
    assert record.response.outputs[0].parts == (Text(text=text),)


@pytest.mark.parametrize("where", ["request", "answer", "event"])
async def test_a_document_that_takes_long_is_left_to_the_worker(tmp_path: Path, where: str) -> None:
    """Few bytes can hold thousands of strings, and no document can be read in steps."""
    many = json.dumps({"model": "m", "metadata": {f"k{each}": "" for each in range(2000)}})
    asked = many.encode() if where == "request" else ASKED
    whole = {
        "request": answer("short"),
        "answer": HEAD % len(many) + many.encode(),
        "event": b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n"
        % (len(many) + 22)
        + b"data: %b\n\ndata: [DONE]\n\n" % many.encode(),
    }[where]
    async with (
        RawUpstream(simple(whole, body_bytes=len(asked))) as upstream,
        running_tap(tmp_path, upstream.port, flush_seconds=60) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(ask(asked))
        assert await client.exactly(len(whole)) == whole
        [record] = await tap.records()
        assert tap.notes.counts["auditstream_exchanges_total/left_to_worker"] == 1
    assert "k1999" in to_json(record).decode()


NONE = {"unassigned": ConsumerPolicy(level=Level.NONE)}
USED = {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}


def large_answer() -> bytes:
    """A plain chat answer that is too large for the event loop, with its usage at the end."""
    choice = {"index": 0, "message": {"content": "secret " * 40_000}, "finish_reason": "stop"}
    body = to_json({"id": "c", "model": "m", "choices": [choice], "usage": USED})
    return HEAD % len(body) + body


async def test_what_may_rest_nowhere_is_read_aside(tmp_path: Path) -> None:
    """At level `none` no body reaches the spool, and yet the record has usage and finish."""
    whole = large_answer()
    async with (
        RawUpstream(simple(whole, body_bytes=len(ASKED))) as upstream,
        running_tap(tmp_path, upstream.port, consumers=NONE) as tap,
        RawClient(tap.port) as client,
    ):
        pieces = Pieces(tap)
        tap.desk.recorder._assemble = _never  # type: ignore[assignment]  # it must not be asked
        await client.send(ask())
        assert await client.exactly(len(whole)) == whole
        [record] = await tap.records()
        assert set(pieces.kinds) == {PieceKind.ANSWER_HEAD, PieceKind.END}
        assert tap.notes.counts["auditstream_exchanges_total/complete"] == 1
    assert (record.exchange.ending, record.exchange.flags) == (Ending.COMPLETE, ())
    assert (record.usage.input, record.usage.output) == (7, 9)
    assert record.response.outputs[0].finish_reason == "stop"
    assert b"secret" not in to_json(record)


async def test_a_process_aside_that_fails_costs_the_record_its_details(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exchange is recorded all the same, and says that its bodies were not read."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    whole = large_answer()
    async with (
        RawUpstream(simple(whole, body_bytes=len(ASKED))) as upstream,
        running_tap(tmp_path, upstream.port, consumers=NONE) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(ask())
        assert await client.exactly(len(whole)) == whole
        [record] = await tap.records()
        assert tap.notes.counts["auditstream_capture_cut_total"] == 1
    assert record.exchange.ending is Ending.COMPLETE
    assert {"request_truncated", "answer_truncated"} <= set(record.exchange.flags)


async def test_what_takes_longer_than_thought_is_finished_in_slices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was captured is with the spool by then, and the record is the same."""
    monkeypatch.setattr(recorder, "AT_ONCE_SECONDS", -1.0)
    whole = answer("little")
    async with (
        RawUpstream(simple(whole, body_bytes=len(ASKED))) as upstream,
        running_tap(tmp_path, upstream.port, flush_seconds=60) as tap,
        RawClient(tap.port) as client,
    ):
        pieces = Pieces(tap)
        await client.send(ask())
        assert await client.exactly(len(whole)) == whole
        [record] = await tap.records()
        assert PieceKind.ANSWER_BODY in pieces.kinds
        assert tap.notes.counts["auditstream_exchanges_total/complete"] == 1
    assert record.response.outputs[0].parts == (Text(text="little"),)


async def test_of_a_large_call_memory_holds_only_what_the_spool_has_not(tmp_path: Path) -> None:
    """However much passes, an open exchange keeps no more than a piece of it."""
    size = 8_000_000
    sent, go = asyncio.Event(), asyncio.Event()

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        await conversation.send(b"x" * (size - 1))
        sent.set()
        await go.wait()
        await conversation.send(b"y")

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port, flush_seconds=60) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(b"GET /x HTTP/1.1\r\nHost: t\r\n\r\n")
        await client.head()
        await client.exactly(size - 1)
        [exchange] = tap.desk.exchanges
        recording = exchange._recording
        assert recording is not None
        assert sum(map(len, recording._answer.chunks)) < 2_000_000
        go.set()
        assert await client.exactly(1) == b"y"
        [record] = await tap.records()
        assert not record.exchange.truncated


async def test_many_open_calls_do_not_mean_many_pieces(tmp_path: Path) -> None:
    """The tick slows down with the number of recordings that have something new."""
    async with running_tap(tmp_path, 1) as tap:
        recorder = tap.desk.recorder
        assert recorder._tick_seconds == 0.02
        recorder._flush([], 40)
        assert recorder._tick_seconds == 0.1
        recorder._flush([], 4000)
        assert recorder._tick_seconds == 0.25
        recorder._flush([], 0)
        assert recorder._tick_seconds == 0.02


async def test_records_are_made_while_others_are_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two slices of a record, a whole other call goes through."""
    monkeypatch.setattr(recorder, "AT_ONCE_SECONDS", 60.0)
    slow, quick = answer("slowly " * 12_000), answer("quickly")
    steps: list[str] = []
    resumed = asyncio.Event()

    def many(*args: Any, **more: Any) -> Generator[None, None, Sheaf]:
        while args[0].target_path == "/slow" and not resumed.is_set():
            steps.append("slice")
            assert len(steps) < 1_000_000, "nobody let it go on"
            yield
        return (yield from assemble_steps(*args, **more))

    async def script(conversation: Conversation) -> None:
        while True:
            path = (await conversation.head()).split(b" ")[1]
            await conversation.send(slow if path == b"/slow" else quick)

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
        RawClient(tap.port) as other,
    ):
        tap.desk.recorder._assemble = many
        await client.send(b"GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
        assert await client.exactly(len(slow)) == slow
        await other.send(b"GET /quick HTTP/1.1\r\nHost: t\r\n\r\n")
        assert await other.exactly(len(quick)) == quick
        assert steps
        assert tap.notes.counts["auditstream_exchanges_total/complete"] == 1
        resumed.set()
        assert len(await tap.records()) == 2


def _never(*_: object, **__: object) -> object:
    raise AssertionError("asked for")
