"""One session: windows, links by handle, dispositions both ways (AMQP 1.0 part 2 §2.5, §2.6)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Protocol
from uuid import UUID

from tests.emulators.service_bus.attaching import Link, attach
from tests.emulators.service_bus.broker import Broker, Place
from tests.emulators.service_bus.performatives import (
    Attach,
    Begin,
    Detach,
    Disposition,
    Flow,
    Performative,
    Transfer,
)
from tests.emulators.service_bus.requests import ResponseLink
from tests.emulators.service_bus.states import (
    Condition,
    Outcome,
    Settlement,
    read,
    rejected,
)
from tests.emulators.service_bus.types import CodecError
from tests.emulators.service_bus.wire import Cutter, Wire

__all__ = ["Session"]

# Frames that the client may have under way; wide, since the SDK counts messages instead.
_WINDOW = 0x7FFFFFFF

# Bytes of a frame that are left to its header and to the transfer in front of the payload.
_OVERHEAD = 64

_LOCK_LOST = "The lock supplied is invalid. It expired, or the message was settled."


class _Send(Protocol):
    def __call__(self, body: Performative, payload: bytes = b"") -> None:
        """Send a frame on the channel of the session."""


class Session:
    """The service's end of one session."""

    def __init__(
        self, broker: Broker, wire: Wire, connection: Cutter, send: _Send, max_frame: int
    ) -> None:
        self.broker = broker
        self.wire = wire
        self.connection = connection
        self._send = send
        self._max_frame = max_frame
        self._links: dict[int, Link] = {}
        self._incoming = 0  # transfer id of the next frame to come
        self._outgoing = 0  # and of the next one to go
        self._window = 0  # frames that the client still takes
        self._deliveries = 0
        self.unsettled: dict[int, tuple[Place, UUID]] = {}
        self._ended = False

    @property
    def open(self) -> bool:
        """Whether the client's window has room for another frame."""
        return self._window > 0

    def begin(self, channel: int, body: Begin) -> None:
        """Answer a begin, on the channel that it came on."""
        self._incoming, self._window = body.next_outgoing_id, body.incoming_window
        self.send(Begin(channel, self._outgoing, _WINDOW, _WINDOW, 255))

    def end(self) -> None:
        """Detach all links; what they locked stays so until its time."""
        self._ended = True
        for link in self._links.values():
            link.end()
        self._links.clear()

    def serve(self) -> None:
        """Send what waited for room."""
        for link in list(self._links.values()):
            link.serve()

    def send(self, body: Performative, payload: bytes = b"") -> None:
        """Send a frame, if the session is still there; a flow gets the session's windows."""
        if self._ended:
            return
        if isinstance(body, Flow):
            body = replace(
                body,
                next_incoming_id=self._incoming,
                incoming_window=_WINDOW,
                next_outgoing_id=self._outgoing,
                outgoing_window=_WINDOW,
            )
        self._send(body, payload)

    def transfer(self, handle: int, tag: bytes, payload: bytes, *, settled: bool) -> int:
        """Send a message in as many frames as it takes; give its delivery id."""
        delivery_id = self._deliveries
        self._deliveries += 1
        room = self._max_frame - _OVERHEAD
        for at in range(0, len(payload), room):
            more = at + room < len(payload)
            head = Transfer(handle, more=more)
            if at == 0:
                head = Transfer(handle, delivery_id, tag, 0, settled, more)
            self.send(head, payload[at : at + room])
            self._outgoing += 1
            self._window -= 1
        return delivery_id

    def drop(self, handle: int) -> bool:
        """Forget a link that was detached; false when it was forgotten before."""
        link = self._links.pop(handle, None)
        if link is not None:
            link.end()
        return link is not None

    def receive(self, body: Performative, payload: bytes) -> None:
        """Deal with a frame of this session. Raises `CodecError` on one that belongs to none."""
        if isinstance(body, Transfer):
            self._incoming += 1
            if (link := self._links.get(body.handle)) is not None:
                link.transfer(body, payload)
        elif isinstance(body, Disposition):
            self._disposition(body)
        elif isinstance(body, Flow):
            self._flow(body)
        elif isinstance(body, Attach):
            self._attach(body)
        elif isinstance(body, Detach):
            if self.drop(body.handle):  # else it is the client's answer to ours
                self.send(Detach(body.handle, closed=body.closed))
        else:
            raise CodecError("a frame that belongs to no session")

    def _flow(self, body: Flow) -> None:
        seen = self._outgoing if body.next_incoming_id is None else body.next_incoming_id
        self._window = seen + body.incoming_window - self._outgoing
        link = None if body.handle is None else self._links.get(body.handle)
        if link is not None:
            link.flow(body)
        elif body.handle is None:
            self.serve()

    def _attach(self, body: Attach) -> None:
        answers, link = attach(self, body, self._respond)
        if link is not None:
            self._links[body.handle] = link
        for answer in answers:
            self.send(answer)
        if link is not None:
            link.start()

    def _respond(self, named: str, payload: bytes) -> None:
        for link in self._links.values():
            if isinstance(link, ResponseLink) and link.address == named:
                link.respond(payload)
                return

    def _disposition(self, body: Disposition) -> None:
        if not body.role:
            return  # of a sender, about what it settled before
        last = body.first if body.last is None else body.last
        told = read(body.state) or Settlement(Outcome.RELEASED)
        delay = self.broker.faults.slow_settlement
        # What the client says of ids that it was never given is not counted out.
        for delivery_id in range(body.first, min(last + 1, self._deliveries)):
            act = partial(self._settle, delivery_id, told, answered=not body.settled)
            self.wire.later(delay, act)

    def _settle(self, delivery_id: int, told: Settlement, *, answered: bool) -> None:
        """Carry a settlement out, then say so: with the same outcome, or that the lock is lost."""
        place, token = self.unsettled.pop(delivery_id, (None, None))
        done = False
        if place is not None and token is not None:
            done = place.queue.settle(place.sub, token, told, self.broker.clock())
        faults = self.broker.faults
        if faults.lost_settlements:
            faults.lost_settlements -= 1
            self.connection.cut()
        elif answered:
            state = told.echo() if done else rejected(Condition.LOCK_LOST, _LOCK_LOST)
            self.send(Disposition(first=delivery_id, settled=True, state=state))
        if place is not None:
            self.broker.serve(place.queue)
