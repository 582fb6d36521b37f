"""Requests that two parsers could read in two ways, and others that are none (RFC 9112 §11.2).

Each is refused whole: with this status, without a byte reaching the upstream, and counted.
"""

from __future__ import annotations

__all__ = ["SHAPES", "SPLIT"]

_LINE = b"POST /v1/x HTTP/1.1\r\n"
_HOST = b"Host: t\r\n"
_KEY = b"Authorization: Bearer planted-credential\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n"
_SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n"


def _with(fields: bytes, body: bytes = b"") -> bytes:
    return _LINE + _HOST + _KEY + fields + b"\r\n" + body + _SMUGGLED


def _chunks(body: bytes) -> bytes:
    return _with(_CHUNKED, body)


SHAPES: dict[str, tuple[int, bytes]] = {
    name: (status, request)
    for status, requests in {
        400: {
            "two lengths": _with(b"Content-Length: 4\r\nContent-Length: 5\r\n"),
            "one length twice": _with(b"Content-Length: 4\r\nContent-Length: 4\r\n"),
            "a list of lengths": _with(b"Content-Length: 4, 4\r\n"),
            "length with chunked": _with(b"Content-Length: 4\r\n" + _CHUNKED),
            "chunked with length": _with(_CHUNKED + b"Content-Length: 4\r\n"),
            "negative length": _with(b"Content-Length: -1\r\n"),
            "length with a plus": _with(b"Content-Length: +4\r\n"),
            "length in hex": _with(b"Content-Length: 0x4\r\n"),
            "length with a letter": _with(b"Content-Length: 4x\r\n"),
            "empty length": _with(b"Content-Length: \r\n"),
            "length beyond 64 bits": _with(b"Content-Length: 99999999999999999999\r\n"),
            "chunked, then identity": _with(b"Transfer-Encoding: chunked, identity\r\n"),
            "chunked in two fields": _with(_CHUNKED + _CHUNKED),
            "chunked twice": _with(b"Transfer-Encoding: chunked, chunked\r\n"),
            "codings in two fields": _with(b"Transfer-Encoding: gzip\r\n" + _CHUNKED),
            "unknown coding at the end": _with(b"Transfer-Encoding: xchunked\r\n"),
            "chunked behind a vertical tab": _with(b"Transfer-Encoding: \x0bchunked\r\n"),
            "chunked in HTTP/1.0": b"POST / HTTP/1.0\r\n" + _CHUNKED + b"\r\n0\r\n\r\n",
            "space before the colon": _with(b"Content-Length : 4\r\n"),
            "obsolete folding": _with(b"X-A: 1\r\n folded\r\n"),
            "folding of the first field": _LINE + b" X-A: 1\r\n" + _HOST + b"\r\n",
            "bare CR in a field": _with(b"X-A: 1\rX-B: 2\r\n"),
            "bare LF behind a field": _with(b"X-A: 1\nX-B: 2\r\n"),
            "bare LF everywhere": b"GET / HTTP/1.1\nHost: t\n\n",
            "NUL in a field": _with(b"X-A: \x00\r\n"),
            "NUL in a name": _with(b"X\x00A: 1\r\n"),
            "no colon": _with(b"X-A\r\n"),
            "no name": _with(b": 1\r\n"),
            "no Host": _LINE + b"\r\n",
            "two Hosts": _LINE + _HOST + b"Host: other\r\n\r\n",
            "space in the target": b"GET /a b HTTP/1.1\r\nHost: t\r\n\r\n",
            "tab in the line": b"GET\t/\tHTTP/1.1\r\nHost: t\r\n\r\n",
            "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            "method with a bracket": b"GE(T / HTTP/1.1\r\nHost: t\r\n\r\n",
            "target of another form": b"GET nowhere HTTP/1.1\r\nHost: t\r\n\r\n",
            "non-ASCII target": b"GET /caf\xe9 HTTP/1.1\r\nHost: t\r\n\r\n",
            "chunk size that is no number": _chunks(b"zz\r\nhello\r\n0\r\n\r\n"),
            "chunk size with a sign": _chunks(b"+5\r\nhello\r\n0\r\n\r\n"),
            "chunk size with 0x": _chunks(b"0x5\r\nhello\r\n0\r\n\r\n"),
            "chunk size with an underscore": _chunks(b"0_5\r\nhello\r\n0\r\n\r\n"),
            "chunk size behind a space": _chunks(b" 5\r\nhello\r\n0\r\n\r\n"),
            "chunk size before a space": _chunks(b"5 \r\nhello\r\n0\r\n\r\n"),
            "chunk size beyond 64 bits": _chunks(b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
            "empty chunk size": _chunks(b"\r\nhello\r\n0\r\n\r\n"),
            "bare LF behind a chunk size": _chunks(b"5\nhello\r\n0\r\n\r\n"),
            "bare CR behind a chunk size": _chunks(b"5\rhello\r\n0\r\n\r\n"),
            "bare LF in an extension": _chunks(b"5;a\nhello\r\n0\r\n\r\n"),
            "bare CR in an extension": _chunks(b"5;a\rb\r\nhello\r\n0\r\n\r\n"),
            "NUL in an extension": _chunks(b"5;\x00\r\nhello\r\n0\r\n\r\n"),
            "chunk longer than its size": _chunks(b"5\r\nhello!\r\n0\r\n\r\n"),
            "bare LF behind a chunk": _chunks(b"5\r\nhello\n0\r\n\r\n"),
            "trailer with a space before the colon": _chunks(b"0\r\nX-T : t\r\n\r\n"),
            "trailer with folding": _chunks(b"0\r\nX-T: t\r\n u\r\n\r\n"),
            "trailer with a bare LF": _chunks(b"0\r\nX-T: t\nX-U: u\r\n\r\n"),
        },
        431: {
            "a field beyond the limit": _with(b"X-A: " + b"x" * 70_000 + b"\r\n"),
            "a target beyond the limit": b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
            "a head beyond sixteen times the limit": _with(
                (b"X-A: " + b"x" * 60_000 + b"\r\n") * 20
            ),
        },
        501: {
            "a coding before chunked": _with(b"Transfer-Encoding: gzip, chunked\r\n"),
        },
        505: {
            "no version": b"GET /\r\nHost: t\r\n\r\n",
            "HTTP/0.9": b"GET /\r\n\r\n",
            "HTTP/2.0": b"GET / HTTP/2.0\r\nHost: t\r\n\r\n",
        },
    }.items()
    for name, request in requests.items()
}

# What is wrong comes after a head that was forwarded: (the good part of the body, the bad one).
SPLIT: dict[str, tuple[bytes, bytes]] = {
    "a bad chunk size": (b"5\r\nhello\r\n", b"bad\n0\r\n\r\n"),
    "a chunk longer than its size": (b"5\r\nhello", b"!!\r\n0\r\n\r\n"),
    "a bare LF in an extension": (b"5\r\nhello\r\n", b"5;bad\nhello\r\n"),
    "a trailer that is none": (b"5\r\nhello\r\n0\r\n", b"bad: ok\r\nbad\r\n\r\n"),
}
