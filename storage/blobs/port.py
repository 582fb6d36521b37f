"""The port of blobs: whole bodies by name, for what is too large for a message or a document.

The law: a blob is written once and never changed. What it holds is sealed before it comes here
(a claim check) or redacted (an overflowing record); this port knows neither.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

__all__ = ["BlobReader", "BlobRef", "BlobWriter", "Blobs"]


@dataclass(frozen=True, slots=True)
class BlobRef:
    """A blob without its body: `size` in bytes, `written_at` in seconds since the epoch."""

    name: str
    size: int
    written_at: float


class BlobWriter(Protocol):
    """What a tap is handed: it can only put down."""

    async def put(self, name: str, body: bytes) -> None:
        """Keep `body` durably under `name`; on return it is there whole, or nothing is.

        `name` is one to four segments of `[A-Za-z0-9._-]`, joined by `/`. The same name again is
        a success without effect. Raises `BlobsUnavailable`.
        """


class BlobReader(Protocol):
    """Whoever may read."""

    async def get(self, name: str) -> bytes:
        """Give a blob's body. Raises `BlobMissing`, `BlobsUnavailable`."""

    def listing(self, prefix: str) -> AsyncIterator[BlobRef]:
        """Every blob whose name starts with `prefix`, in any order. Raises `BlobsUnavailable`."""


class Blobs(BlobWriter, BlobReader, Protocol):
    """What a worker is handed."""

    async def remove(self, name: str) -> bool:
        """Remove a blob durably; False when there was none. Raises `BlobsUnavailable`."""
