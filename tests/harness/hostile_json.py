"""JSON that no provider would send: example documents damaged in one place, or grown at random.

The strategies know the words of a format (its names and short values), so that what they make gets
past the first look of its reader.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from hypothesis import strategies as st

from tests.harness.dialects import Reader

__all__ = ["ODD", "framed", "hostile_documents", "odd_documents", "places", "words_of", "written"]

Json = Any

# Nested as deep as readers take it, and deeper.
_DEPTHS = [90, 130]
# Halves of a character, alone and in the wrong order, and marks that are no line ends.
_TEXTS = ["\ud83d", "\ude80\ud83d", "\u2028\x85\x0b", "\0", "A" * 600, "AAE=", "data:;base64,AA=="]
ODD: list[Json] = [
    *(None, True, -1, 2**70, 1e308, "", "\ud83d", "A" * 600, "data:;base64,AAE="),
    *([], {}, [None], [[]], ["x"], [{}], {"x": None}, {"text": 1, "type": []}),
]
_NUMBERS = [-1, 0, 2**31, -(2**31), 2**63, 10**400, 1e308, -0.0]


@cache
def words_of(reader: Reader) -> list[str]:
    """The names and short strings of a reader's examples."""
    found: set[str] = {"type", "index", "error", "usage", "delta"}
    for example in reader.examples("request", "answer", "stream", "client", "server"):
        for document in example.documents():
            found.update(word for word in _strings(document) if len(word) <= 40)
    return sorted(found)


def _strings(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _nested(depth: int) -> Json:
    return json.loads("[" * depth + "]" * depth)


def _junk(words: list[str]) -> st.SearchStrategy[Json]:
    texts = st.sampled_from(words) | st.sampled_from(_TEXTS) | st.text(max_size=3)
    numbers = st.integers(-5, 300) | st.sampled_from(_NUMBERS)
    leaves = st.none() | st.booleans() | numbers | texts
    return st.recursive(
        leaves | st.sampled_from(_DEPTHS).map(_nested),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(words), inner, max_size=4)
        ),
        max_leaves=10,
    )


@cache
def hostile_documents(reader: Reader, *kinds: str) -> st.SearchStrategy[Json]:
    """Documents like those of the reader's examples of these kinds, and unlike any."""
    documents = [each for example in reader.examples(*kinds) for each in example.documents()]
    junk = _junk(words_of(reader))
    if not documents:
        return junk
    return _damaged(documents, junk) | st.sampled_from(documents) | junk


@st.composite
def _damaged(draw: st.DrawFn, documents: list[Json], junk: st.SearchStrategy[Json]) -> Json:
    """An example with one or two of its places holding something else."""
    document = copy.deepcopy(draw(st.sampled_from(documents)))
    for _ in range(draw(st.integers(1, 2))):
        found = list(places(document))
        if found:
            holder, key = found[draw(st.integers(0, len(found) - 1))]
            holder[key] = draw(junk)
    return document


def places(value: Json) -> Iterator[tuple[Json, Json]]:
    """Each place of a document, as what holds it and its name or number there."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in list(inner):
        yield value, key
        if isinstance(child, dict | list) and child:
            yield from places(child)


def odd_documents(reader: Reader, *kinds: str) -> Iterator[tuple[str, list[Json]]]:
    """Every document of every example with every kind of its places holding every odd value.

    Gives the example's kind and its documents, one of them the odd one, each time anew.
    """
    seen: set[tuple[str, str]] = set()
    for example in reader.examples(*kinds):
        documents = example.documents()
        for document in documents:
            for path, (holder, key) in _paths(document):
                if (example.kind, path) in seen:
                    continue
                seen.add((example.kind, path))
                kept = holder[key]
                for odd in ODD:
                    holder[key] = odd
                    yield example.kind, documents
                holder[key] = kept


def _paths(value: Json, before: str = "") -> Iterator[tuple[str, tuple[Json, Json]]]:
    """Each place of a document under its path, the items of a list all under one."""
    kind = str(value.get("type", "")) if isinstance(value, dict) else ""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in list(inner):
        path = f"{before}{kind}/{key if isinstance(value, dict) else ''}"
        yield path, (value, key)
        if isinstance(child, dict | list) and child:
            yield from _paths(child, path)


def written(value: Json) -> bytes:
    """The document as bytes; halves of characters are escaped, as they come on the wire."""
    return json.dumps(value).encode()


def framed(events: list[tuple[str, Json]]) -> bytes:
    """Events of these types as a stream."""
    named = (f"event: {kind}\n" if kind else "" for kind, _ in events)
    return b"".join(
        name.encode() + b"data: " + written(document) + b"\n\n"
        for name, (_, document) in zip(named, events, strict=True)
    )
