"""What a dialect offers, and what it makes of an exchange's two bodies.

The law of this module: a reading never fails. What could not be read is a flag of the reading,
and what was not known is kept as an `Extra`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from audit.exchange import Dialect as DialectName
from audit.exchange import Ending
from audit.flags import EndingDetail, Flag
from audit.parts import Part
from audit.record import Request, Response, Safety, Usage
from audit.value import Json, Value
from tap.dialects.keeping import Digest, Keeper
from tap.held import Held
from tap.sse import Event

__all__ = [
    "AnswerReading",
    "Body",
    "Dialect",
    "Fold",
    "ReadsPlain",
    "ReadsSessions",
    "RequestReading",
    "Session",
    "SessionTurn",
    "Span",
]


class Body(Value, frozen=True):
    """A whole body, free of its content coding, and what its head called it.

    `broken` says that the body is known to end early, so that an attempt to read what stands
    before the break is worth it. `content` may be held in pieces; `data` makes it whole.
    """

    content: bytes | Held = b""
    content_type: str | None = None
    broken: bool = False

    @property
    def data(self) -> bytes:
        """All of it, as one."""
        return bytes(self.content)

    @property
    def head(self) -> bytes:
        """Its first 4,096 bytes at most."""
        return b"".join(Held.of(self.content).windows(0, 4096))


class RequestReading(Value, frozen=True):
    """What was asked. `model`, `user` and `session` are what the body itself claims.

    `stream` says whether the answer was to be streamed; None where the body does not tell.
    """

    request: Request = Request()
    model: str | None = None
    user: str | None = None
    session: str | None = None
    stream: bool | None = False
    flags: frozenset[Flag] = frozenset()


class AnswerReading(Value, frozen=True):
    """What was answered, and how the answer itself says that it ended.

    `terminal` says that the format's own end was seen: a terminal event, or the whole of a
    plain body. `finished` that every output gave a finish reason. `ending` is what the body is
    evidence of (filtered, failed), None when of nothing but success.
    """

    response: Response = Response()
    safety: Safety = Safety()
    usage: Usage = Usage()
    model: str | None = None
    system_fingerprint: str | None = None
    response_id: str | None = None
    terminal: bool = False
    finished: bool = False
    ending: Ending | None = None
    detail: EndingDetail | None = None
    flags: frozenset[Flag] = frozenset()


class Fold(Protocol):
    """Gathers the events of one stream into the answer they make up."""

    def feed(self, event: Event) -> None:
        """Take the next event, whatever it holds. Never raises."""

    def reading(self, keeper: Keeper) -> AnswerReading:
        """What has been gathered so far. Never raises."""


class Dialect(Protocol):
    """Reads one wire format."""

    @property
    def name(self) -> DialectName:
        """What it is called in a record."""

    def request(self, body: Body, keeper: Keeper) -> RequestReading:
        """Read a request's body. Never raises."""

    def answer(self, value: Json, keeper: Keeper) -> AnswerReading:
        """Read a plain JSON answer, already decoded. Never raises."""

    def fold(self) -> Fold:
        """Begin to read a streamed answer."""


@runtime_checkable
class ReadsPlain(Protocol):
    """A dialect that may answer with sound or bare text in success."""

    def plain(self, body: Body, keeper: Keeper) -> AnswerReading:
        """Read a successful answer that is neither JSON nor a stream. Never raises."""


class Span(Value, frozen=True):
    """When a response passed, as places among the server's text messages, counted from 0.

    `begun` is where it began, `said` where the first of what it said stood, `over` where it ended.
    """

    begun: int | None = None
    said: int | None = None
    over: int | None = None


class SessionTurn(Value, frozen=True):
    """One response of a session, with what was said since the one before it.

    `answered.terminal` says that the response came to its own end. The last turn of a session also
    holds what was said after its response, and what belongs to none; `beside` are what it holds of
    that beyond text of the model. A session without any response is one turn.
    """

    asked: RequestReading = RequestReading()
    answered: AnswerReading = AnswerReading()
    beside: tuple[Part, ...] = ()
    span: Span = Span()


class Session(Protocol):
    """Gathers the messages of both sides of one WebSocket connection. Nothing of it raises.

    Each side is told whole and in its order, first the client's; how the two were interleaved is
    known only as far as the messages tell. Then it is read, once.
    """

    def client(self, text: str) -> None:
        """Take the client's next text message."""

    def server(self, text: str) -> None:
        """Take the server's next text message."""

    def turns(self, digest: Digest, most: int) -> Iterator[SessionTurn]:
        """All that was said, a turn for each response in the order of their beginnings.

        There is one turn at least and `most` at most: then the last one holds all responses from
        that one on, each as an output. Each turn is a bounded piece of work, and all of them
        together are linear in what was said.
        """


@runtime_checkable
class ReadsSessions(Protocol):
    """A dialect that is spoken over WebSocket."""

    def session(self) -> Session:
        """Begin to read a connection."""
