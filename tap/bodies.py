"""A captured body, taken out of its content coding piece by piece.

The law: whoever reads one is never given more than was agreed upon, whatever the coding hides; and
no document is read in one step that would hold up whoever waits behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from audit.flags import Flag
from tap.encodings import OUTPUT_LIMIT, PIECE, decoded
from tap.held import Held

__all__ = ["MOST_MARKS", "TooLargeError", "check_content", "check_document", "gathered", "held_of"]
__all__ += ["stream_of"]

# What a JSON document costs to read is in what it is made of more than in its bytes: so many
# strings and escapes take about two milliseconds, and so many objects and arrays, or mere items,
# up to five.
MOST_MARKS = 3000
_MOST_CONTAINERS = 800
_MOST_ITEMS = 5000
# Fewer bytes than this hold hardly more than that.
_NEVER_DENSE = 2 * 1024


class TooLargeError(Exception):
    """A body is larger, when decoded, or has more in it than its reader can take in one step."""


def check_document(text: bytes | str, most: int | None) -> None:
    """Raise `TooLargeError` for a JSON document that takes long to read; never if `most` is None.

    Such a document cannot be read in steps, however few bytes it has.
    """
    if most is None or len(text) <= _NEVER_DENSE:
        return
    count = text.count if isinstance(text, str) else _counting(text)
    if (
        count('"') + count("\\u") > MOST_MARKS
        or count("{") + count("[") > _MOST_CONTAINERS
        or count(",") > _MOST_ITEMS
    ):
        raise TooLargeError


def check_content(content: bytes | Held, most: int | None) -> None:
    """`check_document` of a body; only where there is a bound is it made whole."""
    if most is not None:
        check_document(bytes(content), most)


def _counting(data: bytes) -> Callable[[str], int]:
    return lambda mark: data.count(mark.encode())


def stream_of(
    body: bytes | Held, coding: str | None, flags: set[Flag], most: int | None
) -> Iterator[bytes]:
    """Give a body without its coding, in pieces of bounded work; a small plain one in one piece.

    Adds to `flags` what went wrong. Raises `TooLargeError` where a coding makes it larger than
    `most` bytes; None sets no bound.
    """
    if coding is None and 0 < len(body) <= PIECE:
        return iter((bytes(body),))
    stream = decoded(body, coding, flags)
    return stream if coding is None or most is None else _bounded(stream, most)


def held_of(body: bytes | Held, coding: str | None) -> bytes | Held | None:
    """Give a body as it is held where it can be read like that: under no coding. Else None."""
    return body if coding is None and len(body) <= OUTPUT_LIMIT else None


def gathered(stream: Iterator[bytes], start: bytes = b"") -> Generator[None, None, Held]:
    """Gather the pieces, one step for each; the generator's value is the body."""
    taken = [start] if start else []
    for piece in stream:
        if piece:
            taken.append(piece)
        yield
    return Held.joined(taken)


def _bounded(stream: Iterator[bytes], most: int) -> Iterator[bytes]:
    for piece in stream:
        most -= len(piece)
        if most < 0:
            raise TooLargeError
        yield piece
