"""A process that puts blobs into a folder until it is killed, and says each one that is there.

Run as `python -m tests.unit.blobs.putting FOLDER`.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from itertools import count
from pathlib import Path

from storage.blobs.folder import FolderBlobs

__all__ = ["body_of"]


def body_of(n: int) -> bytes:
    """The body of the n-th blob: some hundred kilobytes that its number gives."""
    return hashlib.sha256(str(n).encode()).digest() * 8_000


async def main(folder: Path) -> None:
    """Put one after the other."""
    blobs = FolderBlobs(folder)
    for n in count():
        await blobs.put(f"claims.tap/boot-{n % 3}/{n}", body_of(n))
        sys.stdout.write(f"{n}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
