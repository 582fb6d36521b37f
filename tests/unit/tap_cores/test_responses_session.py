"""Responses over WebSocket: each response an output, whatever lane it came on."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.exchange import Dialect, Ending
from audit.flags import Flag
from audit.parts import ToolCall
from audit.record import AuditRecord, Safety, Usage, Verdict
from audit.value import to_json
from tap.dialects.session_totals import combined, summed
from tests.harness.frames import Writer, close, frame
from tests.harness.work import calls_of
from tests.unit.tap_cores.session_kit import (
    RESPONSES,
    extras,
    raw_session,
    said,
    session,
    sheaf,
    texts,
)

Json = Any
Event = dict[str, Json]

USAGE = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}


def spoke(client: list[Event], server: list[Event]) -> AuditRecord:
    """The record of a connection."""
    return session(client, server, path=RESPONSES)


def asks(text: str, **more: Json) -> Event:
    """The client asks for a response."""
    return {"type": "response.create", "model": "gpt-test", "input": text, **more}


def begins(name: str, **more: Json) -> Event:
    """A response begins."""
    response = {"id": name, "model": "gpt-test-1", "status": "in_progress", "output": []}
    return {"type": "response.created", "sequence_number": 0, "response": response, **more}


def says(text: str, **more: Json) -> Event:
    """A piece of a text."""
    place = {"output_index": 0, "content_index": 0, "item_id": "m"}
    return {"type": "response.output_text.delta", "delta": text, **place, **more}


def ends(
    name: str, text: str, how: str = "completed", lane: Event | None = None, **more: Json
) -> Event:
    """A response ends."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    item = {"id": "m", "type": "message", "role": "assistant", "content": content}
    response = {"id": name, "model": "gpt-test-1", "status": how, "output": [item], "usage": USAGE}
    return {"type": f"response.{how}", "response": {**response, **more}, **(lane or {})}


def test_a_connection_is_a_record_for_each_response() -> None:
    """What was asked stands with the response that it was asked of, with its parameters."""
    records = sheaf(
        [
            asks("one", instructions="Be kind.", temperature=1),
            asks("two", previous_response_id="r1"),
        ],
        [
            begins("r1"),
            says("fi"),
            says("rst"),
            ends("r1", "first"),
            begins("r2"),
            ends("r2", "2nd"),
        ],
        path=RESPONSES,
    )
    for record in records:
        assert (record.exchange.dialect, record.exchange.flags) == (Dialect.OPENAI_RESPONSES, ())
        assert record.exchange.requested_model == "gpt-test"
        assert record.exchange.reported_model == "gpt-test-1"
        assert (record.usage.total, record.usage.reported) == (10, {"responses": [USAGE]})
    first, second = records
    assert said(first) == [("system", "Be kind."), ("user", "one")]
    assert said(second) == [("user", "two")]
    assert first.request.parameters["responses"][0]["temperature"] == 1
    facts = (first.exchange, second.exchange)
    assert [each.ending for each in facts] == [Ending.COMPLETE, Ending.TUNNELLED]
    assert [each.response_id for each in facts] == ["r1", "r2"]
    assert [each.previous_response_id for each in facts] == [None, "r1"]
    (one,), (two, closed) = first.response.outputs, second.response.outputs
    assert (texts(one), texts(two)) == (["first"], ["2nd"])
    assert one.finish_reason == two.finish_reason == "completed"
    assert json.loads(extras(one.parts)["response"]) == {"id": "r1"}
    assert (closed.role, closed.finish_reason) == ("session", "close 1000")


def test_lanes_are_told_apart_by_their_stream_id() -> None:
    """Several responses are under way at once, in any interleaving."""
    a, b = {"stream_id": "a"}, {"stream_id": "b"}
    server = [
        begins("ra", **a),
        begins("rb", **b),
        says("to ", **a),
        says("from ", **b),
        says("me", **b),
        says("you", **a),
        ends("rb", "from me", lane=b),
    ]
    of_a, of_b = sheaf([asks("B", **b), asks("A", **a)], server, path=RESPONSES)
    assert (said(of_a), said(of_b)) == ([("user", "A")], [("user", "B")])
    open_, done = of_a.response.outputs[0], of_b.response.outputs[0]
    assert (texts(done), done.finish_reason) == (["from me"], "completed")
    assert (texts(open_), open_.finish_reason) == (["to you"], None)
    assert json.loads(extras(done.parts)["response"]) == {"id": "rb", "stream_id": "b"}


