"""The fields one can ask for: the table that parser, help and documentation are made from.

A field is in `FIELDS` or it does not exist. Values are checked and brought into their one form
here; what cannot be understood raises `QueryInvalid`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from enum import StrEnum

from audit.errors import QueryInvalid
from audit.exchange import Dialect, Ending, Level
from audit.ids import timestamp

__all__ = [
    "FIELDS", "Field", "FieldKind", "duration", "instant", "is_ago", "nearest", "number", "word",
]  # fmt: skip


class FieldKind(StrEnum):
    """What kind of value a field takes."""

    WORD = "word"
    CHOICE = "choice"
    NUMBER = "number"
    DURATION = "duration"
    TRUTH = "truth"
    INSTANT = "instant"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name, what it takes, a sentence for the help, and how a person says it."""

    name: str
    kind: FieldKind
    sentence: str
    example: str
    noun: str
    choices: tuple[str, ...] = ()


_W, _C, _N, _D = FieldKind.WORD, FieldKind.CHOICE, FieldKind.NUMBER, FieldKind.DURATION
_B, _I, _T = FieldKind.TRUTH, FieldKind.INSTANT, FieldKind.TEXT

_TABLE = (
    Field("consumer", _W, "Who is charged and governed.", "consumer:demo", "the consumer"),
    Field("app", _W, "The calling application's id.", "app:3f2a*", "the application"),
    Field("tenant", _W, "The caller's tenant.", "tenant:contoso", "the tenant"),
    Field(
        "user",
        _W,
        "The end user, by the pseudonym that stands in the record.",
        "user:<USER_ID_k3f7*",
        "the user",
    ),
    Field("session", _W, "The caller's session.", "session:s-42", "the session"),
    Field(
        "trace",
        _W,
        "The trace id of the caller's traceparent.",
        "trace:4bf92f3577b34da6a3ce929d0e0e4736",
        "the trace",
    ),
    Field(
        "id",
        _W,
        "The record's id; with a star at its end, all records of a session.",
        "id:0199f3c0-*",
        "the id",
    ),
    Field("tap", _W, "The tap that saw the exchange.", "tap:tap-1", "the tap"),
    Field("policy", _W, "The redaction policy that made the record.", "policy:d*", "the policy"),
    Field("model", _W, "A model asked for, reported or served.", "model:gpt*", "a model"),
    Field("deployment", _W, "The deployment in the path.", "deployment:chat", "the deployment"),
    Field("operation", _W, "What was asked of the API.", "operation:chat*", "the operation"),
    Field(
        "dialect",
        _C,
        "The wire format.",
        "dialect:openai.chat",
        "the dialect",
        tuple(d.value for d in Dialect),
    ),
    Field(
        "ending",
        _C,
        "How the exchange ended.",
        "ending:complete",
        "the ending",
        tuple(e.value for e in Ending),
    ),
    Field(
        "level",
        _C,
        "How much of the exchange was kept.",
        "level:redacted",
        "the level",
        tuple(level.value for level in Level),
    ),
    Field("entity", _W, "A type that was taken out.", "entity:EMAIL_ADDRESS", "a redacted type"),
    Field("signal", _W, "A safety signal.", "signal:jailbreak.detected", "a safety signal"),
    Field("tool", _W, "A tool the model called.", "tool:get_weather", "a tool called"),
    Field("offered", _W, "A tool offered to the model.", "offered:send_mail", "a tool offered"),
    Field("flag", _W, "A flag of the record.", "flag:request_unparsed", "a flag"),
    Field(
        "degraded",
        _W,
        "An optional detector that did not answer; all of them with `degraded:*`.",
        "degraded:azure_language",
        "a detector that did not answer",
    ),
    Field("status", _N, "The HTTP status of the answer.", "status>=500", "the status"),
    Field("tokens", _N, "Tokens in all.", "tokens>1000", "the number of tokens"),
    Field("input", _N, "Tokens of the prompt.", "input>4000", "the number of input tokens"),
    Field("output", _N, "Tokens of the answer.", "output<10", "the number of output tokens"),
    Field("latency", _D, "From opening to end.", "latency>2s", "the latency"),
    Field("ttft", _D, "From opening to the first byte.", "ttft>500ms", "the time to first byte"),
    Field("streamed", _B, "Whether the answer was a stream.", "streamed:true", "streamed"),
    Field("truncated", _B, "Whether the record lacks a part.", "truncated:true", "truncated"),
    Field("day", _W, "The UTC day of the opening.", "day:2026-11-20", "the day"),
    Field(
        "after",
        _I,
        "Opened at or after: an ISO instant, a date, or how long ago (s, m, h, d, w).",
        "after:1h",
        "opened at or after",
    ),
    Field("before", _I, "Opened before; as `after`.", "before:2026-11-20", "opened before"),
    Field("text", _T, "Words of prompt or answer; so are words alone.", 'text:"a b"', "the text"),
    Field("prompt", _T, "Words of the prompt.", "prompt:refund", "the prompt"),
    Field("answer", _T, "Words of the answer.", 'answer:"I cannot"', "the answer"),
)

FIELDS: dict[str, Field] = {entry.name: entry for entry in _TABLE}

_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,6})?")
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s|m|h)")
_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
_AGO = re.compile(r"([0-9]{1,6})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def nearest(name: str, known: tuple[str, ...]) -> str:
    """Name what was perhaps meant, for the end of an error message."""
    close = get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(known)}"


def word(entry: Field, value: str, *, glob: bool) -> str:
    """Bring a name into its one form: choices in lower case, entity types in upper case."""
    if entry.name == "entity":
        return value.upper()
    if entry.name == "day" and not glob:
        return _day(entry, value)
    if entry.kind is not FieldKind.CHOICE:
        return value
    if not glob and value.lower() not in entry.choices:
        raise QueryInvalid(f"{entry.name}: no such {entry.name}; {nearest(value, entry.choices)}")
    return value.lower()


def _day(entry: Field, value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise QueryInvalid(f"{entry.name} takes a date, as in {entry.example}") from None


def number(entry: Field, value: str) -> float:
    """Read a plain decimal number."""
    if not _NUMBER.fullmatch(value):
        raise QueryInvalid(f"{entry.name} takes a number, as in {entry.example}")
    return float(value)


def duration(entry: Field, value: str) -> float:
    """Read a duration with its unit (ms, s, m, h) as milliseconds."""
    found = _DURATION.fullmatch(value)
    if not found:
        raise QueryInvalid(f"{entry.name} takes a duration with a unit, as in {entry.example}")
    return float(found[1]) * _MILLISECONDS[found[2]]


def is_ago(value: str) -> bool:
    """Tell how long before now from an instant."""
    return _AGO.fullmatch(value) is not None


def instant(entry: Field, value: str, now_ns: int) -> str:
    """Read an ISO instant or date (UTC unless it says otherwise), or how long before now."""
    try:
        if ago := _AGO.fullmatch(value):
            return timestamp(now_ns - int(ago[1]) * _SECONDS[ago[2]] * 1_000_000_000)
        told = datetime.fromisoformat(value)
        aware = told if told.tzinfo else told.replace(tzinfo=UTC)
        utc = aware.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        message = f"{entry.name} takes an instant, a date or how long ago, as in {entry.example}"
        raise QueryInvalid(message) from None
    return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
