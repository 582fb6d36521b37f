"""The record: what was asked and answered in one exchange, schema version 1.

Two types share these groups. `AuditRecord` holds clear text and exists only in the memory of the
process that saw the traffic, in sealed frames, and in a worker's memory. `RedactedRecord` is
what is stored; the store's write door takes nothing else. Neither can stand in for the other.
"""

from __future__ import annotations

import msgspec

from audit.exchange import Dialect, Ending, Identity, Level
from audit.parts import Part
from audit.value import Json, Value, prepare

__all__ = [
    "SCHEMA",
    "AuditRecord",
    "Engine",
    "ExchangeFacts",
    "Finding",
    "Integrity",
    "Message",
    "Output",
    "OutputSafety",
    "RedactedRecord",
    "Redaction",
    "Reference",
    "Request",
    "Response",
    "ResponseError",
    "Retention",
    "Review",
    "Safety",
    "TapRef",
    "Timing",
    "Tool",
    "Usage",
    "Verdict",
]

SCHEMA = 1


class TapRef(Value, frozen=True, omit_defaults=True):
    """Which tap saw the exchange, in which of its boots, as which number.

    Of an exchange with several records (`audit.sheaf`), `record` says which one this is, counted
    from 1, and `records` how many there are. In JSON a 1 is left out, so that a single record has
    neither.
    """

    name: str
    boot: str
    seq: int
    record: int = 1
    records: int = 1


class ExchangeFacts(Value, frozen=True):
    """What kind of exchange it was and how it went.

    `flags` names what a reader must know of the record itself (`request_unparsed`,
    `stream_malformed`, …): codes from `audit.flags`, never text from the wire.
    `ending_detail` is likewise a code.
    """

    dialect: Dialect
    operation: str
    method: str
    path: str
    api_version: str | None = None
    deployment: str | None = None
    requested_model: str | None = None
    reported_model: str | None = None
    served_model: str | None = None
    system_fingerprint: str | None = None
    response_id: str | None = None
    previous_response_id: str | None = None
    status: int | None = None
    streamed: bool = False
    ending: Ending = Ending.COMPLETE
    ending_detail: str | None = None
    truncated: bool = False
    flags: tuple[str, ...] = ()


class Timing(Value, frozen=True):
    """When things happened, as the client saw them.

    Instants are UTC text with six decimals; durations are milliseconds. `ttft_ms` is from the
    opening to the first byte of the answer's body; gaps are between body chunks written. Of a
    response in a session all of it is the response's own, from where it began, as far as that is
    known; chunks and gaps are then the connection's, and stand where it has no other record.
    """

    received_at: str
    first_byte_at: str | None = None
    last_byte_at: str | None = None
    ttft_ms: float | None = None
    duration_ms: float | None = None
    chunks: int = 0
    gap_p50_ms: float | None = None
    gap_p99_ms: float | None = None
    gap_max_ms: float | None = None


class Message(Value, frozen=True):
    """One turn of the prompt."""

    role: str
    name: str | None = None
    parts: tuple[Part, ...] = ()


class Tool(Value, frozen=True):
    """A tool offered to the model: its name, and a keyed digest of its whole definition."""

    name: str
    digest: str


class Reference(Value, frozen=True):
    """A prompt that is not in the request: a stored prompt, a thread, an earlier response."""

    kind: str
    id: str


class Request(Value, frozen=True):
    """What was asked. `prompt_digest` is keyed and covers the request body as sent."""

    messages: tuple[Message, ...] = ()
    tools: tuple[Tool, ...] = ()
    parameters: dict[str, Json] = msgspec.field(default_factory=dict)
    references: tuple[Reference, ...] = ()
    prompt_digest: str | None = None


class Output(Value, frozen=True):
    """One choice, item or block sequence of the answer."""

    index: int
    role: str | None = None
    parts: tuple[Part, ...] = ()
    finish_reason: str | None = None


class ResponseError(Value, frozen=True):
    """The error the upstream reported, inside a 200 or as an HTTP error."""

    code: str | None = None
    type: str | None = None
    message: str | None = None
    param: str | None = None


class Response(Value, frozen=True):
    """What was answered."""

    outputs: tuple[Output, ...] = ()
    error: ResponseError | None = None


class Verdict(Value, frozen=True):
    """One content-filter category's verdict, merged over all segments.

    `filtered` and `detected` stick once true; `severity` is the highest seen.
    """

    category: str
    filtered: bool = False
    detected: bool | None = None
    severity: str | None = None
    detail: str | None = None


