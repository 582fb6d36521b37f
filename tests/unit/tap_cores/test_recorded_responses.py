"""Recorded streams of the Responses API, read as their index says they must be.

Without the recordings (`tests.harness.corpus`) these tests are skipped, and the hand-written
cases of `test_openai_responses` and `test_responses_*` stand in for the same traps.

Deliberate differences from the recordings' own reading:

- encrypted contents and fingerprints are known by size and digest only, since the provider
  encrypts them anew each time they are sent;
- what a tool of the provider's own did (a search, code, an image) is a call and its results here,
  where the index lists only calls of functions;
- a text that was streamed and that the final object does not hold is kept under `streamed.`,
  where the index only says that the two differ.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from audit.parts import Text
from audit.record import AuditRecord, Output
from tap.dialects.keeping import Keeper
from tap.dialects.openai_responses import ResponsesStream
from tap.dialects.reading import AnswerReading
from tap.encodings import decoded
from tap.sse import Event, SseDecoder
from tests.harness.corpus import (
    ERRORS,
    MISSING,
    RESPONSES,
    WHY_MISSING,
    by_id,
    check_error,
    check_prompt,
    content_encoding,
    expected_of,
    random_pieces,
    recorded_body,
    recorded_request,
    split_pieces,
)
from tests.harness.corpus_responses import check_responses
from tests.unit.tap_cores.kit import head, opened, recorded

Json = Any

pytestmark = pytest.mark.skipif(MISSING, reason=WHY_MISSING)

COMPLETED = [
    entry
    for entry in RESPONSES
    if entry.get("expected", {}).get("terminal", "response.completed") == "response.completed"
]
ASKED = [entry for entry in RESPONSES if entry.get("request_texts")]
# Single bytes of more than this take longer than they teach.
_BYTEWISE = 65_536


def _body(entry: dict[str, Json]) -> bytes:
    return b"".join(decoded(recorded_body(entry), content_encoding(entry), set()))


def _cuts(entry: dict[str, Json], data: bytes) -> Iterator[list[bytes]]:
    if len(data) <= _BYTEWISE:
        yield [data[at : at + 1] for at in range(len(data))]
    for seed in range(3):
        yield random_pieces(data, seed)
    yield split_pieces(entry, data)


def _events(pieces: list[bytes]) -> list[Event]:
    decoder = SseDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.finish()


def _read(events: list[Event]) -> AnswerReading:
    fold = ResponsesStream()
    for event in events:
        fold.feed(event)
    return fold.reading(Keeper(lambda data: f"{len(data)}-{data[:8].hex()}"))


def _reading(pieces: list[bytes]) -> AnswerReading:
    return _read(_events(pieces))


def _is_end(event: Event) -> bool:
    kind = "" if event.data == "[DONE]" else json.loads(event.data)["type"]
    return kind in ("", "response.completed")


def _texts(output: Output) -> Iterator[str]:
    return (part.text for part in output.parts if isinstance(part, Text))


def _record(entry: dict[str, Json], request: bytes = b"{}") -> AuditRecord:
    encoding = content_encoding(entry)
    return recorded(
        recorded_body(entry),
        request=request,
        answer_head=head(entry["status"], entry["content_type"], content_encoding=encoding),
        opening=opened("/openai/v1/responses"),
    )


@pytest.mark.parametrize("entry", RESPONSES, ids=by_id)
def test_a_recorded_response_reads_alike_however_it_is_cut(entry: dict[str, Json]) -> None:
    """Single bytes, random pieces and the painful places give what the whole gives."""
    data = _body(entry)
    whole = _reading([data])
    for pieces in _cuts(entry, data):
        assert _reading(pieces) == whole


@pytest.mark.parametrize("entry", RESPONSES, ids=by_id)
def test_the_record_of_a_recorded_response_says_what_its_index_says(entry: dict[str, Json]) -> None:
    """Items, texts, calls, citations, usage, errors and ending agree with the index."""
    check_responses(_record(entry), entry)


@pytest.mark.parametrize("entry", COMPLETED, ids=by_id)
def test_what_stands_before_the_terminal_event_holds_the_same_texts(entry: dict[str, Json]) -> None:
    """Without its last events a recorded response still says all that was streamed."""
    events = [event for event in _events([_body(entry)]) if not _is_end(event)]
    reading = _read(events)
    assert not reading.terminal
    texts = ["".join(_texts(output)) for output in reading.response.outputs]
    for item in expected_of(entry)["from_deltas"]:
        wanted = item.get("text")
        assert not isinstance(wanted, str) or wanted in texts


@pytest.mark.parametrize("entry", ERRORS, ids=by_id)
def test_every_recorded_error_body_is_read(entry: dict[str, Json]) -> None:
    """Code, type and message of each recorded error stand in the record."""
    check_error(_record(entry), entry)


@pytest.mark.parametrize("entry", ASKED, ids=by_id)
def test_every_prompt_text_of_a_recorded_request_is_in_the_record(entry: dict[str, Json]) -> None:
    """Each text leaf of the request, by length and digest, is a text part of its record."""
    check_prompt(_record(entry, recorded_request(entry) or b"{}"), entry)
