"""Requests out of a client's bytes: aiohttp's C parser for heads, the framing counted here.

The law: this file knows HTTP and no socket. Each head is read by a parser of its own, which sees
nothing else: so no trailer of one request can turn up in the head of the next, and where a body
ends is decided once. A body's bytes come out in the call in which they went in. What lies behind a
request is not looked at before that request is over.
"""

from __future__ import annotations

import re

from aiohttp.http_exceptions import LineTooLong
from aiohttp.http_parser import HttpRequestParser, RawRequestMessage

from tap.chunks import BadChunksError, ChunkReader
from tap.heads import RequestHead
from tap.hop import Hop
from tap.target import in_origin_form

__all__ = ["BadRequestError", "RequestReader"]

# The parser never sees a body; the number only must be there.
_BODY_LIMIT = 1 << 16
_MAX_HEADERS = 1000
# A head may be larger than its largest line, but not by any amount: it is held until it is whole.
_LINES_PER_HEAD = 16

_HEAD_END = b"\r\n\r\n"
_ORDINARY = frozenset(
    (b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"HEAD", b"OPTIONS", b"CONNECT", b"TRACE")
)
_LONGEST_METHOD = 64
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class BadRequestError(Exception):
    """Bytes that are no valid request; `status` is what to answer. Holds none of them."""

    def __init__(self, status: int, kind: str) -> None:
        super().__init__(kind)
        self.status = status
        self.kind = kind


