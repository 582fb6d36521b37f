"""WebSocket messages from bytes: push one direction's bytes in, pull its messages out.

The law of this module: it follows the framing of RFC 6455 §5 as a witness, who reads on where an
endpoint would fail the connection, as long as it is known where the next frame begins. What was
not in order is a flag; what could not be read at all is counted in `unread`. How the bytes were cut
into pieces never changes the messages, and the work is linear in their number.
"""

from __future__ import annotations

from audit.flags import Flag
from audit.value import Value
from tap.encodings import OUTPUT_LIMIT
from tap.websocket_deflate import Inflater
from tap.websocket_frames import (
    BINARY,
    CLOSE,
    COMPRESSED,
    CONTINUATION,
    FIN,
    RESERVED,
    TEXT,
    Frame,
    read_header,
    unmasked,
)

__all__ = ["Close", "FrameReader", "Message"]


class Message(Value, frozen=True, gc=False):
    """One message, its fragments joined and out of their compression.

    `binary` is what its frames called it. `unterminated` marks one that its sender never ended,
    or that outgrew the limit.
    """

    data: bytes
    binary: bool = False
    unterminated: bool = False


class Close(Value, frozen=True):
    """A close frame: its code, None where it gave none, and its reason."""

    code: int | None = None
    reason: str = ""


