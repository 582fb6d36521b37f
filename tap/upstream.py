"""Connections to the upstream: watched by a C parser, never interpreted.

The law: bytes that arrive are handed on in the call in which they arrived. The parser is only
there to see where the head and the message end; it decides nothing about the content. What is
handed on is the upstream's own bytes with their own framing.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

import httptools

from tap.heads import AnswerFraming, AnswerStart, Header
from tap.sink import AnswerSink

__all__ = ["Home", "UpstreamConnection"]

# A head larger than this is no answer of an LLM gateway; without a limit a broken upstream
# could fill our memory before the first body byte.
_MAX_HEAD = 1024 * 1024


class Home(Protocol):
    """Where a connection goes when its exchange is over."""

    def put(self, connection: UpstreamConnection) -> None:
        """Keep it for another exchange."""

    def forget(self, connection: UpstreamConnection) -> None:
        """Drop one that is closed."""


class UpstreamConnection(asyncio.Protocol):
    """One connection: carries one exchange at a time.

    `used` tells that it has carried one before, `clogged` that the upstream does not take what
    was written.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._sink: AnswerSink | None = None
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self.clogged = False
        self.used = False

    # -- the exchange's side ---------------------------------------------------------------

    def begin(self, sink: AnswerSink, *, head_only: bool) -> None:
        """Start an exchange; `head_only` for HEAD, whose answer has no body whatever it says."""
        self._sink = sink
        self._head_only = head_only
        self.resume()
        self._reset_message()
        self._received = False

    def write(self, data: bytes) -> None:
        """Send bytes; buffered by the transport, see `clogged`."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def pause(self) -> None:
        """Stop reading: the client is slower than the upstream."""
        if self._transport is not None and self.alive and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._transport is not None and self.alive and self._paused:
            self._paused = False
            self._transport.resume_reading()

    def release(self) -> None:
        """Give the connection back for another exchange."""
        # One that is not read would not notice that the upstream closes it.
        self.resume()
        self._sink = None
        self.used = True
        self._home.put(self)

    def abort(self) -> None:
        """Drop the connection at once: the upstream sees a reset or an end."""
        self._sink = None
        if self._transport is not None:
            self._transport.abort()

    @property
    def paused(self) -> bool:
        """Whether it is not being read, for the sake of a slow client."""
        return self._paused

    @property
    def alive(self) -> bool:
        """Whether the connection is, as far as we know, open."""
        return self._transport is not None and not self._transport.is_closing()

    # -- asyncio.Protocol ------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        # uvloop's transports have the methods of asyncio's class without being of it.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the sink; an orderly end of the connection may be the end of the message."""
        self._home.forget(self)
        sink, self._sink = self._sink, None
        if sink is None:
            return
        if exc is None and self._until_close and self._in_body and not self._tunnel:
            sink.whole(reusable=False)
        else:
            sink.lost(received=self._received)

    def pause_writing(self) -> None:
        """Tell that the upstream is slower than the client."""
        self.clogged = True
        if self._sink is not None:
            self._sink.full(full=True)

    def resume_writing(self) -> None:
        """Tell that the upstream takes bytes again."""
        self.clogged = False
        if self._sink is not None:
            self._sink.full(full=False)

    def data_received(self, data: bytes) -> None:
        """Hand on what came, in this call."""
        if self._sink is None:
            # Bytes that nobody asked for: this connection cannot be trusted with an exchange.
            self.abort()
            self._home.forget(self)
            return
        self._received = True
        if self._tunnel:
            self._sink.tunnel(data)
        elif self._in_body:
            self._body_received(data)
        else:
            self._head_received(data)

    # -- the head --------------------------------------------------------------------------

    def _reset_message(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._raw_head = b""
        self._headers: list[Header] = []
        self._content: list[bytes] = []
        self._in_body = False
        self._until_close = False
        self._chunked = False
        self._keep_alive = False
        self._complete = False
        self._surplus = False
        self._begun = False
        self._tunnel = False

    def _head_received(self, data: bytes) -> None:
        self._raw_head += data
        end = self._raw_head.find(b"\r\n\r\n")
        if end < 0:
            if len(self._raw_head) > _MAX_HEAD:
                self._broken()
            return
        raw, rest = self._raw_head[: end + 4], self._raw_head[end + 4 :]
        upgraded = False
        try:
            self._parser.feed_data(raw)
        except httptools.HttpParserUpgrade:
            upgraded = True
        except httptools.HttpParserError:
            self._broken()
            return
        self._head_parsed(raw, rest, upgraded=upgraded)

    def _head_parsed(self, raw: bytes, rest: bytes, *, upgraded: bool) -> None:
        status = self._parser.get_status_code()
        sink = self._sink
        assert sink is not None  # noqa: S101 - only called while an exchange is on
        if 100 <= status < 200 and status != 101:
            self._reset_message()
            sink.interim(raw)
            if rest:
                self._head_received(rest)
            return
        framing = self._framing(status)
        self._until_close = framing.until_close
        self._chunked = framing.chunked
        self._tunnel = status == 101 and upgraded
        self._in_body = True
        over = self._complete or self._bodiless(status)
        follows = bool(rest) and not over and not self._tunnel
        sink.head(AnswerStart(status, self._headers, framing, raw), follows=follows)
        if follows:
            self._body_received(rest)
        elif self._tunnel:
            if rest:
                sink.tunnel(rest)
        elif over:
            self._end(reusable=framing.keep_alive and not rest)

    def _framing(self, status: int) -> AnswerFraming:
        chunked, length = False, None
        for key, value in self._headers:
            name = key.lower()
            if name == b"transfer-encoding":
                chunked = value.lower().rstrip().endswith(b"chunked")
            elif name == b"content-length" and value.strip().isdigit():
                length = int(value)
        if chunked:
            length = None
        if self._bodiless(status):
            return AnswerFraming(chunked, length or 0, self._keep_alive)
        return AnswerFraming(chunked, length, self._keep_alive)

    def _bodiless(self, status: int) -> bool:
        return self._head_only or status in (204, 304)

    # -- the body --------------------------------------------------------------------------

    def _body_received(self, data: bytes) -> None:
        sink = self._sink
        if sink is None:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._surplus = True
        content, self._content = self._content, []
        # Without chunks the content is all there is: what lies behind it is not forwarded.
        sink.body(data if self._chunked else b"".join(content), content)
        if self._surplus and (self._chunked or not self._complete):
            # What came is passed on, so that the client sees what it would have seen; where
            # the message ended in it, if it did, the parser does not say.
            self._broken()
        elif self._complete and not self._until_close:
            self._end(reusable=self._keep_alive and not self._surplus)

    def _end(self, *, reusable: bool) -> None:
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.whole(reusable=reusable and self.alive)

    def _broken(self) -> None:
        sink, self._sink = self._sink, None
        if self._transport is not None:
            self._transport.abort()
        if sink is not None:
            sink.lost(received=True)

    # -- httptools -------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Notice a second message where one was asked for."""
        self._surplus = self._begun
        self._begun = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a field as it came."""
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Ask now: a parser whose message is complete has forgotten how it was framed."""
        self._keep_alive = self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        """Collect content without its framing."""
        if not self._surplus:
            self._content.append(body)

    def on_message_complete(self) -> None:
        """Note the end that the framing gives."""
        self._complete = True
