"""Streams of the Responses API: what their events add up to, whole and cut short."""

from __future__ import annotations

import base64
from typing import Any

from audit.digest import keyed_digest
from audit.exchange import Dialect, Ending
from audit.flags import EndingDetail
from audit.parts import Citation, Media, Reasoning, Refusal, Text, ToolCall, ToolResult
from tests.unit.tap_cores.kit import DIGEST_KEY
from tests.unit.tap_cores.responses_kit import (
    CREATED,
    added,
    answered,
    beside,
    ended,
    event,
    message,
    parts,
    said,
    streamed,
)

USAGE = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 5},
    "output_tokens": 4,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 13,
}


def test_a_streamed_and_a_plain_response_give_the_same_record_groups() -> None:
    """One mapping reads both, so response, safety and usage are equal."""
    item = message("Hello", id="msg_1", status="completed")
    final: dict[str, Any] = {
        "id": "resp_1",
        "model": "m",
        "status": "completed",
        "output": [item],
        "usage": USAGE,
    }
    plain = answered(final)
    stream = streamed(CREATED, added(0, "message"), said("Hel"), said("lo"), ended(**final))
    for group in ("response", "safety", "usage"):
        assert getattr(plain, group) == getattr(stream, group)
    assert parts(plain) == [Text(text="Hello")]
    assert plain.response.outputs[0].finish_reason == "completed"
    facts = stream.exchange
    assert (facts.dialect, facts.ending) == (Dialect.OPENAI_RESPONSES, Ending.COMPLETE)
    assert (facts.response_id, facts.reported_model, facts.streamed) == ("resp_1", "m", True)
    usage = stream.usage
    assert (usage.input, usage.output, usage.total) == (9, 4, 13)
    assert (usage.cached, usage.reasoning, usage.reported) == (5, 2, USAGE)


def test_a_stream_that_was_cut_keeps_what_its_deltas_said() -> None:
    """Without a terminal event the items are put together from their pieces."""
    record = streamed(
        CREATED,
        added(0, "reasoning", id="rs_1", summary=[]),
        event("reasoning_summary_text.delta", output_index=0, summary_index=0, delta="Thi"),
        event("reasoning_summary_text.delta", output_index=0, summary_index=0, delta="nk"),
        event("reasoning_summary_text.delta", output_index=0, summary_index=1, delta="Again"),
        event("reasoning_text.delta", output_index=0, content_index=0, delta="raw"),
        added(1, "message", role="assistant", status="in_progress", content=[]),
        said("See ", 1),
        said("here", 1),
        event("refusal.delta", output_index=1, content_index=1, delta="No"),
        added(2, "function_call", name="f", call_id="call_1", arguments=""),
        event("function_call_arguments.delta", output_index=2, delta='{"a'),
    )
    assert parts(record, 0) == [
        Reasoning(text="Think"),
        Reasoning(text="Again"),
        Reasoning(text="raw"),
    ]
    assert parts(record, 1) == [Text(text="See here"), Refusal(text="No")]
    assert parts(record, 2) == [ToolCall(id="call_1", name="f", arguments='{"a')]
    assert record.exchange.ending is Ending.UPSTREAM_DISCONNECTED
    assert record.exchange.ending_detail == EndingDetail.NO_TERMINAL_EVENT
    assert record.usage.input is None
    assert beside(record)["status"] == "in_progress"
    assert beside(record)["sequence_numbers"] == [0, 11]


def test_texts_without_an_opened_item_tell_what_it_is() -> None:
    """A stream that was taken up in the middle never says how its item began."""
    kinds = {
        "output_text": [Text(text="x")],
        "reasoning_text": [Reasoning(text="x")],
        "function_call_arguments": [ToolCall(arguments="x")],
        "custom_tool_call_input": [ToolCall(arguments="x")],
        "mcp_call_arguments": [ToolCall(arguments="x")],
        "code_interpreter_call_code": [ToolCall(name="code_interpreter", arguments="x")],
        "apply_patch_call_operation_diff": [ToolCall(name="apply_patch", arguments='{"diff":"x"}')],
        "shell_call_command": [ToolCall(name="shell", arguments='{"commands":["x"]}')],
    }
    for kind, read in kinds.items():
        record = streamed(event(f"{kind}.delta", output_index=3, delta="x"))
        assert parts(record) == read
        assert record.response.outputs[0].index == 3