class FrameReader:
    """Reads one direction of a WebSocket connection; nothing of it raises.

    `inflater` is set where compression was negotiated; `limit` bounds what the messages may hold
    together, in bytes. After `finish` nothing more may be fed. `close` is the close frame that
    came, `flags` what was not in order; `ends` says of each message of the last call how many bytes
    had been fed where it ended.
    """

    def __init__(self, inflater: Inflater | None = None, limit: int = OUTPUT_LIMIT) -> None:
        self.close: Close | None = None
        self.flags: set[Flag] = set()
        self.ends: list[int] = []
        self._inflater = inflater
        self._room = limit
        self._held = b""
        self._frame: Frame | None = None
        self._at = 0
        self._control: list[bytes] = []
        self._opened: int | None = None
        self._packed = False
        self._parts: list[bytes] = []
        self._full = self._lost = False
        self._unread: list[bytes] = []
        self._messages: list[Message] = []
        self._ends: list[int] = []
        self._fed = self._position = 0

    def feed(self, data: bytes) -> list[Message]:
        """Take the next bytes; give the messages they complete, in order."""
        begin = self._fed - len(self._held)
        self._fed += len(data)
        if self._held:
            data, self._held = self._held + data, b""
        at = 0
        while at < len(data) and not self._full and not self._lost:
            self._position = begin + at
            if self._frame is not None:
                at = self._in_frame(data, at)
            else:
                at = self._whole(data, at) or self._atread_header(data, at)
        if self._lost:
            self._unread.append(data[at:])
        return self._given()

    def finish(self) -> list[Message]:
        """Take the end of the bytes; give the message it cut short, if there was one."""
        open_ended = self._held or self._frame is not None or self._opened is not None
        if open_ended and not self._full and not self._lost:
            self.flags.add(Flag.UNTERMINATED_FINAL_EVENT)
        self._end_message(whole=False)
        return self._given()

    @property
    def unread(self) -> bytes:
        """Everything from the first frame on that no reader could make out."""
        return b"".join(self._unread)

    def _given(self) -> list[Message]:
        given, self._messages = self._messages, []
        self.ends, self._ends = self._ends, []
        return given

    # -- frames ----------------------------------------------------------------------------

    def _atread_header(self, data: bytes, at: int) -> int:
        frame = read_header(data, at)
        if frame is None:
            self._held = data[at:]
            return len(data)
        if not frame.readable:
            self._lose()
            return at
        self._frame, self._at = frame, 0
        if not frame.control:
            self._begin(frame)
        if not frame.length:
            self._end_frame(frame)
        return at + frame.size

    def _whole(self, data: bytes, at: int) -> int:
        """Read a plain message that is one frame and is all here, as nearly all are; else give 0.

        Gives where it ends. A shorter way, on which nothing happens that would not on the other.
        """
        if data[at] != FIN | TEXT or self._opened is not None or self.close is not None:
            return 0
        frame = read_header(data, at)
        if frame is None or len(data) < (end := at + frame.size + frame.length):
            return 0
        if frame.length > self._room:
            return 0
        content = data[at + frame.size : end]
        self._room -= frame.length
        plain = unmasked(content, frame.key, 0) if frame.key else content
        self._messages.append(Message(data=plain))
        self._ends.append(self._position - at + end)
        return end

    def _in_frame(self, data: bytes, at: int) -> int:
        frame = self._frame
        assert frame is not None  # noqa: S101 - only called inside a frame
        piece = data[at : at + frame.length - self._at]
        content = unmasked(piece, frame.key, self._at) if frame.key else piece
        self._at += len(piece)
        self._position += len(piece)
        if frame.control:
            self._control.append(content)
        else:
            self._add(content)
        if self._at == frame.length:
            self._end_frame(frame)
        return at + len(piece)

    def _end_frame(self, frame: Frame) -> None:
        self._frame = None
        if frame.control:
            content = b"".join(self._control)
            self._control.clear()
            if frame.opcode == CLOSE:
                self._closed(content)
        elif frame.final:
            self._end_message(whole=True)

    def _lose(self) -> None:
        """Give up: nobody knows where the next frame begins."""
        self.flags.add(Flag.FRAMES_MALFORMED)
        self._end_message(whole=False)
        self._lost = True

    def _closed(self, content: bytes) -> None:
        if len(content) == 1:
            self.flags.add(Flag.FRAMES_MALFORMED)
        code = int.from_bytes(content[:2], "big") if len(content) > 1 else None
        self.close = self.close or Close(code=code, reason=content[2:].decode("utf-8", "replace"))

    # -- messages --------------------------------------------------------------------------

    def _begin(self, frame: Frame) -> None:
        """Open a message, or go on with the one that is open."""
        goes_on = frame.opcode == CONTINUATION
        if goes_on is (self._opened is None) or self.close is not None:
            self.flags.add(Flag.FRAMES_MALFORMED)
        if goes_on and self._opened is not None:
            if frame.first & (COMPRESSED | RESERVED):
                self.flags.add(Flag.FRAMES_MALFORMED)
            return
        self._end_message(whole=False)
        self._opened = TEXT if goes_on else frame.opcode
        self._packed = bool(frame.first & COMPRESSED) and self._inflater is not None
        if frame.first & RESERVED or (frame.first & COMPRESSED and not self._packed):
            # Of an extension that nobody agreed upon: what it made of the payload is not known.
            self.flags.add(Flag.FRAMES_MALFORMED)
            self._opened = BINARY

    def _add(self, content: bytes) -> None:
        if not self._packed and len(content) > self._room:
            content = content[: self._room]
            self._full = True
        self._parts.append(content)
        if not self._packed:
            self._room -= len(content)
        if self._full:
            self._end_message(whole=False)

    def _end_message(self, *, whole: bool) -> None:
        if self._opened is None:
            return
        data = b"".join(self._parts)
        if self._packed and self._inflater is not None:
            data = self._inflated(self._inflater, data, whole=whole)
        if self._full:
            self.flags.add(Flag.DECODED_TOO_LARGE)
        unterminated = self._full or not whole
        binary = self._opened == BINARY
        self._messages.append(Message(data=data, binary=binary, unterminated=unterminated))
        self._ends.append(self._position)
        self._opened = None
        self._parts = []

    def _inflated(self, inflater: Inflater, data: bytes, *, whole: bool) -> bytes:
        data = inflater.inflate(data, self._room, whole=whole)
        self._room -= len(data)
        self._full = inflater.too_large
        if inflater.damaged:
            self.flags.add(Flag.ENCODING_DAMAGED)
        return data
