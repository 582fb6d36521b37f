"""The caller's side of an exchange, whatever serves it.

The port that keeps the exchange free of the HTTP server's names: what the tap does with a call is
in `tap.exchange`, how the call is read from a socket is the server's. The server tells the
exchange what the client sends (`Exchange.request`), and that it left, is slow or takes more.
"""

from __future__ import annotations

from typing import Protocol

from tap.heads import RequestHead

__all__ = ["Client"]


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

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""

    def hold(self, *, held: bool) -> None:
        """Stop reading what the client sends (`held`), or go on."""

    def tunnel(self) -> None:
        """From now on hand every byte to the exchange, HTTP or not."""

    def end(self, *, at_once: bool = False) -> None:
        """Close the connection after what was written: a cut that the caller sees.

        `at_once` gives up what the client has not taken: one that takes nothing would otherwise
        hold the connection for ever.
        """

    def cut(self) -> None:
        """Close the connection so that the caller sees that it was cut: by a reset."""

    def over(self, *, keep_alive: bool) -> None:
        """Learn that the exchange is over, and whether the connection may carry another."""
