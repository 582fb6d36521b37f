"""Recorded streams through a running tap: the caller gets the file, the record what it says.

Each stream is sent whole, in single bytes and in random pieces, and each piece only after the
one before has come out of the tap. A tap that held a piece back, to join or to understand it,
would never be sent the next one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from audit.exchange import Dialect
from audit.record import AuditRecord
from tests.harness.corpus import (
    CHATS,
    ERRORS,
    MISSING,
    WHY_MISSING,
    Entry,
    by_id,
    check_chat,
    check_error,
    check_prompt,
    random_pieces,
    recorded_body,
    recorded_request,
    split_pieces,
)
from tests.harness.raw_client import RawClient
from tests.harness.raw_upstream import RawUpstream
from tests.harness.replay import Answer, Listener, Replay
from tests.harness.tap import running_tap

pytestmark = pytest.mark.skipif(MISSING, reason=WHY_MISSING)

_PATH = "/openai/deployments/recorded/chat/completions?api-version=2024-10-21"
_MINIMAL = {"messages": [{"role": "user", "content": "hi"}], "stream": True}
# Each byte is a trip through two sockets; beyond this the trips take longer than they teach.
_BYTEWISE = 20_000


@pytest.mark.parametrize("entry", CHATS, ids=by_id)
async def test_a_recorded_chat_passes_unchanged_and_is_recorded(
    tmp_path: Path, entry: Entry
) -> None:
    """However a chat is cut, its bytes arrive as they are and its record says what it says."""
    cuts = list(_cuts(entry))
    records = await _played(tmp_path, entry, cuts)
    for record, pieces in zip(records, cuts, strict=True):
        assert record.exchange.dialect is Dialect.OPENAI_CHAT
        assert record.exchange.status == entry["status"]
        assert record.timing.chunks >= len(pieces)
        check_chat(record, entry)
        check_prompt(record, entry)


@pytest.mark.parametrize("entry", ERRORS, ids=by_id)
async def test_a_recorded_error_passes_unchanged_and_is_recorded(
    tmp_path: Path, entry: Entry
) -> None:
    """However an error is cut, status and bytes arrive as they are and its record names it."""
    cuts = list(_cuts(entry))
    records = await _played(tmp_path, entry, cuts)
    for record in records:
        assert record.exchange.status == entry["status"]
        check_error(record, entry)
        check_prompt(record, entry)
    assert len(records) == len(cuts)


def _cuts(entry: Entry) -> Iterator[Sequence[bytes]]:
    data = recorded_body(entry)
    yield [data]
    if len(data) <= _BYTEWISE:
        yield [data[at : at + 1] for at in range(len(data))]
    yield split_pieces(entry, data)
    for seed in range(2):
        yield random_pieces(data, seed)


async def _played(folder: Path, entry: Entry, cuts: Sequence[Sequence[bytes]]) -> list[AuditRecord]:
    """Play the stream in each of its cuts; give the records, in the same order."""
    answers = [_answer(entry, pieces) for pieces in cuts]
    replay = Replay(lambda _: answers[len(replay.asked) - 1])
    body = recorded_request(entry) or json.dumps(_MINIMAL).encode()
    async with RawUpstream(replay) as upstream, running_tap(folder, upstream.port) as tap:
        for answer in answers:
            replay.listener = Listener()
            head, received = await _listened(tap.port, body, replay.listener)
            assert head == answer.head.removesuffix(b"\r\n") + b"Connection: close\r\n\r\n"
            assert received == b"".join(answer.writes)
        assert [asked.body for asked in replay.asked] == [body] * len(cuts)
        assert not upstream.errors
        return await tap.records()


def _answer(entry: Entry, pieces: Sequence[bytes]) -> Answer:
    """Make the answer as it was recorded, in these chunks."""
    headers = [("Content-Type", entry["content_type"]), *entry.get("headers", {}).items()]
    return Answer(entry["status"], "Recorded", headers, pieces)


async def _listened(port: int, body: bytes, listener: Listener) -> tuple[bytes, bytes]:
    """Ask, and read as it comes: the answer's head, and its body as framed on the wire."""
    request = (
        f"POST {_PATH} HTTP/1.1\r\nHost: gateway\r\napi-key: k\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    received = []
    async with RawClient(port) as client:
        await client.send(request.encode() + body)
        head = await client.head()
        while data := await client.some():
            received.append(data)
            listener.received(len(data))
    return head, b"".join(received)
