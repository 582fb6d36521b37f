"""Bytes of a body as they are held: in pieces, which are taken up one at a time.

The law of this module: whoever reads pieces has one of them in memory and nothing beside it. A
body is read as often as is wanted and gives the same bytes each time, however it is cut; only
who asks for it whole makes it whole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate

__all__ = ["PIECE", "Held"]

# One step of work: small enough not to be felt by whoever shares the thread.
PIECE = 64 * 1024


class Held:
    """A body in pieces: `sizes` are those of the pieces in bytes, `read` gives one by its place.

    `len` is that of the body; `bytes` joins it, without a copy where there is one piece.
    """

    def __init__(self, sizes: Iterable[int], read: Callable[[int], bytes]) -> None:
        self._ends = list(accumulate(sizes))
        self._read = read
        self._last = -1, b""

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __bytes__(self) -> bytes:
        if len(self._ends) == 1:
            return self._read(0)
        return b"".join(map(self._read, range(len(self._ends))))

    @classmethod
    def of(cls, content: bytes | Held) -> Held:
        """Take what may be whole already."""
        return content if isinstance(content, Held) else cls.joined((content,))

    @classmethod
    def joined(cls, pieces: Sequence[bytes]) -> Held:
        """Take pieces that are in memory."""
        return cls(map(len, pieces), pieces.__getitem__)

    def part(self, start: int, end: int) -> Held:
        """The bytes from `start` to before `end`, as they are held here."""
        size = max(0, min(end, len(self)) - start)
        places = range(start, start + size, PIECE)
        return Held(
            (min(PIECE, start + size - at) for at in places),
            lambda at: b"".join(self.windows(places[at], min(places[at] + PIECE, start + size))),
        )

    def places(self, needle: bytes, start: int = 0, end: int | None = None) -> Iterator[int]:
        """Where the needle stands between `start` and `end`, over and over, never overlapping."""
        before, at = b"", start
        for window in self.windows(start, end):
            text, done = before + window, 0
            while (found := text.find(needle, done)) >= 0:
                yield at + found
                done = found + len(needle)
            done = min(max(done, len(text) - len(needle) + 1), len(text))
            before, at = text[done:], at + done

    def windows(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Give the bytes from `start` to before `end`, at most `PIECE` at a time."""
        end = len(self) if end is None else min(end, len(self))
        at = bisect_right(self._ends, start)
        while start < end:
            begun = self._ends[at - 1] if at else 0
            piece = memoryview(self._piece(at))[start - begun : end - begun]
            for cut in range(0, len(piece), PIECE):
                yield bytes(piece[cut : cut + PIECE])
            start += len(piece)
            at += 1

    def evenly(self) -> Iterator[bytes]:
        """Give all bytes, `PIECE` at a time however they are held; the last may be fewer."""
        gathered = bytearray()
        for window in self.windows():
            gathered += window
            if len(gathered) >= PIECE:
                yield bytes(gathered[:PIECE])
                del gathered[:PIECE]
        if gathered:
            yield bytes(gathered)

    def _piece(self, at: int) -> bytes:
        """What was read last is kept: whoever reads a little often reads on where he was."""
        if self._last[0] != at:
            self._last = at, self._read(at)
        return self._last[1]
