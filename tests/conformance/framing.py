"""Where a message ends, read by the letter of RFC 9112 §6.3 and by no library.

The law: this reader is the suite's own, so that a fault in the parsers which the tap uses cannot
hide itself. It is strict about nothing; it only has to find the end of well-made messages.
"""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["body_end", "content_of", "field_lines", "interim"]

End = Callable[[bytes], int | None]

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked", re.IGNORECASE)
_SIZE = re.compile(rb"([0-9a-fA-F]+)[^\r\n]*\r\n")


def interim(head: bytes) -> bool:
    """Whether a head is that of an informational answer other than 101."""
    return re.match(rb"HTTP/1\.. 1(?!01)\d\d", head) is not None


def body_end(head: bytes, *, answer: bool) -> End:
    """Give the function that finds where a body ends in what has arrived; None for not yet."""
    if _CHUNKED.search(head):
        return _chunked_end
    length = _LENGTH.search(head)
    if length is not None:
        size = int(length[1])
        return lambda data: size if len(data) >= size else None
    return (lambda _: None) if answer else (lambda _: 0)


def _chunked_end(data: bytes) -> int | None:
    at = 0
    while (size := _SIZE.match(data, at)) is not None:
        at = size.end()
        if int(size[1], 16) == 0:
            return _trailer_end(data, at)
        at += int(size[1], 16) + 2
    return None


def _trailer_end(data: bytes, at: int) -> int | None:
    if data[at : at + 2] == b"\r\n":
        return at + 2
    end = data.find(b"\r\n\r\n", at)
    return None if end < 0 else end + 4


def content_of(body: bytes) -> bytes:
    """Take a chunked body's content out of its framing; extensions and trailers are dropped."""
    content, at = b"", 0
    while (size := _SIZE.match(body, at)) is not None and (count := int(size[1], 16)):
        content += body[size.end() : size.end() + count]
        at = size.end() + count + 2
    return content


def field_lines(head: bytes) -> list[bytes]:
    """Give the lines of a head, the first one included."""
    return head.removesuffix(b"\r\n\r\n").split(b"\r\n")
