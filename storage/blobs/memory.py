"""Blobs in memory, for tests: the same promises as the real ones, except durability.

It earns its place by passing the contract tests of blobs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from audit.errors import BlobMissing
from storage.blobs.port import BlobRef, is_blob_name

__all__ = ["MemoryBlobs"]


class MemoryBlobs:
    """Implements `Blobs`; one process only."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[bytes, float]] = {}

    async def put(self, name: str, body: bytes) -> None:
        """Keep a body."""
        if not is_blob_name(name):
            raise ValueError("no blob can have this name")
        await asyncio.sleep(0)  # Every real store lets others run meanwhile.
        self._kept.setdefault(name, (body, self._clock()))

    async def get(self, name: str, most: int | None = None) -> bytes:
        """Give a body."""
        await asyncio.sleep(0)
        if name not in self._kept:
            raise BlobMissing
        return self._kept[name][0][:most]

    async def listing(self, prefix: str) -> AsyncIterator[BlobRef]:
        """Every blob whose name starts with `prefix`."""
        for name, (body, written_at) in list(self._kept.items()):
            if name.startswith(prefix):
                yield BlobRef(name, len(body), written_at)

    async def remove(self, name: str) -> bool:
        """Forget a body."""
        await asyncio.sleep(0)
        return self._kept.pop(name, None) is not None
