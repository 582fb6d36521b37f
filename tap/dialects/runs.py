"""What a streamed answer said, in the order in which it said it.

The law of this module: neighbours of one kind are one text, whatever events they came in, and
nothing is joined before the end, so that the work is linear in what was said.
"""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["Runs"]

ItemT = TypeVar("ItemT")


class Runs(Generic[ItemT]):
    """Items under the kind they are of; iterating gives each run's kind and items."""

    def __init__(self) -> None:
        self._runs: list[tuple[str, list[ItemT]]] = []

    def add(self, kind: str, item: ItemT) -> None:
        """Take the next item, into the run under way where that is of the same kind."""
        if self._runs and self._runs[-1][0] == kind:
            self._runs[-1][1].append(item)
        else:
            self._runs.append((kind, [item]))

    def alone(self, kind: str, item: ItemT) -> None:
        """Take an item that begins a run of its own."""
        self._runs.append((kind, [item]))

    def all(self) -> list[tuple[str, list[ItemT]]]:
        """The runs so far, in order."""
        return self._runs
