"""How an exchange ended, each ending by its own evidence, with the text that was delivered."""

from __future__ import annotations

import asyncio
from pathlib import Path

from audit.exchange import Ending
from audit.parts import Text
from audit.record import AuditRecord
from audit.value import Json, to_json
from tests.harness.raw_client import RawClient
from tests.harness.raw_upstream import Conversation, RawUpstream, simple
from tests.harness.tap import running_tap

BODY = b'{"stream":true,"messages":[{"role":"user","content":"say something"}]}'
ASK = (
    b"POST /openai/deployments/d/chat/completions?api-version=1 HTTP/1.1\r\nHost: t\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
) + BODY
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def event(content: str | None, finish: str | None = None) -> bytes:
    """One chat chunk as a chunk of the transfer coding."""
    delta: Json = {"content": content} if content else {}
    choice: Json = {"index": 0, "delta": delta, "finish_reason": finish}
    return framed(b"data: " + to_json({"id": "c", "choices": [choice]}) + b"\n\n")


def framed(data: bytes) -> bytes:
    """Chunked framing of one piece."""
    return b"%x\r\n%b\r\n" % (len(data), data)


DONE = framed(b"data: [DONE]\n\n")


def said(record: AuditRecord) -> str:
    """All text of the answer."""
    parts = [part for output in record.response.outputs for part in output.parts]
    return "".join(part.text for part in parts if isinstance(part, Text))


async def read_until(client: RawClient, mark: bytes) -> None:
    """Read the answer until something has been seen of it."""
    await asyncio.wait_for(client.reader.readuntil(mark), 30)


async def test_leaving_right_after_the_terminal_event_is_complete(tmp_path: Path) -> None:
    """SDKs close the connection right after [DONE]; the record is whole all the same."""

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await conversation.exactly(len(BODY))
        await conversation.send(HEAD + event("all of it") + event(None, "stop") + DONE)
        await conversation.until_closed()

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
    ):
        async with RawClient(tap.port) as client:
            await client.send(ASK)
            await read_until(client, b"[DONE]")
        [record] = await tap.records()
        assert (record.exchange.ending, said(record)) == (Ending.COMPLETE, "all of it")


async def test_leaving_before_it_is_told_with_the_text_so_far(tmp_path: Path) -> None:
    """A client that goes early closes the upstream, and what it was sent is in the record."""
    gone = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await conversation.exactly(len(BODY))
        await conversation.send(HEAD + event("only this"))
        await conversation.until_closed()
        gone.set()

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
    ):
        async with RawClient(tap.port) as client:
            await client.send(ASK)
            await read_until(client, b"only this")
        await asyncio.wait_for(gone.wait(), 30)
        [record] = await tap.records()
        assert (record.exchange.ending, said(record)) == (Ending.CLIENT_DISCONNECTED, "only this")


async def test_what_arrives_after_the_client_has_gone_was_not_delivered(tmp_path: Path) -> None:
    """Bytes that come in the same instant reach nobody, and the record does not claim them."""

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await conversation.exactly(len(BODY))
        await conversation.send(HEAD + event("heard"))
        await conversation.until_closed()

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(ASK)
        await read_until(client, b"heard")
        [exchange] = tap.desk.exchanges
        exchange.client_lost()
        late = event("unheard").split(b"\r\n")[1]
        exchange.answer.body(framed(late), [late])
        [record] = await tap.records()
        assert (record.exchange.ending, said(record)) == (Ending.CLIENT_DISCONNECTED, "heard")


async def test_an_upstream_that_cuts_is_told_from_one_that_ends(tmp_path: Path) -> None:
    """Without the last chunk the client sees a cut, and the record says who made it."""

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await conversation.exactly(len(BODY))
        await conversation.send(HEAD + event("half a"))

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(ASK)
        assert not (await client.to_end()).endswith(b"0\r\n\r\n")
        [record] = await tap.records()
        assert (record.exchange.ending, said(record)) == (Ending.UPSTREAM_DISCONNECTED, "half a")


async def test_silence_beyond_the_limit_ends_the_exchange(tmp_path: Path) -> None:
    """An upstream that goes silent is cut off; before the head the client gets a 504 of ours."""

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await conversation.until_closed()

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port, idle_timeout=0.2) as tap,
        RawClient(tap.port) as client,
    ):
        answer = await client.ask(ASK)
        assert answer.startswith(b"HTTP/1.1 504 ")
        assert b'"code":"upstream_timeout"' in answer
        [record] = await tap.records()
        assert record.exchange.ending is Ending.UPSTREAM_TIMEOUT
        assert record.request.messages[0].parts == (Text(text="say something"),)


