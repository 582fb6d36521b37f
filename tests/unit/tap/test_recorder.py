"""When a record is made, and of what: small ones at once, large ones by the worker."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Generator
from pathlib import Path
from typing import Any

from audit.exchange import Ending
from audit.parts import Text
from audit.record import AuditRecord
from audit.value import to_json
from storage.spool.port import PieceKind
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


async def test_a_small_call_is_in_the_spool_before_its_caller_can_act(tmp_path: Path) -> None:
    """With its last byte the record is handed in: no piece is written, and nothing is left over."""
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


async def test_records_are_made_while_others_are_served(tmp_path: Path) -> None:
    """Between two slices of a record, a whole other call goes through."""
    slow, quick = answer("slowly " * 12_000), answer("quickly")
    steps: list[str] = []
    resumed = asyncio.Event()

    def many(*args: Any, **more: Any) -> Generator[None, None, AuditRecord]:
        while args[0].target_path == "/slow" and not resumed.is_set():
            steps.append("slice")
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
