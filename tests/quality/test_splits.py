"""A value that is cut in two by its carrier is found: by a stream's pieces, by a document's end."""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path

import pytest

from audit.parts import Text, ToolCall
from redaction.build import build_detectors
from redaction.detector import Detector
from redaction.detectors.azure_language_chunks import ELEMENTS, Measure, chunks
from redaction.policy_file import default_policy
from redaction.texts import covered
from tests.quality.evasions import CARD, EVASIONS, GROUPED, IBAN, KEY, MAIL, PHONE
from tests.unit.redaction.exchanges import redact
from tests.unit.tap_cores.kit import chunk, recorded, stream

VALUES = {
    "card": CARD, "grouped card": GROUPED, "mail": MAIL, "phone": PHONE, "IBAN": IBAN, "key": KEY,
}  # fmt: skip
PAGE = Path("docs/redaction.md")


@functools.cache
def _detectors() -> list[Detector]:
    return build_detectors(default_policy(), {})[0]


def _hidden(text: str) -> set[int]:
    (spans,) = asyncio.run(covered([text], default_policy(), _detectors()))
    return {place for span in spans for place in range(span.start, span.end)}


def _pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


@pytest.mark.parametrize("size", [1, 3, 7])
@pytest.mark.parametrize("kind", VALUES)
def test_a_value_cut_by_the_pieces_of_a_stream_is_found(kind: str, size: int) -> None:
    """However few characters a piece holds, what the pieces say together is read as one text."""
    said = f"please note {VALUES[kind]} for later"
    pieces = _pieces(said, size)
    assert not any(VALUES[kind] in piece for piece in pieces)
    events = [chunk({"content": piece}) for piece in pieces]
    record = recorded(stream(*events, chunk({}, finish_reason="stop")))
    (part,) = redact(record).response.outputs[0].parts
    assert isinstance(part, Text)
    assert part.text.startswith("please note <")
    assert VALUES[kind] not in part.text
    assert part.text.endswith("> for later")


@pytest.mark.parametrize("kind", VALUES)
def test_a_value_cut_by_the_pieces_of_a_tool_call_is_found(kind: str) -> None:
    """Arguments that stream in four characters at a time are JSON when they are whole."""
    written = '{"to": "' + VALUES[kind] + '", "n": 1}'
    calls = [
        {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
        for piece in _pieces(written, 4)
    ]
    named = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}
    events = [chunk(each) for each in ({"tool_calls": [named]}, *calls)]
    record = recorded(stream(*events, chunk({}, finish_reason="tool_calls")))
    (part,) = redact(record).response.outputs[0].parts
    assert isinstance(part, ToolCall)
    assert VALUES[kind] not in part.arguments
    assert part.arguments.startswith('{"to": "<')


def _across(text: str, measure: Measure) -> set[int]:
    """What is hidden of a text that is read in documents, each for itself."""
    return {place + each.start for each in chunks(text, measure) for place in _hidden(each.text)}


@pytest.mark.parametrize("kind", VALUES)
def test_a_value_across_the_end_of_a_document_is_found(kind: str) -> None:
    """Wherever the 5,120th character falls in it, one document holds it whole."""
    value = VALUES[kind]
    missed = 0
    for into in range(1, len(value), 5):
        before = ("word " * ELEMENTS)[: ELEMENTS - into - 1] + " "
        text = before + value + " and so on" * 4
        place = set(range(len(before), len(before) + len(value)))
        assert place <= _across(text, Measure())
        missed += not place <= _across(text, Measure(overlap=0, slack=0))
    # The overlap is what finds it: without one, most are cut in two.
    assert missed


def test_the_table_of_disguises_is_documented() -> None:
    """The page lists every disguise that is tried here, by its name."""
    page = PAGE.read_text(encoding="utf-8")
    missing = [row.name for row in EVASIONS if f"| {row.name} |" not in page]
    assert missing == []
