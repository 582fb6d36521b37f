"""What the layers of a connection need of each other, as ports: socket, connection, session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from tests.emulators.service_bus.broker import Broker, Place
from tests.emulators.service_bus.performatives import Performative

__all__ = ["Channel", "Cutter", "Wire"]


class Wire(Protocol):
    """One client's socket and a clock, as the protocol's side sees them."""

    @property
    def writable(self) -> bool:
        """Whether there is room for more; false after a cut, too."""

    def write(self, data: bytes) -> None:
        """Send bytes; after a cut they are dropped."""

    def cut(self) -> None:
        """Drop the connection here and now, without a word."""

    def close(self) -> None:
        """Send what was written, then close."""

    def later(self, delay: float, action: Callable[[], None]) -> None:
        """Do it after `delay` seconds, or at once when that is 0, whether or not cut by then."""


class Cutter(Protocol):
    """The connection, as far as faults go."""

    def counted(self) -> bool:
        """Count a transfer; true when it was the one after which the connection was cut."""

    def cut(self) -> None:
        """Drop the connection without a word."""


class Channel(Protocol):
    """The session, as its links see it.

    `unsettled` is what was delivered and waits for an outcome: by delivery id, where it came from
    and the token of its lock.
    """

    broker: Broker
    wire: Wire
    connection: Cutter
    unsettled: dict[int, tuple[Place, UUID]]

    @property
    def open(self) -> bool:
        """Whether the client's window has room for another frame."""

    def send(self, body: Performative, payload: bytes = b"") -> None:
        """Send a frame."""

    def transfer(self, handle: int, tag: bytes, payload: bytes, *, settled: bool) -> int:
        """Send a message in as many frames as it takes; give its delivery id."""

    def drop(self, handle: int) -> bool:
        """Forget a link that was detached; false when it was forgotten before."""
