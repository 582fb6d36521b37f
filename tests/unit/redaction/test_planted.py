"""Planted values: drawn at random in every run, put everywhere, and none may come out."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.exchange import Identity, Level
from audit.value import to_json
from tests.unit.redaction.exchanges import PLANTS, a_record, redact

CARRIERS = {
    "prose": "Please note {} for later, and thank you.",
    "sentence end": "The customer gave us {}.",
    "question": "Is {} right?",
    "parentheses": "as agreed ({}) with them",
    "quoted": 'he wrote "{}" twice',
    "code": "client = connect('{}', retries=3)  # todo",
    "assignment": 'value = "{}";',
    "yaml": "settings:\n  target: {}\n  retries: 3\n",
    "log line": "2026-03-01T10:00:00Z INFO worker-3 handled {} in 12 ms",
    "markdown table": "| field | value |\n| --- | --- |\n| theirs | {} |\n",
    "csv": "id,value,flag\n17,{},yes\n",
    "json in prose": 'The tool said {{"found": "{}", "n": 3}} and stopped.',
    "list item": "- {}\n- and nothing else",
}


@pytest.mark.parametrize("kind", PLANTS)
@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_planted_value_does_not_survive_in_a_text(kind: str, carrier: str) -> None:
    """Whatever carries it, the value is gone from the whole record."""
    rng = random.Random()
    value = PLANTS[kind](rng)
    record = redact(a_record(CARRIERS[carrier].format(value)))
    _assert_gone(value, to_json(record).decode())


@pytest.mark.parametrize("kind", PLANTS)
def test_a_planted_value_does_not_survive_in_tool_arguments(kind: str) -> None:
    """JSON in JSON in JSON is read to the bottom, and stays JSON."""
    value = PLANTS[kind](random.Random())
    inner = json.dumps({"note": [f"see {value}"], value: True})
    arguments = json.dumps({"a": {"b": [1, None, inner]}, "c": value})
    record = redact(a_record(arguments=arguments, parameters={"metadata": {"x": [value]}}))
    text = to_json(record).decode()
    _assert_gone(value, text)
    stored = json.loads(text)["response"]["outputs"][0]["parts"][0]["arguments"]
    assert len(json.loads(json.loads(stored)["a"]["b"][2])) == 2


def _wide(value: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in value)


# How a value may be written, and still be seen.
DISGUISES: dict[str, Callable[[str], str]] = {
    "base 64": lambda value: base64.b64encode(value.encode()).decode(),
    "hexadecimal digits": lambda value: value.encode().hex(),
    "percent-encoding": lambda value: "".join(f"%{ord(c):02X}" for c in value),
    "percent-encoding of URLs": lambda value: quote(value, safe=""),
    "entities": lambda value: "".join(f"&#{ord(c)};" for c in value),
    "escapes": lambda value: "".join(f"\\u{ord(c):04x}" for c in value),
    "full width": _wide,
    "zero width": "\u200b".join,
}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
        ),
        max_leaves=12,
    ),
    st.randoms(use_true_random=True),
    st.sampled_from(sorted(PLANTS)),
    st.sampled_from(sorted(DISGUISES)),
    st.booleans(),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_json_keeps_its_shape_and_loses_the_value(
    document: object, rng: random.Random, kind: str, disguise: str, ascii_only: bool
) -> None:
    """For any JSON and any planted value: same shape, no value, and offsets that cut tokens.

    Nor does it survive in another writing that is read: encoded, escaped or in look-alikes.
    """
    value = PLANTS[kind](rng)
    hidden = DISGUISES[disguise](value)
    planted = {
        "before": document,
        "in": f"it is {value} there",
        "hidden": f"and {hidden} too",
        "after": [document, value, hidden],
    }
    arguments = json.dumps(planted, ensure_ascii=ascii_only)
    record = redact(a_record(arguments=arguments))
    text = to_json(record).decode("utf-8", "replace")
    _assert_gone(value, text)
    _assert_gone(hidden, text)
    stored = json.loads(text)
    result = json.loads(stored["response"]["outputs"][0]["parts"][0]["arguments"])
    assert _shape(result) == _shape(json.loads(arguments))
    for finding in stored["redaction"]["findings"]:
        there = _follow(stored, finding["path"])
        assert there[finding["start"] : finding["end"]] == finding["token"]


def test_values_stand_in_no_field_of_the_record() -> None:
    """Path, names, user, session: a value is taken out wherever a client can put it."""
    value = PLANTS["mail"](random.Random())
    identity = Identity(user=value, session=f"s-{value}", app_id=value, trace_id="4bf92f3577b34da6")
    record = redact(
        a_record(f"I am {value}", identity=identity, parameters={value: 1, "user": value}),
    )
    _assert_gone(value, to_json(record).decode())
    assert record.identity.trace_id == "4bf92f3577b34da6"


@pytest.mark.parametrize("level", Level)
def test_credentials_are_taken_out_at_every_level(level: Level) -> None:
    """No level keeps a key."""
    value = PLANTS["openai"](random.Random())
    record = redact(a_record(f"use {value}", parameters={"x": value}, level=level))
    assert value not in to_json(record).decode()
    assert record.redaction.level is level


def _assert_gone(value: str, text: str) -> None:
    secret = value.removeprefix("Bearer ")
    assert secret not in text
    assert json.dumps(secret)[1:-1] not in text


def _shape(value: object) -> object:
    """Forget what strings say, and which numbers became strings."""
    if isinstance(value, dict):
        return [_shape(member) for member in value.values()]
    if isinstance(value, list):
        return [_shape(element) for element in value]
    return None if value is None or isinstance(value, bool) else "leaf"


def _follow(document: object, path: str) -> str:
    for step in path.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(document, list):
            document = document[int(name)]
        else:
            assert isinstance(document, dict)
            document = document[name]
    assert isinstance(document, str)
    return document