async def test_an_unreachable_upstream_is_a_502_of_the_taps_and_a_record(tmp_path: Path) -> None:
    """Nobody answers: the client is told by whom, and the prompt is recorded."""
    async with RawUpstream(simple(b"")) as upstream:
        port = upstream.port
    async with running_tap(tmp_path, port) as tap, RawClient(tap.port) as client:
        answer = await client.ask(ASK)
        assert answer.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
        assert b"AuditStream tap: the upstream cannot be reached" in answer
        [record] = await tap.records()
        assert record.exchange.ending is Ending.UPSTREAM_UNREACHABLE
        assert record.request.messages[0].parts == (Text(text="say something"),)


async def test_an_upstream_that_hangs_up_unasked_is_a_502(tmp_path: Path) -> None:
    """A connection that closes without an answer is not retried behind a caller's back."""

    async def script(conversation: Conversation) -> None:
        await conversation.head()

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        assert (await client.ask(ASK)).startswith(b"HTTP/1.1 502 ")
        [record] = await tap.records()
        assert record.exchange.ending is Ending.UPSTREAM_DISCONNECTED
        assert len(upstream.conversations) == 1


async def test_a_kept_connection_closed_under_us_is_replaced_where_that_is_safe(
    tmp_path: Path,
) -> None:
    """A repeatable request that met a closing connection is sent again on a fresh one."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await conversation.send(answer)
        await conversation.head()  # the second request arrives, and the connection goes

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        for _ in range(2):
            await client.send(b"GET /models HTTP/1.1\r\nHost: t\r\n\r\n")
            assert await client.exactly(len(answer)) == answer
        assert len(upstream.conversations) == 2
        assert [r.exchange.ending for r in await tap.records()] == [Ending.COMPLETE] * 2


async def test_errors_and_filters_are_told_apart(tmp_path: Path) -> None:
    """An HTTP error is rejected, one inside a 200 failed, a content filter filtered."""
    answers = [
        (Ending.REJECTED, 429, b'{"error":{"code":"429","message":"slow down"}}'),
        (Ending.FILTERED, 400, b'{"error":{"code":"content_filter","message":"no"}}'),
        (Ending.FAILED, 200, b'data: {"error":{"message":"mid"}}\n\n'),
    ]
    for ending, status, body in answers:
        kind = b"text/event-stream" if status == 200 else b"application/json"
        head = b"HTTP/1.1 %d X\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
        answer = head % (status, kind, len(body)) + body
        async with (
            RawUpstream(simple(answer, body_bytes=len(BODY))) as upstream,
            running_tap(tmp_path, upstream.port) as tap,
            RawClient(tap.port) as client,
        ):
            await client.send(ASK)
            assert await client.exactly(len(answer)) == answer
            [record] = await tap.records()
            assert record.exchange.ending is ending


async def test_connect_is_refused_and_recorded(tmp_path: Path) -> None:
    """The tap has one upstream and is nobody's forward proxy."""
    async with (
        RawUpstream(simple(b"")) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        answer = await client.ask(b"CONNECT example.org:443 HTTP/1.1\r\nHost: t\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 405 ")
        assert upstream.conversations == []
        [record] = await tap.records()
        assert record.exchange.ending is Ending.REFUSED


async def test_an_early_answer_leaves_the_rest_of_the_request_alone(tmp_path: Path) -> None:
    """An upstream may answer before it has read the request; the client gets that answer."""
    answer = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await conversation.send(answer)
        await conversation.until_closed()

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(b"POST /v1/files HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\nsome")
        assert (await client.head()) == answer
        await client.send(b"x" * 996)
        [record] = await tap.records()
        assert (record.exchange.ending, record.exchange.status) == (Ending.REJECTED, 413)


async def test_a_parser_that_fails_costs_neither_the_caller_nor_the_capture(tmp_path: Path) -> None:
    """When no record can be built, what was captured is shipped sealed, as a remnant."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    async with (
        RawUpstream(simple(answer)) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        tap.desk.recorder._assemble = _broken  # type: ignore[assignment]  # broken on purpose
        await client.send(b"GET /x HTTP/1.1\r\nHost: t\r\n\r\n")
        assert await client.exactly(len(answer)) == answer
        [shipment] = await tap.shipments()
        assert shipment.kind == "remnant"
        assert tap.notes.counts["auditstream_recording_failures_total"] == 1


def _broken(*_: object, **__: object) -> object:
    raise RuntimeError("a message that repeats content")