class OutputSafety(Value, frozen=True):
    """The verdicts on one output."""

    index: int
    verdicts: tuple[Verdict, ...] = ()


class Safety(Value, frozen=True):
    """What content filters said of prompt and outputs; `signals` is what one alerts on."""

    prompt: tuple[Verdict, ...] = ()
    outputs: tuple[OutputSafety, ...] = ()
    signals: tuple[str, ...] = ()


class Usage(Value, frozen=True):
    """Token counts, normalised: `input` includes what was read from a cache.

    Unknown is null, never 0. `reported` is the provider's own object.
    """

    input: int | None = None
    output: int | None = None
    total: int | None = None
    cached: int | None = None
    reasoning: int | None = None
    audio_in: int | None = None
    audio_out: int | None = None
    source: str | None = None
    reported: Json = None


class Integrity(Value, frozen=True):
    """What makes an alteration visible.

    `commitment` is a keyed digest over `salt` and the clear record, made by the tap; where an
    exchange has several, over all of them, and each states it. `record_digest` is SHA-256 over
    this document without this group; `signature` is the worker's, over the digest. Hex throughout.
    """

    salt: str | None = None
    commitment: str | None = None
    record_digest: str | None = None
    signature: str | None = None


class Retention(Value, frozen=True):
    """Until when the record is kept (UTC, absolute), and whether a hold forbids removal."""

    expires_at: str | None = None
    hold: bool = False


class Engine(Value, frozen=True):
    """A detector that read the record's text."""

    name: str
    version: str


class Finding(Value, frozen=True):
    """One place where something was taken out.

    `path` is a JSON Pointer (RFC 6901) to a string of this record; `start` and `end` are
    offsets into that redacted string, in Unicode code points, and cut out exactly `token`.
    """

    path: str
    start: int
    end: int
    type: str
    detector: str
    score: float
    token: str


class Review(Value, frozen=True):
    """A receipt: this policy has read the record after it was stored, by this order.

    `engines` are the detectors that answered, `found` is what they took out besides, by type.
    """

    policy: str
    at: str
    order: str
    engines: tuple[Engine, ...] = ()
    found: dict[str, int] = msgspec.field(default_factory=dict)


class Redaction(Value, frozen=True):
    """Which policy made this record what it is, and what it took out.

    `degraded` names the optional detectors that did not answer; `gaps` names what the
    configuration cannot see at all (`no_name_model`), or not in a language that a part is written
    in (`no_name_model.hu`). `reviews` are the receipts of later readings, oldest first; a record
    that had none lacks the field. What they found is among `counts` and `findings`, what they
    closed is gone from `degraded` and `gaps`.
    """

    level: Level
    policy: str
    engines: tuple[Engine, ...] = ()
    counts: dict[str, int] = msgspec.field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    languages: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    reviews: tuple[Review, ...] | msgspec.UnsetType = msgspec.UNSET

    @property
    def receipts(self) -> tuple[Review, ...]:
        """The receipts, whether or not there are any."""
        return () if self.reviews is msgspec.UNSET else self.reviews


class AuditRecord(Value, frozen=True, kw_only=True):
    """One exchange in clear text, or one response of a session.

    It is never stored, and never leaves memory unsealed.
    """

    id: str
    schema: int = SCHEMA
    consumer: str
    day: str
    level: Level
    tap: TapRef
    exchange: ExchangeFacts
    timing: Timing
    identity: Identity
    request: Request = Request()
    response: Response = Response()
    safety: Safety = Safety()
    usage: Usage = Usage()
    integrity: Integrity = Integrity()
    retention: Retention = Retention()

    def __repr__(self) -> str:
        return f"<AuditRecord {self.id}>"


class RedactedRecord(Value, frozen=True, kw_only=True):
    """One exchange without personal data: the only thing the record store accepts."""

    id: str
    schema: int = SCHEMA
    consumer: str
    day: str
    tap: TapRef
    exchange: ExchangeFacts
    timing: Timing
    identity: Identity
    request: Request
    response: Response
    safety: Safety
    usage: Usage
    redaction: Redaction
    integrity: Integrity
    retention: Retention

    def __repr__(self) -> str:
        return f"<RedactedRecord {self.id}>"


prepare(AuditRecord, RedactedRecord)
