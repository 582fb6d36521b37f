"""How the demo's model makes words out of what it was told.

Pure functions from text to text. They find the details in a message by their look alone (an
`@`, a run of digits, a long unbroken word) and repeat them as they stand.
"""

from __future__ import annotations

import json
import re

import msgspec

from audit.value import Json
from cli.demo.chat import ToolUse

__all__ = ["fill_tools", "read_back", "read_out", "tokens"]

_TOKEN = re.compile(r"\s*\w{1,6}|\s*[^\w\s]|\s+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_DETAIL = re.compile(r"@|\d{3}|\d\d \d\d|[\w+/=.-]{20}")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_NUMBER = re.compile(r"\+?\d[\d -]{6,}\d")
_MOST_DETAILS = 4


def tokens(text: str) -> list[str]:
    """Cut text into pieces of about the size of a model's tokens; joined they give the text."""
    return _TOKEN.findall(text)


def read_back(text: str, *, as_json: bool = False) -> str:
    """Repeat the sentences of `text` that carry details, as prose or as a JSON object."""
    sentences = [sentence.strip() for sentence in _SENTENCE.split(text)]
    details = [sentence for sentence in sentences if _DETAIL.search(sentence)][:_MOST_DETAILS]
    if not as_json:
        return " ".join(details)
    fields = {f"line_{number}": detail for number, detail in enumerate(details, 1)}
    return json.dumps(fields, ensure_ascii=False)


def read_out(text: str) -> str:
    """Say what a tool's result says; text that is not a JSON object is said as it is."""
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    if not isinstance(found, dict):
        return text
    return ", ".join(f"{name}: {value}" for name, value in found.items())


def fill_tools(tools: tuple[dict[str, Json], ...], text: str) -> tuple[ToolUse, ...]:
    """Call each offered function once, its parameters filled from `text`."""
    calls = []
    for number, tool in enumerate(tools, 1):
        function = tool.get("function")
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            arguments = json.dumps(_arguments(function, text), ensure_ascii=False)
            calls.append(ToolUse(f"call_demo{number:08d}", function["name"], arguments))
    return tuple(calls)


def _arguments(function: dict[str, Json], text: str) -> dict[str, str]:
    schema = function.get("parameters")
    properties = schema.get("properties") if isinstance(schema, dict) else None
    names = list(properties) if isinstance(properties, dict) else []
    return {name: _value_for(name, text) for name in names}


def _value_for(name: str, text: str) -> str:
    pattern = _EMAIL if "mail" in name else _NUMBER
    found = pattern.search(text)
    return found.group() if found else text[:60]
