"""The fold of streamed chats: the traps that providers have laid, one test each."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap.dialects.chat_fold import ChatFold
from tests.unit.tap_cores.kit import chunk


def folded(*documents: object) -> dict[str, Any]:
    """The final object of these chunks."""
    fold = ChatFold()
    for document in documents:
        fold.feed(json.dumps(document))
    return fold.final()


def message(*documents: object) -> dict[str, Any]:
    """The message of the only choice."""
    final: dict[str, Any] = folded(*documents)["choices"][0]["message"]
    return final


def call(index: int | None = 0, **fields: Any) -> dict[str, Any]:
    """A chunk with one fragment of a tool call."""
    names = {name: fields.pop(name) for name in ("id", "type") if name in fields}
    place = {} if index is None else {"index": index}
    return chunk({"tool_calls": [{**place, **names, "function": fields}]})


def test_texts_are_joined_and_the_role_is_not() -> None:
    """Content and refusal are concatenated; a role repeated on every chunk stays one role."""
    said = message(
        chunk({"role": "assistant", "content": "He"}),
        chunk({"role": "assistant", "content": "llo", "refusal": "no"}),
    )
    assert (said["role"], said["content"], said["refusal"]) == ("assistant", "Hello", "no")


def test_a_text_that_was_never_sent_stays_null_and_an_empty_one_empty() -> None:
    """Null and the empty string are told apart."""
    assert message(chunk({"role": "assistant"}))["content"] is None
    assert message(chunk({"content": ""}))["content"] == ""


def test_id_and_model_are_the_first_that_say_something() -> None:
    """Azure's filter chunks carry an empty id and model; some providers change the id."""
    empty = {"id": "", "model": "", "created": 0, "choices": []}
    other = {"id": "other", "model": "other", "choices": []}
    final = folded(empty, chunk({"content": "a"}), other)
    assert (final["id"], final["model"], final["created"]) == ("chatcmpl-1", "gpt-test", 5)


def test_choices_are_told_apart_by_index_and_may_be_absent() -> None:
    """Interleaved choices come out sorted; a chunk without choices is no fault."""
    final = folded(chunk({"content": "b"}, 1), chunk({"content": "a"}, 0), {"usage": None})
    assert [choice["message"]["content"] for choice in final["choices"]] == ["a", "b"]


def test_a_finish_reason_is_not_taken_back() -> None:
    """A null or an empty text after the reason changes nothing; a later reason does."""
    chunks = [chunk({}, finish_reason="stop"), chunk(finish_reason=None), chunk(finish_reason="")]
    assert folded(*chunks)["choices"][0]["finish_reason"] == "stop"
    chunks.append(chunk(finish_reason="content_filter"))
    assert folded(*chunks)["choices"][0]["finish_reason"] == "content_filter"


def test_the_last_usage_that_was_not_null_holds() -> None:
    """Cumulative usage is replaced, and a trailing chunk without usage does not erase it."""
    final = folded({"usage": {"total_tokens": 1}}, {"usage": {"total_tokens": 2}}, {"usage": None})
    assert final == folded({"usage": {"total_tokens": 2}}, {"usage": None})
    assert folded({"usage": {"total_tokens": 2}}, {"usage": "odd"})["usage"] == final["usage"]
    assert final["usage"] == {"total_tokens": 2}
    assert folded(chunk({}, usage={"total_tokens": 3}))["usage"] == {"total_tokens": 3}
    assert folded({"x_groq": {"usage": {"total_tokens": 4}}})["usage"] == {"total_tokens": 4}


def test_tool_calls_are_gathered_by_index_wherever_it_starts() -> None:
    """Fragments of one index are one call; id and name repeated on each are not doubled."""
    calls = message(
        call(2, id="b", name="two", arguments="[]"),
        call(1, id="a", type="function", name="one", arguments='{"x"'),
        call(1, id="a", name="one", arguments=":1}"),
    )["tool_calls"]
    assert [(it["id"], it["function"]["name"]) for it in calls] == [("a", "one"), ("b", "two")]
    assert calls[0]["function"]["arguments"] == '{"x":1}'


def test_several_fragments_of_one_call_in_one_chunk_are_joined_in_order() -> None:
    """One array may hold many pieces of one index."""
    pieces = [{"index": 0, "function": {"arguments": text}} for text in ("a", "b", "c")]
    said = message(chunk({"tool_calls": pieces}))["tool_calls"]
    assert [it["function"]["arguments"] for it in said] == ["abc"]


def test_another_id_at_an_index_in_use_is_another_call() -> None:
    """Two calls that share an index keep their order and their arguments."""
    calls = message(call(0, id="a", arguments="1"), call(0, id="b", arguments="2"))["tool_calls"]
    assert [(it["id"], it["function"]["arguments"]) for it in calls] == [("a", "1"), ("b", "2")]


def test_a_call_without_index_is_found_by_its_id() -> None:
    """Without an index the id decides; without both, the fragment goes to the latest call."""
    calls = message(
        call(None, id="a", name="one", arguments="1"),
        call(None, id="b", name="two", arguments="2"),
        call(None, id="a", arguments="3"),
        call(None, arguments="4"),
    )["tool_calls"]
    assert [it["function"]["arguments"] for it in calls] == ["13", "24"]


def test_arguments_sent_as_an_object_and_custom_inputs_are_text() -> None:
    """Arguments are always a string; a custom tool's input stands in their place."""
    calls = message(
        call(0, name="one", arguments={"x": 1}),
        chunk({"tool_calls": [{"index": 1, "custom": {"name": "two", "input": "free"}}]}),
    )["tool_calls"]
    assert calls[0]["function"]["arguments"] == '{"x":1}'
    assert calls[1]["custom"] == {"name": "two", "input": "free"}


