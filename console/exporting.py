"""Exports: records as CSV, Parquet, JSON or evaluation lines, and a manifest that vouches for them.

The law: what is exported is what is stored, redacted as it is, and the manifest says what was
asked, by whom, when, how many came, and the SHA-256 of every byte. A cell that a spreadsheet
would take for a formula is quoted, because prompts are written by strangers.

The evaluation lines are what the Azure AI Evaluation SDK's `evaluate(data=...)` reads: one object
a line with the strings `query` and `response` (learn.microsoft.com, "Evaluate your generative AI
application locally with the Azure AI Evaluation SDK"); `id` is added to find the record again.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

import msgspec

from audit.parts import Refusal, Text
from audit.record import RedactedRecord
from audit.value import from_json
from console.parquet import ParquetRows
from console.rows import said_first
from storage.records.port import StoredDocument

__all__ = ["COLUMNS", "Exporter", "Shape", "manifest", "safe_cell"]

T = TypeVar("T")

COLUMNS = (
    "id",
    "received_at",
    "consumer",
    "dialect",
    "operation",
    "deployment",
    "requested_model",
    "reported_model",
    "status",
    "ending",
    "streamed",
    "ttft_ms",
    "duration_ms",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "app",
    "user",
    "session",
    "trace",
    "signals",
    "taken_out",
    "policy",
    "prompt",
    "answer",
    "record_digest",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class Shape(StrEnum):
    """What an export is made of."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    EVALUATION = "evaluation"

    @property
    def file(self) -> str:
        """The name of the file with the records."""
        return "evaluation.jsonl" if self is Shape.EVALUATION else f"records.{self.value}"


@dataclass(slots=True)
class Exporter:
    """Turns documents into bytes and keeps count; one object for each export.

    Raises `QueryInvalid` for a shape that is not installed here.
    """

    shape: Shape
    exported: int = 0
    left_out: int = 0
    size: int = 0
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256, repr=False)
    _rows: ParquetRows | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.shape is Shape.PARQUET:
            self._rows = ParquetRows(COLUMNS)

    def begin(self) -> bytes:
        """What stands before the first record."""
        head = _csv_line(COLUMNS) if self.shape is Shape.CSV else b""
        return self._taken(head)

    def write(self, documents: Sequence[StoredDocument]) -> bytes:
        """What some documents become; what has no line in this shape is counted as left out."""
        if self._rows is not None:
            rows = self._counted([_record(each) for each in documents])
            return self._taken(self._rows.write([_cells(each) for each in rows]))
        line_of = _LINES[self.shape]
        return self._taken(b"".join(self._counted([line_of(each) for each in documents])))

    def end(self) -> bytes:
        """What stands after the last record."""
        return self._taken(self._rows.end() if self._rows is not None else b"")

    def sha256(self) -> str:
        """The digest of all that was given so far, in hex."""
        return self._digest.hexdigest()

    def _counted(self, made: Sequence[T | None]) -> list[T]:
        kept = [each for each in made if each is not None]
        self.exported += len(kept)
        self.left_out += len(made) - len(kept)
        return kept

    def _taken(self, data: bytes) -> bytes:
        self._digest.update(data)
        self.size += len(data)
        return data


def manifest(
    exporter: Exporter, *, filter_text: str, asked: str, who: str, purpose: str, at: str, more: bool
) -> bytes:
    """What vouches for an export, as JSON for people and programs."""
    said = {
        "made_by": "auditstream",
        "at": at,
        "who": who,
        "purpose": purpose,
        "filter": filter_text,
        "asked": asked,
        "format": exporter.shape.value,
        "records": exporter.exported,
        "left_out": exporter.left_out,
        "cut_at_limit": more,
        "files": [
            {"name": exporter.shape.file, "bytes": exporter.size, "sha256": exporter.sha256()}
        ],
    }
    return msgspec.json.format(msgspec.json.encode(said), indent=2) + b"\n"


def safe_cell(value: object) -> str:
    """Write a cell so that no spreadsheet runs it (OWASP, CSV injection)."""
    text = "" if value is None else str(value)
    if isinstance(value, str) and text.startswith(_FORMULA):
        return f"'{text}"
    return text


def _jsonl(document: StoredDocument) -> bytes:
    return document.json + b"\n"


def _csv(document: StoredDocument) -> bytes | None:
    record = _record(document)
    return None if record is None else _csv_line([_flat(cell) for cell in _cells(record)])


def _evaluation(document: StoredDocument) -> bytes | None:
    record = _record(document)
    asked, answered = (_asked(record), _answered(record)) if record is not None else ("", "")
    if not asked or not answered:
        return None
    line = {"id": document.id, "query": asked, "response": answered}
    return msgspec.json.encode(line) + b"\n"


_LINES: dict[Shape, Callable[[StoredDocument], bytes | None]] = {
    Shape.CSV: _csv,
    Shape.JSONL: _jsonl,
    Shape.EVALUATION: _evaluation,
}


def _flat(cell: object) -> str:
    """A cell as the text it is in a CSV."""
    if isinstance(cell, dict):
        return safe_cell(" ".join(f"{kind}:{count}" for kind, count in sorted(cell.items())))
    return safe_cell(" ".join(cell) if isinstance(cell, tuple) else cell)


def _cells(record: RedactedRecord) -> list[object]:
    facts, timing, usage, who = record.exchange, record.timing, record.usage, record.identity
    return [
        *(record.id, timing.received_at, record.consumer, facts.dialect.value, facts.operation),
        *(facts.deployment, facts.requested_model, facts.reported_model, facts.status),
        *(facts.ending.value, facts.streamed, timing.ttft_ms, timing.duration_ms),
        *(usage.input, usage.output, usage.total),
        *(who.app_id, who.user, who.session, who.trace_id),
        *(record.safety.signals, record.redaction.counts),
        *(record.redaction.policy, _asked(record), _answered(record)),
        record.integrity.record_digest,
    ]


def _asked(record: RedactedRecord) -> str:
    found = said_first(record)
    return found[0] if found else ""


def _answered(record: RedactedRecord) -> str:
    """The words of the first answer, refusals included."""
    for output in record.response.outputs:
        said = [part.text for part in output.parts if isinstance(part, Text | Refusal)]
        if any(said):
            return "\n".join(said)
    return ""


def _csv_line(cells: Sequence[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().encode("utf-8", "backslashreplace")


def _record(document: StoredDocument) -> RedactedRecord | None:
    try:
        return from_json(document.json, RedactedRecord)
    except msgspec.DecodeError:
        return None
