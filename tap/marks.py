"""Marks: when which bytes of a long body passed, in little memory whatever its length.

The law of this module: a mark costs the traffic two appends. Once there are many, every second one
goes, and only every second chunk is marked from then on: they stay evenly spread.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

__all__ = ["Marks"]

# Beside a body that is left to the worker they are some 50 KB. A session of half an hour has one
# for each second at the least.
_MOST = 2048


class Marks:
    """Instants at which a body had come so far, evenly chosen."""

    def __init__(self) -> None:
        self._sizes = array("Q")
        self._instants = array("d")
        self._seen = 0
        self._stride = 1

    def add(self, size: int, now: float) -> None:
        """Note that so many bytes had come before the chunk of `now`."""
        if self._seen % self._stride == 0:
            self._sizes.append(size)
            self._instants.append(now)
            if len(self._sizes) >= _MOST:
                self._sizes, self._instants = self._sizes[::2], self._instants[::2]
                self._stride *= 2
        self._seen += 1

    def kept(self) -> Iterator[tuple[int, float]]:
        """All that are kept, in order."""
        return zip(self._sizes, self._instants, strict=True)
