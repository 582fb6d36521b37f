"""How streamed runs end, and that no bytes make the reading of one fail."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.exchange import Ending
from audit.parts import Extra, Text
from audit.value import to_json
from tap.dialects.assistants_fold import AssistantsFold
from tap.sse import Event
from tests.unit.tap_cores.assistants_kit import (
    DONE,
    RUNS,
    STEP,
    event,
    message,
    message_delta,
    run,
    said,
    step_delta,
    streamed,
    text,
)
from tests.unit.tap_cores.kit import opened, recorded

Json = Any


@pytest.mark.parametrize(
    ("state", "ending"),
    [
        ("completed", Ending.COMPLETE),
        ("incomplete", Ending.COMPLETE),
        ("cancelled", Ending.COMPLETE),
        ("expired", Ending.COMPLETE),
        ("requires_action", Ending.COMPLETE),
        ("failed", Ending.FAILED),
        ("queued", Ending.UPSTREAM_DISCONNECTED),
        ("cancelling", Ending.UPSTREAM_DISCONNECTED),
    ],
)
def test_a_state_in_which_the_run_stands_still_is_an_end(state: str, ending: Ending) -> None:
    """Clients leave then, and need not wait for `done`."""
    assert streamed(run(state)).exchange.ending is ending


def test_a_client_that_leaves_when_the_run_stands_still_has_all_of_it() -> None:
    """Before that it has left in the middle."""
    gone = Ending.CLIENT_DISCONNECTED
    assert streamed(run("completed"), transport=gone).exchange.ending is Ending.COMPLETE
    assert streamed(message("created"), DONE, transport=gone).exchange.ending is Ending.COMPLETE
    assert streamed(run("in_progress"), transport=gone).exchange.ending is gone


def test_why_a_run_failed_is_its_error() -> None:
    """The run's last error is the answer's, whichever of code and message it has."""
    error = {"code": "rate_limit_exceeded", "message": "later", "hint": "wait"}
    record = streamed(run("failed", last_error=error))
    assert record.response.error is not None
    assert (record.response.error.code, record.response.error.message) == (
        "rate_limit_exceeded",
        "later",
    )
    assert Extra(name="error.hint", text='"wait"') in record.response.outputs[0].parts
    assert record.exchange.ending_detail == "error_event"


def test_an_error_event_is_a_failure() -> None:
    """It ends the stream, with or without an object around it."""
    for value in ({"message": "gone"}, {"error": {"message": "gone"}}):
        record = streamed(message_delta(text("Hel")), event("error", value))
        assert record.exchange.ending is Ending.FAILED
        assert record.response.error is not None
        assert record.response.error.message == "gone"
        assert said(record.response.outputs[0]) == [Text(text="Hel")]


def test_a_content_filter_is_told_from_a_fault() -> None:
    """A prompt that was blocked, and a message that was cut, are filtered."""
    blocked = streamed(run("failed", last_error={"code": "content_filter", "message": "no"}))
    assert blocked.exchange.ending is Ending.FILTERED
    assert blocked.exchange.ending_detail == "prompt_filtered"
    cut = streamed(
        message("incomplete", incomplete_details={"reason": "content_filter"}),
        run("incomplete"),
    )
    assert cut.exchange.ending is Ending.FILTERED
    assert cut.exchange.ending_detail == "output_filtered"
    assert cut.response.outputs[0].finish_reason == "content_filter"


STREAM = "".join(
    (
        run("created"),
        event("thread.run.step.created", STEP),
        step_delta({"index": 0, "id": "c", "type": "function", "function": {"arguments": "{}"}}),
        message("created"),
        message_delta(text("caf\ud83d")),
        message_delta(text("\ude80")),
        run("completed", usage={"prompt_tokens": 1}),
        DONE,
    )
).encode()

LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3))
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    *("id", "type", "index", "delta", "content", "text", "step_details"),
                    *("tool_calls", "status", "object", "last_error", "incomplete_details"),
                )
            ),
            inner | st.sampled_from(("text", "function", "failed")),
            max_size=4,
        )
    ),
    max_leaves=12,
)
KINDS = st.sampled_from([*sorted(AssistantsFold()._readers), "x"])


@settings(max_examples=50, deadline=None)
@given(
    at=st.integers(0, len(STREAM)),
    flips=st.lists(st.tuples(st.integers(0, len(STREAM) - 1), st.integers(0, 255)), max_size=5),
)
def test_any_prefix_with_any_bytes_flipped_reads_twice_alike(
    at: int, flips: list[tuple[int, int]]
) -> None:
    """No bytes make the reading fail, and the same bytes give the same record."""
    broken = bytearray(STREAM)
    for place, byte in flips:
        broken[place] = byte
    body = bytes(broken[:at])
    once, twice = (recorded(body, request=b"{}", opening=opened(RUNS)) for _ in range(2))
    assert to_json(once) == to_json(twice)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(KINDS, TREES), max_size=6))
def test_events_of_any_shape_are_read(events: list[tuple[str, Json]]) -> None:
    """Whatever stands where, the fold and the mapping give a record that can be written."""
    fold = AssistantsFold()
    for kind, tree in events:
        fold.feed(Event(data=json.dumps(tree), type=kind))
    assert isinstance(fold.items(), list)
    assert to_json(streamed(*(event(kind, tree) for kind, tree in events)))
