"""How streams of the Responses API end, and what of them is strange: errors, news, damage."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.exchange import Ending
from audit.flags import EndingDetail, Flag
from audit.parts import Text
from audit.record import AuditRecord
from tests.unit.tap_cores.kit import opened, recorded
from tests.unit.tap_cores.responses_kit import (
    CREATED,
    PATH,
    added,
    beside,
    ended,
    event,
    message,
    parts,
    said,
    sse,
    streamed,
)

ERROR = {"code": "rate_limit_exceeded", "message": "slow down", "param": None}


@pytest.mark.parametrize(
    "raised",
    [
        event("error", **ERROR),
        event("error", error={"type": "tokens", **ERROR}),
        {"error": ERROR},
        event("error", error="slow down", code="rate_limit_exceeded"),
    ],
    ids=["flat", "nested", "untyped", "worded"],
)
def test_an_error_event_of_any_shape_fails_the_exchange(raised: dict[str, Any]) -> None:
    """Flat and nested errors end the stream, even where nothing follows."""
    frame = f"event: error\ndata: {json.dumps(raised)}\n\n".encode()
    record = recorded(sse(CREATED) + frame, opening=opened(PATH))
    assert (record.exchange.ending, record.exchange.ending_detail) == (
        Ending.FAILED,
        EndingDetail.ERROR_EVENT,
    )
    error = record.response.error
    assert error is not None
    assert (error.code, error.message) == ("rate_limit_exceeded", "slow down")


def test_an_error_that_is_reported_twice_is_one_and_another_is_kept_too() -> None:
    """`response.failed` repeats the error event; what differs is an extra."""
    twice = streamed(event("error", error=ERROR), ended("failed", error=ERROR))
    assert beside(twice) == {"status": "failed"}
    other = {"code": "server_error", "message": "gone"}
    record = streamed(event("error", error=ERROR), ended("failed", error=other))
    assert beside(record)["error"] == other


def test_a_failure_without_an_error_is_a_failure() -> None:
    """The state alone is evidence."""
    record = streamed(ended("failed"))
    assert (record.exchange.ending, record.response.error) == (Ending.FAILED, None)


def test_an_error_after_a_complete_answer_leaves_the_answer() -> None:
    """The last frame may be an error although every item had been closed."""
    done = event("output_item.done", output_index=0, item=message("all of it"))
    record = streamed(CREATED, done, event("error", **ERROR))
    assert parts(record) == [Text(text="all of it")]
    assert record.exchange.ending is Ending.FAILED


def test_an_error_without_any_type_fails_the_exchange() -> None:
    """Gateways write their error object into a stream under way."""
    frame = b'data: {"error":{"code":"upstream","message":"gone"}}\n\n'
    record = recorded(sse(CREATED) + frame, opening=opened(PATH))
    assert record.exchange.ending is Ending.FAILED
    assert record.response.error is not None
    assert record.response.error.code == "upstream"


def test_bare_text_in_an_error_event_is_its_message() -> None:
    """A gateway's plain words are kept as what went wrong."""
    record = recorded(sse(CREATED) + b"event: error\ndata: upstream gone\n\n", opening=opened(PATH))
    assert record.response.error is not None
    assert record.response.error.message == "upstream gone"


@pytest.mark.parametrize("kind", ["completed", "incomplete", "cancelled"])
def test_each_terminal_event_ends_the_stream(kind: str) -> None:
    """A connection that breaks after the terminal event changes nothing."""
    record = streamed(CREATED, ended(kind), transport=Ending.CLIENT_DISCONNECTED)
    assert record.exchange.ending is Ending.COMPLETE
    assert beside(record).get("status") == (None if kind == "completed" else kind)


def test_a_terminal_event_without_its_object_is_still_the_end() -> None:
    """The type of the event tells the state where the object is missing."""
    record = streamed(CREATED, said("x"), event("incomplete"))
    assert record.exchange.ending is Ending.COMPLETE
    assert beside(record)["status"] == "incomplete"
    assert Flag.STREAM_MALFORMED in record.exchange.flags


