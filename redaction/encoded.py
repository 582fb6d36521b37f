"""Encoded text inside text: base 64 and hexadecimal digits, read as what they say.

A run that decodes to readable text is read again decoded; whatever is found in it takes the whole
run, because half a run decodes to the rest of the secret. What decodes to bytes, or to nothing that
anyone could read, is left to those who know keys by their form.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["MAY_BE_ENCODED", "Run", "runs"]

# Shorter runs hold no value worth hiding; longer ones are files, which are not text.
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{12,65536}={0,2}(?![A-Za-z0-9+/_=-])")
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:[2-7][0-9A-Fa-f]){8,4096}(?![0-9A-Za-z])")
# What runs hold, as an RE2 pattern: a text without it need not be searched. Every fourth character
# of encoded ASCII is one of these, because the highest bit of each byte is not set.
MAY_BE_ENCODED = r"(?:[I-Za-f][A-Za-z0-9+/_-]{3}){3}|(?:[2-7][0-9A-Fa-f]){8}"
_UNREADABLE = re.compile(r"[^\t\n\r -\ufffc]|[\x7f-\x9f]")
_WORDLIKE = re.compile(r"[A-Za-z]{2}|\d{2}")


@dataclass(frozen=True, slots=True)
class Run:
    """One encoded stretch `[start, end)` of a text, and what it says."""

    start: int
    end: int
    text: str = field(repr=False)


def runs(text: str, start: int, end: int) -> Iterator[Run]:
    """Give every run that begins in `[start, end)` and decodes to readable text."""
    for shape, decode in _SHAPES:
        for match in shape.finditer(text, start):
            if match.start() >= end:
                break
            said = decode(match[0])
            if said is not None:
                yield Run(match.start(), match.end(), said)


def _from_base64(value: str) -> str | None:
    plain = value.rstrip("=").replace("-", "+").replace("_", "/")
    if len(plain) % 4 == 1:
        return None
    try:
        return _readable(base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True))
    except binascii.Error:
        return None


def _readable(data: bytes) -> str | None:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return None if _UNREADABLE.search(text) or not _WORDLIKE.search(text) else text


def _from_hex(value: str) -> str | None:
    return _readable(bytes.fromhex(value))


_SHAPES = ((_BASE64, _from_base64), (_HEX, _from_hex))
