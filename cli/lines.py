"""Standard input cut into lines as it comes, none longer than a limit.

The law: no more is held than one line's limit and what was read last; a line that is longer is
counted, and not kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

__all__ = ["Line", "LineCutter", "first_line", "lines_of"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line, its end taken away; `number` counts from 1, `data` is None where it is too long."""

    number: int
    data: bytes | None = field(repr=False)


class LineCutter:
    """Cuts bytes at line feeds, however they come; lines of up to `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._number = 0
        self._size = 0
        self._held = bytearray()

    @property
    def held(self) -> int:
        """How many bytes of a line that has not ended are held."""
        return len(self._held)

    def feed(self, data: bytes) -> list[Line]:
        """Give the lines that end in `data`."""
        *whole, rest = data.split(b"\n")
        lines = [self._line(piece) for piece in whole]
        self._hold(rest)
        return lines

    def end(self) -> list[Line]:
        """Give the last line, if it has no end of its own."""
        return [self._line(b"")] if self._size else []

    def _hold(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            self._held.clear()
        else:
            self._held += piece

    def _line(self, piece: bytes) -> Line:
        self._hold(piece)
        data = None if self._size > self._limit else bytes(self._held)
        self._held.clear()
        self._size = 0
        self._number += 1
        return Line(self._number, data)


def lines_of(chunks: Iterable[bytes], limit: int) -> Iterator[list[Line]]:
    """Give the lines as they come: those that one chunk ends, together."""
    cutter = LineCutter(limit)
    for chunk in chunks:
        if lines := cutter.feed(chunk):
            yield lines
    if last := cutter.end():
        yield last


def first_line(chunks: Iterator[bytes], limit: int) -> tuple[bytes, bytes]:
    """Read on until the first line that is not blank has ended; gives all that was read, and it.

    Reads to the end, or a little more than `limit` bytes, where there is no such line.
    """
    read = bytearray()
    for chunk in chunks:
        read += chunk
        if len(read) > limit or (b"\n" in chunk and b"\n" in read.lstrip()):
            break
    return bytes(read), bytes(read.lstrip().partition(b"\n")[0])
