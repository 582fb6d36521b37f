"""Recorded chat completions: streams of many providers, read as their index says they must be.

Without the recordings (`tests.harness.corpus`) these tests are skipped, and the fixtures beside
them stand in for the same traps.

Deliberate differences from the recordings' own reading:

- reasoning details, token ids and other fields that no reading covers are kept as extras here
  and only counted, or not mentioned, there;
- `provider`, `citations` and further top-level fields are kept with their last value there and
  here, but compared only by name, since the index only counts them;
- an empty `system_fingerprint` says nothing, like an empty id or model, and is null here;
- of several `content_filter_offsets` the index keeps the last one, the fold all of them.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from audit.exchange import AnswerHead, Identity, Level, Opening
from audit.ids import ExchangeNumber
from audit.record import AuditRecord
from tap.capture import Captured
from tap.dialects.chat_fold import ChatFold
from tap.encodings import decoded
from tap.reassembly import assemble
from tap.sse import SseDecoder
from tests.harness.corpus import (
    CHATS,
    ERRORS,
    MISSING,
    WHY_MISSING,
    by_id,
    check_chat,
    check_error,
    check_prompt,
    content_encoding,
    expected_of,
    random_pieces,
    recorded_body,
    recorded_request,
    split_pieces,
)

Json = Any

pytestmark = pytest.mark.skipif(MISSING, reason=WHY_MISSING)

ASKED = [entry for entry in CHATS + ERRORS if entry.get("request_texts")]


def _plain(entry: dict[str, Json]) -> bytes:
    return b"".join(decoded(recorded_body(entry), content_encoding(entry), set()))


def _folded(pieces: Sequence[bytes]) -> tuple[SseDecoder, ChatFold]:
    decoder, fold = SseDecoder(), ChatFold()
    for piece in pieces:
        for event in decoder.feed(piece):
            fold.feed(event.data, event.type)
    for event in decoder.finish():
        fold.feed(event.data, event.type)
    return decoder, fold


def _cuts(entry: dict[str, Json], data: bytes) -> Iterator[list[bytes]]:
    yield [data]
    yield [data[at : at + 1] for at in range(len(data))]
    for seed in range(3):
        yield random_pieces(data, seed)
    yield split_pieces(entry, data)


def _projected(decoder: SseDecoder, fold: ChatFold) -> dict[str, Json]:
    """The fold in the terms of the index."""
    final = fold.final()
    return {
        "id": final.get("id"),
        "model": final.get("model"),
        "created": final.get("created"),
        "object": final.get("object"),
        "system_fingerprint": final.get("system_fingerprint"),
        "service_tier": final.get("service_tier"),
        "choices": [_projected_choice(choice) for choice in final["choices"]],
        "usage": final.get("usage"),
        "prompt_filter_results": final.get("prompt_filter_results"),
        "errors": final.get("errors", []),
        "terminal": "done" if fold.done else "error" if fold.errors else "eof",
        "data_events": fold.events,
        "framing": {
            "comments": decoder.comments,
            "retry": decoder.retry,
            "last_event_id": decoder.last_event_id or None,
        },
    }


def _projected_choice(choice: dict[str, Json]) -> dict[str, Json]:
    message = choice["message"]
    calls = message.get("tool_calls")
    audio = message.get("audio")
    projected = {
        "index": choice["index"],
        "role": message.get("role"),
        "content": message.get("content"),
        "refusal": message.get("refusal"),
        "reasoning": message.get("reasoning_content"),
        "tool_calls": [_projected_call(call) for call in calls] if calls else None,
        "function_call": message.get("function_call"),
        "audio": _projected_audio(audio) if audio else None,
        "annotations": message.get("annotations"),
        "finish_reason": choice["finish_reason"],
        "content_filter_results": choice.get("content_filter_results") or None,
        "context": message.get("context"),
        "oyd_messages": choice.get("messages"),
        "content_filter_offsets": (choice.get("content_filter_offsets") or [None])[-1],
    }
    if choice.get("logprobs"):
        given = {kind: tokens for kind, tokens in choice["logprobs"].items() if tokens}
        text = json.dumps(given, sort_keys=True, separators=(",", ":"))
        projected["logprobs_sha256"] = hashlib.sha256(text.encode()).hexdigest()
    return projected


def _projected_call(call: dict[str, Json]) -> dict[str, Json]:
    body = call.get("function") or call["custom"]
    return {
        "index": call["index"],
        "id": call["id"],
        "type": call["type"],
        "name": body["name"],
        "arguments": body.get("arguments", body.get("input")),
    }


def _projected_audio(audio: dict[str, Json]) -> dict[str, Json]:
    data = base64.b64decode(audio.get("data", ""))
    return {
        "id": audio.get("id"),
        "transcript": audio.get("transcript"),
        "expires_at": audio.get("expires_at"),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def _wanted(expected: dict[str, Json], projected: dict[str, Json]) -> dict[str, Json]:
    """The index's reading, cut to what the projection speaks of."""
    wanted = {name: expected.get(name) for name in projected}
    wanted["system_fingerprint"] = expected["system_fingerprint"] or None
    wanted["choices"] = [
        _wanted_choice(choice, mine)
        for choice, mine in zip(expected["choices"], projected["choices"], strict=True)
    ]
    return wanted


