"""The traffic port: aiohttp parses requests, everything else is passed through.

The law: what aiohttp would do on its own (answer, decompress, log, add fields) is switched off
here; the answer's bytes go to the transport as they come from the upstream. A connection whose
bytes are no valid request is answered without repeating any of them, and counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiohttp import web
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from tap.client import ClientGoneError
from tap.desk import Desk
from tap.exchange import Exchange
from tap.heads import RequestHead, tap_error

__all__ = ["TapServer"]

# aiohttp logs the bytes that it could not parse, credentials included; this logger goes nowhere.
_SILENT = logging.getLogger("auditstream.tap.http")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False
_SILENT.setLevel(logging.CRITICAL + 1)


class _Passed(web.StreamResponse):
    """Stands for an answer that has already gone out as bytes."""

    def __init__(self, *, keep_alive: bool) -> None:
        super().__init__()
        self._keep = keep_alive

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection takes another request."""
        return self._keep

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write nothing."""
        del request

    async def write_eof(self, data: bytes = b"") -> None:
        """Write nothing."""
        del data


class _Tunnel:
    """Takes the bytes that follow a switch of protocols."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Hand bytes up."""
        self._take(data)
        return False, b""

    def feed_eof(self) -> None:
        """Learn that the client has gone; the connection tells the exchange itself."""


class _Connection(RequestHandler):
    """One client connection."""

    __slots__ = ("desk", "exchange")

    def __init__(self, server: TapServer, loop: asyncio.AbstractEventLoop, **limits: Any) -> None:
        super().__init__(server, loop=loop, **limits)
        self.desk = server.desk
        self.exchange: Exchange | None = None

    def data_received(self, data: bytes) -> None:
        """Parse; where the framing of a body breaks, tell whoever reads it.

        aiohttp queues the error behind the request whose body it is in, and would let that
        request wait for the rest of its body for ever.
        """
        super().data_received(data)
        request = self._current_request
        broken = bool(self._messages) and isinstance(self._messages[-1][0], _ErrInfo)
        if broken and request is not None and not request.content.is_eof():
            request.content.set_exception(web.RequestPayloadError("broken framing"))

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell the exchange that its client has gone."""
        super().connection_lost(exc)
        if self.exchange is not None:
            self.exchange.client_lost()

    def pause_writing(self) -> None:
        """Tell the exchange that its client does not keep up."""
        super().pause_writing()
        if self.exchange is not None:
            self.exchange.client_slow()

    def resume_writing(self) -> None:
        """Tell the exchange that its client takes bytes again."""
        super().resume_writing()
        if self.exchange is not None:
            self.exchange.client_ready()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what could not be parsed, without a word of what was sent."""
        del request, message
        self.desk.count.add("auditstream_requests_rejected_total")
        self.desk.log.warning("tap.request_rejected", error_type=type(exc).__name__)
        too_large = exc is not None and type(exc).__name__ == "LineTooLong"
        code = 431 if too_large else status
        reason = _REASONS.get(code, "Error")
        if self.transport is not None:
            text = "the request could not be read; nothing was forwarded"
            self.transport.write(tap_error(code, reason, "bad_request", text))
        return _Passed(keep_alive=False)


_REASONS = {
    400: "Bad Request",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
}


class _AiohttpClient:
    """The caller's side of an exchange, served by aiohttp."""

    def __init__(self, request: web.BaseRequest, connection: _Connection) -> None:
        message = request._message  # noqa: SLF001 - the raw target is nowhere else
        self._request = request
        self._connection = connection
        self.has_body = request.content is not EMPTY_PAYLOAD and message.method != "CONNECT"
        upgrade = message.headers.get("Upgrade") if message.upgrade else None
        self.head = RequestHead(
            method=message.method,
            target=message.path.encode("utf-8", "surrogateescape"),
            headers=message.raw_headers,
            chunked=message.chunked,
            upgrade=upgrade.encode("utf-8", "surrogateescape") if upgrade else None,
            http10=message.version < (1, 1),
            keep_alive=not message.should_close,
        )

    @property
    def slow(self) -> bool:
        """Whether what was written waits in our own buffer."""
        return self._connection.writing_paused

    async def body(self) -> AsyncIterator[bytes]:
        """Read the body as it arrives."""
        content = self._request.content
        while True:
            try:
                data = await content.readany()
            except (web.RequestPayloadError, ConnectionError, asyncio.IncompleteReadError) as error:
                raise ClientGoneError from error
            if not data:
                if content.at_eof():
                    return
                continue
            yield data

    def write(self, data: bytes) -> None:
        """Send bytes, if there is still someone to send them to."""
        transport = self._connection.transport
        if transport is not None:
            transport.write(data)

    def end(self, *, at_once: bool = False) -> None:
        """Close after what was written, or at once."""
        transport = self._connection.transport
        if transport is not None:
            if at_once:
                transport.abort()
            else:
                transport.close()

    def tunnel(self, take: Callable[[bytes], None]) -> None:
        """Leave HTTP on this connection."""
        self._connection.set_parser(_Tunnel(take))  # type: ignore[arg-type]  # same two methods

    def hold(self, *, held: bool) -> None:
        """Pause or resume the transport: there is no parser in a tunnel that could hold bytes."""
        transport = self._connection.transport
        if transport is None or transport.is_closing():
            return
        if held:
            transport.pause_reading()
        else:
            transport.resume_reading()


class TapServer(web.Server):
    """Makes a connection object for each client; pass it to `loop.create_server`."""

    def __init__(self, desk: Desk, *, max_head: int, keepalive_seconds: float) -> None:
        super().__init__(self._handle)
        self.desk = desk
        self._limits: dict[str, Any] = {
            "max_line_size": max_head,
            "max_field_size": max_head,
            "max_headers": 1000,
            "auto_decompress": False,
            "keepalive_timeout": keepalive_seconds,
            "access_log": None,
            "logger": _SILENT,
            "lingering_time": 2.0,
        }

    def __call__(self) -> RequestHandler:
        """Serve one more connection."""
        return _Connection(self, asyncio.get_running_loop(), **self._limits)

    def drain(self) -> None:
        """Take no further requests: idle connections close now, busy ones after their exchange."""
        self.desk.draining = True
        for connection in self.connections:
            if isinstance(connection, _Connection) and connection.exchange is None:
                connection.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        assert isinstance(connection, _Connection)  # noqa: S101 - narrows the type only
        exchange = Exchange(self.desk, _AiohttpClient(request, connection))
        connection.exchange = exchange
        try:
            keep_alive = await exchange.run()
        except Exception:
            if not exchange.answered:
                raise
            # A defect of ours: an error of our own must not stand in the upstream's answer.
            connection.force_close()
            keep_alive = False
        finally:
            connection.exchange = None
        return _Passed(keep_alive=keep_alive and request.keep_alive and not self.desk.draining)
