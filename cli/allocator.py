"""The C allocator, told to give large blocks back to the system when they are freed.

By itself glibc learns from each large block that is freed to keep blocks of its size from then on,
for each thread its own (`M_MMAP_THRESHOLD`, mallopt(3)). A worker that has carried a few large
bodies would stay as large as all its threads' largest ones together.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

__all__ = ["give_large_blocks_back"]

# malloc.h
_M_MMAP_THRESHOLD = -3
# Smaller blocks are wanted again at once; from here on the system's zeroing of pages is small
# beside what is done with them.
_LARGE = 4 << 20


def give_large_blocks_back() -> bool:
    """Set the threshold, once and for the whole process; false where the C library has none."""
    with suppress(OSError, AttributeError):
        return bool(ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE))
    return False
