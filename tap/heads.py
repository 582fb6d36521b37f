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
    "firsts",
    "noted",
    "request_head",
    "tap_error",
    "text_of",
]

Header = tuple[bytes, bytes]

# RFC 9110 §7.6.1. `Trailer` and `Proxy-Authorization` are end-to-end enough to be passed on;
# `Transfer-Encoding` and `Upgrade` are put back by whoever frames the message.
_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade"}
)
_NEVER_NAMED = frozenset(
    {b"host", b"content-length", b"content-type", b"authorization", b"cache-control"}
)


# Where an upstream names a request: APIM, OpenAI and Azure, Anthropic, other Azure services.
_REQUEST_IDS = (b"apim-request-id", b"x-request-id", b"request-id", b"x-ms-request-id")
_EXTENSIONS = b"sec-websocket-extensions"


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
    """The head of an answer: status and fields as they were read, and the bytes that came."""

    status: int
    headers: list[Header] = field(repr=False)
    framing: AnswerFraming
    raw: bytes = field(repr=False)


def firsts(headers: Iterable[Header]) -> dict[bytes, bytes]:
    """Give the first value of each field by its name in lower case, for more than one look."""
    found: dict[bytes, bytes] = {}
    for key, value in headers:
        found.setdefault(key.lower(), value)
    return found


def _dropped(headers: Iterable[Header]) -> set[bytes]:
    """Name, in lower case, the fields that speak of one connection only."""
    dropped = set(_HOP_BY_HOP)
    for key, value in headers:
        if key.lower() == b"connection":
            dropped.update(option.strip().lower() for option in value.split(b","))
    # A sender must not name these in `Connection`; one that does must not make us lose them.
    return dropped - _NEVER_NAMED


def request_head(head: RequestHead, host: bytes | None, extra: Sequence[Header] = ()) -> bytes:
    """Write the head for the upstream.

    `host` replaces the value of `Host` in its place (None keeps the client's). A chunked body
    stays chunked; an upgrade is asked for again on our own connection; each in its place.
    """
    lines = [head.method.encode() + b" " + head.target + b" HTTP/1.1"]
    dropped = _dropped(head.headers)
    if head.chunked:
        dropped.discard(b"transfer-encoding")
    # Each of ours stands once, where the first of its name stood.
    ours = {b"host": host} if host is not None else {}
    if head.upgrade is not None:
        dropped.discard(b"upgrade")
        ours[b"connection"] = b"Upgrade"
    written: set[bytes] = set()
    for key, value in head.headers:
        name = key.lower()
        if name not in ours and name not in dropped:
            lines.append(key + b": " + value)
        elif name in ours and name not in written:
            written.add(name)
            lines.append(key + b": " + ours[name])
    if host is not None and b"host" not in written:
        lines.insert(1, b"Host: " + host)
    lines.extend(key + b": " + value for key, value in extra)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def answer_head(answer: AnswerStart, *, http10: bool, close: bool) -> bytes:
    """Write the head for the client: its lines are the upstream's own bytes.

    `Connection` is ours: `close` when this connection ends after the answer, `keep-alive` for an
    HTTP/1.0 client whose connection stays.
    """
    dropped = _dropped(answer.headers)
    if answer.framing.chunked and not http10:
        dropped.discard(b"transfer-encoding")
    first_line, *lines = answer.raw.removesuffix(b"\r\n\r\n").split(b"\r\n")
    kept = [b"HTTP/1.1" + first_line[8:]]
    kept += [line for line in lines if line.partition(b":")[0].strip().lower() not in dropped]
    if close:
        kept.append(b"Connection: close")
    elif http10:
        kept.append(b"Connection: keep-alive")
    return b"\r\n".join(kept) + b"\r\n\r\n"


def noted(answer: AnswerStart, at_ns: int) -> AnswerHead:
    """Take out of a head what the record needs; `at_ns` is when the client was sent it."""
    fields = firsts(answer.headers)
    identified = (fields.get(name) for name in _REQUEST_IDS)
    return AnswerHead(
        status=answer.status,
        content_type=text_of(fields.get(b"content-type")),
        content_encoding=text_of(fields.get(b"content-encoding")),
        at_ns=at_ns,
        served_model=text_of(fields.get(b"x-ms-served-model")),
        upstream_request_id=text_of(next((value for value in identified if value), None)),
        content_length=answer.framing.content_length,
        websocket_extensions=_extensions(answer) if answer.status == 101 else None,
    )


def _extensions(answer: AnswerStart) -> str | None:
    """Join the lines of `Sec-WebSocket-Extensions`, which may be several (RFC 6455 §11.3.2)."""
    found = [value for key, value in answer.headers if key.lower() == _EXTENSIONS]
    return text_of(b", ".join(found)) if found else None


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
