"""The two kinds of links to a queue: a client that sends to it, and one that receives from it.

Law of the sending side: a transfer is acknowledged after the queue has recorded it, never before;
a batch is taken whole or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

from tests.emulators.service_bus.broker import Place
from tests.emulators.service_bus.deliveries import delivered
from tests.emulators.service_bus.message import BATCH_FORMAT, split
from tests.emulators.service_bus.performatives import Attach, Detach, Disposition, Flow, Transfer
from tests.emulators.service_bus.states import ACCEPTED, Condition, error, rejected
from tests.emulators.service_bus.types import CodecError, Value
from tests.emulators.service_bus.wire import Channel

__all__ = ["Arrived", "Collector", "IncomingLink", "OutgoingLink"]

# What Service Bus grants a sender; granted again when half of it is used up.
_CREDIT = 1000


@dataclass(frozen=True, slots=True)
class Arrived:
    """A whole message as it was sent; when `size` is above the limit, without its end."""

    delivery_id: int
    format: int
    settled: bool
    content: bytes = field(repr=False)
    size: int


class Collector:
    """Puts transfers together that came in several frames, and grants credit for further ones.

    It keeps no more than `limit` bytes of a message, and counts the rest.
    """

    def __init__(self, channel: Channel, handle: int, limit: int) -> None:
        self._channel = channel
        self._handle = handle
        self._limit = limit
        self._first: Transfer | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._count = 0
        self._granted = 0

    def add(self, body: Transfer, payload: bytes) -> Arrived | None:
        """Take a frame; give the message with its last one."""
        first = self._first = self._first or body
        self._size += len(payload)
        if self._size <= self._limit:
            self._parts.append(payload)
        if body.more and not body.aborted:
            return None
        content, size = b"".join(self._parts), self._size
        self._first, self._parts, self._size = None, [], 0
        self._count += 1
        self.grant()
        if body.aborted:
            return None
        settled = bool(first.settled)
        return Arrived(first.delivery_id or 0, first.message_format or 0, settled, content, size)

    def grant(self) -> None:
        """Let the client send on, if it is at half of what it may."""
        if self._granted - self._count <= _CREDIT // 2:
            self._granted = self._count + _CREDIT
            self._channel.send(
                Flow(handle=self._handle, delivery_count=self._count, link_credit=_CREDIT)
            )


class IncomingLink:
    """A client's sender: what arrives goes to the queue."""

    def __init__(self, channel: Channel, place: Place, body: Attach) -> None:
        self._channel = channel
        self.place = place
        self._handle = body.handle
        self._collector = Collector(channel, body.handle, place.queue.rules.max_message_size)

    def start(self) -> None:
        """Grant the first credit."""
        self._collector.grant()

    def end(self) -> None:
        """Nothing is to be given back."""

    def flow(self, _body: Flow) -> None:
        """A sender's flow says nothing that is needed here."""

    def serve(self) -> None:
        """A sender is sent nothing."""

    def transfer(self, body: Transfer, payload: bytes) -> None:
        """Take a frame, and with the last of a message deal with it."""
        arrived = self._collector.add(body, payload)
        if arrived is None or self._channel.connection.counted():
            return
        rules = self.place.queue.rules
        limit = rules.batch_limit if arrived.format == BATCH_FORMAT else rules.max_message_size
        if arrived.size > limit:
            self._too_large(arrived, limit)
        elif self._channel.broker.is_busy():
            told = "The request was terminated because the namespace is being throttled."
            self._answer(arrived, rejected(Condition.BUSY, told))
        else:
            delay = self._channel.broker.faults.slow_acceptance
            self._channel.wire.later(delay, partial(self._store, arrived))

    def _store(self, arrived: Arrived) -> None:
        broker, queue = self._channel.broker, self.place.queue
        content = arrived.content
        try:
            contents = split(content) if arrived.format == BATCH_FORMAT else [content]
            queue.enqueue(contents, broker.clock())
        except CodecError as problem:
            self._answer(arrived, rejected("amqp:decode-error", str(problem)))
            return
        if broker.faults.lost_acknowledgements:
            broker.faults.lost_acknowledgements -= 1
            self._channel.connection.cut()
        else:
            self._answer(arrived, ACCEPTED)
        broker.serve(queue)

    def _answer(self, arrived: Arrived, state: Value) -> None:
        if not arrived.settled:
            first = arrived.delivery_id
            self._channel.send(Disposition(role=True, first=first, settled=True, state=state))

    def _too_large(self, arrived: Arrived, limit: int) -> None:
        """Reject the message, then detach: the service does both, and the next send feels it."""
        told = (
            f"The received message (delivery-id:{arrived.delivery_id}, size:{arrived.size} bytes)"
            f" exceeds the limit ({limit} bytes) currently allowed on the link."
        )
        self._answer(arrived, rejected(Condition.TOO_LARGE, told))
        self._channel.send(Detach(self._handle, True, error(Condition.TOO_LARGE, told)))
        self._channel.drop(self._handle)


class OutgoingLink:
    """A client's receiver: it competes for the messages of a queue."""

    def __init__(self, channel: Channel, place: Place, body: Attach) -> None:
        self._channel = channel
        self.place = place
        self._handle = body.handle
        self._deletes = body.snd_settle_mode == 1
        self._count = 0
        self._credit = 0

    def start(self) -> None:
        """Compete from now on."""
        self._channel.broker.attach(self.place, self)

    def end(self) -> None:
        """Compete no longer. What was locked stays so until its time."""
        self._channel.broker.detach(self.place, self)

    def transfer(self, _body: Transfer, _payload: bytes) -> None:
        """A receiver sends no messages."""
        raise CodecError("a transfer on a receiver's link")

    def flow(self, body: Flow) -> None:
        """Take the credit that the client gives; drain it when it says so."""
        if body.link_credit is not None:
            self._credit = (body.delivery_count or 0) + body.link_credit - self._count
        self.serve()
        if body.drain:
            self._count += max(self._credit, 0)
            self._credit = 0
        if body.drain or body.echo:
            self._channel.send(
                Flow(
                    handle=self._handle,
                    delivery_count=self._count,
                    link_credit=self._credit,
                    drain=body.drain,
                )
            )

    def serve(self) -> None:
        """Send what is there."""
        self._channel.broker.serve(self.place.queue)

    def deliver(self, now: float) -> bool:
        """Send one message; false when there is none, or no credit, or no room for it."""
        if self._credit <= 0 or not self._channel.open or not self._channel.wire.writable:
            return False
        queue, sub = self.place.queue, self.place.sub
        held = queue.take(sub) if self._deletes else queue.acquire(sub, now)
        if held is None:
            return False
        self._credit -= 1
        self._count += 1
        token = held.token or uuid4()
        # A lock token is the delivery's tag, as .NET writes a Guid (`bytes_le`; the SDK's
        # `ServiceBusReceivedMessage.lock_token`).
        payload = delivered(self.place, held)
        delivery_id = self._channel.transfer(
            self._handle, token.bytes_le, payload, settled=self._deletes
        )
        if not self._deletes:
            self._channel.unsettled[delivery_id] = (self.place, token)
        self._channel.connection.counted()
        return True
