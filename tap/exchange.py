"""One exchange: from the request's head to the end of the answer.

The law: before the head is forwarded, only the opening write and the consumer's policy may hold
it up; from then on nothing of ours is waited for.

An exchange sets out as a task, which ends when the request's head is on its way. Everything after
that is a call from one of the two connections: the client's calls `request`, `from_client` and
`client_...`, the upstream's goes through `tap.answer`. The first evidence of an end settles it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from time import monotonic
from weakref import proxy

from audit.exchange import Ending
from tap import refusals
from tap.admission import admit
from tap.answer import Answer
from tap.client import Client
from tap.desk import Desk
from tap.heads import request_head
from tap.recording import Recording
from tap.upload import Upload
from tap.upstream import UpstreamConnection

__all__ = ["Exchange"]

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})  # RFC 9110 §9.2.2


class Exchange:
    """Drives one exchange."""

    def __init__(self, desk: Desk, client: Client) -> None:
        self._desk = desk
        self._client = client
        self._started = self._moved = monotonic()
        self._upload = Upload(client)
        # Not a plain reference to itself: in a cycle, what was captured would lie in memory until
        # the collector came by.
        self.answer = Answer(client, proxy(self), self._started)
        self._recording: Recording | None = None
        self._connection: UpstreamConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._outcome: tuple[Ending | None, str | None] | None = None
        self._opened = self._over = self._client_gone = False

    @property
    def request_read(self) -> bool:
        """Whether the request has been read to its end."""
        return self._upload.whole

    @property
    def last_activity(self) -> float:
        """When something last moved, in either direction (monotonic seconds)."""
        return max(self._moved, self.answer.moved)

    @property
    def held_back(self) -> bool:
        """Whether the upstream is not being read because the client does not keep up."""
        return self._connection is not None and self._connection.paused

    # -- setting out -----------------------------------------------------------------------

    def begin(self, raw: bytes, content: bytes, *, whole: bool) -> None:
        """Set out with what has arrived of the request's body, as it came and without framing."""
        self._desk.enter(self)
        self._upload.take(raw, content, whole=whole)
        self._start(self._set_out())

    def _start(self, work: Coroutine[None, None, None]) -> None:
        self._task = asyncio.get_running_loop().create_task(self._guarded(work))

    async def _guarded(self, work: Coroutine[None, None, None]) -> None:
        """Close on an error of our own; it must not stand in an answer that has begun."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - a caller must not wait for ever
            self._desk.defect(error)
            self.answer.refuse(refusals.DEFECT)
            self._opened = True
            self._leave(Ending.TAP_CRASHED, None)

    async def _set_out(self) -> None:
        allowed, recording = await admit(self._desk, self._client.head, self._started)
        self._recording = self._upload.recording = self.answer.recording = recording
        self._opened = True
        if self._outcome is not None:
            self._wind_up()
        elif not allowed:
            self._refuse(refusals.AUDIT_UNAVAILABLE, Ending.REFUSED, None)
        elif self._client.head.method == "CONNECT":
            self._refuse(refusals.NO_CONNECT, Ending.REFUSED, "connect")
        else:
            await self._forward(fresh=False)

    async def _forward(self, *, fresh: bool) -> None:
        """Connect and send the head; an exchange that has ended meanwhile sends nothing."""
        try:
            connection = await self._desk.pool.get(fresh=fresh)
        except (OSError, ValueError) as error:
            self._unreachable(error)
            return
        if self._outcome is not None:
            connection.release()
            return
        self._connection = connection
        head = self._client.head
        connection.begin(self.answer, head_only=head.method == "HEAD")
        if self._client.slow:
            connection.pause()
        written = request_head(head, self._desk.host, self._desk.extra_headers)
        self._upload.start(connection, written)
        self._moved = monotonic()

    def _unreachable(self, error: Exception) -> None:
        if self._outcome is not None:
            return
        detail = "connect_timeout" if isinstance(error, TimeoutError) else "connect_failed"
        self._desk.log.warning("tap.upstream_unreachable", code=detail)
        self._refuse(refusals.UPSTREAM_UNREACHABLE, Ending.UPSTREAM_UNREACHABLE, detail)

    # -- the answer's course ---------------------------------------------------------------

    @property
    def last(self) -> bool:
        """Whether the caller, or a tap that is stopping, ends the connection after this."""
        return self._desk.draining or not self._client.head.keep_alive

    def answered(self, *, reusable: bool) -> None:
        """End the exchange well."""
        if self._connection is not None:
            if reusable and self._upload.whole:
                self._connection.release()
            else:
                self._connection.abort()
        self.settle(None, None)

    def unanswered(self, *, received: bool) -> None:
        """Try once more on a fresh connection, or answer that there is no answer.

        Once more only where a kept connection was closed under us before a byte came back, and
        the request may be repeated: idempotent, without a body that has been consumed.
        """
        reused = self._connection is not None and self._connection.used
        repeatable = self._client.head.method in _IDEMPOTENT and not self._client.has_body
        if reused and repeatable and not received:
            self._connection = None
            self._start(self._forward(fresh=True))
        else:
            ending = Ending.UPSTREAM_DISCONNECTED
            self._refuse(refusals.UPSTREAM_DISCONNECTED, ending, "no_answer")

    # -- the client's side -----------------------------------------------------------------

    def request(self, raw: bytes, content: bytes, *, whole: bool) -> None:
        """Pass on what has arrived of the request's body."""
        self._moved = monotonic()
        self._upload.take(raw, content, whole=whole)

    def from_client(self, data: bytes) -> None:
        """Pass bytes of an upgraded connection up, then note them."""
        if self._connection is not None:
            self._connection.write(data)
            if self._recording is not None:
                self._recording.request(data)
        self._moved = monotonic()

    def client_lost(self) -> None:
        """End the exchange that the client left; the upstream is told by a closed connection."""
        if self.answer.tunnelling:
            self._leave(Ending.TUNNELLED, "client_closed")
        else:
            self._leave(Ending.CLIENT_DISCONNECTED, None)

    def client_slow(self) -> None:
        """Slow the upstream of a client that does not keep up."""
        if self._connection is not None:
            self._connection.pause()

    def client_ready(self) -> None:
        """Let the upstream go on."""
        if self._connection is not None:
            self._connection.resume()

    def stalled(self) -> None:
        """End an exchange in which nothing has moved for longer than is allowed."""
        if self._outcome is not None:
            return
        by_client = self._waits_for_client()
        if self.answer.begun:
            self.answer.break_off(at_once=self._client.slow)
        if by_client:
            self._refuse(refusals.CLIENT_IDLE, Ending.CLIENT_DISCONNECTED, "client_idle")
        else:
            self._refuse(refusals.UPSTREAM_TIMEOUT, Ending.UPSTREAM_TIMEOUT, "idle")

    def _waits_for_client(self) -> bool:
        """Whether it is the client that takes nothing, or sends no more of its request."""
        if self._client.slow:
            return True
        awaited = not self.answer.begun and not self._upload.whole
        return awaited and self._connection is not None and not self._connection.clogged

    # -- the end ---------------------------------------------------------------------------

    def abandon(self) -> None:
        """End it because the tap stops."""
        if self.answer.begun and not self.answer.settled:
            self.answer.break_off()
        self._opened = True
        if self._task is not None:
            # An opening on its way to the disk is accounted for by the spool.
            self._task.cancel()
        self._leave(Ending.TAP_CRASHED, "shutdown")

    def _leave(self, ending: Ending, detail: str | None) -> None:
        """End it without a client to wait for."""
        self._client_gone = True
        self.settle(ending, detail)
        if self._opened:
            self._finish()

    def settle(self, ending: Ending | None, detail: str | None) -> None:
        """Take the first evidence of an end; an exchange that is not opened ends once it is."""
        if self._outcome is None:
            self._outcome = (ending, detail)
            self.answer.settled = True
            if self._opened:
                self._wind_up()

    def _refuse(self, refusal: refusals.Refusal, ending: Ending, detail: str | None) -> None:
        self.answer.refuse(refusal)
        self.settle(ending, detail)

    def _wind_up(self) -> None:
        if self._connection is not None and self._outcome != (None, None):
            self._connection.abort()
        self._upload.stop(self._finish, patient=not (self._client_gone or self._client.slow))

    def _finish(self) -> None:
        if self._over:
            return
        self._over = True
        self._upload.forget()
        self._desk.leave(self)
        well = self._outcome == (None, None) and self._upload.whole and not self._desk.draining
        self._client.over(keep_alive=self._recorded() and well and self.answer.keep_alive)

    def _recorded(self) -> bool:
        """Hand the recording in; False for a defect of ours, which must not reach the traffic."""
        if self._recording is None or self._outcome is None:
            return True
        try:
            self._recording.finish(*self._outcome, monotonic())
        except Exception as error:  # noqa: BLE001 - a recorder's bug must not hold a caller up
            self._desk.defect(error)
            return False
        return True
