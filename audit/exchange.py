"""One request through the tap and its answer: what is fixed at its opening, and how it can end.

The law of this module: an ending is decided by evidence, and where several pieces of evidence
speak, the table `PRECEDENCE` decides. The table is the documentation.
"""

from __future__ import annotations

from enum import StrEnum

from audit.ids import ExchangeNumber
from audit.value import Value, prepare

__all__ = [
    "PRECEDENCE",
    "AnswerHead",
    "Dialect",
    "Ending",
    "Identity",
    "IdentitySource",
    "Level",
    "OnAuditFailure",
    "Opening",
    "first_ending",
]


class Dialect(StrEnum):
    """The wire formats that are told apart."""

    OPENAI_CHAT = "openai.chat"
    OPENAI_COMPLETIONS = "openai.completions"
    OPENAI_RESPONSES = "openai.responses"
    OPENAI_ASSISTANTS = "openai.assistants"
    OPENAI_EMBEDDINGS = "openai.embeddings"
    OPENAI_IMAGES = "openai.images"
    OPENAI_AUDIO = "openai.audio"
    OPENAI_REALTIME = "openai.realtime"
    ANTHROPIC_MESSAGES = "anthropic.messages"
    OPAQUE = "opaque"


class Ending(StrEnum):
    """How an exchange ended."""

    TAP_CRASHED = "tap_crashed"
    REFUSED = "refused"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    UPSTREAM_DISCONNECTED = "upstream_disconnected"
    CLIENT_DISCONNECTED = "client_disconnected"
    FILTERED = "filtered"
    REJECTED = "rejected"
    FAILED = "failed"
    TUNNELLED = "tunnelled"
    COMPLETE = "complete"


# What each ending means, strongest evidence first: where several hold, the first one names the
# exchange. A transport cut stands above what the body said, because a cut body said only a part.
PRECEDENCE: dict[Ending, str] = {
    Ending.TAP_CRASHED: "the tap died before it saw the end",
    Ending.REFUSED: "the tap's own policy refused it; nothing was forwarded",
    Ending.UPSTREAM_UNREACHABLE: "no connection to the upstream could be made",
    Ending.UPSTREAM_TIMEOUT: "the upstream was silent for longer than allowed",
    Ending.UPSTREAM_DISCONNECTED: "the upstream closed before the answer was whole",
    Ending.CLIENT_DISCONNECTED: "the client left before the answer was whole",
    Ending.FILTERED: "a content filter blocked the prompt or cut the answer",
    Ending.REJECTED: "the answer was an HTTP error",
    Ending.FAILED: "an error arrived inside a 200",
    Ending.TUNNELLED: "the connection was upgraded and passed through as bytes",
    Ending.COMPLETE: "the answer came to its own end",
}


def first_ending(*held: Ending | None) -> Ending:
    """Choose the ending that takes precedence among those for which there is evidence."""
    present = set(held)
    for ending in PRECEDENCE:
        if ending in present:
            return ending
    return Ending.COMPLETE


class Level(StrEnum):
    """How much of an exchange may be kept."""

    NONE = "none"
    REDACTED = "redacted"
    PSEUDONYMISED = "pseudonymised"
    FULL = "full"


class OnAuditFailure(StrEnum):
    """What the tap does when the audit cannot take an opening."""

    OPEN = "open"
    CLOSED = "closed"


class IdentitySource(StrEnum):
    """What an identity rests on, strongest first."""

    VALIDATED_JWT = "validated_jwt"
    UNVERIFIED_JWT = "unverified_jwt"
    KEY_FINGERPRINT = "key_fingerprint"
    HEADER = "header"
    NONE = "none"


class Identity(Value, frozen=True):
    """Who called, as far as the request tells, and what that rests on.

    Keys and tokens are never here: `key_fingerprint` is an HMAC of the credential under the
    tap's fingerprint key, 32 hex digits.
    """

    app_id: str | None = None
    tenant_id: str | None = None
    user: str | None = None
    session: str | None = None
    trace_id: str | None = None
    upstream_request_id: str | None = None
    key_fingerprint: str | None = None
    source: IdentitySource = IdentitySource.NONE


class Opening(Value, frozen=True):
    """What is known and frozen when the request's head has arrived.

    It is in the spool, with its number, before the head is forwarded. `received_at_ns` is
    nanoseconds since the epoch (wall clock); `consumer` and `day` never change afterwards.
    `target_path` carries no query; `query` holds only the parameters that are safe to keep.
    """

    id: str
    number: ExchangeNumber
    received_at_ns: int
    consumer: str
    day: str
    level: Level
    method: str
    target_path: str
    query: dict[str, str]
    content_type: str | None
    content_encoding: str | None
    identity: Identity
    expires_at: str | None = None
    upgrade: str | None = None
    level_asked: Level | None = None

    def __repr__(self) -> str:
        return f"<Opening {self.id} {self.number!r}>"


class AnswerHead(Value, frozen=True):
    """What the answer's head said that the record needs.

    `at_ns` is the wall clock at which the head reached the client. `served_model` is Azure's
    `x-ms-served-model`; `upstream_request_id` the first of the request-id headers found.
    `websocket_extensions` is what an upgrade agreed upon, without which compressed frames cannot
    be read.
    """

    status: int
    content_type: str | None
    content_encoding: str | None
    at_ns: int
    served_model: str | None = None
    upstream_request_id: str | None = None
    content_length: int | None = None
    websocket_extensions: str | None = None


prepare(Opening, AnswerHead)
