"""Who receives an answer from an upstream connection.

The port between the connection, which knows where a message begins and ends, and the exchange,
which knows whose it is.
"""

from __future__ import annotations

from typing import Protocol

from tap.heads import AnswerStart

__all__ = ["AnswerSink"]


class AnswerSink(Protocol):
    """Who receives an answer, in the upstream's own pace. No method may raise."""

    def interim(self, raw: bytes) -> None:
        """Receive an informational (1xx) answer, raw."""

    def head(self, answer: AnswerStart, *, follows: bool) -> None:
        """Receive the final answer's head; `follows` when `body` is called at once with more."""

    def body(self, raw: bytes, content: list[bytes]) -> None:
        """Receive body bytes as framed on the wire, and the same without framing."""

    def whole(self, *, reusable: bool) -> None:
        """Learn that the message is complete."""

    def tunnel(self, raw: bytes) -> None:
        """Receive bytes of an upgraded connection."""

    def lost(self, *, received: bool) -> None:
        """Learn that the connection went before the message was whole."""

    def full(self, *, full: bool) -> None:
        """Learn that the upstream takes no more bytes for now, or takes them again."""
