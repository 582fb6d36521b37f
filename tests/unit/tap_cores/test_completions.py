"""Text completions: prompts of every kind, choices that interleave, and the text in its place."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.digest import keyed_digest
from audit.exchange import Dialect, Ending
from audit.parts import Extra, Media, Text
from audit.record import AuditRecord, Message
from audit.value import to_json
from tap.dialects import openai_completions
from tap.dialects.completions_chunk import read_text_chunk
from tap.dialects.openai_completions import CompletionsFold
from tests.unit.tap_cores.kit import DIGEST_KEY, head, opened, recorded, stream

PATH = "/openai/deployments/gpt-test/completions"
SAFE = {"hate": {"filtered": False, "severity": "safe"}}


def piece(text: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    """One chunk with one choice; `more` goes to the choice."""
    choice = {"index": index, "logprobs": None, "finish_reason": None, **more}
    if text is not None:
        choice["text"] = text
    return {"id": "cmpl-1", "object": "text_completion", "model": "m", "choices": [choice]}


def streamed(*documents: object, done: bool = True, **capture: Any) -> AuditRecord:
    """The record of a streamed completion."""
    asked = {"prompt": "hi", "stream": True}
    answer = stream(*documents, done=done)
    return recorded(answer, request=asked, opening=opened(PATH), **capture)


def answered(body: Any, status: int = 200) -> AuditRecord:
    """The record of a plain completion."""
    told = head(status, "application/json")
    asked = {"prompt": "hi"}
    answer = json.dumps(body).encode()
    return recorded(answer, request=asked, opening=opened(PATH), answer_head=told)


def asked(body: Any) -> AuditRecord:
    """The record of a request that nobody answered much."""
    return recorded(b"", request=body, opening=opened(PATH))


def texts(record: AuditRecord) -> list[str]:
    """What each output says."""
    return [
        "".join(part.text for part in output.parts if isinstance(part, Text))
        for output in record.response.outputs
    ]


def test_a_prompt_is_a_message_and_the_rest_are_parameters() -> None:
    """Prompt and suffix are text of the request; numbers, model and user have their places."""
    body = {"prompt": "a", "suffix": "z", "n": 2, "echo": True, "model": "m", "user": "u"}
    record = asked(body)
    assert record.exchange.dialect is Dialect.OPENAI_COMPLETIONS
    assert record.request.messages == (
        Message(role="user", parts=(Text(text="a"),)),
        Message(role="user", parts=(Text(text="z"),)),
    )
    assert record.request.parameters == {"n": 2, "echo": True, "model": "m", "user": "u"}
    assert (record.exchange.requested_model, record.identity.user) == ("m", "u")


def test_each_of_several_prompts_is_a_message_of_its_own() -> None:
    """A list of texts is a list of prompts, whose answers are counted on from one another."""
    messages = asked({"prompt": ["a", "b"]}).request.messages
    assert [message.parts for message in messages] == [(Text(text="a"),), (Text(text="b"),)]


@pytest.mark.parametrize(("prompt", "count"), [([1, 22], 1), ([[1, 22], [3]], 2)])
def test_token_ids_are_known_by_number_and_digest_only(prompt: Any, count: int) -> None:
    """They spell out a text that no detector can read."""
    record = asked({"prompt": prompt})
    digest = keyed_digest(DIGEST_KEY, b"[1,22]")
    assert len(record.request.messages) == count
    assert record.request.messages[0].parts == (
        Media(mime="application/x.token-ids", bytes=6, digest=digest, name="token_ids[2]"),
    )
    assert b"[1,22]" not in to_json(record)


def test_prompts_of_no_known_kind_are_kept_and_flagged() -> None:
    """Nothing of a request is lost for being odd."""
    record = asked({"prompt": [{"novel": "x"}, 1.5]})
    assert [message.parts for message in record.request.messages] == [
        (Extra(name="prompt", text='{"novel":"x"}'),),
        (Extra(name="prompt", text="1.5"),),
    ]
    assert "request_malformed" in record.exchange.flags
    assert asked([1]).exchange.flags == asked({"prompt": 5}).exchange.flags
    assert "request_unparsed" in asked(b"nonsense").exchange.flags


def test_choices_that_interleave_come_out_by_index() -> None:
    """With several choices, each chunk tells by its index whose text it carries."""
    record = streamed(
        piece("a", 1), piece("b"), piece("c", 1, finish_reason="stop"), piece("d"), piece("e")
    )
    assert texts(record) == ["bde", "ac"]
    assert [output.finish_reason for output in record.response.outputs] == [None, "stop"]


def test_a_text_that_repeats_itself_is_kept_as_often_as_it_came() -> None:
    """The same letters twice are two pieces of text, not one field repeated."""
    assert texts(streamed(piece("na"), piece("na"), piece("na"))) == ["nanana"]


def test_a_plain_and_a_streamed_completion_give_the_same_record_groups() -> None:
    """One mapping reads both."""
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    filters = [{"prompt_index": 0, "content_filter_results": SAFE}]
    whole = piece("Hello", finish_reason="length", content_filter_results=SAFE)
    plain = answered({**whole, "usage": usage, "prompt_filter_results": filters})
    pieces = streamed(
        {"id": "", "model": "", "choices": [], "prompt_filter_results": filters},
        piece("Hel", content_filter_results=SAFE),
        piece("lo", finish_reason="length"),
        {"choices": [], "usage": usage},
    )
    for group in ("response", "safety", "usage"):
        assert getattr(plain, group) == getattr(pieces, group)
    assert plain.usage.output == 2
    assert plain.response.outputs[0].parts == (Text(text="Hello"),)
    assert plain.exchange.ending is pieces.exchange.ending is Ending.COMPLETE
    assert pieces.exchange.response_id == "cmpl-1"
    assert [verdict.category for verdict in pieces.safety.prompt] == ["hate"]


def test_token_probabilities_are_left_out_and_the_record_says_so() -> None:
    """Lists of tokens would repeat the text, and with `echo` the prompt, piece by piece."""
    logprobs = {"tokens": ["PLANTED"], "token_logprobs": [-0.1], "text_offset": [0]}
    for record in (
        streamed(piece("x", logprobs=logprobs)),
        answered(piece("x", logprobs=logprobs)),
        answered(piece("x", prompt_logprobs=[None, {"5": {"decoded_token": "PLANTED"}}])),
    ):
        assert record.exchange.flags == ("logprobs_omitted",)
        assert b"PLANTED" not in to_json(record)


def test_deltas_of_chat_in_a_completion_are_read() -> None:
    """Some hosts answer with chat's choices under the name of a completion."""
    delta = {"role": "assistant", "content": "Hi"}
    assert texts(streamed(piece(delta=delta), piece("", delta={"content": " you"}))) == ["Hi you"]
    both = streamed(piece("Hi", delta=delta))
    assert both.response.outputs[0].parts == (Text(text="Hi"), Extra(name="text", text='"Hi"'))


