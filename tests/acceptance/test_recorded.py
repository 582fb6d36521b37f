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
from audit.record import AuditRecord, Response
from tests.harness.corpus import (
    CHATS,
    ERRORS,
    EVERY,
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
from tests.harness.corpus_anthropic import check_anthropic
from tests.harness.corpus_assistants import check_assistants
from tests.harness.corpus_responses import check_responses
from tests.harness.raw_client import RawClient
from tests.harness.raw_upstream import RawUpstream
from tests.harness.replay import Answer, Listener, Replay
from tests.harness.tap import running_tap

pytestmark = pytest.mark.skipif(MISSING, reason=WHY_MISSING)

_PATH = "/openai/deployments/recorded/chat/completions?api-version=2024-10-21"
# Where the streams of the other formats come from, and how large they may be to be sent bytewise.
_PATHS = {
    "anthropic": "/anthropic/v1/messages",
    "assistants": "/openai/threads/thread_1/runs",
    "completions": "/openai/deployments/recorded/completions",
    "gemini": "/v1beta/models/gemini-x:streamGenerateContent?alt=sse",
    "images": "/openai/v1/images/generations",
    "ndjson": "/api/chat",
    "other": "/v1/elsewhere",
    "responses": "/openai/v1/responses",
    "transcription": "/openai/v1/audio/transcriptions",
}
_OTHERS = [entry for entry in EVERY if entry["format"] in _PATHS]
assert {entry["format"] for entry in EVERY} <= {"chat", "error-body", *_PATHS}
_CHECKS = {
    "anthropic": check_anthropic,
    "assistants": check_assistants,
    "responses": check_responses,
}
_MINIMAL = {"messages": [{"role": "user", "content": "hi"}], "stream": True}
# Each byte is a trip through two sockets; beyond this the trips take longer than they teach.
_BYTEWISE = 20_000
_BYTEWISE_ELSEWHERE = 3_000


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


@pytest.mark.parametrize("entry", _OTHERS, ids=by_id)
async def test_any_other_recorded_stream_passes_unchanged_and_is_recorded(
    tmp_path: Path, entry: Entry
) -> None:
    """However it is cut, its bytes arrive as they are, and all its records say the same."""
    cuts = list(_cuts(entry, bytewise=_BYTEWISE_ELSEWHERE))
    records = await _played(tmp_path, entry, cuts, path=_PATHS[entry["format"]])
    for record in records:
        assert record.exchange.status == entry["status"]
        assert record.response == records[0].response
        assert record.usage == records[0].usage
        _CHECKS.get(entry["format"], _check_something)(record, entry)


def _check_something(record: AuditRecord, _: Entry) -> None:
    """What it says in detail is held against the recording where the reader is tested."""
    assert record.response != Response()


def _cuts(entry: Entry, *, bytewise: int = _BYTEWISE) -> Iterator[Sequence[bytes]]:
    data = recorded_body(entry)
    yield [data]
    if len(data) <= bytewise:
        yield [data[at : at + 1] for at in range(len(data))]
    yield split_pieces(entry, data)
    for seed in range(2):
        yield random_pieces(data, seed)


async def _played(
    folder: Path, entry: Entry, cuts: Sequence[Sequence[bytes]], *, path: str = _PATH
) -> list[AuditRecord]:
    """Play the stream in each of its cuts; give the records, in the same order."""
    answers = [_answer(entry, pieces) for pieces in cuts]
    replay = Replay(lambda _: answers[len(replay.asked) - 1])
    body = recorded_request(entry) or json.dumps(_MINIMAL).encode()
    async with RawUpstream(replay) as upstream, running_tap(folder, upstream.port) as tap:
        for answer in answers:
            replay.listener = Listener()
            head, received = await _listened(tap.port, path, body, replay.listener)
            assert head == answer.head.removesuffix(b"\r\n") + b"Connection: close\r\n\r\n"
            assert received == b"".join(answer.writes)
        assert [asked.body for asked in replay.asked] == [body] * len(cuts)
        assert not upstream.errors
        return await tap.records()


def _answer(entry: Entry, pieces: Sequence[bytes]) -> Answer:
    """Make the answer as it was recorded, in these chunks."""
    headers = [("Content-Type", entry["content_type"]), *entry.get("headers", {}).items()]
    return Answer(entry["status"], "Recorded", headers, pieces)


async def _listened(port: int, path: str, body: bytes, listener: Listener) -> tuple[bytes, bytes]:
    """Ask, and read as it comes: the answer's head, and its body as framed on the wire."""
    request = (
        f"POST {path} HTTP/1.1\r\nHost: gateway\r\napi-key: k\r\n"
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
