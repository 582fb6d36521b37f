"""Exports: records as CSV, JSON lines or evaluation lines, with a manifest that vouches for them.

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

import msgspec

from audit.parts import Refusal, Text
from audit.record import RedactedRecord
from audit.value import from_json
from console.rows import said_first
from storage.records.port import StoredDocument

__all__ = ["COLUMNS", "Exporter", "Shape", "manifest", "safe_cell"]

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
    EVALUATION = "evaluation"

    @property
    def file(self) -> str:
        """The name of the file with the records."""
        return {"csv": "records.csv", "jsonl": "records.jsonl"}.get(self.value, "evaluation.jsonl")


@dataclass(slots=True)
class Exporter:
    """Turns documents into bytes and keeps count; one object for each export."""

    shape: Shape
    exported: int = 0
    left_out: int = 0
    size: int = 0
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256, repr=False)

    def begin(self) -> bytes:
        """What stands before the first record."""
        head = _csv_line(COLUMNS) if self.shape is Shape.CSV else b""
        return self._taken(head)

    def write(self, documents: Sequence[StoredDocument]) -> bytes:
        """The lines of some documents; what has no line in this shape is counted as left out."""
        line_of = _LINES[self.shape]
        made = [line_of(each) for each in documents]
        lines = [line for line in made if line is not None]
        self.exported += len(lines)
        self.left_out += len(made) - len(lines)
        return self._taken(b"".join(lines))

    def sha256(self) -> str:
        """The digest of all that was given so far, in hex."""
        return self._digest.hexdigest()

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
    return None if record is None else _csv_line([safe_cell(cell) for cell in _cells(record)])


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


def _cells(record: RedactedRecord) -> list[object]:
    facts, timing, usage, who = record.exchange, record.timing, record.usage, record.identity
    return [
        *(record.id, timing.received_at, record.consumer, facts.dialect.value, facts.operation),
        *(facts.deployment, facts.requested_model, facts.reported_model, facts.status),
        *(facts.ending.value, facts.streamed, timing.ttft_ms, timing.duration_ms),
        *(usage.input, usage.output, usage.total),
        *(who.app_id, who.user, who.session, who.trace_id),
        " ".join(record.safety.signals),
        " ".join(f"{kind}:{count}" for kind, count in sorted(record.redaction.counts.items())),
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
