"""What the event loop asks of the writer, and what the writer answers.

The law of this module: an operation belongs to the loop until it is put on the queue, and to the
writer from then on, but for `withdrawn`, which the loop may set at any time and which counts from
the moment the writer sees it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from storage.spool.frame import Kind
from storage.spool.index import Exchange, Segment
from storage.spool.notes import BootsNote
from storage.spool.numbers import Ranges

__all__ = ["Append", "Discard", "Listener", "Operation", "Placed", "Reserve", "Stop"]

# What an operation weighs in the queue beside its payload.
_OVERHEAD = 256


@dataclass(slots=True, eq=False)
class Append:
    """Frames to write. `kind` None writes nothing and only waits for the next sync.

    `retires` are the exchanges that a shipped mark speaks of. `acked` says that the opening's
    caller has been told; from then on the frames are kept and tried again until they are synced.
    """

    kind: Kind | None
    payload: bytes = field(default=b"", repr=False)
    seq: int = 0
    id: str = ""
    part: int = 0
    index: int = 0
    exchange: Exchange | None = None
    strict: bool = False
    retires: Sequence[Exchange] = ()
    waiter: asyncio.Future[None] | None = None
    acked: bool = False
    withdrawn: bool = False

    @property
    def weight(self) -> int:
        """Bytes that count against the queue's bound."""
        return len(self.payload) + _OVERHEAD


@dataclass(frozen=True, slots=True)
class Reserve:
    """Reserve numbers up to `bound`, durably."""

    bound: int


@dataclass(frozen=True, slots=True)
class Discard:
    """Carry the marks forward, keep the note, then delete the segments."""

    segments: Sequence[Segment]
    marks: dict[str, Ranges]
    note: BootsNote


@dataclass(frozen=True, slots=True)
class Stop:
    """Write and sync what is pending, close, and end."""


Operation = Append | Reserve | Discard | Stop


class Placed(NamedTuple):
    """One frame of an operation, as it stands in a segment; `raw` where it is worth keeping."""

    op: Append
    segment: Segment
    offset: int
    size: int
    raw: bytes | None


class Listener(Protocol):
    """Hears what became of operations; called on the writer's thread."""

    def written(self, placed: Sequence[Placed]) -> None:
        """These frames are in their file: the death of the process cannot take them."""

    def synced(self, ops: Sequence[Append]) -> None:
        """These operations are durable."""

    def refused(self, ops: Sequence[Append]) -> None:
        """These openings could not be taken and will not be."""

    def discarded(self, discard: Discard, *, done: bool) -> None:
        """The segments are gone, or stay for now."""

    def ended(self) -> None:
        """The writer does nothing more."""
