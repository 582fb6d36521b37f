"""WebSocket sessions through a running tap: both ends get their messages, the record what was said.

Client and server are real ones, aiohttp's and the OpenAI SDK's.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from openai import AsyncOpenAI

from audit.digest import keyed_digest
from audit.exchange import Dialect, Ending, Level
from audit.flags import Flag
from audit.parts import Media
from audit.record import AuditRecord
from audit.value import to_json
from storage.envelope import OpenedRemnant, open_envelope
from storage.sealing import HpkeOpener
from storage.spool.port import PieceKind
from tap.consumers import ConsumerPolicy
from tests.harness.frames import Writer, frame
from tests.harness.raw_client import RawClient
from tests.harness.raw_upstream import Conversation, RawUpstream
from tests.harness.realtime_upstream import KEY, VOICE, realtime_upstream
from tests.harness.tap import RunningTap, running_tap
from tests.harness.wait import until
from tests.unit.tap_cores.session_kit import media, said, texts

Json = Any

UPGRADE = (
    b"GET /openai/realtime?api-key=planted-in-query HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n"
)
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
TURN = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
ASKED: list[dict[str, Json]] = [
    {"type": "session.update", "session": {"type": "realtime", "instructions": "Be brief."}},
    {"type": "conversation.item.create", "item": TURN},
    {"type": "response.create"},
]


@asynccontextmanager
async def connected(
    tap: RunningTap, path: str = "/v1/realtime?model=gpt-realtime", **how: Json
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A connection of aiohttp's client through the tap."""
    url = f"http://127.0.0.1:{tap.port}{path}"
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(url, max_msg_size=0, **how) as socket,
    ):
        yield socket


async def until_done(socket: aiohttp.ClientWebSocketResponse) -> list[dict[str, Json]]:
    """The events up to the end of a response."""
    events: list[dict[str, Json]] = []
    while not events or events[-1]["type"] not in ("response.done", "response.completed"):
        events.append(json.loads(await socket.receive_str(timeout=30)))
    return events


async def talk(tap: RunningTap, **how: Json) -> list[dict[str, Json]]:
    """A whole session with one answer; what the client was sent."""
    async with connected(tap, **how) as socket:
        for event in ASKED:
            await socket.send_str(json.dumps(event))
        return await until_done(socket)


def opened_bytes(tap: RunningTap, shipment: Any) -> bytes:
    """Everything that a worker finds in an envelope, in the clear."""
    opened = open_envelope(shipment.envelope, HpkeOpener(tap.keys, tap.trust))
    if isinstance(opened, OpenedRemnant):
        return to_json(opened.opening) + b"".join(each.opened() for each in opened.pieces)
    return bytes(opened.record_json)


@pytest.mark.parametrize("offered", [0, 15], ids=["plain", "compressed"])
@pytest.mark.parametrize("agreed", [False, True], ids=["refused", "agreed"])
async def test_a_session_passes_untouched_and_is_recorded(
    tmp_path: Path, offered: int, agreed: bool
) -> None:
    """Both ends have each other's events, compressed as they agreed; the record tells them."""
    async with (
        realtime_upstream(compress=agreed) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
    ):
        events = await talk(tap, compress=offered)
        [record] = await tap.records()
    assert upstream.events == ASKED
    assert events[-1]["response"]["status"] == "completed"
    facts = record.exchange
    assert (facts.dialect, facts.ending, facts.status) == (
        Dialect.OPENAI_REALTIME,
        Ending.TUNNELLED,
        101,
    )
    assert (facts.requested_model, facts.reported_model) == ("gpt-realtime", "gpt-realtime")
    assert facts.flags == ()
    assert said(record) == [("system", "Be brief."), ("user", "Hello")]
    check_voice(record, tap)
    assert record.usage.total == 7
    assert record.timing.chunks > 0


def check_voice(record: AuditRecord, tap: RunningTap) -> None:
    """The answer's words are text, and its sound is what the upstream sent, as a digest."""
    output = record.response.outputs[0]
    assert texts(output) == ["Answer number 1."]
    assert output.finish_reason == "completed"
    sound = keyed_digest(tap.keys.fingerprint_key, VOICE)
    assert media(output.parts) == [("audio", len(VOICE), sound)]


async def test_a_large_session_is_made_into_its_record_by_the_worker(tmp_path: Path) -> None:
    """What the tap does not hold in memory is read from the pieces in the spool, all the same."""
    sound = bytes(range(256)) * 2000
    append = {"type": "input_audio_buffer.append"}
    async with realtime_upstream() as upstream, running_tap(tmp_path, upstream.port) as tap:
        async with connected(tap, compress=15) as socket:
            for at in range(0, len(sound), 48_000):
                audio = base64.b64encode(sound[at : at + 48_000]).decode()
                await socket.send_str(json.dumps({**append, "audio": audio}))
            for event in ASKED:
                await socket.send_str(json.dumps(event))
            await until_done(socket)
        [shipment] = await tap.shipments()
        opened = open_envelope(shipment.envelope, HpkeOpener(tap.keys, tap.trust))
        [record] = await tap.records()
    assert isinstance(opened, OpenedRemnant)
    assert (record.exchange.ending, record.exchange.flags) == (Ending.TUNNELLED, ())
    check_voice(record, tap)
    [spoken] = [part for part in record.request.messages[-1].parts if isinstance(part, Media)]
    assert (spoken.bytes, spoken.digest) == (
        len(sound),
        keyed_digest(tap.keys.fingerprint_key, sound),
    )