def test_the_legacy_function_call_is_joined() -> None:
    """The name comes first, the arguments in pieces."""
    said = message(
        chunk({"function_call": {"name": "f", "arguments": ""}}),
        chunk({"function_call": {"arguments": "{"}}),
        chunk({"function_call": {"arguments": "}"}}),
    )
    assert said["function_call"] == {"name": "f", "arguments": "{}"}


def test_reasoning_is_taken_from_one_of_its_two_names() -> None:
    """A provider that sends both fields says it once."""
    said = message(chunk({"reasoning": "a"}), chunk({"reasoning": "b", "reasoning_content": "b"}))
    assert said["reasoning_content"] == "ab"


def test_content_in_typed_parts_is_sorted_into_text_and_reasoning() -> None:
    """Text parts are content, thinking parts reasoning, and what is neither is kept."""
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    reference = {"type": "reference", "reference_ids": [1]}
    said = message(chunk({"content": [thinking, {"type": "text", "text": "4"}, reference]}))
    assert (said["content"], said["reasoning_content"]) == ("4", "hm")
    assert said["content_parts"] == [reference]


def test_speech_is_decoded_piece_by_piece() -> None:
    """Each fragment of base64 is padded by itself; the transcript is text."""
    first, second = (base64.b64encode(data).decode() for data in (b"ab", b"cdefg"))
    audio = message(
        chunk({"audio": {"id": "audio_1", "transcript": "He"}}),
        chunk({"audio": {"data": first, "transcript": "llo"}}),
        chunk({"audio": {"data": second, "expires_at": 9}}),
    )["audio"]
    assert base64.b64decode(audio["data"]) == b"abcdefg"
    assert (audio["transcript"], audio["expires_at"]) == ("Hello", 9)


def test_a_verdict_never_gets_better() -> None:
    """Filtered and detected stick, severity only rises, and all segments count."""
    segments: list[dict[str, Any]] = [
        {"hate": {"filtered": False, "severity": "low"}},
        {"hate": {"filtered": True, "severity": "safe"}, "protected_material_text": {}},
        {"hate": {"filtered": False}, "protected_material_text": {"detected": True}},
        {"protected_material_text": {"detected": False, "filtered": False}},
    ]
    final = folded(*(chunk({}, content_filter_results=segment) for segment in segments))
    assert final["choices"][0]["content_filter_results"] == {
        "hate": {"filtered": True, "severity": "low"},
        "protected_material_text": {"detected": True, "filtered": False},
    }


def test_errors_inside_a_stream_are_gathered_and_reading_goes_on() -> None:
    """An `error` field and an event of the type `error` both count; usage may follow."""
    fold = ChatFold()
    fold.feed('{"error":{"message":"one"}}')
    fold.feed('{"message":"two"}', "error")
    fold.feed('{"usage":{"total_tokens":1}}')
    fold.feed(" [DONE] ")
    assert [error["message"] for error in fold.errors] == ["one", "two"]
    assert fold.done
    assert fold.final()["usage"] == {"total_tokens": 1}


def test_unknown_fields_are_kept_with_their_fragments_joined() -> None:
    """Text of an unknown field is joined, so that nothing personal hides between two pieces."""
    said = message(
        chunk({"novel": "jo", "channel": "final", "steps": [{"index": 0, "text": "a@"}]}),
        chunk({"novel": "hn@x", "channel": "final", "steps": [{"index": 0, "text": "b"}]}),
    )
    assert (said["novel"], said["channel"]) == ("john@x", "final")
    assert said["steps"] == [{"index": 0, "text": "a@b"}]


def test_fragments_of_reasoning_without_an_index_are_one_text() -> None:
    """Kept apart, an address in two of them would be found by nobody."""
    details = [{"type": "reasoning.text", "text": "jo"}, {"type": "reasoning.text", "text": "hn@x"}]
    said = message(*[chunk({"reasoning_details": [detail]}) for detail in details])
    assert said["reasoning_details"] == [{"type": "reasoning.text", "text": "john@x", "index": 0}]
    said = message(chunk({"reasoning_details": "odd"}), chunk({"reasoning_details": {"index": 4}}))
    assert said["reasoning_details"] == ["odd", {"index": 4}]


def test_a_whole_message_in_one_event_is_taken_where_there_is_no_delta() -> None:
    """Some gateways play a plain answer as one event; others repeat it beside the deltas."""
    whole = {"role": "assistant", "content": "Hello"}
    assert message(chunk(message=whole))["content"] == "Hello"
    assert message(chunk({"content": "Hi"}, message=whole))["content"] == "Hi"


WEIRD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("choices", "index", "delta", "message", "messages", "content", "role"),
                    *("tool_calls", "function", "custom", "arguments", "id", "name", "audio"),
                    *("data", "transcript", "context", "citations", "logprobs", "usage"),
                    *("error", "content_filter_results", "details", "filtered", "severity"),
                    *("finish_reason", "type", "text", "thinking", "annotations", "reasoning"),
                    *("prompt_filter_results", "innererror", "x_groq", "function_call"),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(documents=st.lists(st.dictionaries(st.just("choices"), WEIRD) | WEIRD, max_size=4))
def test_no_document_makes_the_fold_raise(documents: list[Any]) -> None:
    """Known names with values of any type fold into something."""
    assert "choices" in folded(*documents)


@pytest.mark.parametrize("data", ["", "  ", "{", "[]", "5", "null", '"x"', "nonsense"])
def test_data_that_is_no_chunk_is_counted_not_raised(data: str) -> None:
    """What is no JSON object is malformed; what is empty is nothing."""
    fold = ChatFold()
    fold.feed(data)
    assert fold.malformed == (1 if data.strip() else 0)
