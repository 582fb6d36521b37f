"""An answer on its way to the client: each byte in the call in which it arrived.

The law: bytes first. What came is written before anything looks at it, with the upstream's own
framing; then the recording keeps a reference to the same bytes. What comes after the exchange was
settled was delivered to nobody, and is neither forwarded nor noted.
"""

from __future__ import annotations

from time import monotonic
from typing import Protocol

from audit.exchange import Ending
from tap.client import Client
from tap.heads import AnswerStart, answer_head, noted
from tap.recording import Recording
from tap.refusals import Refusal

__all__ = ["Answer", "Course"]


class Course(Protocol):
    """The exchange, as its answer knows it."""

    @property
    def last(self) -> bool:
        """Whether the client's connection ends after this answer."""

    def settle(self, ending: Ending | None, detail: str | None) -> None:
        """Take evidence of the end."""

    def answered(self, *, reusable: bool) -> None:
        """Learn that the answer came to its end; `reusable` speaks of the connection."""

    def unanswered(self, *, received: bool) -> None:
        """Learn that the upstream went before there was an answer."""


class Answer:
    """One answer; the `AnswerSink` of its connection.

    `begun` tells that the client has been sent a head, `moved` when something was last sent
    (monotonic seconds), `keep_alive` that the client's connection may go on after it.
    """

    def __init__(self, client: Client, course: Course, moved: float) -> None:
        self.recording: Recording | None = None
        self.begun = self.settled = self.tunnelling = self.keep_alive = False
        self.moved = moved
        self._client = client
        self._course = course
        self._by_content = self._until_close = False
        self._unsent: tuple[bytes, AnswerStart] | None = None

    def interim(self, raw: bytes) -> None:
        """Pass an informational answer on; HTTP/1.0 clients do not know them."""
        self.moved = monotonic()
        if not self._client.head.http10:
            self._client.write(raw)

    def head(self, answer: AnswerStart, *, follows: bool) -> None:
        """Pass the head on: with the body's first bytes, where they came together."""
        http10 = self._client.head.http10
        self._by_content = http10 and answer.framing.chunked
        switching = answer.status == 101
        self._until_close = answer.framing.until_close or self._by_content
        close = self._until_close or self._course.last
        self.keep_alive = not close and not switching
        # An upgraded connection is no longer HTTP: `Connection` and `Upgrade` are its handshake.
        head = answer.raw if switching else answer_head(answer, http10=http10, close=close)
        self.begun = True
        self._unsent = (head, answer)
        if not follows:
            self._send(b"")
        if switching:
            self.tunnelling = True
            self._client.tunnel()

    def body(self, raw: bytes, content: list[bytes]) -> None:
        """Pass bytes on, then note them."""
        if self.settled:
            return
        self._send(b"".join(content) if self._by_content else raw)
        if self.recording is not None and content:
            self.recording.answer(content, self.moved)

    def _send(self, data: bytes) -> None:
        """Write, and after that note the head if it went with this."""
        if self._unsent is None:
            self._client.write(data)
            self.moved = monotonic()
            return
        (head, answer), self._unsent = self._unsent, None
        self._client.write(head + data)
        self.moved = monotonic()
        if self.recording is not None:
            self.recording.head(noted(answer, self.recording.wall_ns(self.moved)))

    def whole(self, *, reusable: bool) -> None:
        """Learn that the answer came to its end; one that was given up has had another."""
        if self.settled:
            return
        if self.recording is not None:
            self.recording.answer_end()
        self._course.answered(reusable=reusable)

    def tunnel(self, raw: bytes) -> None:
        """Pass bytes of an upgraded connection down, then note them."""
        if self.settled:
            return
        self._client.write(raw)
        self.moved = monotonic()
        if self.recording is not None:
            self.recording.answer([raw], self.moved)

    def full(self, *, full: bool) -> None:
        """Slow the client of an upstream that does not keep up, or let it go on."""
        self._client.hold(held=full)

    def lost(self, *, received: bool) -> None:
        """End what the upstream cut, where the client can see it."""
        if not self.begun:
            self._course.unanswered(received=received)
            return
        self.break_off()
        if self.tunnelling:
            self._course.settle(Ending.TUNNELLED, "upstream_closed")
        else:
            self._course.settle(Ending.UPSTREAM_DISCONNECTED, "answer_cut")

    def break_off(self, *, at_once: bool = False) -> None:
        """Close the client's connection in the middle of the answer, where the client sees it.

        `at_once` gives up what the client has not taken.
        """
        if self._until_close and not self.tunnelling:
            # The connection's end is this body's end: an orderly one would make it look whole.
            self._client.cut()
        else:
            self._client.end(at_once=at_once)

    def refuse(self, refusal: Refusal) -> None:
        """Answer in the tap's own name, where nothing of the upstream has been passed on."""
        self.keep_alive = False
        if not self.begun:
            self.begun = True
            self._client.write(refusal.answer(head_only=self._client.head.method == "HEAD"))
