"""One client's connection: its requests become exchanges, one after the other.

The law: bytes are handed on in the call in which they arrived, both ways. A connection whose bytes
are no valid request is answered without repeating any of them, and counted. Nothing is read from a
client beyond what the exchange at hand can pass on.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from time import monotonic
from typing import Protocol, cast

from tap.desk import Desk
from tap.exchange import Exchange
from tap.heads import RequestHead, tap_error
from tap.hop import Hop
from tap.requests import BadRequestError, RequestReader

__all__ = ["ClientConnection", "Home"]

# How much of a client's next requests is taken in while the one before them is under way.
_MOST_BEHIND = 64 * 1024

_REASONS = {
    400: "Bad Request",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}


class Home(Protocol):
    """Where connections are kept account of."""

    def entered(self, connection: ClientConnection) -> bool:
        """Count one that was made; False when there are too many."""

    def left(self, connection: ClientConnection) -> None:
        """Count one that is gone."""

    def hop(self, transport: asyncio.BaseTransport) -> Hop | None:
        """Say what the upstream is told of a connection, if anything."""


class ClientConnection(asyncio.Protocol):
    """A client's connection, and the client that its exchanges know.

    `exchange` is the one under way; `waiting_since` (monotonic seconds) tells since when the
    connection waits for a request, whole or in part.
    """

    def __init__(self, home: Home, desk: Desk, reader: RequestReader) -> None:
        self._home = home
        self._desk = desk
        self._reader = reader
        self._held = self._paused = False
        self._tunnelling = self._closing = False
        self.transport: asyncio.Transport | None = None
        self.exchange: Exchange | None = None
        self.slow = False
        self.waiting_since = 0.0

    # -- asyncio.Protocol ------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        # uvloop's transports have the methods of asyncio's class without being of it.
        self.transport = cast("asyncio.Transport", transport)
        self.waiting_since = monotonic()
        self._reader.hop = self._home.hop(transport)
        if not self._home.entered(self):
            self._decline(503, "too_many_connections", "there are too many connections")

    def data_received(self, data: bytes) -> None:
        """Read, and hand on what can be handed on."""
        if self._closing:
            return
        if self._tunnelling:
            if self.exchange is not None:
                self.exchange.from_client(data)
            return
        if self.exchange is None and not self._reader.begun:
            self.waiting_since = monotonic()
        try:
            self._reader.feed(data)
        except BadRequestError as error:
            self._refuse(error)
        else:
            self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the exchange that its client has gone."""
        del exc
        self.transport = None
        self._closing = True
        self._home.left(self)
        if self.exchange is not None:
            self.exchange.client_lost()

    def pause_writing(self) -> None:
        """Tell the exchange that its client does not keep up."""
        self.slow = True
        if self.exchange is not None:
            self.exchange.client_slow()

    def resume_writing(self) -> None:
        """Tell the exchange that its client takes bytes again."""
        self.slow = False
        if self.exchange is not None:
            self.exchange.client_ready()

    # -- what the exchange knows of its client ---------------------------------------------

    @property
    def head(self) -> RequestHead:
        """The head of the request at hand."""
        assert self._reader.head is not None  # noqa: S101 - an exchange begins with its head
        return self._reader.head

    @property
    def has_body(self) -> bool:
        """Whether the request at hand has a body."""
        return self._reader.has_body

    def write(self, data: bytes) -> None:
        """Send bytes, if there is still someone to send them to."""
        if self.transport is not None:
            self.transport.write(data)

    def hold(self, *, held: bool) -> None:
        """Stop reading, or read again."""
        self._held = held
        self._set_reading()

    def tunnel(self) -> None:
        """Leave HTTP on this connection."""
        self._tunnelling = True
        rest = self._reader.leave()
        if rest and self.exchange is not None:
            self.exchange.from_client(rest)

    def end(self, *, at_once: bool = False) -> None:
        """Close after what was written, or at once."""
        self._closing = True
        if self.transport is None:
            return
        if at_once:
            self.transport.abort()
        else:
            self.transport.close()

    def cut(self) -> None:
        """Close with a reset; what the client has not been handed yet is lost with it."""
        if self.transport is not None:
            raw = self.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.end(at_once=True)

    def wait_no_more(self) -> None:
        """Close a connection that has waited for a request for as long as it may."""
        if self._reader.begun:
            self._decline(408, "head_timeout", "the request's head did not arrive in time")
        else:
            self.end()

    @property
    def asking(self) -> bool:
        """Whether a part of a request's head has come, and not all of it."""
        return self._reader.begun

    def over(self, *, keep_alive: bool) -> None:
        """Close, or look for the next request."""
        self.exchange = None
        if not keep_alive or self._closing:
            self.end()
            return
        self.waiting_since = monotonic()
        self._held = False
        try:
            self._reader.next()
        except BadRequestError as error:
            self._refuse(error)
        else:
            self._go_on()

    # -- inside ----------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Begin the exchange whose head has come, and give it what has come of its body."""
        reader = self._reader
        if self.exchange is None:
            if reader.head is None:
                self._set_reading()
                return
            self.exchange = Exchange(self._desk, self)
            self.exchange.begin(reader.raw(), reader.content(), whole=reader.whole)
        elif not self.exchange.request_read:
            self.exchange.request(reader.raw(), reader.content(), whole=reader.whole)
        self._set_reading()

    def _set_reading(self) -> None:
        """Read as long as nothing speaks against it."""
        paused = self._held or self._reader.behind > _MOST_BEHIND
        if paused is self._paused or self.transport is None or self.transport.is_closing():
            return
        self._paused = paused
        if paused:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def _refuse(self, error: BadRequestError) -> None:
        """Answer what could not be read, or cut the exchange whose request breaks off in it."""
        if self.exchange is not None:
            self.exchange.request(self._reader.raw(), self._reader.content(), whole=False)
            self._closing = True
            self.exchange.client_lost()
            return
        self._desk.count.add("auditstream_requests_rejected_total")
        self._desk.log.warning("tap.request_rejected", error_type=error.kind)
        text = "the request could not be read; nothing was forwarded"
        self._decline(error.status, "bad_request", text)

    def _decline(self, status: int, code: str, message: str) -> None:
        """Answer in the tap's own name, and close."""
        self.write(tap_error(status, _REASONS[status], code, message))
        self.end()
