"""Recorded runs of the Assistants API, read as their index says they must be.

Without the recordings (`tests.harness.corpus`) these tests are skipped, and the hand-written
cases of `test_openai_assistants` stand in for the same traps.

Deliberate differences from the recordings' own reading:

- a step that only created a message is no output; what it holds stands with the run;
- the calls a run waits for are taken from the steps where those told of them, and stand once;
- an event with an unknown name is kept as it came, even where its data is a whole message.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from audit.record import AuditRecord
from tap.dialects.assistants_fold import AssistantsFold
from tap.encodings import decoded
from tap.sse import SseDecoder
from tests.harness.corpus import (
    ASSISTANTS,
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
from tests.harness.corpus_assistants import check_assistants
from tests.unit.tap_cores.kit import head, opened, recorded

Json = Any

pytestmark = pytest.mark.skipif(MISSING, reason=WHY_MISSING)

PATH = "/openai/threads/thread_1/runs/run_1/submit_tool_outputs"
# Single bytes of more than this take longer than they teach.
_BYTEWISE = 65_536


def _cuts(entry: dict[str, Json], data: bytes) -> Iterator[list[bytes]]:
    if len(data) <= _BYTEWISE:
        yield [data[at : at + 1] for at in range(len(data))]
    for seed in range(3):
        yield random_pieces(data, seed)
    yield split_pieces(entry, data)


def _folded(pieces: list[bytes]) -> tuple[Json, ...]:
    decoder, fold = SseDecoder(), AssistantsFold()
    for piece in pieces:
        for event in decoder.feed(piece):
            fold.feed(event)
    for event in decoder.finish():
        fold.feed(event)
    return fold.items(), fold.run, fold.beside(), fold.errors, fold.done, fold.malformed


def _record(entry: dict[str, Json]) -> AuditRecord:
    encoding = content_encoding(entry)
    return recorded(
        recorded_body(entry),
        request=recorded_request(entry) or b'{"stream": true}',
        answer_head=head(entry["status"], entry["content_type"], content_encoding=encoding),
        opening=opened(PATH),
    )


@pytest.mark.parametrize("entry", ASSISTANTS, ids=by_id)
def test_a_recorded_run_folds_alike_however_it_is_cut(entry: dict[str, Json]) -> None:
    """Single bytes, random pieces and the painful places give what the whole gives."""
    data = b"".join(decoded(recorded_body(entry), content_encoding(entry), set()))
    whole = _folded([data])
    for pieces in _cuts(entry, data):
        assert _folded(pieces) == whole


@pytest.mark.parametrize("entry", ASSISTANTS, ids=by_id)
def test_a_recorded_run_folds_into_the_objects_of_its_index(entry: dict[str, Json]) -> None:
    """Ids and states of messages and steps, in order, are those of the index."""
    data = b"".join(decoded(recorded_body(entry), content_encoding(entry), set()))
    items, _, _, errors, _, malformed = _folded([data])
    expected = expected_of(entry)
    steps = [item for item in items if "step_details" in item]
    messages = [item for item in items if "step_details" not in item]
    for mine, listed in ((messages, expected["messages"]), (steps, expected["steps"])):
        assert [(item["id"], item.get("status")) for item in mine] == [
            (each["id"], each["status"]) for each in listed
        ]
    assert (len(errors), malformed) == (len(expected["errors"]), 0)


@pytest.mark.parametrize("entry", ASSISTANTS, ids=by_id)
def test_the_record_of_a_recorded_run_says_what_its_index_says(entry: dict[str, Json]) -> None:
    """Messages, calls, results, state, counts, ids and ending agree with the index."""
    check_assistants(_record(entry), entry)


@pytest.mark.parametrize("entry", ASSISTANTS, ids=by_id)
def test_every_text_of_a_recorded_request_is_in_the_record(entry: dict[str, Json]) -> None:
    """Each text leaf of the request is a part of its record, and so is each tool's output."""
    record = _record(entry)
    check_prompt(record, entry)
    assert [reference.kind for reference in record.request.references] == ["thread", "run"]
