"""WebSocket sessions: both directions of an upgraded connection, read by one dialect.

The law of this module: it is pure and total, and works in slices, as `tap.reassembly` does. A
session is one exchange with a record for each response that was given in it (`audit.sheaf`). What
was no text that its dialect could read is kept as type, size and digest, with what else belongs to
no response, in the last of them.
"""

from __future__ import annotations

import codecs
from array import array
from collections.abc import Callable, Generator, Sequence

from msgspec.structs import replace

from audit.exchange import Ending, first_ending
from audit.flags import Flag
from audit.parts import Part
from audit.record import Message as Said
from audit.record import Output
from audit.sheaf import MOST_RECORDS
from tap.bodies import MOST_MARKS, TooLargeError, check_document
from tap.capture import Captured
from tap.dialects.keeping import Digest, Keeper
from tap.dialects.reading import ReadsSessions, SessionTurn
from tap.encodings import OUTPUT_LIMIT
from tap.session_times import Moments, moments_of
from tap.websocket import FrameReader, Message
from tap.websocket_deflate import Inflater, negotiated
from tap.wire_json import NOT_JSON, dump, salvage_json

__all__ = ["read_session", "switched"]

# A slice may hold thousands of the smallest messages, each of which costs its reading.
_SLICE = 8 * 1024

# An object or a list costs its reader what some strings do.
_CONTAINER = 4


def switched(captured: Captured) -> bool:
    """Whether the upstream took the upgrade, so that what followed is no longer HTTP."""
    return captured.answer_head is not None and captured.answer_head.status == 101


def read_session(
    captured: Captured, dialect: ReadsSessions, digest: Digest, most: int | None
) -> Generator[None, None, Sequence[tuple[SessionTurn, Moments]]]:
    """Read a session in slices; the generator's value are its turns, and when each passed.

    Raises `TooLargeError` where compression makes a side larger than `most` bytes, and, where
    `most` is given, for a session whose messages hold more than can be put together in a short
    step.
    """
    head = captured.answer_head
    of_client, of_server = negotiated(head.websocket_extensions if head else None)
    session = dialect.session()
    client, server = _Side(of_client, most), _Side(of_server, most)
    yield from client.read(bytes(captured.request_body), session.client)
    yield from server.read(bytes(captured.answer_body), session.server)
    turns: list[SessionTurn] = []
    for turn in session.turns(digest, MOST_RECORDS):
        turns.append(turn)
        yield
    last = _ended(turns.pop(), client, server, digest)
    read = _of_one_caller([*map(_with_beside, turns), last])
    return [(turn, moments_of(turn.span, server.places, captured.timing.marks)) for turn in read]


def _of_one_caller(turns: Sequence[SessionTurn]) -> Sequence[SessionTurn]:
    """Who called is the same in all turns, whichever of them says so."""
    user = next((each.asked.user for each in turns if each.asked.user), None)
    named = next((each.asked.session for each in turns if each.asked.session), None)
    return [
        replace(each, asked=replace(each.asked, user=user, session=named, stream=True))
        for each in turns
    ]


def _with_beside(turn: SessionTurn, *parts: Part, finish: str | None = None) -> SessionTurn:
    """What was said of no response as an output of its own, behind the responses."""
    beside = (*turn.beside, *parts)
    if not beside and finish is None:
        return turn
    answered = turn.answered
    outputs = answered.response.outputs
    last = Output(index=len(outputs), role="session", parts=beside, finish_reason=finish)
    response = replace(answered.response, outputs=(*outputs, last))
    return replace(turn, answered=replace(answered, response=response), beside=())


