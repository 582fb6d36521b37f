"""Reading frames from bytes that may be torn, damaged or not ours at all.

Push bytes, pull findings. The law of this module: the same bytes give the same findings however
they are cut into feeds; whatever is not a frame is named with its place and length; and one
damaged frame costs itself only, because reading finds the next header by its own checksum.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from isal.isal_zlib import crc32

from storage.spool.frame import (
    CHECKS,
    FIXED,
    MAGIC,
    MAX_PAYLOAD,
    SEAL_BYTES,
    Header,
    decode_header,
    encode_frame,
    head_size,
    other_format,
)

# So that reading a large file holds a slice of it twice, not all of it.
_SLICE = 1 << 20

__all__ = ["Damage", "Finding", "Frame", "FrameReader", "TornTail", "read_frames"]


class Frame(msgspec.Struct, frozen=True, gc=False):
    """A frame whose checksums hold. `head` is what the seal authenticates."""

    header: Header
    head: bytes
    payload: bytes
    offset: int
    size: int

    @property
    def raw(self) -> bytes:
        """The frame as it stood, byte for byte."""
        return encode_frame(self.head, self.payload)

    def __repr__(self) -> str:
        return f"<Frame kind={self.header.kind} seq={self.header.seq} at {self.offset}>"


class Damage(msgspec.Struct, frozen=True, gc=False):
    """A stretch that is no frame of this format: altered, or foreign.

    `header` where only the payload was hit, `format` where it claims to be of another format.
    """

    offset: int
    size: int
    header: Header | None = None
    format: int | None = None


class TornTail(msgspec.Struct, frozen=True, gc=False):
    """The beginning of a frame, zeros, or both, at the very end: a write that never finished.

    Zeros are what a file system gives for blocks that were claimed and never written.
    """

    offset: int
    size: int


Finding = Frame | Damage | TornTail

# So many zeros end a sealed payload by chance once in 2^64.
_ZEROS = bytes(8)


class _Stretch:
    """Bytes passed over since the last frame, as far as they must be remembered."""

    def __init__(self, offset: int, start: bytes) -> None:
        self.offset = offset
        self.size = 0
        self.header: Header | None = None
        self.format: int | None = None
        self._trailing_zeros = 0
        begun = start[: len(MAGIC)].rstrip(b"\0")
        self._begins_a_frame = bool(begun) and MAGIC.startswith(begun)

    def add(self, data: bytes) -> None:
        """Pass over more."""
        zeros = len(data) - len(data.rstrip(b"\0"))
        self._trailing_zeros = zeros + (self._trailing_zeros if zeros == len(data) else 0)
        self.size += len(data)

    def damage(self) -> Damage:
        """It stands before something that is well."""
        return Damage(self.offset, self.size, self.header, self.format)

    def ending(self) -> Damage | TornTail:
        """It is the last there is."""
        if self.format is not None:
            # Whatever its last bytes mean, they are not ours to cut.
            return self.damage()
        half_written = self._begins_a_frame and self._trailing_zeros >= len(_ZEROS)
        if half_written or self._trailing_zeros == self.size:
            return TornTail(self.offset, self.size)
        return self.damage()


class FrameReader:
    """Turns bytes into findings. Holds at most one frame's bytes between feeds."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._offset = 0
        self._stretch: _Stretch | None = None

    def feed(self, data: bytes) -> list[Finding]:
        """Take more bytes; give what is certain by now."""
        self._buffer += data
        return self._read(final=False)

    def finish(self) -> list[Finding]:
        """No more bytes come; give what remains, a `TornTail` last if there is one."""
        found = self._read(final=True)
        if self._stretch is not None:
            found.append(self._stretch.ending())
        return found

    def _read(self, *, final: bool) -> list[Finding]:
        found: list[Finding] = []
        at = 0
        while at < len(self._buffer):
            step = self._step(at, found, final=final)
            if not step:
                break
            at += step
        del self._buffer[:at]
        self._offset += at
        return found

    def _step(self, at: int, found: list[Finding], *, final: bool) -> int:
        """Read one frame or pass over one stretch at `at`; 0 when more bytes are needed."""
        size = head_size(self._buffer, at)
        if size is None or len(self._buffer) - at < size + CHECKS.size:
            return self._short(at, found, final=final)
        decoded = self._decode(at, size)
        if decoded is None:
            return self._lose(at, self._next_magic(at + 1) - at)
        header, payload_crc = decoded
        whole = size + CHECKS.size + header.length
        if len(self._buffer) - at < whole:
            return self._tear(at, found) if final else 0
        self._close_stretch(found)
        return self._frame(at, size, header, payload_crc, found)

    def _decode(self, at: int, size: int) -> tuple[Header, int] | None:
        if not self._buffer.startswith(MAGIC, at):
            return None
        decoded = decode_header(self._buffer, at, size)
        if decoded is None or decoded[0].length > MAX_PAYLOAD + SEAL_BYTES:
            return None
        return decoded

    def _frame(
        self, at: int, size: int, header: Header, payload_crc: int, found: list[Finding]
    ) -> int:
        start = at + size + CHECKS.size
        payload = bytes(self._buffer[start : start + header.length])
        offset, whole = self._offset + at, size + CHECKS.size + header.length
        if crc32(payload) == payload_crc:
            head = bytes(self._buffer[at : at + size])
            found.append(Frame(header, head, payload, offset, whole))
        elif payload.endswith(_ZEROS):
            # Damage if anything follows, a torn tail if nothing does.
            self._lose(at, whole)
            self._mark(header)
        else:
            found.append(Damage(offset, whole, header))
        return whole

    def _mark(self, header: Header) -> None:
        if self._stretch is not None:
            self._stretch.header = header

    def _short(self, at: int, found: list[Finding], *, final: bool) -> int:
        """Too few bytes for a header: wait, or at the end look for a frame behind a false one."""
        rest = len(self._buffer) - at
        starts_a_frame = MAGIC.startswith(bytes(self._buffer[at : at + len(MAGIC)]))
        if not starts_a_frame:
            return self._lose(at, self._next_magic(at + 1) - at)
        if not final:
            return 0
        following = self._buffer.find(MAGIC, at + 1)
        if following >= 0 and rest > FIXED.size:
            return self._lose(at, following - at)
        if other_format(self._buffer, at) is not None:
            return self._lose(at, rest)
        return self._tear(at, found)

    def _tear(self, at: int, found: list[Finding]) -> int:
        self._close_stretch(found)
        size = len(self._buffer) - at
        found.append(TornTail(self._offset + at, size))
        return size

    def _next_magic(self, start: int) -> int:
        """Where the next header may begin; the last bytes are kept if they may begin one."""
        at = self._buffer.find(MAGIC, start)
        if at >= 0:
            return at
        end = len(self._buffer)
        for keep in range(len(MAGIC) - 1, 0, -1):
            if end - keep >= start and self._buffer.endswith(MAGIC[:keep]):
                return end - keep
        return end

    def _lose(self, at: int, size: int) -> int:
        data = bytes(self._buffer[at : at + size])
        if self._stretch is None:
            self._stretch = _Stretch(self._offset + at, data)
        if self._stretch.format is None:
            self._stretch.format = other_format(self._buffer, at)
        self._stretch.add(data)
        return size

    def _close_stretch(self, found: list[Finding]) -> None:
        if self._stretch is not None:
            found.append(self._stretch.damage())
            self._stretch = None


def read_frames(data: bytes) -> Iterator[Finding]:
    """Read a whole file's or envelope's bytes."""
    reader = FrameReader()
    for start in range(0, len(data), _SLICE):
        yield from reader.feed(data[start : start + _SLICE])
    yield from reader.finish()