def _wanted_choice(choice: dict[str, Json], mine: dict[str, Json]) -> dict[str, Json]:
    wanted = {name: choice.get(name) for name in mine}
    if audio := choice.get("audio"):
        wanted["audio"] = {
            "id": audio["id"],
            "transcript": audio["transcript"],
            "expires_at": audio.get("expires_at"),
            "bytes": audio["data"]["bytes"],
            "sha256": audio["data"]["sha256"],
        }
    return wanted


def _opening() -> Opening:
    return Opening(
        id="01890000-0000-7000-8000-000000000000",
        number=ExchangeNumber(tap="t", boot="b", seq=1),
        received_at_ns=1_700_000_000_000_000_000,
        consumer="c",
        day="2023-11-14",
        level=Level.REDACTED,
        method="POST",
        target_path="/openai/v1/chat/completions",
        query={},
        content_type="application/json",
        content_encoding=None,
        identity=Identity(),
    )


def _record(entry: dict[str, Json], request: bytes = b"{}") -> AuditRecord:
    captured = Captured(
        request_body=request,
        answer_head=AnswerHead(
            status=entry["status"],
            content_type=entry["content_type"],
            content_encoding=content_encoding(entry),
            at_ns=1_700_000_000_100_000_000,
        ),
        answer_body=recorded_body(entry),
        ended_ns=1_700_000_001_000_000_000,
    )
    (record,) = assemble(_opening(), captured, digest_key=b"k" * 32, salt="00" * 16)
    return record


@pytest.mark.parametrize("entry", CHATS, ids=by_id)
def test_every_recorded_chat_folds_as_its_index_says_however_it_is_cut(
    entry: dict[str, Json],
) -> None:
    """A recorded stream folds into the expected object whole, bytewise and in random pieces."""
    data = _plain(entry)
    for pieces in _cuts(entry, data):
        projected = _projected(*_folded(pieces))
        assert projected == _wanted(expected_of(entry), projected)


@pytest.mark.parametrize("entry", CHATS, ids=by_id)
def test_unknown_top_level_fields_of_a_recorded_chat_are_kept(entry: dict[str, Json]) -> None:
    """Every top-level field that the index counts as extra stands in the folded object."""
    _, fold = _folded([_plain(entry)])
    assert set(expected_of(entry).get("extra_top_level_keys", {})) <= set(fold.final())


@pytest.mark.parametrize("entry", CHATS, ids=by_id)
def test_the_record_of_a_recorded_chat_says_what_its_index_says(entry: dict[str, Json]) -> None:
    """Texts, calls, finish reasons, usage and ending of the record agree with the index."""
    check_chat(_record(entry), entry)


@pytest.mark.parametrize("entry", ERRORS, ids=by_id)
def test_every_recorded_error_body_is_read(entry: dict[str, Json]) -> None:
    """Code, type and message of each recorded error stand in the record."""
    check_error(_record(entry), entry)


@pytest.mark.parametrize("entry", ASKED, ids=by_id)
def test_every_prompt_text_of_a_recorded_request_is_in_the_record(entry: dict[str, Json]) -> None:
    """Each text leaf of the request, by length and digest, is a text part of its record."""
    check_prompt(_record(entry, recorded_request(entry) or b"{}"), entry)
