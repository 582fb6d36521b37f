"""A file that is only written: it holds what came until someone takes it on."""

from __future__ import annotations

from io import RawIOBase
from typing import Any

__all__ = ["Sink"]


class Sink(RawIOBase):
    """For what writes files as they grow, an archive say, while nobody keeps them whole."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def writable(self) -> bool:
        """Whether it takes bytes: always."""
        return True

    def write(self, data: Any) -> int:
        """Hold bytes; gives how many."""
        self._held.append(bytes(data))
        return len(self._held[-1])

    def take(self) -> bytes:
        """All that is held, which is no longer held then."""
        held, self._held = b"".join(self._held), []
        return held
