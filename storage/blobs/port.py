"""The port of blobs: whole bodies by name, for what is too large for a message or a document.

The law: a blob is written once and never changed. What it holds is sealed before it comes here
(a claim check) or redacted (an overflowing record); this port knows neither.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

__all__ = ["BlobReader", "BlobRef", "BlobWriter", "Blobs", "is_blob_name"]

# A folder keeps each segment as a file's or a folder's name, which may have 255 bytes. A leading
# dot would let a name climb out of the folder.
_SEGMENT = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}"
_NAME = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT}){{0,3}}")


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

        `name` is one to four segments of up to 200 of `[A-Za-z0-9._-]`, none beginning with a
        dot, joined by `/`; `ValueError` for another. The same name again is a success without
        effect: the body that was there stays. Raises `BlobsUnavailable`.
        """


class BlobReader(Protocol):
    """Whoever may read."""

    async def get(self, name: str, most: int | None = None) -> bytes:
        """Give a blob's body, or where `most` is given, no more than its first `most` bytes.

        Whoever knows how large it must be need not hold what is larger. Raises `BlobMissing`,
        also for what cannot be a name, and `BlobsUnavailable`.
        """

    def listing(self, prefix: str) -> AsyncIterator[BlobRef]:
        """Every blob whose name starts with `prefix`, in any order. Raises `BlobsUnavailable`.

        What is put or removed meanwhile may be listed or not; what is being written is not.
        """


class Blobs(BlobWriter, BlobReader, Protocol):
    """What a worker is handed."""

    async def remove(self, name: str) -> bool:
        """Remove a blob durably; False when there was none. Raises `BlobsUnavailable`."""


def is_blob_name(name: str) -> bool:
    """Whether a blob may have this name."""
    return _NAME.fullmatch(name) is not None