async def test_what_outgrows_the_capture_is_flagged_on_the_side_where_it_did(
    tmp_path: Path,
) -> None:
    """The traffic goes on, the copy keeps its head, and the record says that it was cut."""
    async with (
        realtime_upstream() as upstream,
        running_tap(tmp_path, upstream.port, capture_limit=2000) as tap,
    ):
        events = await talk(tap)
        [record] = await tap.records()
    assert events[-1]["type"] == "response.done"
    assert record.exchange.truncated
    assert Flag.ANSWER_TRUNCATED in record.exchange.flags
    assert Flag.REQUEST_TRUNCATED not in record.exchange.flags
    assert said(record) == [("system", "Be brief."), ("user", "Hello")]


async def test_a_client_that_leaves_in_the_middle_of_a_message_is_recorded(tmp_path: Path) -> None:
    """What came of the message is there, with flags that say that it was never ended."""
    whole = Writer(masked=True).events(ASKED[1])
    got: list[bytes] = []

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await conversation.send(
            SWITCH + Writer().events({"type": "session.created", "session": {}})
        )
        got.append(await conversation.until_closed())

    async with RawUpstream(script) as upstream, running_tap(tmp_path, upstream.port) as tap:
        async with RawClient(tap.port) as client:
            await client.send(UPGRADE)
            await client.head()
            await client.send(whole + whole[:-5])
            [exchange] = tap.desk.exchanges
            recording = exchange.answer.recording
            assert recording is not None
            await until(lambda: recording.size >= 2 * len(whole) - 5, "all of it was forwarded")
        [record] = await tap.records(at_least=1)
    assert got == [whole + whole[:-5]]
    assert (record.exchange.ending, record.exchange.ending_detail) == (
        Ending.TUNNELLED,
        "client_closed",
    )
    assert {Flag.UNTERMINATED_FINAL_EVENT, Flag.REQUEST_INCOMPLETE} <= set(record.exchange.flags)
    assert [text for _, text in said(record)] == ["Hello", "Hello"]


async def test_bytes_that_follow_a_head_at_once_are_of_the_session(tmp_path: Path) -> None:
    """A client need not wait for the answer to its upgrade, nor a server after its own."""
    first = Writer(masked=True).events(ASKED[1])

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await conversation.send(SWITCH + frame(b'{"type":"novel"}') + frame(b"", 0x8))
        assert await conversation.exactly(len(first)) == first

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(UPGRADE + first)
        await client.to_end()
        [record] = await tap.records()
    assert said(record) == [("user", "Hello")]
    assert b"novel" in to_json(record.response)


async def test_other_protocols_stay_opaque_and_are_counted_by_their_bytes(tmp_path: Path) -> None:
    """No dialect reads what is no WebSocket."""

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await conversation.send(SWITCH.replace(b"websocket", b"other"))
        await conversation.send(await conversation.exactly(4))

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(UPGRADE.replace(b"websocket", b"other"))
        await client.head()
        await client.send(b"\x00\x01\x02\x03")
        assert await client.to_end() == b"\x00\x01\x02\x03"
        [record] = await tap.records()
    assert (record.exchange.dialect, record.exchange.ending) == (Dialect.OPAQUE, Ending.TUNNELLED)
    assert [size for _, size, _ in media(record.request.messages[0].parts)] == [4]
    assert [size for _, size, _ in media(record.response.outputs[0].parts)] == [4]


