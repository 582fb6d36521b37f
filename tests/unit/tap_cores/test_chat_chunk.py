"""The quick way through common chunks: it changes nothing but the time it takes."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.value import Json
from tap.dialects import chat_fold
from tap.dialects.chat_chunk import read_common
from tap.dialects.chat_fold import ChatFold

VERDICTS = {"hate": {"filtered": False, "severity": "safe"}}
WORSE = {"hate": {"filtered": True, "severity": "high"}}

texts = st.sampled_from([None, "", "a", "\U0001f600", "lo\ud83d", "\n", "[DONE]"])
deltas = st.fixed_dictionaries(
    {},
    optional={
        "content": texts,
        "role": st.sampled_from([None, "", "assistant", 1]),
        "reasoning_content": texts,
        "refusal": st.sampled_from([None, "no"]),
        "tool_calls": st.sampled_from([None, [{"index": 0, "function": {"arguments": "{"}}]]),
        "new": st.sampled_from([None, "x"]),
    },
)
choices: st.SearchStrategy[dict[str, Json]] = st.fixed_dictionaries(
    {},
    optional={
        "index": st.sampled_from([0, 1, None, True, 2**40, "0", 0.0]),
        "delta": st.one_of(deltas, st.sampled_from([None, 7])),
        "finish_reason": st.sampled_from([None, "", "stop", 3]),
        "logprobs": st.sampled_from([None, {"content": [1]}]),
        "content_filter_results": st.sampled_from([None, {}, VERDICTS, WORSE, []]),
    },
)
# Chunks that are common, or nearly so.
letters = st.fixed_dictionaries(
    {"index": st.sampled_from([0, 0, 1])},
    optional={
        "delta": st.fixed_dictionaries(
            {}, optional={"content": texts, "role": st.sampled_from([None, "", "assistant"])}
        ),
        "finish_reason": st.sampled_from([None, "", "stop"]),
        "content_filter_results": st.sampled_from([None, VERDICTS, WORSE]),
    },
)
common = st.fixed_dictionaries({"choices": st.lists(letters, min_size=1, max_size=2)})
chunks = st.fixed_dictionaries(
    {"choices": st.one_of(st.lists(choices, max_size=3), st.none())},
    optional={
        "id": texts,
        "model": texts,
        "created": st.sampled_from([None, 0, 1, 1.5]),
        "system_fingerprint": texts,
        "service_tier": texts,
        "usage": st.sampled_from([None, {"prompt_tokens": 1}]),
        "error": st.sampled_from([None, {"message": "no"}]),
    },
)


def folded(stream: list[Json]) -> tuple[Json, int, int]:
    """Everything that a fold makes of a stream."""
    fold = ChatFold()
    for each in stream:
        # As senders do who escape what is not ASCII, halves of a character among it.
        fold.feed(_escaped(each))
    return fold.final(), fold.events, fold.malformed


def _escaped(value: Json) -> str:
    text = msgspec.json.encode(_marked(value)).decode()
    return text.replace("<half>", "\\ud83d")


def _marked(value: Json) -> Json:
    if isinstance(value, str):
        return value.replace("\ud83d", "<half>")
    if isinstance(value, dict):
        return {name: _marked(inner) for name, inner in value.items()}
    return [_marked(inner) for inner in value] if isinstance(value, list) else value


@settings(max_examples=300, deadline=None)
@given(stream=st.lists(st.one_of(common, common, chunks), max_size=8))
def test_the_quick_way_and_the_careful_one_agree(stream: list[Json]) -> None:
    """Whatever chunks come in whatever order, the fold is the same without the quick way."""
    quick = folded(stream)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chat_fold, "read_common", lambda _: None)
        assert folded(stream) == quick


def test_a_common_chunk_takes_the_quick_way() -> None:
    """What OpenAI and Azure send for each few letters is common."""
    for extra in ("", ',"content_filter_results":{"hate":{"filtered":false}}'):
        text = (
            '{"id":"c","object":"chat.completion.chunk","created":1,"model":"m",'
            '"system_fingerprint":null,"choices":[{"index":0,"delta":{"content":"a"},'
            f'"logprobs":null,"finish_reason":null{extra}}}]}}'
        )
        common = read_common(text)
        assert common is not None
        assert common.choices[0].delta.content == "a"


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"choices":[]', '{"choices":[],"new":1}', "[" * 200 + "]" * 200]
)
def test_anything_else_is_left_to_the_careful_way(text: str) -> None:
    """No JSON, no object, an unknown field, deep nesting: none of it is common."""
    assert read_common(text) is None
