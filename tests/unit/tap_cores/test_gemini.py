"""Gemini, a guest: read in all its three forms, recorded as `opaque` under its operation."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from audit.digest import keyed_digest
from audit.exchange import Dialect, Ending
from audit.parts import Citation, Extra, Media, Reasoning, Text, ToolCall, ToolResult
from audit.record import Verdict
from audit.value import to_json
from tests.unit.tap_cores.gemini_kit import ASKED, JSON_HEAD, PATH, parts_of, plain, said, streamed
from tests.unit.tap_cores.kit import DIGEST_KEY, head, opened, recorded


def test_a_stream_is_read_and_is_opaque_by_name_only() -> None:
    """Text, role, model, id, usage and finish reason stand in their places."""
    usage = {"promptTokenCount": 4, "candidatesTokenCount": 2, "totalTokenCount": 6}
    last = {**said({"text": "lo"}, finish="STOP"), "usageMetadata": usage}
    record = streamed({**said({"text": "Hel"}), "usageMetadata": {"promptTokenCount": 4}}, last)
    facts = record.exchange
    assert (facts.dialect, facts.operation) == (Dialect.OPAQUE, "generate_content")
    assert (facts.requested_model, facts.reported_model) == ("gemini-test", "gemini-test-001")
    assert (facts.response_id, facts.streamed, facts.flags) == ("r-1", True, ())
    assert (facts.ending, facts.ending_detail) == (Ending.COMPLETE, None)
    output = record.response.outputs[0]
    assert (output.role, output.finish_reason) == ("model", "STOP")
    assert output.parts == (Text(text="Hello"),)
    assert (record.usage.input, record.usage.output, record.usage.total) == (4, 2, 6)
    assert record.usage.reported == usage


def test_a_stream_without_finish_reason_broke_off() -> None:
    """The format has no terminal event; the finish reason of every candidate is its end."""
    record = streamed(said({"text": "Hel"}))
    assert record.exchange.ending is Ending.UPSTREAM_DISCONNECTED
    assert record.exchange.ending_detail == "no_terminal_event"
    second = said({"text": "x"}, index=1)
    record = streamed(said({"text": "a"}, finish="STOP", index=0), second)
    assert record.exchange.ending is Ending.UPSTREAM_DISCONNECTED
    assert [output.index for output in record.response.outputs] == [0, 1]


@pytest.mark.parametrize("form", ["plain", "array", "stream"])
def test_all_three_forms_give_one_record(form: str) -> None:
    """A plain answer, an array sent in pieces and a stream of events are one mapping."""
    responses = [said({"text": "Hel"}), said({"text": "lo"}, {"functionCall": {"name": "f"}})]
    responses[1]["candidates"][0]["finishReason"] = "STOP"
    whole = said({"text": "Hello"}, {"functionCall": {"name": "f"}}, finish="STOP")
    record = {
        "plain": lambda: plain(whole),
        "array": lambda: plain(responses, PATH),
        "stream": lambda: streamed(*responses),
    }[form]()
    assert parts_of(record) == (Text(text="Hello"), ToolCall(name="f"))
    assert record.exchange.ending is Ending.COMPLETE
    assert record.exchange.flags == ()


def test_an_array_that_breaks_off_gives_what_it_has() -> None:
    """Of the array's last response, what stood before the break is read."""
    whole = json.dumps([said({"text": "Hel"}), said({"text": "lo, world"}, finish="STOP")])
    torn = whole[: whole.index(", world")].encode()
    record = recorded(
        torn,
        request=ASKED,
        opening=opened(PATH),
        answer_head=JSON_HEAD,
        transport=Ending.CLIENT_DISCONNECTED,
    )
    assert parts_of(record) == (Text(text="Hello"),)
    assert record.exchange.ending is Ending.CLIENT_DISCONNECTED
    assert "answer_salvaged" in record.exchange.flags