def test_the_items_of_one_response_are_one_output() -> None:
    """A call and a message stay in their order."""
    call = {"type": "function_call", "call_id": "k", "name": "f", "arguments": "{}", "id": "c"}
    done = ends("r1", "calling")
    done["response"]["output"].append(call)
    output = spoke([asks("x")], [begins("r1"), done]).response.outputs[0]
    assert texts(output) == ["calling"]
    assert ToolCall(id="k", name="f", arguments="{}") in output.parts


def test_steering_is_said_to_the_model_and_then_nothing_is_claimed_of_what_stood_before() -> None:
    """A successor comes without being asked for, so that lanes cannot be counted."""
    client = [
        asks("begin"),
        {"type": "response.steer", "previous_response_id": "r1", "input": "turn"},
    ]
    why = {"incomplete_details": {"reason": "steered"}}
    server = [
        begins("r1"),
        {"type": "response.steer.accepted", "previous_response_id": "r1"},
        ends("r1", "be", "incomplete", **why),
        {"type": "response.steer.pending", "previous_response_id": "r1"},
        begins("r2"),
        ends("r2", "turned"),
    ]
    record = spoke(client, server)
    assert said(record) == [("user", "begin"), ("user", "turn")]
    first, second, beside = record.response.outputs
    assert (first.finish_reason, second.finish_reason) == ("steered", "completed")
    assert json.loads(extras(second.parts)["response"]) == {"id": "r2"}
    assert "event.response.steer.pending" in extras(beside.parts)


def test_an_error_outside_of_any_response_is_the_connections() -> None:
    """A request that was refused has an error and no response; the next one is answered."""
    error = {"code": "bad", "message": "no such model", "type": "invalid_request_error"}
    server = [{"type": "error", "status": 400, "error": error}, begins("r"), ends("r", "well")]
    record = spoke([asks("x"), asks("y")], server)
    assert record.response.error is not None
    assert record.response.error.code == "bad"
    assert record.exchange.ending is Ending.TUNNELLED
    output = record.response.outputs[0]
    assert texts(output) == ["well"]
    assert json.loads(extras(output.parts)["response"]) == {"id": "r"}


def test_a_response_that_failed_is_an_output_and_an_error() -> None:
    """Its text stands, and its reason is the record's where the connection has none of its own."""
    failed = ends("r", "half", "failed", error={"code": "server_error", "message": "broken"})
    record = spoke([asks("x")], [begins("r"), says("half"), failed])
    assert record.response.outputs[0].finish_reason == "failed"
    assert record.response.error is not None
    assert record.response.error.code == "server_error"


def test_a_response_that_another_follows_unended_is_closed_as_it_is() -> None:
    """The next `response.created` of a lane begins the next response."""
    record = spoke([asks("x")], [begins("r1"), says("cut"), begins("r2"), ends("r2", "whole")])
    first, second, _ = record.response.outputs
    assert (texts(first), first.finish_reason) == (["cut"], None)
    assert texts(second) == ["whole"]


def test_keys_and_unknown_events_are_kept_as_everywhere() -> None:
    """What a tool server is called with is taken out; what is not known is gathered."""
    tool = {
        "type": "mcp",
        "server_label": "l",
        "authorization": "planted",
        "headers": {"k": "planted"},
    }
    client = [asks("x", tools=[tool], api_key="planted"), {"type": "novel.ask", "tools": [tool]}]
    record = spoke(client, [{"type": "novel.news", "tools": [tool], "x": "seen"}])
    assert b"planted" not in to_json(record)
    assert "event.novel.ask" in extras(record.request.messages[-1].parts)
    [output] = record.response.outputs
    assert json.loads(extras(output.parts)["event.novel.news"])["x"] == "seen"


