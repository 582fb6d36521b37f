"""Recorded streams of the two guests, read as their index says they must be.

Deliberate differences from the recordings' own reading:

- an error that was written into a stream without `data:` is read here, and no event there;
- code that the model ran and its result are a call and a result of the tool `code_execution`
  here, and only counted there;
- an Ollama answer without counts has no usage here, and one of nulls there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from audit.exchange import Ending
from audit.parts import Reasoning, Text, ToolCall, ToolResult
from audit.record import AuditRecord, Output
from tap.dialects.gemini import GeminiFold
from tap.dialects.keeping import Keeper
from tap.dialects.reading import AnswerReading
from tap.sse import SseDecoder
from tests.harness.corpus import (
    GEMINIS,
    MISSING,
    NDJSONS,
    WHY_MISSING,
    by_id,
    check_prompt,
    expected_of,
    random_pieces,
    recorded_body,
    recorded_request,
    split_pieces,
)
from tests.unit.tap_cores.kit import head, opened, recorded

Json = Any

pytestmark = pytest.mark.skipif(MISSING, reason=WHY_MISSING)

GEMINI_PATH = "/v1beta/models/gemini-x:streamGenerateContent"
ASKED = [entry for entry in GEMINIS if entry.get("request_texts")]


def _gemini(entry: dict[str, Json], request: bytes = b'{"contents":[]}') -> AuditRecord:
    answer_head = head(entry["status"], entry["content_type"])
    body = recorded_body(entry)
    return recorded(body, request=request, opening=opened(GEMINI_PATH), answer_head=answer_head)


def _cuts(entry: dict[str, Json], data: bytes) -> Iterator[list[bytes]]:
    yield [data]
    yield [data[at : at + 1] for at in range(len(data))]
    yield random_pieces(data, 1)
    yield split_pieces(entry, data)


def _folded(pieces: list[bytes]) -> AnswerReading:
    decoder, fold = SseDecoder(), GeminiFold()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    for event in [*events, *decoder.finish()]:
        fold.feed(event)
    return fold.reading(Keeper(lambda data: f"{len(data)}"))


def _joined(output: Output, kind: type[Text | Reasoning]) -> str:
    return "".join(part.text for part in output.parts if isinstance(part, kind))


@pytest.mark.parametrize("entry", GEMINIS, ids=by_id)
def test_every_recorded_gemini_stream_folds_alike_however_it_is_cut(entry: dict[str, Json]) -> None:
    """Whole, bytewise, at random and where it hurts, the reading is the same."""
    first, *others = [_folded(pieces) for pieces in _cuts(entry, recorded_body(entry))]
    assert all(other == first for other in others)


@pytest.mark.parametrize("entry", GEMINIS, ids=by_id)
def test_the_record_of_a_recorded_gemini_stream_says_what_its_index_says(
    entry: dict[str, Json],
) -> None:
    """Texts, thoughts, calls, code, finish reasons, usage, ids and ending agree."""
    expected, record = expected_of(entry), _gemini(entry)
    for output, wanted in zip(record.response.outputs, expected["candidates"], strict=True):
        assert _joined(output, Text) == wanted["text"]
        assert _joined(output, Reasoning) == wanted["thought"]
        code = wanted["other_parts"].get("executableCode", 0)
        calls = [part for part in output.parts if isinstance(part, ToolCall)]
        assert len(calls) == len(wanted["function_calls"]) + code
        results = [part for part in output.parts if isinstance(part, ToolResult)]
        assert len(results) == wanted["other_parts"].get("codeExecutionResult", 0)
        assert output.finish_reason == wanted["finishReason"]
    assert record.usage.reported == expected["usageMetadata"]
    assert record.exchange.reported_model == expected.get("modelVersion")
    assert record.exchange.response_id == expected.get("responseId")
    assert record.exchange.ending is _ending(entry, expected)
    assert set(record.exchange.flags) <= {"unterminated_final_event"}


def _ending(entry: dict[str, Json], expected: dict[str, Json]) -> Ending:
    if any(candidate["finishReason"] == "SAFETY" for candidate in expected["candidates"]):
        return Ending.FILTERED
    return Ending.FAILED if b'\n  "error": {' in recorded_body(entry) else Ending.COMPLETE


@pytest.mark.parametrize("entry", ASKED, ids=by_id)
def test_every_prompt_text_of_a_recorded_gemini_request_is_in_the_record(
    entry: dict[str, Json],
) -> None:
    """Each text leaf of the request, by length and digest, is a text part of its record."""
    check_prompt(_gemini(entry, recorded_request(entry) or b"{}"), entry)


@pytest.mark.parametrize("entry", NDJSONS, ids=by_id)
def test_the_record_of_recorded_lines_says_what_their_index_says(entry: dict[str, Json]) -> None:
    """Text, thinking, finish reason, counts and ending agree, whatever the type says."""
    expected = expected_of(entry)
    for kind in (entry["content_type"], None):
        answer_head = head(entry["status"], kind)
        record = recorded(
            recorded_body(entry),
            request=b'{"messages":[]}',
            opening=opened("/api/chat"),
            answer_head=answer_head,
        )
        (output,) = record.response.outputs
        assert _joined(output, Text) == expected["content"]
        assert _joined(output, Reasoning) == expected["thinking"]
        assert output.finish_reason == expected["done_reason"]
        assert record.usage.input == expected["usage"]["prompt_eval_count"]
        assert record.usage.output == expected["usage"]["eval_count"]
        assert (record.exchange.ending, record.exchange.flags) == (Ending.COMPLETE, ())