def test_done_is_an_end_where_a_gateway_adds_it() -> None:
    """`[DONE]` is not the format's own, but nothing follows it."""
    record = recorded(sse(said("x")) + b"data: [DONE]\n\n", opening=opened(PATH))
    assert record.exchange.ending is Ending.COMPLETE


def test_a_stream_taken_up_again_is_joined_by_its_response_id() -> None:
    """A GET has no body: its path refers to the response, and its numbers say where it began."""
    path = f"{PATH}/resp_9"
    late = {**said("4."), "sequence_number": 7}
    end = {**ended(output=[message("2 + 2 is 4.")]), "sequence_number": 8}
    capture: dict[str, Any] = {"request": b"", "opening": opened(path, method="GET")}
    whole = recorded(sse(late, end), **capture)
    assert [(it.kind, it.id) for it in whole.request.references] == [("response", "resp_9")]
    assert parts(whole) == [Text(text="2 + 2 is 4.")]
    assert beside(whole) == {"sequence_numbers": [7, 8]}
    cut = recorded(sse(late), **capture)
    assert cut.exchange.response_id == "resp_9"
    assert cut.exchange.operation == "responses.item"


def test_events_that_are_not_known_are_gathered_by_type() -> None:
    """News is kept, its pieces joined; heartbeats and states are not."""
    record = streamed(
        event("steer.accepted", steer={"id": "s_1"}),
        event("new_thing.delta", output_index=0, delta="jo", obfuscation="a", item_id="x"),
        event("new_thing.delta", output_index=0, delta="hn", obfuscation="b", item_id="y"),
        {"type": "keepalive"},
        event("web_search_call.searching", output_index=0),
        ended(),
    )
    kept = beside(record)
    assert kept["event.response.steer.accepted"]["steer.id"] == "s_1"
    news = {"type": "response.new_thing.delta", "output_index": 0, "delta": "john"}
    assert kept["event.response.new_thing.delta.0"] == news
    assert not any("keepalive" in name or "searching" in name for name in kept)


def test_fields_that_are_not_known_are_kept_under_their_event() -> None:
    """What a known event says beyond its shape is an extra; padding and probabilities are not."""
    record = streamed(
        said("a", obfuscation="zz", mood="gl"),
        said("b", logprobs=[{"token": "b"}], mood="ad"),
        {**ended(), "copilot_usage": {"units": 3}},
    )
    kept = beside(record)
    assert kept["response.output_text.delta.mood"] == "glad"
    assert kept["response.completed.copilot_usage"] == [{"units": 3}]
    assert Flag.LOGPROBS_OMITTED in record.exchange.flags
    assert "zz" not in json.dumps(kept)


def test_the_event_field_names_the_type_where_the_data_does_not() -> None:
    """Data without a type is read as what its event is called."""
    frame = b'event: response.output_text.delta\ndata: {"output_index":0,"delta":"a"}\n\n'
    assert parts(recorded(frame, opening=opened(PATH))) == [Text(text="a")]


def test_a_character_split_over_two_pieces_is_joined() -> None:
    """Halves of a surrogate pair in two deltas are one character, and no difference."""
    pieces = [said("\ud83d"), said("\ude80")]
    assert parts(streamed(*pieces)) == [Text(text="\U0001f680")]
    assert "streamed.0.content.0" not in beside(
        streamed(*pieces, ended(output=[message("\U0001f680")]))
    )


def test_broken_events_are_counted_and_the_rest_is_read() -> None:
    """A torn or strange event costs itself only; bare words are kept."""
    middle = b'event: x\ndata: {"type":"resp\n\ndata: hello there\n\ndata: 7\n\n'
    record = recorded(sse(said("a")) + middle + sse(said("b"), ended()), opening=opened(PATH))
    assert parts(record) == [Text(text="ab")]
    assert Flag.STREAM_MALFORMED in record.exchange.flags
    assert beside(record) == {"message.text": "hello there", "event.message": 7}


@pytest.mark.parametrize("index", [-1, 2**40, True, "0", None, 1.5, [], {}])
def test_an_index_of_any_kind_is_taken(index: Any) -> None:
    """Indexes out of range or type lead to the item under way."""
    record = streamed(said("a", index), said("b", index, index), ended())
    assert parts(record) == [Text(text="ab")]
    assert record.response.outputs[0].index == 0


