"""One exchange: from the request's head to the end of the answer.

The law: before the head is forwarded, only the opening write and the consumer's policy may hold
it up; from then on nothing of ours is waited for. Each byte is written to the other side in the
call in which it arrived, and recorded after that.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic

from audit.exchange import Ending, OnAuditFailure
from tap.client import Client, ClientGoneError
from tap.consumers import ConsumerPolicy
from tap.desk import Desk
from tap.heads import AnswerStart, answer_head, noted, request_head, switching_head, tap_error
from tap.recording import Recording
from tap.upstream import UpstreamConnection

__all__ = ["Exchange"]

# How long a caller that has been answered in the tap's name may go on sending its request.
_REST_SECONDS = 2.0
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})  # RFC 9110 §9.2.2


class Exchange:
    """Drives one exchange; is the sink of its answer."""

    def __init__(self, desk: Desk, client: Client) -> None:
        self._desk = desk
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._started = monotonic()
        self.last_activity = self._started
        self._recording: Recording | None = None
        self._connection: UpstreamConnection | None = None
        self._end: asyncio.Future[tuple[Ending | None, str | None]] = self._loop.create_future()
        self._head_sent = False
        self._by_content = False
        self._request_read = not client.has_body
        self._keep_alive = False
        self._tunnelling = False

    @property
    def answered(self) -> bool:
        """Whether the client has been sent the head of an answer."""
        return self._head_sent

    async def run(self) -> bool:
        """Carry the exchange to its end; tells whether the client's connection may go on."""
        if not await self._open():
            return False
        self._desk.enter(self)
        try:
            ending, detail = await self._carry()
        except BaseException:
            self._finish(Ending.TAP_CRASHED, "shutdown")
            raise
        self._finish(ending, detail)
        # Behind a request that was not read to its end no other can be found.
        return self._keep_alive and ending is None and self._request_read

    @property
    def _last_of_connection(self) -> bool:
        """Whether the caller, or a tap that is stopping, ends the connection after this."""
        return self._desk.draining or not self._client.head.keep_alive

    # -- the opening -----------------------------------------------------------------------

    async def _open(self) -> bool:
        """Put the opening into the spool; False when the consumer's policy forbids to go on."""
        desk, head = self._desk, self._client.head
        number = desk.spool.next_number()
        policy = ConsumerPolicy()
        try:
            opening, caller = desk.opening(head, number)
            policy = caller.policy
            await desk.spool.open(opening, strict=policy.strict)
        except Exception as error:  # noqa: BLE001 - a defect of ours is the audit's failure
            desk.audit_unavailable(number, policy, error)
            if policy.on_audit_failure is OnAuditFailure.CLOSED:
                message = "this call may not pass unrecorded, and the audit cannot record it now"
                self._answer(503, "Service Unavailable", "audit_unavailable", message)
                return False
            return True
        self._recording = desk.recorder.begin(opening, self._started)
        if self._request_read:
            self._recording.request_end()
        return True

    # -- forwarding ------------------------------------------------------------------------

    async def _carry(self) -> tuple[Ending | None, str | None]:
        if self._client.head.method == "CONNECT":
            message = "CONNECT is not forwarded: there is one upstream"
            self._answer(405, "Method Not Allowed", "method_not_allowed", message)
            return Ending.REFUSED, "connect"
        fresh = False
        while True:
            failed = await self._connect(fresh=fresh)
            if failed is not None:
                await self._note_rest()
                return failed
            pump = self._start_pump()
            ending, detail = await self._end
            await self._stop_pump(pump)
            if detail != "retry":
                return ending, detail
            fresh, self._end = True, self._loop.create_future()

    async def _connect(self, *, fresh: bool) -> tuple[Ending | None, str | None] | None:
        """Connect and send the head; gives the ending when that fails."""
        try:
            connection = await self._desk.pool.get(fresh=fresh)
        except (OSError, ValueError) as error:
            return self._unreachable(error)
        if self._end.done():
            connection.release()
            return self._end.result()
        self._connection = connection
        head = self._client.head
        connection.begin(self, head_only=head.method == "HEAD")
        if self._client.slow:
            connection.pause()
        connection.write(request_head(head, self._desk.host, self._desk.extra_headers))
        self.last_activity = monotonic()
        return None

    def _unreachable(self, error: Exception) -> tuple[Ending, str]:
        detail = "connect_timeout" if isinstance(error, TimeoutError) else "connect_failed"
        self._desk.log.warning("tap.upstream_unreachable", code=detail)
        message = "the upstream cannot be reached"
        self._answer(502, "Bad Gateway", "upstream_unreachable", message)
        return Ending.UPSTREAM_UNREACHABLE, detail

    def _start_pump(self) -> asyncio.Task[None] | None:
        if not self._client.has_body:
            return None
        return self._loop.create_task(self._pump())

    async def _pump(self) -> None:
        """Stream the request body up, as fast as the upstream takes it."""
        connection, recording = self._connection, self._recording
        assert connection is not None  # noqa: S101 - the pump starts after the connection
        chunked = self._client.head.chunked
        try:
            async for data in self._client.body():
                connection.write(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
                self.last_activity = monotonic()
                if recording is not None:
                    recording.request(data)
                await connection.drain()
        except ClientGoneError:
            self.client_lost()
            return
        if chunked:
            connection.write(b"0\r\n\r\n")
        self._request_read = True
        if recording is not None:
            recording.request_end()

    async def _stop_pump(self, pump: asyncio.Task[None] | None) -> None:
        """Stop sending the request; what the caller still sends of it is noted, not forwarded."""
        if pump is None or pump.done():
            return
        pump.cancel()
        with suppress(asyncio.CancelledError):
            await pump
        await self._note_rest()

    async def _note_rest(self) -> None:
        """Read, for the record and the caller's next request, a body that is not forwarded.

        The caller has its answer already; it gets a moment to finish sending what was asked.
        """
        recording = self._recording
        if self._request_read or self._client.slow:
            return
        with suppress(TimeoutError, ClientGoneError):
            async with asyncio.timeout(_REST_SECONDS):
                async for data in self._client.body():
                    if recording is not None:
                        recording.request(data)
                self._request_read = True
                if recording is not None:
                    recording.request_end()

    # -- the answer (AnswerSink) -----------------------------------------------------------

    def interim(self, raw: bytes) -> None:
        """Pass an informational answer on; HTTP/1.0 clients do not know them."""
        self.last_activity = monotonic()
        if not self._client.head.http10:
            self._client.write(raw)

    def head(self, answer: AnswerStart) -> None:
        """Pass the head on, then note what the record needs of it."""
        http10 = self._client.head.http10
        framing = answer.framing
        self._by_content = http10 and framing.chunked
        switching = answer.status == 101
        close = framing.until_close or self._by_content or self._last_of_connection
        # An upgraded connection is no longer HTTP: `Connection` and `Upgrade` are its handshake.
        head = (
            switching_head(answer) if switching else answer_head(answer, http10=http10, close=close)
        )
        self._keep_alive = not close and not switching
        self._client.write(head)
        self._head_sent = True
        self.last_activity = monotonic()
        if switching:
            self._tunnelling = True
            self._client.tunnel(self.from_client)
        if self._recording is not None:
            now = monotonic()
            self._recording.head(noted(answer, self._recording.wall_ns(now)))

    def body(self, raw: bytes, content: list[bytes]) -> None:
        """Pass bytes on, then note them; what comes after the end was delivered to nobody."""
        if self._end.done():
            return
        self._client.write(b"".join(content) if self._by_content else raw)
        now = self.last_activity = monotonic()
        if self._recording is not None and content:
            self._recording.answer(content, now)

    def whole(self, *, reusable: bool) -> None:
        """End the exchange well."""
        connection = self._connection
        if connection is not None:
            if reusable and self._request_read:
                connection.release()
            else:
                connection.abort()
        if self._recording is not None:
            self._recording.answer_end()
        self._settle(None, None)

    def tunnel(self, raw: bytes) -> None:
        """Pass bytes of an upgraded connection down."""
        self._client.write(raw)
        self.last_activity = monotonic()

    def full(self, *, full: bool) -> None:
        """Slow the client of a tunnel whose upstream does not keep up, or let it go on."""
        self._client.hold(held=full)

    def lost(self, *, received: bool) -> None:
        """End the exchange that the upstream cut."""
        if self._tunnelling:
            self._client.end()
            self._settle(Ending.TUNNELLED, "upstream_closed")
        elif self._head_sent:
            self._client.end()
            self._settle(Ending.UPSTREAM_DISCONNECTED, "answer_cut")
        elif self._may_retry(received=received):
            self._settle(None, "retry")
        else:
            message = "the upstream closed the connection without an answer"
            self._answer(502, "Bad Gateway", "upstream_disconnected", message)
            self._settle(Ending.UPSTREAM_DISCONNECTED, "no_answer")

    # -- the client's side -----------------------------------------------------------------

    def client_lost(self) -> None:
        """End the exchange that the client left; the upstream is told by a closed connection."""
        if self._tunnelling:
            self._settle(Ending.TUNNELLED, "client_closed")
        else:
            self._settle(Ending.CLIENT_DISCONNECTED, None)

    def client_slow(self) -> None:
        """Slow the upstream of a client that does not keep up."""
        if self._connection is not None:
            self._connection.pause()

    def client_ready(self) -> None:
        """Let the upstream go on."""
        if self._connection is not None:
            self._connection.resume()

    @property
    def held_back(self) -> bool:
        """Whether the upstream is not being read because the client does not keep up."""
        return self._connection is not None and self._connection.paused

    def from_client(self, data: bytes) -> None:
        """Pass bytes of an upgraded connection up."""
        if self._connection is not None:
            self._connection.write(data)
        self.last_activity = monotonic()

    def stalled(self) -> None:
        """End an exchange in which nothing has moved for longer than is allowed."""
        if self._end.done():
            return
        by_client = self._waits_for_client()
        if self._head_sent:
            self._client.end(at_once=self._client.slow)
        elif by_client:
            message = "the request did not arrive in time"
            self._answer(408, "Request Timeout", "client_idle", message)
        else:
            message = "the upstream did not answer in time"
            self._answer(504, "Gateway Timeout", "upstream_timeout", message)
        if by_client:
            self._settle(Ending.CLIENT_DISCONNECTED, "client_idle")
        else:
            self._settle(Ending.UPSTREAM_TIMEOUT, "idle")

    def _waits_for_client(self) -> bool:
        """Whether it is the client that takes nothing, or sends no more of its request."""
        if self._client.slow:
            return True
        awaited = not self._head_sent and not self._request_read
        return awaited and self._connection is not None and not self._connection.clogged

    # -- the end ---------------------------------------------------------------------------

    def _settle(self, ending: Ending | None, detail: str | None) -> None:
        if not self._end.done():
            self._end.set_result((ending, detail))

    def _finish(self, ending: Ending | None, detail: str | None) -> None:
        self._desk.leave(self)
        if self._connection is not None and ending is not None:
            self._connection.abort()
        if self._recording is not None:
            self._recording.finish(ending, detail, monotonic())

    def _answer(self, status: int, reason: str, code: str, message: str) -> None:
        """Answer in the tap's own name; nothing of the upstream has been passed on."""
        self._keep_alive = False
        if not self._head_sent:
            self._head_sent = True
            head_only = self._client.head.method == "HEAD"
            self._client.write(tap_error(status, reason, code, message, head_only=head_only))

    def _may_retry(self, *, received: bool) -> bool:
        """Whether to try once more on a fresh connection.

        Only where a kept connection was closed under us before a byte came back, and the request
        may be repeated: idempotent, without a body that has been consumed.
        """
        reused = self._connection is not None and self._connection.used
        repeatable = self._client.head.method in _IDEMPOTENT and not self._client.has_body
        return reused and repeatable and not received
