"""Chunked framing of a request's body, read by the letter: RFC 9112 §7.1, and nothing more lenient.

The law: bytes that two parsers could read in two ways raise, and no byte is given out before what
it belongs to has been found well made. What is given out may therefore be sent on as it came,
extensions and trailers included, and nobody behind us will find another end of the body than we
did. This file knows bytes; it knows no socket.
"""

from __future__ import annotations

import re

__all__ = ["BadChunksError", "ChunkReader"]

# A size line or trailer line longer than this is no client's of an LLM gateway; the sum of the
# trailers is bounded too, since they are held back until the last of them has been read.
_MAX_LINE = 8 * 1024
_MAX_TRAILERS = 64 * 1024

# Sixteen digits are more than any memory, and fewer than any integer overflow of other parsers.
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n")


class BadChunksError(Exception):
    """The framing is broken: the end of the body cannot be known. Holds no byte of it."""


class ChunkReader:
    """Reads one chunked body; `whole` once its end has been given out."""

    def __init__(self) -> None:
        self.whole = False
        self._held = b""
        self._left = 0
        self._trailing = False
        self._content: list[bytes] = []

    def feed(self, data: bytes) -> tuple[bytes, bytes, bytes]:
        """Take what arrived; give (well-made bytes as they came, their content, what lies behind).

        A line that is not whole yet is held back. Raises `BadChunksError`.
        """
        data = self._held + data
        at = 0
        while not self.whole and (end := self._step(data, at)) > at:
            at = end
        content, self._content = b"".join(self._content), []
        if self.whole:
            return data[:at], content, data[at:]
        self._held = data[at:]
        return data[:at], content, b""

    def _step(self, data: bytes, at: int) -> int:
        """Read one thing from `at`; give where it ends, or `at` when it is not whole."""
        if self._left > 2:
            piece = data[at : at + self._left - 2]
            self._content.append(piece)
            self._left -= len(piece)
            return at + len(piece)
        if self._left == 2:
            return self._behind_chunk(data, at)
        return self._trailers(data, at) if self._trailing else self._size(data, at)

    def _behind_chunk(self, data: bytes, at: int) -> int:
        end = data[at : at + 2]
        if not b"\r\n".startswith(end):
            raise BadChunksError
        if len(end) < 2:
            return at
        self._left = 0
        return at + 2

    def _size(self, data: bytes, at: int) -> int:
        end = _line_end(data, at)
        if end == at:
            return at
        found = _SIZE.fullmatch(data, at, end)
        if found is None:
            raise BadChunksError
        size = int(found[1], 16)
        if size:
            self._left = size + 2
        else:
            self._trailing = True
        return end

    def _trailers(self, data: bytes, at: int) -> int:
        """Read all trailers and the line that ends them; none goes before the last is known."""
        start = at
        while (end := _line_end(data, at)) > at:
            if data[at:end] == b"\r\n":
                self.whole = True
                return end
            if _TRAILER.fullmatch(data, at, end) is None or end - start > _MAX_TRAILERS:
                raise BadChunksError
            at = end
        return start


def _line_end(data: bytes, at: int) -> int:
    """Find where the line that begins at `at` ends; `at` itself when it does not yet."""
    end = data.find(b"\n", at, at + _MAX_LINE)
    if end < 0 and len(data) - at >= _MAX_LINE:
        raise BadChunksError
    return end + 1 if end >= 0 else at