def filters(**results: Any) -> list[dict[str, Any]]:
    """Azure's verdicts on a completion."""
    return [{"blocked": False, "source_type": "completion", "content_filter_results": results}]


def test_an_answer_that_a_filter_cut_ends_as_filtered() -> None:
    """`incomplete` for `content_filter` is the filter's doing, and says so at the item."""
    item = message("The pla", status="incomplete")
    record = streamed(
        ended("incomplete", output=[item], incomplete_details={"reason": "content_filter"})
    )
    assert (record.exchange.ending, record.exchange.ending_detail) == (
        Ending.FILTERED,
        EndingDetail.OUTPUT_FILTERED,
    )
    assert record.response.outputs[0].finish_reason == "content_filter"


def test_an_answer_that_ran_out_of_tokens_is_complete_and_says_so() -> None:
    """`max_output_tokens` is a reason to finish, not a failure."""
    item = message("The pla", status="incomplete")
    record = streamed(
        ended("incomplete", output=[item], incomplete_details={"reason": "max_output_tokens"})
    )
    assert record.exchange.ending is Ending.COMPLETE
    assert record.response.outputs[0].finish_reason == "max_output_tokens"
    assert beside(record)["incomplete_details"] == {"reason": "max_output_tokens"}


def test_verdicts_of_every_snapshot_stick() -> None:
    """What one snapshot saw filtered, a later and milder one does not take back."""
    early = filters(hate={"filtered": True, "severity": "high"})
    late = filters(hate={"filtered": False, "severity": "safe"})
    record = streamed(
        event("in_progress", response={"content_filters": early}),
        ended(content_filters=late, output=[message("x")]),
    )
    (verdict,) = record.safety.outputs[0].verdicts
    assert (verdict.category, verdict.filtered, verdict.severity) == ("hate", True, "high")
    assert record.safety.signals == ("hate.filtered",)


def test_a_blocked_source_is_evidence_of_a_filter() -> None:
    """An entry that was blocked ends the exchange as filtered, by prompt or by output."""
    for source, detail in (
        ("prompt", EndingDetail.PROMPT_FILTERED),
        ("completion", EndingDetail.OUTPUT_FILTERED),
    ):
        entry = {"blocked": True, "source_type": source, "content_filter_results": {}}
        record = streamed(ended(content_filters=[entry]))
        assert (record.exchange.ending, record.exchange.ending_detail) == (Ending.FILTERED, detail)


STORY = [
    CREATED,
    added(0, "message", role="assistant"),
    said("Gr\u00fc\u00df "),
    said("Gott", mood=[1]),
    event("output_text.done", output_index=0, content_index=0, text="Gr\u00fc\u00df Gott"),
    event("output_item.done", output_index=0, item=message("Gr\u00fc\u00df Gott", id="msg_1")),
    added(1, "function_call", name="f", call_id="c"),
    event("function_call_arguments.delta", output_index=1, delta="{}"),
    event("image_generation_call.partial_image", output_index=2, partial_image_b64="AAAA"),
    event("mcp_call.failed", output_index=3),
    ended(output=[message("Gr\u00fc\u00df Gott", id="msg_2")], usage={"input_tokens": 1}),
]


def _twice(data: bytes) -> AuditRecord:
    record = recorded(data, opening=opened(PATH))
    assert recorded(data, opening=opened(PATH)) == record
    return record


@settings(max_examples=60)
@given(st.integers(0, len(sse(*STORY))))
def test_any_prefix_of_a_stream_is_read_and_twice_the_same(cut: int) -> None:
    """A stream that breaks off anywhere gives a record, and the same one again."""
    record = _twice(sse(*STORY)[:cut])
    assert record.exchange.ending in (Ending.COMPLETE, Ending.UPSTREAM_DISCONNECTED)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, len(sse(*STORY)) - 1), st.integers(0, 255)), max_size=9))
def test_flipped_bytes_are_read_and_twice_the_same(flips: list[tuple[int, int]]) -> None:
    """No damage makes the reading raise or waver."""
    data = bytearray(sse(*STORY))
    for at, value in flips:
        data[at] = value
    _twice(bytes(data))
