"""The caller's side of an exchange, whatever serves it.

The port that keeps the exchange free of the HTTP server's names: what the tap does with a call is
in `tap.exchange`, how the call is read from a socket is the server's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Protocol

from tap.heads import RequestHead

__all__ = ["Client", "ClientGoneError"]


class ClientGoneError(Exception):
    """The client left while its request body was being read."""


class Client(Protocol):
    """The caller's side of an exchange, whatever serves it."""

    @property
    def head(self) -> RequestHead:
        """The request's head as it came."""

    @property
    def has_body(self) -> bool:
        """Whether the request has a body."""

    @property
    def slow(self) -> bool:
        """Whether the client has not taken what was written."""

    def body(self) -> AsyncIterator[bytes]:
        """The request's body without its framing. Raises `ClientGoneError`."""

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""

    def end(self, *, at_once: bool = False) -> None:
        """Close the connection after what was written: a cut that the caller sees.

        `at_once` gives up what the client has not taken: one that takes nothing would otherwise
        hold the connection for ever.
        """

    def tunnel(self, take: Callable[[bytes], None]) -> None:
        """From now on hand every byte to `take`."""

    def hold(self, *, held: bool) -> None:
        """Stop reading what a tunnel's client sends (`held`), or go on."""