@pytest.mark.parametrize("level", [Level.NONE, Level.REDACTED])
async def test_at_level_none_nothing_that_was_said_is_in_the_spool(
    tmp_path: Path, level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No piece of a body goes there, and the record has no texts; how it went is in it."""
    policies = {"key": ConsumerPolicy(level=level)}
    pieces: list[PieceKind] = []
    async with (
        realtime_upstream(compress=False) as upstream,
        running_tap(tmp_path, upstream.port, consumers=policies, flush_seconds=0.0) as tap,
    ):
        keep = tap.spool.piece

        def noted(exchange: str, kind: PieceKind, data: bytes) -> None:
            pieces.append(kind)
            keep(exchange, kind, data)

        monkeypatch.setattr(tap.spool, "piece", noted)
        async with connected(tap, headers={"Authorization": "Bearer key"}) as socket:
            for event in ASKED:
                await socket.send_str(json.dumps(event))
            await until_done(socket)
            await until(lambda: pieces, "a tick")
        [shipment] = await tap.shipments()
        [record] = await tap.records()
        kept = opened_bytes(tap, shipment)
    quiet = level is Level.NONE
    bodies = {PieceKind.REQUEST_BODY, PieceKind.ANSWER_BODY}
    assert bodies.isdisjoint(pieces) is quiet
    assert (b"Hello" in kept, b"Answer number" in kept) == (not quiet, not quiet)
    assert record.response.outputs[0].finish_reason == "completed"
    assert record.usage.total == 7


async def test_no_key_of_a_session_reaches_the_record(tmp_path: Path) -> None:
    """Not from the query, the subprotocol, a header, nor from what the server gives out."""
    protocols = ("realtime", "openai-insecure-api-key.planted-in-protocol")
    async with realtime_upstream() as upstream, running_tap(tmp_path, upstream.port) as tap:
        path = "/openai/realtime?api-key=planted-in-query&deployment=d"
        headers = {"Authorization": "Bearer planted-in-header"}
        await talk(tap, path=path, protocols=protocols, headers=headers)
        url = f"http://127.0.0.1:{tap.port}/v1/realtime/client_secrets"
        async with aiohttp.ClientSession() as client, client.post(url, json={"session": {}}) as got:
            assert (await got.json())["value"] == KEY
        shipments = await tap.shipments(at_least=2)
        clear = [opened_bytes(tap, each) for each in shipments]
        records = await tap.records()
    assert "planted-in-query" in upstream.targets[0]
    assert "planted-in-protocol" in upstream.heads[0]["Sec-WebSocket-Protocol"]
    assert [record.exchange.deployment for record in records] == ["d", None]
    for each in clear:
        assert b"planted" not in each


async def test_the_sdks_realtime_client_works_through_the_tap(tmp_path: Path) -> None:
    """Two turns with the SDK's own events; each answer has a record, with what led to it."""
    async with realtime_upstream() as upstream, running_tap(tmp_path, upstream.port) as tap:
        client = AsyncOpenAI(api_key="planted", base_url=f"http://127.0.0.1:{tap.port}/v1")
        heard: list[str] = []
        async with client, client.realtime.connect(model="gpt-realtime") as connection:
            await connection.session.update(
                session={"type": "realtime", "instructions": "Be kind."}
            )
            for text in ("One", "Two"):
                await connection.conversation.item.create(
                    item={
                        "type": "message",
                        "role": "user",
                        "content": [{"type": "input_text", "text": text}],
                    }
                )
                await connection.response.create()
                async for event in connection:
                    if event.type == "response.output_audio_transcript.delta":
                        heard.append(event.delta)
                    if event.type == "response.done":
                        break
        [(first, second)] = await tap.sheaves()
    assert "".join(heard) == "Answer number 1.Answer number 2."
    kind = ("system", "Be kind.")
    assert [said(first), said(second)] == [[kind, ("user", "One")], [kind, ("user", "Two")]]
    assert [texts(each.response.outputs[0]) for each in (first, second)] == [
        ["Answer number 1."],
        ["Answer number 2."],
    ]
    assert [each.usage.total for each in (first, second)] == [7, 7]
    check_sheaf(first, second)


def check_sheaf(first: AuditRecord, second: AuditRecord) -> None:
    """Both say which of the session's records they are, and each when it was."""
    assert second.id == f"{first.id}/2"
    assert [(each.tap.record, each.tap.records) for each in (first, second)] == [(1, 2), (2, 2)]
    assert first.integrity == second.integrity
    assert [each.exchange.ending for each in (first, second)] == [
        Ending.COMPLETE,
        Ending.TUNNELLED,
    ]
    for each in (first, second):
        timing = each.timing
        assert timing.received_at <= (timing.first_byte_at or "") <= (timing.last_byte_at or "")
        assert (timing.ttft_ms or 0) <= (timing.duration_ms or 0)
        assert b"planted" not in to_json(each)
    assert (first.timing.last_byte_at or "") <= second.timing.received_at


async def test_the_sdks_responses_client_works_over_websocket_through_the_tap(
    tmp_path: Path,
) -> None:
    """Two requests on one connection are two records."""
    async with realtime_upstream() as upstream, running_tap(tmp_path, upstream.port) as tap:
        client = AsyncOpenAI(api_key="planted", base_url=f"http://127.0.0.1:{tap.port}/v1")
        async with client, client.responses.connect() as connection:
            for text in ("yes", "no"):
                await connection.response.create(model="gpt-test", input=text)
                async for event in connection:
                    if event.type == "response.completed":
                        break
        [(first, second)] = await tap.sheaves()
    assert first.exchange.dialect is second.exchange.dialect is Dialect.OPENAI_RESPONSES
    assert [said(first), said(second)] == [[("user", "yes")], [("user", "no")]]
    assert [texts(each.response.outputs[0]) for each in (first, second)] == [
        ["You said yes."],
        ["You said no."],
    ]
    check_sheaf(first, second)


async def test_the_server_that_goes_first_is_seen_to_have_gone(tmp_path: Path) -> None:
    """Without a close frame of the server's, the record says that its side never ended."""

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        await conversation.send(SWITCH + frame(b'{"type":"session.created","session":{}}'))

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(UPGRADE)
        await client.to_end()
        [record] = await tap.records()
    assert (record.exchange.ending, record.exchange.ending_detail) == (
        Ending.TUNNELLED,
        "upstream_closed",
    )
    assert Flag.ANSWER_INCOMPLETE in record.exchange.flags
