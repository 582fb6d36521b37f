"""What the event loop asks of the writer, and what the writer answers.

The law of this module: an operation belongs to the loop until it is put on the queue, and to the
writer from then on, but for `withdrawn`, which the loop may set at any time and which counts from
the moment the writer sees it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import msgspec

from audit.ledger import Checkpoint
from storage.spool.frame import Kind
from storage.spool.index import Exchange, Segment
from storage.spool.notes import BootsNote
from storage.spool.numbers import Ranges

__all__ = [
    "Append",
    "Discard",
    "Listener",
    "Operation",
    "Placed",
    "Reserve",
    "Resting",
    "Stop",
    "Synced",
    "Written",
]

# What an operation weighs in the queue beside its payload.
_OVERHEAD = 256


class Append(msgspec.Struct, eq=False):
    """Frames to write. `kind` None writes nothing and only waits for the next sync.

    `strict` asks for that sync at once, and `waiters` are told when it is done (an opening that
    is not strict: when it is written). `retires` are the exchanges that a shipped mark speaks of,
    `then` is what its sync makes possible.
    `flags` are the frames' own: of a small record, whether it was squeezed.
    `acked` says that the opening's caller has been told; from then on the frames are kept and
    tried again until they are synced. `placed` says that frames of it may stand in a file.
    """

    kind: Kind | None
    payload: bytes = b""
    seq: int = 0
    id: str = ""
    part: int = 0
    index: int = 0
    flags: int = 0
    exchange: Exchange | None = None
    strict: bool = False
    retires: Sequence[Exchange] = ()
    then: Discard | None = None
    waiters: Sequence[asyncio.Future[None]] = ()
    acked: bool = False
    placed: bool = False
    withdrawn: bool = False

    def __repr__(self) -> str:
        return f"<Append {self.kind!r} seq={self.seq}>"

    @property
    def weight(self) -> int:
        """Bytes that count against the queue's bound."""
        return len(self.payload) + _OVERHEAD


@dataclass(frozen=True, slots=True)
class Reserve:
    """Reserve numbers up to `bound`, durably."""

    bound: int


class Resting(NamedTuple):
    """The segment that is written to, while nothing has been added to it."""

    segment: Segment
    size: int


@dataclass(frozen=True, slots=True)
class Discard:
    """Carry marks and checkpoint forward, keep the note, then delete the segments.

    `resting` is the one among them that is still written to: they go only if it rests still.
    """

    segments: Sequence[Segment]
    marks: dict[str, Ranges]
    note: BootsNote
    checkpoint: Checkpoint | None = None
    resting: Resting | None = None


@dataclass(frozen=True, slots=True)
class Synced:
    """The sync that was asked for has come back."""

    error: OSError | None


@dataclass(frozen=True, slots=True)
class Stop:
    """Write and sync what is pending, close, and end."""


Operation = Append | Reserve | Discard | Synced | Stop


class Placed(NamedTuple):
    """One frame of an operation, as it stands in a segment; `raw` where it is worth keeping."""

    op: Append
    offset: int
    size: int
    raw: bytes | None


class Written(NamedTuple):
    """Frames that went into one segment, and how large that is now."""

    segment: Segment
    size: int
    placed: Sequence[Placed]


class Listener(Protocol):
    """Hears what became of operations; called on the writer's thread."""

    def written(self, written: Written) -> None:
        """These frames are in their file: the death of the process cannot take them."""

    def synced(self, ops: Sequence[Append]) -> None:
        """These operations are durable."""

    def refused(self, ops: Sequence[Append]) -> None:
        """These were not taken, or nobody waits for them any more; what is `placed` may stand."""

    def superseded(self, segments: Sequence[Segment]) -> None:
        """These are gone: no sync of them had worked, and their frames were written again."""

    def discarded(self, discard: Discard, *, done: bool) -> None:
        """The segments are gone, or stay for now."""

    def trouble(self, reason: str | None) -> None:
        """The disk begins to refuse, with the name of the error; None: it has synced again."""

    def ended(self) -> None:
        """The writer does nothing more."""
