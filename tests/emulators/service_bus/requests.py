"""Links that carry questions to `$cbs` and `$management`, and those that carry the answers.

An answer goes over the link of the same session that the client attached for it: the one that
receives from the address that was asked. It needs no credit there: the SDK never renews it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import uuid4

from tests.emulators.service_bus.broker import Place
from tests.emulators.service_bus.links import Arrived, Collector
from tests.emulators.service_bus.management import SETTLE, answer, token_answer
from tests.emulators.service_bus.message import request, response
from tests.emulators.service_bus.performatives import Attach, Disposition, Flow, Transfer
from tests.emulators.service_bus.rules import STANDARD
from tests.emulators.service_bus.states import ACCEPTED
from tests.emulators.service_bus.types import CodecError
from tests.emulators.service_bus.wire import Channel

__all__ = ["RequestLink", "ResponseLink"]


class ResponseLink:
    """Where answers go."""

    def __init__(self, channel: Channel, address: str, body: Attach) -> None:
        self._channel = channel
        self._handle = body.handle
        self.address = address

    def start(self) -> None:
        """Nothing to begin with."""

    def end(self) -> None:
        """Nothing is to be given back."""

    def flow(self, _body: Flow) -> None:
        """Credit is not asked for."""

    def serve(self) -> None:
        """Nothing ever waits here."""

    def transfer(self, _body: Transfer, _payload: bytes) -> None:
        """A receiver sends no messages."""
        raise CodecError("a transfer on a receiver's link")

    def respond(self, payload: bytes) -> None:
        """Send an answer; nobody settles it."""
        self._channel.transfer(self._handle, uuid4().bytes, payload, settled=True)


class RequestLink:
    """Where questions come in. `place` is None for `$cbs`."""

    def __init__(
        self,
        channel: Channel,
        place: Place | None,
        body: Attach,
        respond: Callable[[bytes], None],
    ) -> None:
        self._channel = channel
        self._place = place
        self._respond = respond
        self._collector = Collector(channel, body.handle, STANDARD)

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
        """Take a frame; answer a whole question."""
        arrived = self._collector.add(body, payload)
        if arrived is None:
            return
        if not arrived.settled:
            first = arrived.delivery_id
            self._channel.send(Disposition(role=True, first=first, settled=True, state=ACCEPTED))
        if self._place is None:
            properties, _, _ = request(arrived.content)
            said = token_answer(good=not self._channel.broker.faults.refused_tokens)
            self._respond(response(properties[0] if properties else None, said, None))
        else:
            self._manage(self._place, arrived)

    def _manage(self, place: Place, arrived: Arrived) -> None:
        _, application, _ = request(arrived.content)
        faults = self._channel.broker.faults
        delay = faults.slow_settlement if application.get("operation") == SETTLE else 0.0
        self._channel.wire.later(delay, partial(self._answer, place, arrived.content))

    def _answer(self, place: Place, content: bytes) -> None:
        broker = self._channel.broker
        properties, application, value = request(content)
        operation = application.get("operation")
        said = answer(place, operation, value, broker.clock())
        if operation == SETTLE and broker.faults.lost_settlements:
            broker.faults.lost_settlements -= 1
            self._channel.connection.cut()
        else:
            correlation = properties[0] if properties else None
            self._respond(response(correlation, said.properties(), said.value))
        broker.serve(place.queue)
