"""Recorded completions, pictures and transcripts, read as their index says they must be.

Without the recordings (`tests.harness.corpus`) these tests are skipped, and the fixtures of each
format stand in for the same traps.

Deliberate differences from the recordings' own reading:

- a stream named as completions whose choices carry chat deltas has the text of those deltas here,
  and no text there;
- token probabilities are left out here and summarised there;
- partial pictures are compared by their bytes only: what they repeat of the finished picture is
  kept once here.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.digest import keyed_digest
from audit.exchange import Ending
from audit.parts import Extra, Media, Text
from audit.record import AuditRecord
from tap.dialects.keeping import Keeper
from tap.dialects.reading import AnswerReading
from tap.dialects.registry import route
from tap.sse import SseDecoder
from tests.harness.corpus import (
    COMPLETIONS,
    ERRORS,
    IMAGES,
    MISSING,
    TRANSCRIPTS,
    WHY_MISSING,
    Entry,
    by_id,
    check_prompt,
    random_pieces,
    recorded_body,
    recorded_request,
    split_pieces,
)
from tests.unit.tap_cores.kit import DIGEST_KEY, head, opened, recorded

Json = Any

pytestmark = pytest.mark.skipif(MISSING, reason=WHY_MISSING)

PATHS = {
    "completions": "/v1/completions",
    "images": "/v1/images/generations",
    "transcription": "/v1/audio/transcriptions",
}
ENTRIES = [*COMPLETIONS, *IMAGES, *TRANSCRIPTS]
# Longer streams are cut at random places only: one byte at a time would take seconds.
BYTEWISE = 64 * 1024


def _keyed(data: bytes) -> str:
    return keyed_digest(DIGEST_KEY, data)


def _path(entry: Entry) -> str:
    return PATHS[entry.get("format", "completions")]


def _record(entry: Entry, **capture: Any) -> AuditRecord:
    answer = capture.pop("answer", None)
    request = recorded_request(entry) or b'{"stream":true}'
    return recorded(
        recorded_body(entry) if answer is None else answer,
        request=request,
        opening=opened(_path(entry)),
        answer_head=head(entry["status"], entry["content_type"]),
        **capture,
    )


def _read(entry: Entry, pieces: list[bytes]) -> AnswerReading:
    """The reading of a stream that arrives in these pieces."""
    decoder, fold = SseDecoder(), route("POST", _path(entry), None).dialect.fold()
    for piece in pieces:
        for event in decoder.feed(piece):
            fold.feed(event)
    for event in decoder.finish():
        fold.feed(event)
    return fold.reading(Keeper(_keyed))


def _cuts(entry: Entry, data: bytes) -> Iterator[list[bytes]]:
    if len(data) <= BYTEWISE:
        yield [data[at : at + 1] for at in range(len(data))]
    for seed in range(2):
        yield random_pieces(data, seed)
    yield split_pieces(entry, data)


def _texts(record: AuditRecord) -> list[str]:
    return [
        "".join(part.text for part in output.parts if isinstance(part, Text))
        for output in record.response.outputs
    ]


@pytest.mark.parametrize("entry", ENTRIES, ids=by_id)
def test_the_reading_of_a_recorded_stream_is_the_same_however_it_is_cut(entry: Entry) -> None:
    """Bytewise, at random places and where it hurts, the reading is that of the whole."""
    data = recorded_body(entry)
    whole = _read(entry, [data])
    for pieces in _cuts(entry, data):
        assert _read(entry, pieces) == whole


@pytest.mark.parametrize("entry", COMPLETIONS, ids=by_id)
def test_every_recorded_completion_says_what_its_index_says(entry: Entry) -> None:
    """Texts, reasons, usage, verdicts and ending of the record agree with the index."""
    expected, record = entry["expected"], _record(entry)
    carried = [choice["text"] for choice in expected["choices"]]
    assert _texts(record) == (carried if any(carried) else _deltas(entry))
    outputs = record.response.outputs
    assert [output.finish_reason for output in outputs] == [
        choice["finish_reason"] for choice in expected["choices"]
    ]
    assert record.usage.reported == expected["usage"]
    assert record.usage.total == (expected["usage"] or {}).get("total_tokens")
    assert record.exchange.response_id == expected["id"]
    assert record.exchange.reported_model == expected["model"]
    assert record.exchange.ending is Ending.COMPLETE
    filters = expected["prompt_filter_results"] or [{"content_filter_results": {}}]
    assert {verdict.category for verdict in record.safety.prompt} == set(
        filters[0]["content_filter_results"]
    )
    probable = any("logprobs_summary" in choice for choice in expected["choices"])
    assert record.exchange.flags == (("logprobs_omitted",) if probable else ())


def _deltas(entry: Entry) -> list[str]:
    """What the chat deltas of a stream add up to, for the entries whose texts are deltas."""
    lines = recorded_body(entry).decode().splitlines()
    chunks = [json.loads(line[5:]) for line in lines if line.startswith("data:{")]
    return ["".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)]


@pytest.mark.parametrize("entry", IMAGES, ids=by_id)
def test_every_recorded_picture_is_the_digest_of_its_bytes(entry: Entry) -> None:
    """Partial and finished pictures, usage and ending agree with the index."""
    expected, record = entry["expected"], _record(entry)
    pictures = [part for part in record.response.outputs[0].parts if isinstance(part, Media)]
    wanted = [*expected["partials"], expected["final"]]
    assert [part.bytes for part in pictures] == [each["b64_json"]["bytes"] for each in wanted]
    assert {part.digest for part in pictures} == {
        _keyed(base64.b64decode(event["b64_json"])) for event in _events(entry)
    }
    assert [part.mime for part in pictures] == [f"image/{each['output_format']}" for each in wanted]
    assert record.usage.reported == expected["usage"]
    assert record.usage.input == expected["usage"]["input_tokens"]
    assert (record.exchange.ending, record.exchange.flags) == (Ending.COMPLETE, ())


def _events(entry: Entry) -> list[Json]:
    decoder = SseDecoder()
    events = [*decoder.feed(recorded_body(entry)), *decoder.finish()]
    return [json.loads(event.data) for event in events if event.data.strip() != "[DONE]"]


@pytest.mark.parametrize("entry", TRANSCRIPTS, ids=by_id)
def test_every_recorded_transcript_is_its_final_text(entry: Entry) -> None:
    """Text, speakers, usage and ending agree with the index."""
    expected, record = entry["expected"], _record(entry)
    assert _texts(record) == [expected["text"]]
    extras = [part for part in record.response.outputs[0].parts if isinstance(part, Extra)]
    turns = [turn for extra in extras for turn in json.loads(extra.text)]
    wanted = expected.get("segments", [])
    assert [(turn["speaker"], turn["text"]) for turn in turns] == [
        (segment["speaker"], segment["text"]) for segment in wanted
    ]
    assert record.usage.reported == expected["usage"]
    assert record.usage.audio_in == expected["usage"]["input_token_details"]["audio_tokens"]
    assert (record.exchange.ending, record.exchange.streamed) == (Ending.COMPLETE, True)


@pytest.mark.parametrize("entry", [each for each in ENTRIES if each.get("request_file")], ids=by_id)
def test_every_prompt_of_a_recorded_request_is_in_the_record(entry: Entry) -> None:
    """Each text leaf of the request, by length and digest, is a text part of its record."""
    check_prompt(_record(entry), entry)


def test_the_recorded_error_of_a_picture_model_gives_its_verdicts() -> None:
    """The results stand under `inner_error`, and the call was filtered."""
    entry = next(each for each in ERRORS if "dalle" in each["id"])
    answered = head(entry["status"], entry["content_type"])
    opening = opened(PATHS["images"])
    record = recorded(
        recorded_body(entry), request={"prompt": "p"}, opening=opening, answer_head=answered
    )
    assert record.exchange.ending is Ending.FILTERED
    assert record.safety.signals == ("sexual.filtered",)


@settings(max_examples=40, deadline=None)
@given(entry=st.sampled_from(ENTRIES), seed=st.integers(0, 2**32), whole=st.booleans())
def test_damage_to_a_recorded_stream_is_read_the_same_way_twice(
    entry: Entry, seed: int, whole: bool
) -> None:
    """Any prefix, and any bytes that were flipped, give a record, and always the same one."""
    chance = random.Random(seed)
    data = bytearray(recorded_body(entry)[:20_000])
    del data[chance.randrange(len(data)) :]
    for _ in range(0 if whole or not data else 5):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    record = _record(entry, answer=bytes(data))
    assert record == _record(entry, answer=bytes(data))
    assert msgspec.json.decode(msgspec.json.encode(record), type=AuditRecord) == record