def test_a_finish_chunk_may_lack_index_and_text() -> None:
    """What is not said is choice 0 and no text."""
    finish: dict[str, Any] = {"choices": [{"finish_reason": "stop"}]}
    record = streamed(piece("a"), finish, done=False)
    assert texts(record) == ["a"]
    assert record.exchange.ending is Ending.COMPLETE
    assert streamed(piece("a"), done=False).exchange.ending is Ending.UPSTREAM_DISCONNECTED


def test_a_filtered_completion_is_filtered() -> None:
    """By finish reason, or by the error that stands in place of an answer."""
    cut = streamed(piece("a"), piece("", finish_reason="content_filter"))
    assert (cut.exchange.ending, cut.exchange.ending_detail) == (Ending.FILTERED, "output_filtered")
    error = {"code": "content_filter", "innererror": {"content_filter_result": SAFE}}
    assert answered({"error": error}, 400).exchange.ending is Ending.FILTERED


def test_errors_inside_a_200_are_failures() -> None:
    """In a stream and in a body."""
    inside = streamed(piece("par"), {"error": {"message": "m"}})
    assert (inside.exchange.ending, texts(inside)) == (Ending.FAILED, ["par"])
    plain = answered({"error": {"message": "m"}})
    assert (plain.exchange.ending, plain.exchange.ending_detail) == (Ending.FAILED, "error_body")
    assert answered([]).exchange.flags == ("answer_malformed",)


def test_the_common_chunk_takes_the_quick_way_and_the_careful_one_agrees() -> None:
    """The quick way changes nothing but the time it takes."""
    chunks = [piece("a", content_filter_results=SAFE), piece("b", stop_reason=None), piece("a", 1)]
    assert all(read_text_chunk(json.dumps(chunk)) for chunk in chunks)
    assert read_text_chunk(json.dumps(piece("a", novel=1))) is None
    assert read_text_chunk("[" * 99) is None
    quick = folded(chunks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openai_completions, "read_text_chunk", lambda _: None)
        assert folded(chunks) == quick


def folded(documents: list[Any]) -> tuple[Any, int]:
    """What a fold makes of chunks."""
    fold = CompletionsFold()
    for document in documents:
        fold.feed(json.dumps(document))
    return fold.final(), fold.events


ODD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "text", "index", "delta", "message", "content", "error", "usage"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


CHOICES = st.fixed_dictionaries(
    {"text": st.text(max_size=3) | ODD},
    optional=dict.fromkeys(("index", "delta", "message", "logprobs"), ODD),
)
BODIES = st.fixed_dictionaries({"choices": st.lists(CHOICES, max_size=2) | ODD}) | ODD


@settings(max_examples=150, deadline=None)
@given(documents=st.lists(BODIES, max_size=3), prompt=ODD)
def test_no_document_makes_a_completion_raise(documents: list[Any], prompt: Any) -> None:
    """Known names with values of any type are read into something that can be kept."""
    answer = stream(*documents)
    record = recorded(answer, request={"prompt": prompt}, opening=opened(PATH))
    assert msgspec.json.decode(msgspec.json.encode(record), type=AuditRecord) == record
    for document in documents:
        assert answered(document).exchange.dialect is Dialect.OPENAI_COMPLETIONS