def test_the_whole_of_a_text_holds_over_its_pieces_and_the_pieces_stay_visible() -> None:
    """What a client showed while it read is an extra where the final object says otherwise."""
    record = streamed(
        said("Secret plan"),
        event("output_text.done", output_index=0, content_index=0, text="Plan"),
        ended(output=[message("Plan")]),
    )
    assert parts(record) == [Text(text="Plan")]
    assert beside(record) == {"streamed.0.content.0": "Secret plan"}


def test_a_closed_item_holds_until_a_final_object_says_otherwise() -> None:
    """`output_item.done` is read for an item that no terminal object holds."""
    done = event("output_item.done", output_index=0, item=message("closed", status="completed"))
    record = streamed(added(0, "message"), said("closed"), done, said("open", 1))
    assert [parts(record, place) for place in (0, 1)] == [
        [Text(text="closed")],
        [Text(text="open")],
    ]
    assert "streamed.0.content.0" not in beside(record)


def test_a_failed_response_without_items_keeps_those_of_the_stream() -> None:
    """`response.failed` may hold an empty output although text was streamed."""
    record = streamed(
        CREATED,
        added(0, "message", role="assistant"),
        said("half an ans"),
        ended("failed", output=[], error={"code": "server_error", "message": "lost"}),
    )
    assert parts(record) == [Text(text="half an ans")]
    assert record.exchange.ending is Ending.FAILED
    assert record.exchange.ending_detail == EndingDetail.ERROR_EVENT
    error = record.response.error
    assert error is not None
    assert (error.code, error.message) == ("server_error", "lost")


def test_items_that_the_final_object_lacks_are_added_to_it() -> None:
    """Some gateways leave reasoning out of the object, and no text may be lost or doubled."""
    record = streamed(
        event("reasoning_text.delta", output_index=0, content_index=0, delta="hm"),
        said("Hi", 1),
        ended(output=[message("Hi")]),
    )
    assert [parts(record, place) for place in (0, 1)] == [[Text(text="Hi")], [Reasoning(text="hm")]]
    assert not any(name.startswith("streamed") for name in beside(record))


def test_items_are_found_by_index_although_their_ids_change() -> None:
    """Ids that differ from event to event neither split nor join items."""
    events = [
        event("output_item.added", output_index=1, item={"type": "message", "id": "a"}),
        said("one ", 1, item_id="b"),
        said("other ", 2, item_id="a"),
        said("two", 1, item_id="c"),
    ]
    record = streamed(*events)
    assert [parts(record, place) for place in (0, 1)] == [
        [Text(text="one two")],
        [Text(text="other ")],
    ]


def test_an_event_without_an_index_goes_to_the_item_of_its_id() -> None:
    """Where `output_index` is left out, the id decides, and then the item under way."""
    first = event("output_item.added", item={"type": "message", "id": "a"})
    second = event("output_item.added", item={"type": "message", "id": "b"})
    piece = event("output_text.delta", item_id="a", delta="A")
    last = event("output_text.delta", delta="B")
    done = event("output_item.done", item=message("C", id="c"))
    record = streamed(first, second, piece, last, done)
    assert [parts(record, place) for place in (0, 1)] == [[Text(text="A")], [Text(text="C")]]
    assert beside(record)["streamed.1.content.0"] == "B"


def test_closed_items_without_any_place_are_items_of_their_own() -> None:
    """Two `done` objects that name neither index nor a known id do not replace each other."""
    done = [event("output_item.done", item=message(text)) for text in ("A", "B")]
    record = streamed(*done)
    assert [parts(record, place) for place in (0, 1)] == [[Text(text="A")], [Text(text="B")]]