def _ended(turn: SessionTurn, client: _Side, server: _Side, digest: Digest) -> SessionTurn:
    """The last turn, with what no turn holds, and with how the connection ended."""
    asked, answered = Keeper(digest), Keeper(digest)
    close = server.reader.close
    beside = [*server.beside(answered)]
    beside += [*client.closing("client", answered), *server.closing("server", answered)]
    code = f"close {close.code}" if close is not None and close.code is not None else None
    request = turn.asked.request
    if parts := client.beside(asked):
        unread = Said(role="unknown", parts=tuple(parts))
        request = replace(request, messages=(*request.messages, unread))
    flags = turn.asked.flags | asked.flags | client.flags
    if Flag.UNTERMINATED_FINAL_EVENT in client.flags:
        flags |= {Flag.REQUEST_INCOMPLETE}
    own = turn.answered
    reading = replace(
        own,
        terminal=close is not None,
        ending=first_ending(own.ending, Ending.TUNNELLED),
        flags=own.flags | answered.flags | server.flags,
    )
    whole = replace(turn, asked=replace(turn.asked, request=request, flags=flags), answered=reading)
    return _with_beside(whole, *beside, finish=code)


class _Side:
    """One direction: its frames, and what of them was no text."""

    def __init__(self, inflater: Inflater | None, most: int | None) -> None:
        self.reader = FrameReader(inflater, OUTPUT_LIMIT if most is None else most)
        self._most = most
        self._marks = 0
        self._binary = bytearray()
        # Where each text that was taken ended, in bytes of the body.
        self.places = array("Q")
        self._invalid_utf8 = False

    @property
    def flags(self) -> set[Flag]:
        """What was wrong of the bytes."""
        return self.reader.flags | ({Flag.INVALID_UTF8} if self._invalid_utf8 else set())

    def read(self, body: bytes, take: Callable[[str], None]) -> Generator[None, None, None]:
        """Give each text message to `take`, a slice at a time."""
        view = memoryview(body)
        for start in range(0, len(body), _SLICE):
            self._pass(self.reader.feed(bytes(view[start : start + _SLICE])), take)
            yield
        self._pass(self.reader.finish(), take)

    def _pass(self, messages: list[Message], take: Callable[[str], None]) -> None:
        if self._most is not None and Flag.DECODED_TOO_LARGE in self.reader.flags:
            raise TooLargeError
        for message, end in zip(messages, self.reader.ends, strict=True):
            text = self._text(message)
            if text is None:
                self._binary += message.data
            elif text:
                self._weigh(text)
                self.places.append(end)
                take(text)

    def _weigh(self, text: str) -> None:
        """What is read of a session is put together in one step, however it came."""
        if self._most is None:
            return
        check_document(text, self._most)
        containers = text.count("{") + text.count("[")
        self._marks += text.count('"') + text.count("\\u") + _CONTAINER * containers
        if self._marks > MOST_MARKS:
            raise TooLargeError

    def _text(self, message: Message) -> str | None:
        """A message as text; of one that broke off, the JSON before the break; None for none.

        A torn text that is no JSON is left out: what only the whole would have masked may stand
        in it.
        """
        if message.binary and message.data[:1] != b"{":
            return None
        try:
            text, _ = codecs.utf_8_decode(message.data, "strict", not message.unterminated)
        except UnicodeDecodeError:
            if message.binary:
                return None
            self._invalid_utf8 = True
            text = message.data.decode("utf-8", "replace")
        if not message.unterminated:
            return text
        value = salvage_json(text)
        return "" if value is NOT_JSON else dump(value)

    def beside(self, keeper: Keeper) -> list[Part]:
        """What was sent that is neither text nor control, and what could not be read."""
        parts: list[Part] = []
        if self._binary:
            binary = bytes(self._binary)
            parts.append(keeper.bytes_as_media(binary, "application/octet-stream", "binary"))
        if unread := self.reader.unread:
            parts.append(keeper.bytes_as_media(unread, "application/octet-stream", "unread"))
        return parts

    def closing(self, who: str, keeper: Keeper) -> list[Part]:
        """How this side ended the connection, where it did."""
        close = self.reader.close
        if close is None:
            return []
        return [keeper.as_extra(f"close.{who}", {"code": close.code, "reason": close.reason})]
