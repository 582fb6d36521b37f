"""Message heads: what a proxy must change in them, and nothing else.

The law: order, duplicates, case and bytes of every field stay as they came. Only what RFC 9110
§7.6.1 makes hop-by-hop belongs to us: `Connection`, what it names, and the fields that frame a
message on one connection. This file knows bytes; it knows no socket.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from audit.exchange import AnswerHead
from audit.value import to_json

__all__ = [
    "AnswerFraming",
    "AnswerStart",
    "Header",
    "RequestHead",
    "answer_head",
    "first",
    "forwarded_headers",
    "noted",
    "request_head",
    "switching_head",
    "tap_error",
    "text_of",
]

Header = tuple[bytes, bytes]

# RFC 9110 §7.6.1. `Trailer` and `Proxy-Authorization` are end-to-end enough to be passed on;
# `Transfer-Encoding` and `Upgrade` are put back by whoever frames the message.
_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade"}
)


# Where an upstream names a request: APIM, OpenAI and Azure, Anthropic, other Azure services.
_REQUEST_IDS = (b"apim-request-id", b"x-request-id", b"request-id", b"x-ms-request-id")


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request's head as it came: raw header fields in order, and its framing."""

    method: str
    target: bytes = field(repr=False)
    headers: tuple[Header, ...] = field(repr=False)
    chunked: bool = False
    upgrade: bytes | None = None
    http10: bool = False
    keep_alive: bool = True


@dataclass(frozen=True, slots=True)
class AnswerFraming:
    """How an answer's body is delimited, and whether its connection may be used again."""

    chunked: bool
    content_length: int | None
    keep_alive: bool

    @property
    def until_close(self) -> bool:
        """Whether only the end of the connection ends the body."""
        return not self.chunked and self.content_length is None


@dataclass(frozen=True, slots=True)
class AnswerStart:
    """The head of an answer as it came: status, reason and raw fields in order."""

    status: int
    reason: bytes
    headers: list[Header] = field(repr=False)
    framing: AnswerFraming


def first(headers: Iterable[Header], name: bytes) -> bytes | None:
    """Find the first value of a field; `name` in lower case."""
    for key, value in headers:
        if key.lower() == name:
            return value
    return None


def forwarded_headers(headers: Sequence[Header]) -> list[Header]:
    """Drop the hop-by-hop fields and those that `Connection` names; keep all else as it is."""
    named = set(_HOP_BY_HOP)
    for key, value in headers:
        if key.lower() == b"connection":
            named.update(option.strip().lower() for option in value.split(b","))
    # A sender must not name these in `Connection`; one that does must not make us lose them.
    named -= {b"host", b"content-length", b"content-type", b"authorization", b"cache-control"}
    return [header for header in headers if header[0].lower() not in named]


def request_head(head: RequestHead, host: bytes | None, extra: Sequence[Header] = ()) -> bytes:
    """Write the head for the upstream.

    `host` replaces the value of `Host` in its place (None keeps the client's). A chunked body
    stays chunked; an upgrade is asked for again on our own connection.
    """
    lines = [head.method.encode() + b" " + head.target + b" HTTP/1.1"]
    seen_host = False
    for key, value in forwarded_headers(head.headers):
        if host is not None and key.lower() == b"host":
            if not seen_host:
                lines.append(key + b": " + host)
            seen_host = True
        else:
            lines.append(key + b": " + value)
    if host is not None and not seen_host:
        lines.insert(1, b"Host: " + host)
    lines.extend(key + b": " + value for key, value in extra)
    if head.chunked:
        lines.append(b"Transfer-Encoding: chunked")
    if head.upgrade is not None:
        lines.append(b"Connection: Upgrade")
        lines.append(b"Upgrade: " + head.upgrade)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def answer_head(answer: AnswerStart, *, http10: bool, close: bool) -> bytes:
    """Write the head for the client: status, reason and fields are the upstream's.

    `Connection` is ours: `close` when this connection ends after the answer, `keep-alive` for an
    HTTP/1.0 client whose connection stays. `Transfer-Encoding` stands where the upstream had it.
    """
    lines = [b"HTTP/1.1 %d %b" % (answer.status, answer.reason)]
    keep = {id(header) for header in forwarded_headers(answer.headers)}
    for header in answer.headers:
        framed = answer.framing.chunked and not http10 and header[0].lower() == b"transfer-encoding"
        if id(header) in keep or framed:
            lines.append(header[0] + b": " + header[1])
    if close:
        lines.append(b"Connection: close")
    elif http10:
        lines.append(b"Connection: keep-alive")
    return b"\r\n".join(lines) + b"\r\n\r\n"


def switching_head(answer: AnswerStart) -> bytes:
    """Write the head of a 101 as it came: `Connection` and `Upgrade` are the handshake itself."""
    lines = [b"HTTP/1.1 %d %b" % (answer.status, answer.reason)]
    lines.extend(name + b": " + value for name, value in answer.headers)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def noted(answer: AnswerStart, at_ns: int) -> AnswerHead:
    """Take out of a head what the record needs; `at_ns` is when the client was sent it."""
    headers = answer.headers
    identified = (first(headers, name) for name in _REQUEST_IDS)
    return AnswerHead(
        status=answer.status,
        content_type=text_of(first(headers, b"content-type")),
        content_encoding=text_of(first(headers, b"content-encoding")),
        at_ns=at_ns,
        served_model=text_of(first(headers, b"x-ms-served-model")),
        upstream_request_id=text_of(next((value for value in identified if value), None)),
        content_length=answer.framing.content_length,
    )


def text_of(value: bytes | None) -> str | None:
    """Read a field's value as text; bytes that are no UTF-8 are replaced."""
    return value.decode("utf-8", "replace") if value is not None else None


def tap_error(
    status: int, reason: str, code: str, message: str, *, head_only: bool = False
) -> bytes:
    """Write a whole answer of the tap's own, in the shape that OpenAI's SDKs read.

    Says that it came from the tap, and closes the connection. `head_only` for HEAD, whose answer
    has no body (RFC 9110 §9.3.2).
    """
    error = {
        "message": f"AuditStream tap: {message}",
        "type": "auditstream_tap_error",
        "param": None,
        "code": code,
    }
    body = to_json({"error": error})
    head = (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nX-AuditStream-Error: {code}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (b"" if head_only else body)
