"""Random bytes for ids and salts, drawn from the system in blocks.

The law of this module: no byte is given out twice. Asking the system gives the interpreter up, and
on the path of a call another thread would take it; so it is asked seldom, and for many calls.
"""

from __future__ import annotations

import os
from collections.abc import Callable

__all__ = ["Randomness"]

_BLOCK = 4096


class Randomness:
    """Unpredictable bytes. Used by one thread, and by none after a fork."""

    def __init__(self, source: Callable[[int], bytes] = os.urandom) -> None:
        self._source = source
        self._block = b""
        self._given = 0

    def take(self, count: int) -> bytes:
        """Give `count` bytes, at most 4,096."""
        if self._given + count > len(self._block):
            self._block, self._given = self._source(_BLOCK), 0
        start, self._given = self._given, self._given + count
        return self._block[start : self._given]
