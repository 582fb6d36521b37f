"""The answer of the Messages API in a record: parts, counts, verdicts and endings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from audit.exchange import Ending
from audit.parts import Citation, Extra, Reasoning, Text, ToolCall, ToolResult
from audit.record import OutputSafety, Usage, Verdict
from tests.unit.tap_cores.anthropic_kit import (
    HELLO,
    PATH,
    START_COUNTS,
    block,
    end,
    event,
    json_delta,
    plain,
    said,
    sealed,
    start,
    streamed,
    text_delta,
)

Json = Any


def test_a_text_in_pieces_is_one_text() -> None:
    """Letters are joined, and id, model, role, reason and ending are the message's."""
    record = streamed(start(), event("ping"), HELLO, end())
    (output,) = record.response.outputs
    assert output.parts == (Text(text="Hello"),)
    assert (output.index, output.role, output.finish_reason) == (0, "assistant", "end_turn")
    facts = record.exchange
    assert (facts.response_id, facts.reported_model) == ("msg_1", "claude-test")
    assert (facts.ending, facts.streamed, facts.flags) == (Ending.COMPLETE, True, ())


def test_a_plain_answer_and_its_stream_give_the_same_output() -> None:
    """There is one mapping, whichever way the message came."""
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "QUJD"},
        {"type": "text", "text": "Hello"},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}},
    ]
    message: dict[str, Json] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-test",
    }
    message |= {"content": blocks, "stop_reason": "tool_use"}
    whole = plain({**message, "usage": {**START_COUNTS, "output_tokens": 9}})
    pieces = streamed(
        start(),
        block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "h"},
            {"type": "thinking_delta", "thinking": "m"},
            {"type": "signature_delta", "signature": "QUJD"},
        ),
        block(1, {"type": "text", "text": ""}, text_delta("Hello")),
        block(
            2,
            {"type": "tool_use", "id": "t1", "name": "f", "input": {}},
            *(json_delta(piece) for piece in ("", '{"a"', ":1}")),
        ),
        end("tool_use"),
    )
    assert whole.response == pieces.response
    assert whole.usage == pieces.usage
    assert whole.response.outputs[0].parts == (
        Reasoning(text="hm"),
        sealed(b"ABC", "thinking.signature"),
        Text(text="Hello"),
        ToolCall(id="t1", name="f", arguments='{"a":1}'),
    )
    assert whole.exchange.ending is Ending.COMPLETE


def test_results_of_server_tools_come_whole_and_keep_their_place() -> None:
    """A result has no deltas; it stands between the call and the text that follows it."""
    result = {"type": "bash_code_execution_result", "stdout": "4\n", "return_code": 0}
    parts = said(
        start(),
        block(0, {"type": "server_tool_use", "id": "s1", "name": "bash", "input": {}}),
        block(
            1,
            {"type": "bash_code_execution_tool_result", "tool_use_id": "s1", "content": result},
        ),
        block(
            2,
            {
                "type": "mcp_tool_result",
                "tool_use_id": "m1",
                "is_error": True,
                "content": [{"type": "text", "text": "no"}],
            },
        ),
        block(3, {"type": "text", "text": "Four"}),
        end(),
    )
    assert parts == (
        ToolCall(id="s1", name="bash", arguments="{}"),
        ToolResult(id="s1", text=json.dumps(result, separators=(",", ":"))),
        ToolResult(id="m1", text="no", is_error=True),
        Text(text="Four"),
    )


def test_a_sentence_cut_by_its_citations_is_one_text() -> None:
    """Neighbouring text blocks are joined, so that a detector sees whole what was said."""
    cited = {
        "type": "web_search_result_location",
        "title": "Who",
        "url": "https://a.example/?sig=PLANTED",
        "cited_text": "Jo Doe",
        "encrypted_index": "QUJD",
    }
    parts = said(
        start(),
        block(0, {"type": "text", "text": ""}, text_delta("Write to jo")),
        block(
            1,
            {"type": "text", "text": "", "citations": []},
            {"type": "citations_delta", "citation": cited},
            text_delta("@exam"),
        ),
        block(2, {"type": "text", "text": ""}, text_delta("ple.com")),
        end(),
    )
    assert parts == (
        Text(text="Write to jo@example.com"),
        Citation(title="Who", url="https://a.example/?sig=[secret]", text="Jo Doe"),
    )


