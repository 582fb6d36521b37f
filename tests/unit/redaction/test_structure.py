"""Structure: passages of a text and the way back, for any text."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction.normalise import normalised
from redaction.structure import View, views
from redaction.unescape import decoded_json, loosely_decoded

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
ESCAPED = st.text(alphabet='\\"nrtu0041d83dde%/x \n{}[]:,é')


def _by_key(text: str) -> dict[str | None, str]:
    return {view.key: view.text for view in views(text)}


@given(ESCAPED | st.text())
def test_any_text_is_covered_by_passages_in_order(text: str) -> None:
    """Passages never overlap, never run backwards, and never raise."""
    done = 0
    for view in views(text):
        assert len(view.origin) == len(view.text) + 1
        assert list(view.origin) == sorted(view.origin)
        start, end = view.locate(0, len(view.text))
        assert done <= start <= end <= len(text)
        done = end


@given(JSON, st.booleans(), st.integers(min_value=0, max_value=3))
def test_every_string_of_a_document_is_a_passage(
    document: object, ascii_only: bool, depth: int
) -> None:
    """Each string is read decoded, at any depth of JSON in JSON."""
    text = json.dumps([document], ensure_ascii=ascii_only)
    for _ in range(depth):
        text = json.dumps({"inner": text}, ensure_ascii=ascii_only)
    expected = [s for s in _strings(document) if not set(s) & set("\\%&") and not _is_json(s)]
    read = [view.text for view in views(text)]
    missing = [
        s for s in expected if normalised(s.encode("utf-8", "replace").decode())[0] not in read
    ]
    assert not missing


@given(st.text())
def test_a_literal_is_decoded_as_json_does(text: str) -> None:
    """The decoder agrees with the standard library, and its map with the literal."""
    encoded = json.dumps(text)
    decoded, origin = decoded_json(encoded, 1, len(encoded) - 1)
    assert decoded == text
    pieces = [encoded[a:b] for a, b in itertools.pairwise(origin)]
    assert "".join(json.loads(f'"{piece}"') for piece in pieces) == text


@given(ESCAPED)
def test_loose_decoding_never_raises_and_keeps_its_map(text: str) -> None:
    """Whatever looks like an escape, the map stays one entry longer than the text."""
    decoded, origin = loosely_decoded(text)
    assert len(origin) == len(decoded) + 1
    assert origin[-1] == len(text)


def test_escapes_do_not_hide_a_value() -> None:
    """Code, URLs and cut JSON are read with their escapes decoded."""
    assert [v.text for v in views(r"say a\u0040b.example")] == ["say a@b.example"]
    assert [v.text for v in views("/users/a%40b.example/x")] == ["/users/a@b.example/x"]
    assert [v.text for v in views(r'{"a": "x\n415')] == ['{"a": "x\n415']
    assert [v.text for v in views(r'["\ud83d\ude00!", "\ud83d"]')] == ["😀!", "\ufffd"]


def test_numbers_carry_the_quotes_of_their_depth() -> None:
    """A number that becomes a string gets quotation marks that fit where it stands."""
    inner = json.dumps({"n": 12})
    quotes = [
        v.quote for v in views(json.dumps({"a": 1, "b": inner, "c": [inner, 2.5]})) if v.quote
    ]
    assert quotes == ['"', '\\"', '\\"']


def test_a_value_knows_its_key() -> None:
    """The key goes with the value, through arrays and into JSON strings."""
    text = '{"ssn": ["1", 22], "o": {"mail": "m"}, "x": "{\\"pin\\": \\"p\\"}"}'
    assert {"ssn": "22", "mail": "m", "pin": "p"}.items() <= _by_key(text).items()


def test_a_sibling_names_the_value() -> None:
    """In lists of headers and variables, the name stands beside the value."""
    assert _by_key('[{"name": "Authorization", "value": "v"}]')["Authorization"] == "v"


@pytest.mark.parametrize("text", ["{", '{"a": "b', "[1,2", "{not json}", "[" * 100_000, "{}x"])
def test_what_is_not_whole_json_is_text(text: str) -> None:
    """A cut or hostile document is one passage."""
    (view,) = views(text)
    assert isinstance(view, View)
    assert view.text == text


def test_a_hostile_number_is_still_json() -> None:
    """A literal of a million digits is read without being computed."""
    assert len(list(views('{"n": ' + "9" * 1_000_000 + "}"))) == 2


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [s for item in value.items() for part in item for s in _strings(part)]
    if isinstance(value, list):
        return [s for element in value for s in _strings(element)]
    return []


def _is_json(text: str) -> bool:
    return text.strip(" \t\r\n")[:1] in {"{", "["}