def test_parts_stand_in_the_order_in_which_they_were_said() -> None:
    """Thoughts, texts, calls and code that alternate stay apart; neighbours are joined."""
    record = streamed(
        said({"text": "let ", "thought": True}),
        said({"text": "me", "thought": True}, {"text": "A"}),
        said({"functionCall": {"id": "c1", "name": "f", "args": {"x": 1}}}, {"text": "B"}),
        said({"executableCode": {"language": "PYTHON", "code": "1+1"}}),
        said({"codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "2"}}, finish="STOP"),
    )
    assert parts_of(record) == (
        Reasoning(text="let me"),
        Text(text="A"),
        ToolCall(id="c1", name="f", arguments='{"x":1}'),
        Text(text="B"),
        ToolCall(name="code_execution", arguments="1+1"),
        ToolResult(name="code_execution", text="2", is_error=True),
    )


def test_a_call_that_comes_in_pieces_is_one_call() -> None:
    """Arguments that are streamed by path are joined under it."""
    pieces = [
        {"name": "f", "id": "c", "willContinue": True},
        {"partialArgs": [{"jsonPath": "$.to", "stringValue": "jo"}], "willContinue": True},
        {"partialArgs": [{"jsonPath": "$.to", "stringValue": "hn"}], "willContinue": True},
        {},
    ]
    calls = [said({"functionCall": piece}) for piece in pieces]
    record = streamed(*calls, said({"functionCall": {"name": "g"}}, finish="STOP"))
    assert parts_of(record) == (
        ToolCall(id="c", name="f", arguments='{"$.to":"john"}'),
        ToolCall(name="g"),
    )


def test_what_stands_beside_a_part_is_kept() -> None:
    """Signatures, unknown parts and unknown fields of every level are extras."""
    first = said({"text": "x", "thoughtSignature": "c2ln"}, {"newPart": {"a": 1}})
    last = said({"text": ""}, finish="STOP", avgLogprobs=-0.5)
    record = streamed(first, {**last, "newField": "n"})
    assert parts_of(record) == (
        Text(text="x"),
        Extra(name="part", text='{"thoughtSignature":"c2ln"}'),
        Extra(name="part", text='{"newPart":{"a":1}}'),
        Extra(name="avgLogprobs", text="-0.5"),
        Extra(name="newField", text='"n"'),
    )


def test_pictures_are_media_and_speech_is_one_sound() -> None:
    """Each picture has a digest of its own; pieces of speech are decoded and joined."""
    pieces = [base64.b64encode(data).decode() for data in (b"ab", b"c")]
    speech = [said({"inlineData": {"mimeType": "audio/pcm", "data": piece}}) for piece in pieces]
    picture = {"inlineData": {"mimeType": "image/png", "data": pieces[0]}}
    record = streamed(said(picture, picture), *speech, said({"text": ""}, finish="STOP"))
    image = Media(mime="image/png", bytes=2, digest=keyed_digest(DIGEST_KEY, b"ab"))
    sound = Media(mime="audio/pcm", bytes=3, digest=keyed_digest(DIGEST_KEY, b"abc"))
    assert parts_of(record) == (image, image, sound)


def test_sources_are_citations_once() -> None:
    """Sources that are repeated are one; what else grounds an answer is kept."""
    cited = {"citationSources": [{"uri": "https://a.example/x", "license": "mit"}]}
    chunk = {"web": {"uri": "https://b.example", "title": "B"}}
    ground = {"groundingChunks": [chunk], "webSearchQueries": ["what is b"]}
    more: dict[str, Any] = {"citationMetadata": cited, "groundingMetadata": ground}
    record = streamed(said({"text": "x"}, **more), said({"text": "y"}, finish="STOP", **more))
    assert parts_of(record) == (
        Text(text="xy"),
        Citation(url="https://a.example/x"),
        Citation(title="B", url="https://b.example"),
        Extra(name="groundingMetadata.webSearchQueries", text='["what is b"]'),
    )


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "PROHIBITED_CONTENT", "SPII"])
def test_an_answer_that_was_blocked_is_filtered(reason: str) -> None:
    """Ratings are verdicts that never get better; the reason of the block is one too."""
    bad = [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "HIGH", "blocked": True}]
    mild = [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "NEGLIGIBLE"}]
    record = streamed(
        said({"text": "x"}, safetyRatings=bad), said({}, finish=reason, safetyRatings=mild)
    )
    assert record.exchange.ending is Ending.FILTERED
    assert record.exchange.ending_detail == "output_filtered"
    verdicts = record.safety.outputs[0].verdicts
    assert Verdict(category="harassment", filtered=True, severity="high") in verdicts
    assert f"{reason.lower()}.filtered" in record.safety.signals


