"""Embeddings: the texts are kept, the vectors are not."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest

from audit.digest import keyed_digest
from audit.exchange import Dialect, Ending
from audit.parts import Extra, Media, Part, Text
from audit.record import AuditRecord
from audit.value import to_json
from tests.unit.tap_cores.kit import DIGEST_KEY, head, opened, recorded

PATH = "/openai/deployments/e/embeddings"
VECTOR = [0.5, -0.25, 1.0]
PACKED = struct.pack("<3f", *VECTOR)


def exchanged(request: Any, answer: Any, status: int = 200) -> AuditRecord:
    """The record of one call."""
    told = head(status, "application/json")
    sent = json.dumps(answer).encode()
    return recorded(sent, request=request, opening=opened(PATH), answer_head=told)


def answered(data: Any, **more: Any) -> tuple[Part, ...]:
    """The parts of the only output."""
    record = exchanged({"input": "x"}, {"data": data, **more})
    return record.response.outputs[0].parts if record.response.outputs else ()


def vector(embedding: Any = VECTOR, index: int = 0, **more: Any) -> dict[str, Any]:
    """One entry of the answer."""
    return {"object": "embedding", "index": index, "embedding": embedding, **more}


def test_inputs_are_prompts_and_usage_is_read() -> None:
    """One text or several, each is a message; the tokens of the input are counted."""
    usage = {"prompt_tokens": 7, "total_tokens": 7}
    answer = {"object": "list", "data": [vector()], "model": "e-3", "usage": usage}
    record = exchanged({"input": ["a", "b"], "model": "e", "dimensions": 3, "user": "u"}, answer)
    assert [message.parts for message in record.request.messages] == [
        (Text(text="a"),),
        (Text(text="b"),),
    ]
    assert record.request.parameters == {"model": "e", "dimensions": 3, "user": "u"}
    assert (record.usage.input, record.usage.output, record.usage.total) == (7, None, 7)
    facts = record.exchange
    assert (facts.dialect, facts.ending) == (Dialect.OPENAI_EMBEDDINGS, Ending.COMPLETE)
    assert (facts.reported_model, facts.flags) == ("e-3", ())


@pytest.mark.parametrize("embedding", [VECTOR, base64.b64encode(PACKED).decode()])
def test_a_vector_has_the_same_digest_in_either_encoding(embedding: Any) -> None:
    """Count, dimensions and digest are recorded; no number of the vector is."""
    parts = answered([vector(embedding), vector(embedding, 1)])
    digest = keyed_digest(DIGEST_KEY, PACKED * 2)
    assert parts == (
        Extra(name="embeddings", text='{"count":2,"dimensions":3}'),
        Media(mime="application/x.embeddings", bytes=24, digest=digest),
    )


def test_even_short_vectors_are_not_in_the_record() -> None:
    """A text can be guessed back from its vector."""
    record = exchanged({"input": "x"}, {"data": [vector([0.123456789])]})
    assert b"0.12345" not in to_json(record)


@pytest.mark.parametrize("odd", [[1e300], ["x"], "no base64!", None, {"a": [1.5]}, [10**60]])
def test_vectors_of_another_shape_are_digested_as_they_came(odd: Any) -> None:
    """Neither numbers that are too large nor other types are a fault of the reading."""
    kinds = [type(part) for part in answered([vector(odd)])]
    assert kinds == [Extra, Media]


def test_vectors_of_several_lengths_are_all_counted() -> None:
    """The dimensions are a list where they differ."""
    first = answered([vector([1.0]), vector(VECTOR)])[0]
    assert first == Extra(name="embeddings", text='{"count":2,"dimensions":[1,3]}')


def test_what_is_no_vector_is_kept() -> None:
    """Entries and fields that this version does not know stand beside the count."""
    parts = answered([vector(text="said"), "odd"], note="n")
    assert parts[2:] == (
        Extra(name="data", text='["odd"]'),
        Extra(name="data.text", text='"said"'),
        Extra(name="note", text='"n"'),
    )
    record = exchanged({"input": "x"}, {"data": "odd"})
    assert record.exchange.flags == ("answer_malformed",)
    assert exchanged({"input": "x"}, [5]).response.outputs[0].parts == (
        Extra(name="body", text="[5]"),
    )


def test_pictures_among_the_inputs_are_media() -> None:
    """Some models embed both; a data URL becomes its digest."""
    url = "data:image/png;base64," + base64.b64encode(b"\x89PNG" * 20).decode()
    items = [{"type": "text", "text": "t"}, {"type": "image_url", "image_url": {"url": url}}]
    parts = [message.parts[0] for message in exchanged({"input": items}, {}).request.messages]
    assert parts[0] == Text(text="t")
    assert isinstance(parts[1], Media)
    assert (parts[1].mime, parts[1].bytes) == ("image/png", 80)


def test_a_blocked_input_is_filtered_and_an_error_rejected() -> None:
    """Errors are read as everywhere."""
    blocked = exchanged({"input": "x"}, {"error": {"code": "content_filter", "message": "m"}}, 400)
    assert blocked.exchange.ending is Ending.FILTERED
    wrong = exchanged({"input": "x"}, {"error": {"code": "429", "message": "m"}}, 429)
    assert (wrong.exchange.ending, wrong.response.outputs) == (Ending.REJECTED, ())