def test_a_citation_of_a_document_names_it() -> None:
    """Its title is the document's; one that says nothing known is kept as it came."""
    cited = {"type": "char_location", "cited_text": "Tea.", "document_title": "tea.txt"}
    odd = {"type": "mood_location", "encrypted_index": "QUJD"}
    parts = said(start(), block(0, {"type": "text", "text": "Tea", "citations": [cited, odd]}))
    digest = (sealed(b"ABC", "").digest or "")[:16]
    assert parts == (
        Text(text="Tea"),
        Citation(title="tea.txt", text="Tea."),
        Extra(
            name="text.citations",
            text=f'{{"type":"mood_location","encrypted_index":"[sealed:3:{digest}]"}}',
        ),
    )


def test_sealed_values_are_size_and_digest() -> None:
    """Hidden thinking and an encrypted summary are no text; the summary itself is."""
    compaction = {
        "type": "compaction_delta",
        "content": "they spoke of tea",
        "encrypted_content": "QUJD",
    }
    parts = said(
        start(),
        block(0, {"type": "redacted_thinking", "data": "QUJD"}),
        block(1, {"type": "compaction", "content": None}, compaction),
        end("compaction"),
    )
    assert parts == (
        sealed(b"ABC", "redacted_thinking"),
        Extra(name="compaction", text='"they spoke of tea"'),
        sealed(b"ABC", "compaction.encrypted_content"),
    )


def test_counts_are_totals_and_the_later_one_holds() -> None:
    """The input is all of its three kinds; a null takes no count back."""
    usage: dict[str, Json] = {
        "input_tokens": 7,
        "cache_creation_input_tokens": 20,
        "output_tokens": 30,
    }
    usage |= {"output_tokens_details": {"thinking_tokens": 12}}
    early = event("message_delta", delta={}, usage={"output_tokens": 2})
    late = end(usage={**usage, "cache_read_input_tokens": None})
    assert streamed(start(), HELLO, early, late).usage == Usage(
        input=127,
        output=30,
        total=157,
        cached=100,
        reasoning=12,
        source="reported",
        reported={**START_COUNTS, **usage},
    )


def test_the_count_at_the_start_is_not_the_answers() -> None:
    """A stream cut before its counts says how much was asked, and not how much was answered."""
    record = streamed(start(), HELLO)
    assert (record.usage.input, record.usage.output, record.usage.total) == (105, None, None)
    assert record.usage.reported == START_COUNTS
    asked_again = event("message_delta", delta={}, usage={"input_tokens": 6})
    assert streamed(start(), HELLO, asked_again).usage.output is None
    assert record.exchange.ending is Ending.UPSTREAM_DISCONNECTED
    assert record.exchange.ending_detail == "no_terminal_event"
    assert record.response.outputs[0].parts == (Text(text="Hello"),)


def test_no_counts_are_unknown_counts() -> None:
    """Where nothing was reported, nothing is zero."""
    stop = event("message_delta", delta={"stop_reason": "end_turn"}) + event("message_stop")
    assert streamed(start(usage=None), HELLO, stop).usage == Usage()
    assert streamed(start(usage=None), HELLO, end()).usage.output == 9


def test_a_client_that_leaves_after_the_stop_has_the_whole_answer() -> None:
    """Before it the client has left in the middle, whatever reason was given."""
    gone = Ending.CLIENT_DISCONNECTED
    assert streamed(start(), HELLO, end(), transport=gone).exchange.ending is Ending.COMPLETE
    assert plain({"content": []}, transport=gone).exchange.ending is Ending.COMPLETE
    cut = streamed(start(), HELLO, transport=gone)
    assert cut.exchange.ending is gone
    assert cut.response.outputs[0].parts == (Text(text="Hello"),)


def test_the_stop_alone_is_an_end_and_so_is_a_reason_alone() -> None:
    """Gateways lose either; a null that follows takes no reason back."""
    stopped = streamed(start(), HELLO, event("message_stop"))
    reason = event("message_delta", delta={"stop_reason": "end_turn"})
    reasoned = streamed(start(), HELLO, reason, event("message_delta", delta={"stop_reason": None}))
    assert stopped.exchange.ending is Ending.COMPLETE
    assert reasoned.exchange.ending is Ending.COMPLETE
    assert reasoned.response.outputs[0].finish_reason == "end_turn"


@pytest.mark.parametrize("reason", ["end_turn", "max_tokens", "pause_turn", "tool_use", "new"])
def test_every_reason_but_a_refusal_is_a_complete_answer(reason: str) -> None:
    """What stopped the model is the output's to say; the exchange came to its end."""
    record = streamed(start(), HELLO, end(reason))
    assert record.exchange.ending is Ending.COMPLETE
    assert record.response.outputs[0].finish_reason == reason


