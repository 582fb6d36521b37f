"""Squeezing records: what goes into a frame is compressed where that is worth it.

The law of this module: what comes out is never larger than what went in, and says which it is. A
small record is squeezed by whoever closes it, a larger one by the writer: the compressor gives the
interpreter up while it works, and for a thread that is not the event loop's, getting it back costs
more than a few kilobytes of compressing do.
"""

from __future__ import annotations

import zstandard

from storage.spool.frame import ZSTD

__all__ = ["SMALL", "Squeezer"]

# Up to here it takes some ten microseconds, which the streams beside it do not feel.
SMALL = 16 * 1024
# Below this, compression costs more than it saves.
_WORTH_IT = 512
# Level 3 would save two to four per cent more, and take a third more time.
_LEVEL = 1


class Squeezer:
    """A compressor. Used by one thread."""

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL)

    def squeeze(self, payload: bytes) -> tuple[bytes, int]:
        """Give the payload as a frame is to hold it, and the frame's flag that goes with it."""
        if len(payload) < _WORTH_IT:
            return payload, 0
        squeezed = self._compressor.compress(payload)
        return (squeezed, ZSTD) if len(squeezed) < len(payload) else (payload, 0)