def test_messages_that_are_no_events_are_flagged() -> None:
    """On either side, and kept."""
    record = raw_session(frame(b"what", masked=True), frame(b"null"), path=RESPONSES)
    flags = {Flag.REQUEST_MALFORMED, Flag.STREAM_MALFORMED}
    assert flags <= set(record.exchange.flags)
    assert json.loads(extras(record.request.messages[0].parts)["message.text"]) == "what"


def test_verdicts_stand_at_their_outputs_and_never_get_better() -> None:
    """Azure reports them with each response."""
    results = {"violence": {"filtered": True, "severity": "high"}}
    verdicts = [{"source_type": "completion", "content_filter_results": results}]
    server = [
        begins("r1"),
        ends("r1", "a"),
        begins("r2"),
        ends("r2", "b", content_filters=verdicts),
    ]
    safety = spoke([asks("x"), asks("y")], server).safety
    assert [(each.index, each.verdicts[0].severity) for each in safety.outputs] == [(1, "high")]
    assert safety.signals == ("violence.filtered",)


def test_totals_hold_the_worst_and_know_nothing_of_what_was_not_reported() -> None:
    """Null is not 0, and a verdict that was bad stays bad."""
    assert summed([Usage(), Usage()]) == Usage()
    total = summed([Usage(input=1, reported={}), Usage(reported={}), Usage(input=5)])
    assert (total.input, total.output) == (1, None)
    bad = Verdict(category="hate", filtered=True, detected=True, severity="high", detail="d")
    good = Verdict(category="hate", severity="low")
    for order in ((bad, good), (good, bad)):
        [merged] = combined([Safety(prompt=(each,)) for each in order]).prompt
        assert merged == bad


CLIENT = [asks("q", tools=[{"type": "function", "name": "t"}]), asks("p", stream_id="a")]
SERVER = [
    begins("r1"),
    says("wor"),
    says("ds"),
    ends("r1", "words"),
    begins("r2", stream_id="a"),
    says("other", stream_id="a"),
    {"type": "error", "error": {"code": "f", "message": "g"}},
    {"type": "response.rate_limits.updated", "x": 1},
    {"type": "novel", "h": "i"},
]
_LEAVES: st.SearchStrategy[Json] = st.sampled_from(
    [None, 0, -1, 2**70, "", "\ud800", [], {}, [None], {"id": []}, "r1", 0.5]
)


def _damaged(value: Json, chance: random.Random, leaf: Json) -> Json:
    """The value with one of its places replaced."""
    if not isinstance(value, dict | list) or not value or chance.random() < 0.2:
        return leaf
    copy = value.copy()
    key = chance.choice(list(copy)) if isinstance(copy, dict) else chance.randrange(len(copy))
    copy[key] = _damaged(copy[key], chance, leaf)
    return copy


@settings(max_examples=70, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_events_of_any_shape_never_raise_and_read_the_same_again(data: st.DataObject) -> None:
    """Any order, any value at any place, cut anywhere."""
    chance = random.Random(data.draw(st.integers(0, 2**32)))
    bodies: list[bytes] = []
    for writer, events in ((Writer(masked=True), CLIENT), (Writer(), SERVER)):
        drawn = data.draw(st.lists(st.sampled_from(events), max_size=12))
        body = writer.events(*[_damaged(each, chance, data.draw(_LEAVES)) for each in drawn])
        bodies.append(body[: data.draw(st.integers(0, len(body)))] or close())
    record = raw_session(*bodies, path=RESPONSES)
    assert raw_session(*bodies, path=RESPONSES) == record


@pytest.mark.parametrize("number", range(len(CLIENT) + len(SERVER)))
def test_twice_the_events_are_twice_the_work(number: int) -> None:
    """Each event again and again."""
    asked = number < len(CLIENT)
    event = [*CLIENT, *SERVER][number]

    def read(count: int) -> AuditRecord:
        more = [event] * count
        return spoke([*CLIENT, *(more if asked else [])], [*SERVER, *([] if asked else more)])

    read(10)
    assert calls_of(lambda: read(300)) <= 2.2 * calls_of(lambda: read(150))