def test_a_refusal_is_a_filters_cut() -> None:
    """A classifier of the provider broke the answer off: its category is a verdict."""
    details = {"type": "refusal", "category": "cyber", "fallback_credit_token": "PLANTED"}
    record = streamed(start(), HELLO, end("refusal", stop_details=details))
    assert record.exchange.ending is Ending.FILTERED
    assert record.exchange.ending_detail == "output_filtered"
    verdict = Verdict(category="cyber", filtered=True)
    assert record.safety.outputs == (OutputSafety(index=0, verdicts=(verdict,)),)
    assert record.safety.signals == ("cyber.filtered",)
    kept = record.response.outputs[0].parts[-1]
    assert isinstance(kept, Extra)
    assert json.loads(kept.text) == {**details, "fallback_credit_token": "[secret]"}
    unnamed = streamed(start(), end("refusal", stop_details=None))
    assert unnamed.safety.signals == ("refusal.filtered",)


def test_an_error_inside_the_stream_is_a_failure() -> None:
    """What was said before it stays, and so does what it says."""
    error = event("error", error={"type": "overloaded_error", "message": "later"}, request_id="r")
    record = streamed(start(), HELLO, error)
    assert record.exchange.ending is Ending.FAILED
    assert record.exchange.ending_detail == "error_event"
    reported = record.response.error
    assert reported is not None
    assert (reported.type, reported.message) == ("overloaded_error", "later")
    assert record.response.outputs[0].parts == (
        Text(text="Hello"),
        Extra(name="request_id", text='"r"'),
    )
    bare = streamed(start(), 'event: error\ndata: {"message": "gone"}\n\n')
    assert bare.exchange.ending is Ending.FAILED
    assert bare.response.error is not None
    assert bare.response.error.message == "gone"
    named = streamed(start(), 'data: {"error": {"type": "api_error"}}\n\n')
    assert named.exchange.ending is Ending.FAILED


def test_another_model_that_takes_over_is_the_one_that_answered() -> None:
    """A fallback keeps its place, and the exchange names the model that spoke last."""
    fallback = {"type": "fallback", "from": {"model": "claude-a"}, "to": {"model": "claude-b"}}
    record = streamed(start(), HELLO, block(1, fallback), end())
    assert record.exchange.reported_model == "claude-b"
    assert record.response.outputs[0].parts[1] == Extra(
        name="content.fallback", text=json.dumps(fallback, separators=(",", ":"))
    )


@pytest.mark.parametrize("status", [200, 529])
def test_an_error_body_is_read(status: int) -> None:
    """Inside a success it is a failure, with an error's status a rejection."""
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "later"}}
    record = plain({**body, "request_id": "req_1"}, status)
    assert record.exchange.ending is (Ending.FAILED if status == 200 else Ending.REJECTED)
    assert record.response.error is not None
    assert record.response.error.type == "overloaded_error"
    assert record.response.outputs[0].parts == (Extra(name="request_id", text='"req_1"'),)


def test_a_gateways_filter_is_believed() -> None:
    """An error that a content filter made is no fault of the upstream."""
    error = {"code": "content_filter", "innererror": {"content_filter_result": {"hate": {}}}}
    record = plain({"error": error}, 400)
    assert record.exchange.ending is Ending.FILTERED
    assert record.exchange.ending_detail == "prompt_filtered"


def test_a_count_of_tokens_is_usage() -> None:
    """Nothing was answered but a number."""
    record = plain({"input_tokens": 14}, path=f"{PATH}/count_tokens")
    assert record.exchange.operation == "messages.count_tokens"
    assert (record.usage.input, record.usage.output) == (14, None)
    assert record.response.outputs == ()
    assert record.exchange.ending is Ending.COMPLETE


def test_a_batch_is_kept_as_it_stands() -> None:
    """Its answers come later, elsewhere; its id ties them to what was asked."""
    batch = {"id": "msgbatch_1", "type": "message_batch", "processing_status": "in_progress"}
    record = plain(batch, path=f"{PATH}/batches")
    assert record.exchange.response_id == "msgbatch_1"
    text = json.dumps(batch, separators=(",", ":"))
    assert record.response.outputs[0].parts == (Extra(name="body", text=text),)


@pytest.mark.parametrize("answer", [[], 3, None, {}, {"content": 5}, {"content": [None, [1]]}])
def test_a_plain_answer_of_any_shape_is_a_record(answer: Json) -> None:
    """Nothing makes the reading fail, and the body's end is the answer's."""
    record = plain(answer)
    assert record.exchange.ending is Ending.COMPLETE
    assert ("answer_malformed" in record.exchange.flags) != isinstance(answer, dict)
