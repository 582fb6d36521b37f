"""One found record as a line of a table: what an analyst looks at before opening it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from audit.parts import Text, ToolResult
from audit.reading.neutral import neutral_line
from audit.reading.words import UNKNOWN, counted, duration, tokens_used
from audit.record import RedactedRecord
from audit.value import from_json
from console.marks import Marks, Piece, Pieces
from storage.records.port import StoredDocument

__all__ = ["Row", "row_of", "rows_of", "said_first", "tone"]

# The head of a prompt that is worth looking at in a line.
_PROMPT_HEAD = 240

_TONES = {
    "complete": "good",
    "tunnelled": "other",
    "filtered": "filter",
    "client_disconnected": "warn",
}


@dataclass(frozen=True, slots=True)
class Row:
    """What one line shows. Texts are neutral; `known` is false for what cannot be read."""

    id: str
    day: str = UNKNOWN
    clock: str = UNKNOWN
    consumer: str = UNKNOWN
    model: str = UNKNOWN
    ending: str = UNKNOWN
    tone: str = "bad"
    status: str = UNKNOWN
    tokens: str = UNKNOWN
    first: str = UNKNOWN
    took: str = UNKNOWN
    taken_out: str = ""
    signals: tuple[str, ...] = ()
    prompt: Pieces = field(default=(), repr=False)
    known: bool = True


def rows_of(documents: Iterable[StoredDocument]) -> list[Row]:
    """One row for each document, in their order."""
    return [row_of(each) for each in documents]


def row_of(document: StoredDocument) -> Row:
    """Read a document as a row."""
    try:
        record = from_json(document.json, RedactedRecord)
    except msgspec.DecodeError:
        return Row(document.id, known=False)
    facts, timing = record.exchange, record.timing
    return Row(
        id=record.id,
        day=neutral_line(timing.received_at[:10]),
        clock=neutral_line(timing.received_at[11:19]),
        consumer=neutral_line(record.consumer),
        model=model_of(record),
        ending=facts.ending.value.replace("_", " "),
        tone=tone(facts.ending.value),
        status=UNKNOWN if facts.status is None else str(facts.status),
        tokens=tokens_used(record.usage),
        first=duration(timing.ttft_ms),
        took=duration(timing.duration_ms),
        taken_out=counted(record.redaction.counts),
        signals=tuple(map(neutral_line, record.safety.signals)),
        prompt=_prompt(record),
    )


def tone(ending: str) -> str:
    """The tone of an ending: good, warn, filter, other or bad; the word always stands beside it."""
    return _TONES.get(ending, "bad")


def model_of(record: RedactedRecord) -> str:
    """The name an analyst knows a model by."""
    facts = record.exchange
    known = facts.deployment or facts.requested_model or facts.reported_model
    return neutral_line(known or UNKNOWN)


def said_first(record: RedactedRecord) -> tuple[str, str] | None:
    """What was asked: the last thing a user said, else the last thing said; with its path."""
    turns = list(enumerate(record.request.messages))
    asked = [turn for turn in turns if turn[1].role == "user"] or turns
    for number, message in reversed(asked):
        for index, part in enumerate(message.parts):
            if isinstance(part, Text | ToolResult) and part.text:
                return part.text, f"/request/messages/{number}/parts/{index}/text"
    return None


def _prompt(record: RedactedRecord) -> Pieces:
    found = said_first(record)
    if found is None:
        return ()
    text, path = found
    head = Marks(record.redaction.findings).line(text[:_PROMPT_HEAD], path)
    return (*head, Piece("…")) if len(text) > _PROMPT_HEAD else head
