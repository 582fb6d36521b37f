"""The answer of a chat completion in a record: outputs, verdicts, usage and errors."""

from __future__ import annotations

import base64
import json
from typing import Any

from audit.digest import keyed_digest
from audit.exchange import Ending, Level
from audit.parts import Citation, Extra, Media, Reasoning, Text, ToolCall
from audit.record import AuditRecord, Request
from audit.value import to_json
from tests.unit.tap_cores.kit import DIGEST_KEY, chunk, head, opened, recorded, stream

SOUND = b"\x00\x01" + bytes(range(256)) * 4
SOUND_64 = base64.b64encode(SOUND).decode()


def answered(body: dict[str, Any], status: int = 200) -> AuditRecord:
    """The record of a plain answer."""
    plain_head = head(status, "application/json")
    return recorded(json.dumps(body).encode(), answer_head=plain_head, request={"messages": []})


def test_a_streamed_and_a_plain_answer_give_the_same_record_groups() -> None:
    """One mapping reads both, so response, safety and usage are equal."""
    verdict = {"hate": {"filtered": False, "severity": "safe"}}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    message = {"role": "assistant", "content": "Hello", "tool_calls": calls}
    plain = answered(
        {
            "id": "chatcmpl-1",
            "model": "gpt-test",
            "choices": [
                {
                    "index": 0,
                    "message": message,
                    "finish_reason": "tool_calls",
                    "content_filter_results": verdict,
                }
            ],
            "usage": usage,
            "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": verdict}],
        }
    )
    streamed = recorded(
        stream(
            {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": verdict}]},
            chunk({"role": "assistant", "content": "Hel"}, content_filter_results=verdict),
            chunk({"content": "lo"}),
            chunk({"tool_calls": [{"index": 0, **calls[0]}]}),
            chunk({}, finish_reason="tool_calls"),
            {"choices": [], "usage": usage},
        )
    )
    for group in ("response", "safety", "usage"):
        assert getattr(plain, group) == getattr(streamed, group)
    assert plain.response.outputs[0].parts == (
        Text(text="Hello"),
        ToolCall(id="c", name="f", arguments="{}"),
    )
    assert (plain.exchange.response_id, plain.exchange.reported_model) == ("chatcmpl-1", "gpt-test")


def test_usage_is_normalised_and_kept_as_reported() -> None:
    """Unknown counts are null, never 0, and the provider's own object is kept."""
    reported = {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "prompt_tokens_details": {"cached_tokens": 5, "audio_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": None},
        "cost": 0.25,
    }
    usage = answered({"choices": [], "usage": reported}).usage
    assert (usage.input, usage.output, usage.total) == (9, 4, None)
    assert (usage.cached, usage.reasoning, usage.audio_in, usage.audio_out) == (5, 2, 1, None)
    assert (usage.source, usage.reported) == ("reported", reported)


def test_halves_of_a_character_in_two_deltas_are_joined() -> None:
    """A surrogate pair that was split between two events is one character of the record."""
    halves = [b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n']
    halves.append(b'data: {"choices":[{"delta":{"content":"\\ude80"}}]}\n\ndata: [DONE]\n\n')
    record = recorded(b"".join(halves))
    assert record.response.outputs[0].parts == (Text(text="🚀"),)


def test_token_probabilities_are_left_out_and_the_record_says_so() -> None:
    """They would repeat the text in pieces that no detector can read."""
    logprobs = {"content": [{"token": "PLANTED", "logprob": -0.1}]}
    record = recorded(stream(chunk({"content": "x"}, logprobs=logprobs)))
    assert record.exchange.flags == ("logprobs_omitted",)
    assert b"PLANTED" not in to_json(record)


def test_grounded_answers_keep_their_citations_and_what_else_was_retrieved() -> None:
    """Azure's "On Your Data" context becomes citations, and an extra for the rest."""
    context = {
        "citations": [
            {"title": "T", "url": "https://x.example/d", "content": "c", "chunk_id": "0"}
        ],
        "intent": '["i"]',
    }
    parts = recorded(stream(chunk({"context": context, "content": "A"}))).response.outputs[0].parts
    assert parts == (
        Text(text="A"),
        Citation(title="T", url="https://x.example/d", text="c"),
        Extra(
            name="message.context",
            text='{"intent":"[\\"i\\"]","citations":[{"chunk_id":"0"}]}',
        ),
    )


def test_grounded_answers_of_the_older_shape_are_read_too() -> None:
    """Messages instead of deltas: the tool's JSON gives citations, the assistant's text is text."""
    grounds = json.dumps({"citations": [{"title": "T", "content": "c"}]})
    choice = {
        "index": 0,
        "messages": [
            {"delta": {"role": "tool", "content": grounds}},
            {"delta": {"role": "assistant", "content": "Hel"}},
        ],
    }
    more = {"index": 0, "messages": [{"delta": {"content": "lo"}}]}
    record = recorded(stream({"choices": [choice]}, {"choices": [more]}))
    assert record.response.outputs[0].parts == (Citation(title="T", text="c"), Text(text="Hello"))


def test_speech_is_transcript_and_digest() -> None:
    """The spoken answer's words are text, its sound is media."""
    audio = {"id": "audio_1", "transcript": "Hi", "data": SOUND_64}
    parts = recorded(stream(chunk({"audio": audio}))).response.outputs[0].parts
    digest = keyed_digest(DIGEST_KEY, SOUND)
    sound = Media(mime="audio", bytes=len(SOUND), digest=digest, name="audio_1")
    assert parts == (Text(text="Hi"), sound)


def test_verdicts_of_all_four_places_give_signals() -> None:
    """Prompt, output, filter failure and blocklists each raise what one alerts on."""
    record = recorded(
        stream(
            {
                "prompt_filter_results": [
                    {"content_filter_results": {"jailbreak": {"detected": True, "filtered": False}}}
                ]
            },
            chunk({}, content_filter_results={"violence": {"filtered": True, "severity": "high"}}),
            chunk({}, content_filter_result={"error": {"code": "content_filter_error"}}),
            chunk(
                {},
                content_filter_results={
                    "custom_blocklists": {"filtered": True, "details": [{"id": "b", "filtered": 1}]}
                },
            ),
        )
    )
    assert record.safety.signals == (
        "blocklist.matched",
        "custom_blocklists.filtered",
        "filter.not_run",
        "jailbreak.detected",
        "violence.filtered",
    )
    assert record.exchange.ending is Ending.COMPLETE


def test_a_prompt_that_was_blocked_is_filtered_with_its_verdicts() -> None:
    """The 400 of Azure's filter is an ending of its own, whichever way it names its results."""
    verdict = {"jailbreak": {"detected": True, "filtered": True}}
    for error in (
        {"code": "content_filter", "innererror": {"content_filter_result": verdict}},
        {"code": "x", "innererror": {"code": "ResponsibleAIPolicyViolation"}, "message": "m"},
        {"code": "content_filter", "inner_error": {"content_filter_results": verdict}},
        {"code": "content_filter", "content_filters": [{"content_filter_results": verdict}]},
    ):
        record = answered({"error": error}, 400)
        assert record.exchange.ending is Ending.FILTERED
        assert record.exchange.ending_detail == "prompt_filtered"
        if "message" not in error:
            assert record.safety.signals == ("jailbreak.detected", "jailbreak.filtered")


def test_errors_of_every_shape_are_read() -> None:
    """Strings, objects, gateways without an `error`, and text that is no JSON."""
    read = {
        '{"error":"invalid_grant"}': (None, "invalid_grant"),
        '{"error":{"code":429,"message":"slow"}}': ("429", "slow"),
        '{"statusCode":401,"message":"no key"}': ("401", "no key"),
        "<html>Bad Gateway</html>": (None, "<html>Bad Gateway</html>"),
        "upstream sad": (None, "upstream sad"),
    }
    for body, (code, message) in read.items():
        record = recorded(body.encode(), answer_head=head(502, None))
        assert record.exchange.ending is Ending.REJECTED
        error = record.response.error
        assert error is not None
        assert (error.code, error.message) == (code, message)
    assert recorded(b"", answer_head=head(500)).exchange.ending is Ending.REJECTED


def test_an_error_inside_a_200_is_failed() -> None:
    """In a stream and in a plain body the error is read and decides."""
    inside = recorded(stream(chunk({"content": "par"}), {"error": {"message": "m", "code": "c"}}))
    assert (inside.exchange.ending, inside.exchange.ending_detail) == (Ending.FAILED, "error_event")
    assert inside.response.outputs[0].parts == (Text(text="par"),)
    plain = answered({"error": {"message": "m"}})
    assert (plain.exchange.ending, plain.exchange.ending_detail) == (Ending.FAILED, "error_body")


def test_a_cut_answer_of_the_filter_is_filtered() -> None:
    """The finish reason `content_filter` decides, even where it comes without a delta."""
    record = recorded(stream(chunk({"content": "Hey"}), chunk(finish_reason="content_filter")))
    assert record.exchange.ending is Ending.FILTERED
    assert record.exchange.ending_detail == "output_filtered"


def test_at_level_none_nothing_of_the_content_is_in_the_record() -> None:
    """Facts, usage and verdicts remain; no text, parameter, name or message does."""
    body = {"messages": [{"role": "user", "content": "PLANTED"}], "user": "PLANTED", "model": "m"}
    answer = stream(
        chunk({"content": "PLANTED"}, content_filter_results={"hate": {"filtered": True}}),
        {"error": {"code": "c", "message": "PLANTED", "param": "PLANTED", "more": "PLANTED"}},
        {"usage": {"total_tokens": 7}},
    )
    record = recorded(answer, request=body, opening=opened(level=Level.NONE))
    assert b"PLANTED" not in to_json(record)
    assert record.request == Request()
    assert record.exchange.requested_model == "m"
    assert record.usage.total == 7
    assert record.safety.signals == ("hate.filtered",)
    assert record.response.error is not None
    assert record.response.error.code == "c"


def test_moderation_beside_an_answer_gives_verdicts_and_is_kept() -> None:
    """OpenAI's own moderation reports on both sides, or that it did not run."""
    result = {"flagged": True, "categories": {"self-harm/intent": True, "hate": False}}
    moderation = {
        "input": {"type": "moderation_results", "results": [result]},
        "output": {"type": "error", "code": "unavailable", "message": "m"},
    }
    record = recorded(stream(chunk({"content": "x"}), {"choices": [], "moderation": moderation}))
    assert [verdict.category for verdict in record.safety.prompt] == ["self_harm.intent", "hate"]
    assert [verdict.detected for verdict in record.safety.prompt] == [True, False]
    assert record.safety.signals == ("filter.not_run", "self_harm.intent.detected")
    kept = record.response.outputs[0].parts[1]
    assert isinstance(kept, Extra)
    assert (kept.name, json.loads(kept.text)) == ("moderation", moderation)
    assert record.exchange.ending is Ending.COMPLETE


def test_reasoning_that_stands_in_details_alone_is_reasoning() -> None:
    """Where the plain field says the same, the details are no second thought."""
    details = [
        {"type": "reasoning.text", "text": "h"},
        {"type": "reasoning.text", "text": "m"},
        {"type": "reasoning.encrypted", "data": SOUND_64},
    ]
    chunks = [chunk({"reasoning_details": [detail]}) for detail in details]
    thought, kept, sealed = recorded(stream(*chunks)).response.outputs[0].parts
    assert thought == Reasoning(text="hm")
    assert isinstance(kept, Extra)
    assert kept.name == "message.reasoning_details"
    assert isinstance(sealed, Media)
    assert sealed.digest == keyed_digest(DIGEST_KEY, SOUND)
    both = recorded(stream(chunk({"reasoning": "hm", "reasoning_details": details[:1]})))
    assert both.response.outputs[0].parts[0] == Reasoning(text="hm")


def test_grounds_that_stand_as_messages_inside_the_context_are_read() -> None:
    """The oldest shape wraps the tool's answer in the context of the message."""
    grounds = json.dumps({"citations": [{"title": "T", "content": "c"}], "intent": "i"})
    context = {"messages": [{"role": "tool", "content": grounds, "end_turn": False}]}
    message = {"role": "assistant", "content": "A", "context": context}
    parts = answered({"choices": [{"index": 0, "message": message}]}).response.outputs[0].parts
    assert parts == (
        Text(text="A"),
        Citation(title="T", text="c"),
        Extra(name="message.context", text='{"intent":"i"}'),
    )


def test_a_filter_that_comes_late_decides_all_the_same() -> None:
    """Azure's asynchronous filter speaks after the reason `stop`, without a delta or an id."""
    places = {"check_offset": 9, "start_offset": 9, "end_offset": 40}
    verdict = {
        "index": 0,
        "finish_reason": "content_filter",
        "content_filter_results": {"hate": {"filtered": True, "severity": "high"}},
        "content_filter_offsets": places,
    }
    late = {"id": "", "object": "", "created": 0, "model": "", "choices": [verdict]}
    record = recorded(stream(chunk({"content": "Hey"}), chunk({}, finish_reason="stop"), late))
    assert record.exchange.ending is Ending.FILTERED
    assert record.safety.signals == ("hate.filtered",)
    text, offsets = record.response.outputs[0].parts
    assert text == Text(text="Hey")
    assert isinstance(offsets, Extra)
    assert json.loads(offsets.text) == [places]
    assert record.exchange.response_id == "chatcmpl-1"


def test_a_router_is_recorded_with_the_model_it_chose() -> None:
    """What was asked for, what the body names, and what the head says served it."""
    asked = {"model": "model-router", "messages": [], "stream": True}
    record = recorded(stream(chunk({"content": "x"})), request=asked)
    facts = record.exchange
    assert (facts.requested_model, facts.reported_model) == ("model-router", "gpt-test")
    assert facts.served_model == "gpt-test-2025-01-01"


def test_a_legacy_function_call_is_a_call_without_an_id() -> None:
    """Its arguments come in pieces like any."""
    pieces = [{"name": "f", "arguments": ""}, {"arguments": '{"a":'}, {"arguments": "1}"}]
    chunks = [chunk({"function_call": piece}) for piece in pieces]
    output = recorded(stream(*chunks, chunk({}, finish_reason="function_call"))).response.outputs[0]
    assert output.parts == (ToolCall(name="f", arguments='{"a":1}'),)
    assert output.finish_reason == "function_call"


def test_media_beside_the_choices_are_digested() -> None:
    """A mark stands in the extra, and what it stands for is a part."""
    kept, media = recorded(stream({"choices": [], "preview": SOUND_64})).response.outputs[0].parts
    assert isinstance(kept, Extra)
    assert isinstance(media, Media)
    assert kept == Extra(name="preview", text=f'"[media:{(media.digest or "")[:16]}]"')


def test_probabilities_of_the_prompts_tokens_are_left_out_too() -> None:
    """Self-hosted models repeat the prompt token by token where they are asked to."""
    told = [None, {"5": {"decoded_token": "PLANTED"}}]
    record = answered({"choices": [{"message": {"content": "x"}}], "prompt_logprobs": told})
    assert record.exchange.flags == ("logprobs_omitted",)
    assert b"PLANTED" not in to_json(record)
