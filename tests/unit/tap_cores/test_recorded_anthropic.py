"""Recorded streams of the Messages API, read as their index says they must be.

Without the recordings (`tests.harness.corpus`) these tests are skipped, and the hand-written
cases of `test_anthropic_*` stand in for the same traps.

Deliberate differences from the recordings' own reading:

- text blocks that stand next to each other are one text here, with their citations behind it,
  since an answer is cut into blocks in the middle of sentences;
- signatures, hidden thinking and encrypted contents are known by size and digest only;
- an answer that a classifier cut (`stop_reason` is `refusal`) ends as `filtered`, where the
  recording only says that `message_stop` was seen;
- until a `message_delta` has counted, the output's tokens are not taken over from the start;
- an attempt that was begun and given up is an output of its own before the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from audit.record import AuditRecord
from tap.dialects.anthropic_fold import AnthropicFold
from tap.encodings import decoded
from tap.sse import SseDecoder
from tests.harness.corpus import (
    ANTHROPICS,
    MISSING,
    WHY_MISSING,
    by_id,
    check_prompt,
    content_encoding,
    expected_of,
    random_pieces,
    recorded_body,
    recorded_request,
    split_pieces,
)
from tests.harness.corpus_anthropic import check_anthropic
from tests.unit.tap_cores.kit import head, opened, recorded

Json = Any

pytestmark = pytest.mark.skipif(MISSING, reason=WHY_MISSING)

ASKED = [entry for entry in ANTHROPICS if entry.get("request_texts")]
# Single bytes of more than this take longer than they teach.
_BYTEWISE = 65_536


def _cuts(entry: dict[str, Json], data: bytes) -> Iterator[list[bytes]]:
    if len(data) <= _BYTEWISE:
        yield [data[at : at + 1] for at in range(len(data))]
    for seed in range(3):
        yield random_pieces(data, seed)
    yield split_pieces(entry, data)


def _folded(pieces: list[bytes]) -> tuple[Json, ...]:
    decoder, fold = SseDecoder(), AnthropicFold()
    for piece in pieces:
        for event in decoder.feed(piece):
            fold.feed(event)
    for event in decoder.finish():
        fold.feed(event)
    return fold.attempts(), fold.beside(), fold.errors, fold.done, fold.malformed


def _record(entry: dict[str, Json], request: bytes = b"{}") -> AuditRecord:
    encoding = content_encoding(entry)
    return recorded(
        recorded_body(entry),
        request=request,
        answer_head=head(entry["status"], entry["content_type"], content_encoding=encoding),
        opening=opened("/anthropic/v1/messages"),
    )


@pytest.mark.parametrize("entry", ANTHROPICS, ids=by_id)
def test_a_recorded_answer_folds_alike_however_it_is_cut(entry: dict[str, Json]) -> None:
    """Single bytes, random pieces and the painful places give what the whole gives."""
    data = b"".join(decoded(recorded_body(entry), content_encoding(entry), set()))
    whole = _folded([data])
    for pieces in _cuts(entry, data):
        assert _folded(pieces) == whole


@pytest.mark.parametrize("entry", ANTHROPICS, ids=by_id)
def test_a_recorded_answer_folds_into_the_blocks_of_its_index(entry: dict[str, Json]) -> None:
    """Kinds, texts and ids of the blocks, in order, are those of the index."""
    data = b"".join(decoded(recorded_body(entry), content_encoding(entry), set()))
    attempts, _, errors, done, _ = _folded([data])
    expected = expected_of(entry)
    blocks = attempts[-1]["content"] if attempts else []
    assert [block["type"] for block in blocks] == [each["type"] for each in expected["content"]]
    assert [block.get("id") for block in blocks] == [each.get("id") for each in expected["content"]]
    assert len(errors) == len(expected["errors"])
    assert done == (expected["terminal"] == "message_stop")


@pytest.mark.parametrize("entry", ANTHROPICS, ids=by_id)
def test_the_record_of_a_recorded_answer_says_what_its_index_says(entry: dict[str, Json]) -> None:
    """Texts, thoughts, calls, results, citations, counts and ending agree with the index."""
    check_anthropic(_record(entry), entry)


@pytest.mark.parametrize("entry", ASKED, ids=by_id)
def test_every_prompt_text_of_a_recorded_request_is_in_the_record(entry: dict[str, Json]) -> None:
    """Each text leaf of the request, by length and digest, is a text part of its record."""
    check_prompt(_record(entry, recorded_request(entry) or b"{}"), entry)
