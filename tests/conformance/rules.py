"""The whole list of what the tap changes between a client and its upstream, as functions.

The law: a rule turns what passes on the straight way into what must pass through the tap. The tap
may do nothing that is not here, and a rule that no case needs does not belong here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.conformance.framing import content_of
from tests.conformance.transcript import Transcript

__all__ = ["RULES", "Rule", "expected"]

_HOP = rb"(?:connection|keep-alive|proxy-connection|te)"


@dataclass(frozen=True)
class Rule:
    """One difference: where it is, what is done and why, and the function that does it."""

    side: str
    says: str
    change: Callable[[Transcript, bytes], Transcript]


RULES: dict[str, Rule] = {}

Change = Callable[[bytes, bytes], bytes]


def _requests(name: str, says: str, change: Change) -> None:
    def applied(seen: Transcript, authority: bytes) -> Transcript:
        changed = tuple(change(request, authority) for request in seen.requests)
        return replace(seen, requests=changed)

    RULES[name] = Rule("request", says, applied)


def _answers(name: str, says: str, change: Change) -> None:
    def applied(seen: Transcript, authority: bytes) -> Transcript:
        return replace(seen, told=change(seen.told, authority))

    RULES[name] = Rule("answer", says, applied)


def expected(direct: Transcript, rules: tuple[str, ...], authority: bytes) -> Transcript:
    """Apply the rules to what was seen on the straight way."""
    for name in rules:
        direct = RULES[name].change(direct, authority)
    return direct


def _without_hops(message: bytes, _: bytes) -> bytes:
    head, end, rest = message.partition(b"\r\n\r\n")
    named = re.findall(rb"(?im)^connection:([^\r]*)", head)
    names = [re.escape(each.strip()) for line in named for each in line.split(b",")]
    gone = b"|".join([_HOP, *names])
    return re.sub(rb"(?i)\r\n(?:" + gone + rb"):[^\r]*", b"", head) + end + rest


def _sub(pattern: bytes, by: bytes) -> Change:
    return lambda message, authority: re.sub(
        pattern, by.replace(b"@HOST", authority), message, count=1
    )


def _unchunked(told: bytes, _: bytes) -> bytes:
    head, end, body = told.partition(b"\r\n\r\n")
    return head.replace(b"\r\nTransfer-Encoding: chunked", b"") + end + content_of(body)


def _kept_open(seen: Transcript, authority: bytes) -> Transcript:
    again = b"GET /again HTTP/1.1\r\nHost: %b\r\n\r\n" % authority
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    return Transcript((*seen.requests, again), seen.told + answer, "goes on", seen.endings)


_requests(
    "host",
    "`Host` names the upstream, as RFC 9110 §7.2 asks of who makes the request; "
    "`tap.keep_host` keeps the caller's",
    _sub(rb"(?i)(\r\nhost:) *[^\r]*", rb"\1 @HOST"),
)
_requests(
    "host added",
    "an HTTP/1.0 request without `Host` gets one: HTTP/1.1 requires it (RFC 9112 §3.2)",
    _sub(rb"\r\n", b"\r\nHost: @HOST\r\n"),
)
_requests(
    "absolute",
    "a target in absolute form is sent in origin form: there is one upstream (RFC 9112 §3.2.2)",
    _sub(rb" http://[^/ ]*", b" "),
)
_requests(
    "connection",
    "`Connection`, `Keep-Alive`, `Proxy-Connection`, `TE` and what `Connection` names speak of "
    "the client's connection only (RFC 9110 §7.6.1)",
    _without_hops,
)
_requests(
    "upgrade",
    "an upgrade is asked for again on the upstream's connection: `Connection: Upgrade`",
    _sub(rb"\r\nConnection: [^\r]*", b"\r\nConnection: Upgrade"),
)
_requests(
    "version",
    "a request of an HTTP/1.0 client is sent as HTTP/1.1 (RFC 9110 §6.2)",
    _sub(rb" HTTP/1\.0\r\n", b" HTTP/1.1\r\n"),
)
_requests(
    "colon",
    "one space stands behind each field's colon (RFC 9110 §5.5: not part of the value)",
    _sub(rb"X-Empty:\r\n", b"X-Empty: \r\n"),
)
_answers(
    "answer connection",
    "`Connection`, `Keep-Alive` and what `Connection` names speak of the upstream's connection "
    "only (RFC 9110 §7.6.1)",
    _without_hops,
)
RULES["kept open"] = Rule(
    "connection", "the client's connection goes on when the upstream closes its own", _kept_open
)
_answers(
    "half-closed",
    "a client that closes its sending side counts as gone, and its upstream is told at once",
    lambda *_: b"",
)
_answers(
    "answer close",
    "`Connection: close` is said where the client's connection ends with the answer",
    _sub(rb"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
)
_answers(
    "answer kept alive",
    "`Connection: keep-alive` is said to an HTTP/1.0 client that asked for it (RFC 9112 §9.3)",
    lambda told, _: told.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n"),
)
_answers(
    "answer version",
    "an answer in HTTP/1.0 is passed on as HTTP/1.1 (RFC 9110 §6.2)",
    _sub(rb"HTTP/1\.0 ", b"HTTP/1.1 "),
)
_answers(
    "unchunked",
    "an HTTP/1.0 client, which knows no chunks, gets the content and the connection's end",
    _unchunked,
)
_answers(
    "no interim",
    "an HTTP/1.0 client is sent no informational answers (RFC 9110 §15.2)",
    lambda told, _: told[told.index(b"\r\n\r\n") + 4 :],
)
_answers(
    "surplus",
    "bytes that an upstream sends behind its whole answer reach nobody",
    lambda told, _: told.removesuffix(b"SURPLUS"),
)