def test_an_item_that_begins_where_another_was_closed_is_another_item() -> None:
    """A second item at an index in use takes nothing from the first."""
    done = event("output_item.done", output_index=0, item=message("first"))
    record = streamed(done, added(0, "function_call", name="f", call_id="c", arguments="{}"))
    assert parts(record, 0) == [Text(text="first")]
    assert parts(record, 1) == [ToolCall(id="c", name="f", arguments="{}")]


def test_arguments_may_come_without_any_piece() -> None:
    """A call whose arguments come only with `done` is whole."""
    whole = event("function_call_arguments.done", output_index=0, arguments="{}")
    record = streamed(added(0, "function_call", name="f", call_id="c"), whole)
    assert parts(record) == [ToolCall(id="c", name="f", arguments="{}")]


def test_citations_that_came_by_events_are_kept() -> None:
    """Annotations belong to the text they were added to."""
    note = {"type": "url_citation", "url": "https://a.test/x", "title": "X", "start_index": 1}
    place = {"output_index": 0, "content_index": 0, "annotation_index": 0}
    record = streamed(said("See"), event("output_text.annotation.added", annotation=note, **place))
    assert parts(record) == [Text(text="See"), Citation(title="X", url="https://a.test/x")]


def test_what_a_command_wrote_is_kept_by_command_and_stream() -> None:
    """Output and errors of a shell are results of their own."""
    delta = "shell_call_output_content.delta"
    record = streamed(
        added(0, "shell_call_output", call_id="c", output=[]),
        event(delta, output_index=0, command_index=0, delta={"stdout": "a", "stderr": "!"}),
        event(delta, output_index=0, command_index=0, delta={"stdout": "b"}),
        event(delta, output_index=0, command_index=1, delta={"stdout": "c"}),
    )
    assert parts(record) == [
        ToolResult(id="c", name="stdout", text="ab"),
        ToolResult(id="c", name="stderr", text="!"),
        ToolResult(id="c", name="stdout", text="c"),
    ]


def test_images_shown_on_the_way_are_kept_beside_the_final_one() -> None:
    """A partial image is media with a digest, whether or not a final object came."""
    draft, final = (base64.b64encode(data).decode() for data in (b"draft", b"final"))
    kind = "image_generation_call"
    shown = event(f"{kind}.partial_image", output_index=0, partial_image_b64=draft)
    item = {"type": kind, "result": final, "output_format": "png", "revised_prompt": "a boat"}
    first = Media(bytes=5, digest=keyed_digest(DIGEST_KEY, b"draft"), name="partial image")
    last = Media(mime="image/png", bytes=5, digest=keyed_digest(DIGEST_KEY, b"final"))
    cut = streamed(added(0, kind), event(f"{kind}.generating", output_index=0), shown)
    assert parts(cut)[1:] == [Media(mime="image", **_described(first))]
    assert cut.response.outputs[0].finish_reason == "generating"
    whole = parts(streamed(added(0, kind), shown, ended(output=[item])))
    assert whole[0] == ToolCall(name="image_generation", arguments="a boat")
    assert whole[1:] == [Media(mime="image/png", **_described(first)), last]


def _described(media: Media) -> dict[str, Any]:
    return {"bytes": media.bytes, "digest": media.digest, "name": media.name}


def test_speech_is_put_together_piece_by_piece() -> None:
    """Each piece of base64 is decoded by itself; the transcript is text."""
    pieces = [event("audio.delta", delta=base64.b64encode(it).decode()) for it in (b"ab", b"c")]
    words = [event("audio.transcript.delta", delta=text) for text in ("good ", "day")]
    record = streamed(*pieces, *words, ended())
    digest = keyed_digest(DIGEST_KEY, b"abc")
    assert parts(record) == [Text(text="good day"), Media(mime="audio", bytes=3, digest=digest)]
