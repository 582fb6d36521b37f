"""The payload of shipped marks: which numbers of which boots may be forgotten.

Marks are ranges, so that carrying them forward costs next to nothing; they are clear, because a
number is not content and a verifier holds no key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from storage.spool.numbers import Ranges

__all__ = ["decode_marks", "encode_marks"]

# A frame's payload stays under its limit: a range takes at most some forty bytes of JSON.
_RANGES_IN_A_FRAME = 20_000


def encode_marks(marks: Mapping[str, Ranges]) -> list[bytes]:
    """Give the payloads of the frames that carry these marks."""
    payloads = []
    for boot, ranges in marks.items():
        for start in range(0, len(ranges), _RANGES_IN_A_FRAME):
            part = ranges[start : start + _RANGES_IN_A_FRAME]
            payloads.append(msgspec.json.encode({boot: part}))
    return payloads


def decode_marks(payload: bytes) -> Iterator[tuple[str, int, int]]:
    """Give `(boot, first, last)` of each range; nothing for a payload that cannot be read."""
    try:
        marks = msgspec.json.decode(payload, type=dict[str, Ranges])
    except msgspec.DecodeError:
        return
    for boot, ranges in marks.items():
        for first, last in ranges:
            yield boot, first, last
