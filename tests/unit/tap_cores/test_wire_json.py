"""JSON off the wire: lenient in reading, exact in what it gives out."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap.wire_json import (
    DEPTH_LIMIT,
    NOT_JSON,
    clean_text,
    clean_tree,
    dump,
    read_json,
    salvage_json,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("\ufeff{}", {}),
        ('"a\nb"', "a\nb"),
        ("[NaN, Infinity]", ["NaN", "Infinity"]),
        ("[1e400]", ["1e400"]),
        ("1" * 5000, "1" * 5000),
        ('"\\ud83d"', "\ud83d"),
        ("{", NOT_JSON),
        ("", NOT_JSON),
    ],
)
def test_what_strict_readers_refuse_is_read_or_said_to_be_no_json(text: str, value: Any) -> None:
    """Control characters, odd numbers, marks and lone surrogates are read; the rest is not JSON."""
    assert read_json(text) == value


def test_nesting_that_could_exhaust_a_stack_is_not_json() -> None:
    """Up to the limit a document is read, however many brackets it has; beyond it, it is not."""
    assert read_json("[" * DEPTH_LIMIT + "]" * DEPTH_LIMIT) is not NOT_JSON
    assert read_json("[" * (DEPTH_LIMIT + 1) + "]" * (DEPTH_LIMIT + 1)) is NOT_JSON
    assert read_json("[" * 100_000) is NOT_JSON
    assert read_json("[" + "[]," * 999 + "[]]") is not NOT_JSON


@given(value=VALUES)
def test_what_was_read_can_be_written_and_read_again(value: Any) -> None:
    """Whatever comes out of the reader survives a round trip exactly."""
    read = clean_tree(read_json(json.dumps(value)))
    assert msgspec.json.decode(msgspec.json.encode(read)) == read


def test_halves_of_a_character_are_joined_and_lone_ones_replaced() -> None:
    """Two surrogates that meet become one character; one alone becomes U+FFFD."""
    assert clean_text("\ud83d\ude80") == "🚀"
    assert clean_text("a\ud83d") == "a\ufffd"
    assert dump({"\ud83d": ["\ude80"]}) == '{"\ufffd":["\ufffd"]}'


@given(value=VALUES, at=st.integers(0, 400))
def test_no_prefix_of_a_document_makes_the_salvage_raise(value: Any, at: int) -> None:
    """Any prefix of any document gives a value or says that there is none."""
    salvage_json(json.dumps(value)[:at])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a":"xy', {"a": "xy"}),
        ('{"a":"x\\u00', {"a": "x"}),
        ('{"a":"x\\', {"a": "x"}),
        ('{"a":"x\\\\', {"a": "x\\"}),
        ('{"a":[1,2', {"a": [1, None]}),
        ('{"a":tr', {"a": None}),
        ('{"a":1,', {"a": 1}),
        ('{"a":1,"b', {"a": 1, "b": None}),
        ('{"a":1,"b":', {"a": 1, "b": None}),
        ('[{"a":{}', [{"a": {}}]),
        ("plain", NOT_JSON),
    ],
)
def test_a_document_that_breaks_off_is_read_up_to_the_break(text: str, value: Any) -> None:
    """Strings keep their beginning, torn numbers and words are null, and everything is closed."""
    assert salvage_json(text) == value
