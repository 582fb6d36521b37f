"""Base64 decoded: in one go, or in pieces so that neither text nor bytes are ever whole.

The law of this module: both ways decode the same texts to the same bytes, and refuse the same.
Standard and URL-safe alphabets, padded or not, with spaces and line ends, are read.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Generator, Iterable, Iterator

__all__ = ["DATA_URL", "DECODERS", "decode_base64", "is_base64"]

# Inside JSON that is a text itself, some writers put a backslash before each slash.
DATA_URL = re.compile(
    r"data:([\w.+-]+\\?/[\w.+-]+)?(?:;[\w.=+-]+)*;base64,(?=[A-Za-z0-9+/_=\\-]{32})"
    r"((?:[A-Za-z0-9+/_=-]++|\\/)++)"
)
# Whole, or in lines as mail and certificates have it; words that stand one a line are shorter.
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/_-]{60,}\r?\n)*[A-Za-z0-9+/_-]+={0,2}\s*")

# Words, ids and hashes are shorter than this; a run this long without a space is no prose.
_LONG_BASE64 = 512

_SPACES = " \r\n\t"
_URL_SAFE = str.maketrans("-_", "+/", _SPACES)
_URL_SAFE_BYTES = bytes.maketrans(b"-_", b"+/")

# So many characters are decoded last: all padding that can be right is among them.
_END = 8


def is_base64(text: str) -> bool:
    """Whether all of a text is a long run of base64, and so no text."""
    return len(text) >= _LONG_BASE64 and _BASE64.fullmatch(text) is not None


def decode_base64(text: str) -> bytes | None:
    """Decode standard or URL-safe base64, padded or not; None for anything else."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        return _decode_other(text)


def _decode_other(text: str) -> bytes | None:
    """Decode what is not standard, padded and without spaces, as nearly all of it is."""
    unified = text.translate(_URL_SAFE).rstrip("=")
    try:
        return base64.b64decode(unified + "=" * (-len(unified) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _standard(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Decode standard base64. Raises `ValueError` for anything else, after some of it was given."""
    rest = yield from _but_the_end(pieces)
    yield binascii.a2b_base64(rest, strict_mode=True)


def _any(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Decode what `decode_base64` does. Raises `ValueError` for anything else, as above."""
    rest = yield from _but_the_end(_unified(pieces))
    yield binascii.a2b_base64(rest + b"=" * (-len(rest) % 4), strict_mode=True)


# To be tried one after the other, each on the whole text.
DECODERS: tuple[Callable[[Iterable[bytes]], Iterator[bytes]], ...] = (_standard, _any)


def _but_the_end(pieces: Iterable[bytes]) -> Generator[bytes, None, bytes]:
    """Decode by fours, and return the characters at the end, which are not decoded yet."""
    rest = b""
    for piece in pieces:
        rest += piece
        whole = max(len(rest) - _END, 0) // 4 * 4
        data = binascii.a2b_base64(rest[:whole], strict_mode=True)
        if len(data) != whole // 4 * 3:
            raise ValueError("padding before the end")
        yield data
        rest = rest[whole:]
    return rest


def _unified(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """In the standard alphabet, without spaces and without the padding at the end."""
    padded = False
    for piece in pieces:
        unified = piece.translate(_URL_SAFE_BYTES, _SPACES.encode())
        bare = unified.rstrip(b"=")
        if padded and bare:
            raise ValueError("padding before the end")
        padded = padded or len(bare) < len(unified)
        yield bare
