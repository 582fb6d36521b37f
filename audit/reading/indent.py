"""JSON laid out for reading, without reading it.

The text is cut at its punctuation and white space is put between the pieces; nothing is parsed
into values and written again. So duplicate members, long numbers, odd escapes and a text that
broke off in the middle all stay what they are, and every piece knows where it came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

__all__ = ["begins_like_json", "indented", "is_json"]

# A string, closed or broken off; one mark of punctuation; anything else up to the next of them.
_PIECE = re.compile(
    r'"(?:[^"\\]|\\.)*+"?|[{}\[\],:]|[^\s{}\[\],:"](?:[^{}\[\],:"]*[^\s{}\[\],:"])?', re.DOTALL
)
_STEP = "  "
# Deeper than this the text would stand outside any terminal.
_DEEPEST = 20


def begins_like_json(text: str) -> bool:
    """Whether it may be an object or an array, whole or broken off."""
    return text.lstrip()[:1] in {"{", "["}


def is_json(text: str) -> bool:
    """Whether it is a whole object or array."""
    if not begins_like_json(text):
        return False
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return False
    return True


def indented(text: str) -> Iterator[tuple[str, int | None]]:
    """Give the pieces in order with their offsets; white space that was put in has none."""
    depth, previous = 0, ""
    for match in _PIECE.finditer(text):
        piece = match.group()
        if piece in {"}", "]"}:
            depth = max(0, depth - 1)
        space = _before(piece, previous, depth)
        if space:
            yield space, None
        yield piece, match.start()
        if piece in {"{", "["}:
            depth += 1
        previous = piece


def _before(piece: str, previous: str, depth: int) -> str:
    line = "\n" + _STEP * min(depth, _DEEPEST)
    if piece in {"}", "]"}:
        return "" if previous in {"{", "["} else line
    if previous in {"{", "[", ","}:
        return "" if piece == "," else line
    return " " if previous == ":" else ""