class RequestReader:
    """Reads one connection's requests, each after the one before it is over.

    `head` is the request at hand, None while there is none; `whole` tells that its body has
    been read to the end; `begun` that something of a head has come. `hop` is the connection
    that requests are said to have come over, None where nothing is said.
    """

    def __init__(self, *, max_head: int) -> None:
        self.hop: Hop | None = None
        self._max_head = max_head
        self._behind: list[bytes] = []
        self._begin()

    def _begin(self) -> None:
        self.head: RequestHead | None = None
        self.has_body = False
        self.whole = False
        self._parser: HttpRequestParser | None = None
        self._method: str | None = None
        self._start = b""
        self._fed = 0
        self._tail = b""
        self._left = 0
        self._chunks: ChunkReader | None = None
        self._raw = self._content = b""

    @property
    def begun(self) -> bool:
        """Whether a part of the next request's head has come."""
        return self.head is None and bool(self._start or self._fed)

    @property
    def behind(self) -> int:
        """How many bytes wait behind the request at hand."""
        return sum(map(len, self._behind))

    def feed(self, data: bytes) -> None:
        """Take what arrived. Raises `BadRequestError`; then nothing more can be read."""
        if self.whole:
            self._behind.append(data)
        elif self.head is not None:
            self._feed_body(data)
        elif data:
            self._feed_head(data)

    def content(self) -> bytes:
        """The body's bytes that came since the last call, without their framing."""
        content, self._content = self._content, b""
        return content

    def raw(self) -> bytes:
        """The same bytes as they came, framing and all: well made, fit to be sent on."""
        raw, self._raw = self._raw, b""
        return raw

    def next(self) -> None:
        """Forget the request at hand and look for another. Raises as `feed` does."""
        waiting = self.leave()
        self._begin()
        self.feed(waiting)

    def leave(self) -> bytes:
        """Give up HTTP: what came behind the request belongs to the other protocol."""
        waiting, self._behind = b"".join(self._behind), []
        return waiting

    # -- the head --------------------------------------------------------------------------

    def _feed_head(self, data: bytes) -> None:
        if self._parser is None:
            data = self._start = self._start + data
            known = self._named(data.lstrip(b"\r\n"))
            if known is None:
                return
            data, self._start = known, b""
            self._parser = self._new_parser()
        # The end may have come in two pieces: look at it together with what came before.
        kept = self._tail
        joined = kept + data
        end = joined.find(_HEAD_END)
        if end < 0:
            self._tail = joined[-3:]
            self._parse(data)
            return
        cut = end + len(_HEAD_END) - len(kept)
        self._parse(data[:cut], last=True)
        self._after_head(data[cut:])

    def _named(self, data: bytes) -> bytes | None:
        """Look at the method; None while it is not whole.

        The parser knows a closed list of methods, and methods are open (RFC 9110 §9.1): another
        one is shown to it as one that it knows, and keeps its own name for the upstream.
        """
        method, space, rest = data.partition(b" ")
        if not space and len(data) < _LONGEST_METHOD and (not data or _TOKEN.fullmatch(data)):
            return None
        if method in _ORDINARY or not space or not _TOKEN.fullmatch(method):
            return data
        self._method = method.decode("ascii")
        return b"POST " + rest

    def _new_parser(self) -> HttpRequestParser:
        return HttpRequestParser(
            _NOBODY,  # type: ignore[arg-type]  # the two methods that a body's reader calls
            _NOBODY,  # type: ignore[arg-type]  # a loop would be used to wait for a body
            _BODY_LIMIT,
            max_line_size=self._max_head,
            max_field_size=self._max_head,
            max_headers=_MAX_HEADERS,
            auto_decompress=False,
        )

    def _parse(self, data: bytes, *, last: bool = False) -> None:
        assert self._parser is not None  # noqa: S101 - made with the first bytes of a head
        self._fed += len(data)
        if self._fed > self._max_head * _LINES_PER_HEAD:
            raise BadRequestError(431, "HeadTooLong")
        try:
            messages, _, _ = self._parser.feed_data(data)
        except LineTooLong as error:
            raise BadRequestError(431, type(error).__name__) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, it was made of a caller's bytes
            raise BadRequestError(400, type(error).__name__) from None
        if len(messages) != last:
            raise BadRequestError(400, "HeadNotFound")
        for message, _ in messages:
            self._take(message)

    def _take(self, message: RawRequestMessage) -> None:
        method = self._method or message.method
        if message.version not in ((1, 0), (1, 1)):
            raise BadRequestError(505, "UnknownVersion")
        _check_coding(message)
        upgrade = message.headers.get("Upgrade") if message.upgrade else None
        target = message.path.encode("utf-8", "surrogateescape")
        fields = message.raw_headers if self.hop is None else self.hop.told(message.raw_headers)
        target, headers = in_origin_form(method, target, fields)
        self.head = RequestHead(
            method=method,
            target=target,
            headers=headers,
            chunked=message.chunked,
            upgrade=upgrade.encode("utf-8", "surrogateescape") if upgrade else None,
            http10=message.version < (1, 1),
            keep_alive=not message.should_close,
        )
        if message.chunked:
            self._chunks = ChunkReader()
        elif method != "CONNECT":
            self._left = int(message.headers.get("Content-Length", 0))
        self.has_body = message.chunked or self._left > 0

    def _after_head(self, rest: bytes) -> None:
        self._parser = None
        self.whole = not self.has_body
        if rest:
            self.feed(rest)

    # -- the body --------------------------------------------------------------------------

    def _feed_body(self, data: bytes) -> None:
        if self._chunks is None:
            raw = content = data[: self._left]
            rest = data[self._left :]
            self._left -= len(raw)
            self.whole = not self._left
        else:
            raw, content, rest = self._feed_chunks(self._chunks, data)
        self._raw = self._raw + raw if self._raw else raw
        self._content = self._content + content if self._content else content
        if rest:
            self._behind.append(rest)

    def _feed_chunks(self, chunks: ChunkReader, data: bytes) -> tuple[bytes, bytes, bytes]:
        try:
            taken = chunks.feed(data)
        except BadChunksError:
            raise BadRequestError(400, "BadChunks") from None
        self.whole = chunks.whole
        return taken


def _check_coding(message: RawRequestMessage) -> None:
    """Refuse every transfer coding but the one that all parsers read alike (RFC 9112 §6.1)."""
    codings = message.headers.getall("Transfer-Encoding", ())
    if not codings:
        return
    if message.version < (1, 1):
        raise BadRequestError(400, "CodedInHttp10")
    if [each.strip(" \t").lower() for each in codings] != ["chunked"]:
        raise BadRequestError(501, "UnknownCoding")


class _Nobody:
    """Stands where aiohttp expects the connection that feeds a body: no body comes to it."""

    connected = True

    def pause_reading(self) -> None:
        """Nothing to hold."""

    def resume_reading(self, *, resume_parser: bool = True) -> None:
        """Nothing was held."""


_NOBODY = _Nobody()