def test_a_prompt_that_was_blocked_is_filtered_and_whole() -> None:
    """There is no candidate then, and nothing is missing."""
    feedback = {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": "no"}
    record = streamed({"promptFeedback": feedback, "usageMetadata": {"promptTokenCount": 3}})
    assert record.exchange.ending is Ending.FILTERED
    assert record.exchange.ending_detail == "prompt_filtered"
    assert record.safety.prompt == (Verdict(category="prohibited_content", filtered=True),)
    assert "promptFeedback.blockReasonMessage" in {part.name for part in parts_of(record)}


def test_an_error_inside_a_stream_fails_it_framed_or_bare() -> None:
    """Google writes the error without `data:`; with it, it is the same error."""
    error = {"error": {"code": 499, "message": "cancelled", "status": "CANCELLED"}}
    framed = streamed(said({"text": "x"}), error)
    begun = f"data: {json.dumps(said({'text': 'x'}))}\r\n\r\n{json.dumps(error, indent=2)}"
    bare = recorded(begun.encode(), request=ASKED, opening=opened(PATH))
    for record in (framed, bare):
        assert (record.exchange.ending, record.exchange.ending_detail) == (
            Ending.FAILED,
            "error_event",
        )
        assert record.response.error is not None
        assert (record.response.error.code, record.response.error.type) == ("499", "CANCELLED")
        assert parts_of(record) == (Text(text="x"),)


def test_an_error_body_is_read_alone_or_in_an_array() -> None:
    """Errors of `streamGenerateContent` come inside an array."""
    error = {"error": {"code": 400, "message": "bad", "status": "INVALID_ARGUMENT"}}
    for body in (error, [error]):
        data = json.dumps(body).encode()
        record = recorded(data, request=ASKED, opening=opened(PATH), answer_head=head(400, None))
        assert record.exchange.ending is Ending.REJECTED
        assert record.response.error is not None
        assert record.response.error.type == "INVALID_ARGUMENT"


def test_usage_counts_tools_and_thoughts_where_they_belong() -> None:
    """What tools put into the prompt is input, thoughts are output, a cache is part of input."""
    usage = {
        "promptTokenCount": 21,
        "toolUsePromptTokenCount": 243,
        "candidatesTokenCount": 126,
        "thoughtsTokenCount": 95,
        "cachedContentTokenCount": 7,
        "totalTokenCount": 485,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 5}],
    }
    counted = plain({**said({"text": "x"}, finish="STOP"), "usageMetadata": usage}).usage
    assert (counted.input, counted.output, counted.total) == (264, 221, 485)
    assert (counted.cached, counted.reasoning, counted.audio_in) == (7, 95, 5)
    assert counted.audio_out is None
    assert plain(said({"text": "x"}, finish="STOP")).usage.input is None


def test_what_has_no_shape_is_kept_and_flagged() -> None:
    """Strange responses do not vanish, and torn ones are read as far as they go."""
    strange = streamed({"candidates": ["odd"]}, {"candidates": [{"content": "odder"}]})
    assert "stream_malformed" in strange.exchange.flags
    assert {part.text for part in parts_of(strange)} >= {'["odd"]', '"odder"'}
    torn = b'data: {"candidates":[{"content":{"parts":[{"text":"Hel\n\ndata: nonsense\n\n'
    record = recorded(torn, request=ASKED, opening=opened(PATH))
    assert parts_of(record) == (Text(text="Hel"),)
    assert record.exchange.flags == ("answer_incomplete", "stream_malformed")


def test_credentials_and_base64_of_arguments_do_not_enter_the_record() -> None:
    """Arguments and results pass the keeper like everything that is unknown."""
    image = base64.b64encode(b"\x01\x02" * 600).decode()
    call = {"functionCall": {"name": "f", "args": {"password": "PLANTED", "image": image}}}
    record = plain(said(call, finish="STOP"))
    assert b"PLANTED" not in to_json(record)
    assert image.encode() not in to_json(record)
    assert any(isinstance(part, Media) for part in parts_of(record))
