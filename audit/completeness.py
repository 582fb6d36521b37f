"""Is the log complete? What every source says of every number, brought together.

The law: a number that a tap gave out is accounted for by the ledger, by the queue, by the spool
or by the tap's own word that it could not be recorded; what none of them knows is lost. A record
is what the ledger says it is; one that differs is altered, one that nobody announced is
inserted. What nobody trusted has signed is believed by nobody. Where a source could not be read,
the answer is "could not tell", never "complete".

The sources are read one after the other while the system runs. Read them in the order in which
data flows (spool, queue, ledger, records): then whatever moves on meanwhile is met again
downstream, and nothing that is whole is called lost. What was removed or amended meanwhile went
the other way: the ledger is read once more at the end, for entries that have changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from audit.anchors import Head
from audit.ids import ExchangeNumber
from audit.ledger import Checkpoint, LedgerEntry
from audit.reasons import REASONS
from audit.record import Integrity
from audit.signing import Trust

__all__ = [
    "REASONS",
    "DamagedRow",
    "Evidence",
    "Held",
    "KnownBoot",
    "Outcome",
    "StoredMark",
    "Verdict",
]


class Outcome(StrEnum):
    """What became of a number, or of a record that has none."""

    STORED = "stored"
    WAITING = "waiting"
    DEAD_LETTERED = "dead_lettered"
    REFUSED = "refused"
    ERASED = "erased"
    EXPIRED = "expired"
    UNREADABLE = "unreadable"
    UNRECORDED = "unrecorded"
    UNLEDGERED = "unledgered"
    LOST = "lost"
    ALTERED = "altered"
    INSERTED = "inserted"
    UNDETERMINED = "undetermined"


class Verdict(StrEnum):
    """The answer in one word."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    UNDETERMINED = "undetermined"

    @property
    def exit_code(self) -> int:
        """0 complete, 1 something is lost, altered or inserted, 2 could not tell."""
        return {"complete": 0, "incomplete": 1, "undetermined": 2}[self.value]


class StoredMark(Protocol):
    """What is needed of a stored record: who it is, and what it says and is digested to."""

    @property
    def id(self) -> str:
        """The record's id."""

    @property
    def number(self) -> ExchangeNumber:
        """Its number."""

    @property
    def consumer(self) -> str:
        """Whose it says it is."""

    @property
    def day(self) -> str:
        """The UTC day it says it is of."""

    @property
    def stated_digest(self) -> str | None:
        """The digest it states."""

    @property
    def actual_digest(self) -> str:
        """The digest its content gives."""

    @property
    def integrity(self) -> Integrity:
        """Its integrity group, with the worker's signature."""


@dataclass(frozen=True, slots=True)
class Held:
    """Something that waits in spool or queue: a record's id and number.

    A checkpoint on its way has `seq` 0 and the id `tap/boot#index`.
    """

    id: str
    number: ExchangeNumber


@dataclass(frozen=True, slots=True)
class DamagedRow:
    """A row that can no longer be read: a number's in the ledger, or a checkpoint's by index."""

    tap: str
    boot: str
    seq: int | None = None
    index: int | None = None


@dataclass(frozen=True, slots=True)
class KnownBoot:
    """A boot in the history of a spool folder: how many numbers it has given out.

    While it is `live`, higher numbers than `opened` are newer than the look at the folder.
    `unrecorded` lists ranges without an opening, as in a checkpoint. Numbers above `opened` and
    up to `reserved` may have been given out before a power cut that left no trace of them. The
    history is not `whole` once its note was damaged: it may lack boots.
    """

    tap: str
    boot: str
    opened: int
    live: bool = False
    unrecorded: tuple[tuple[int, int, str], ...] = ()
    reserved: int = 0
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known. `unread` names sources that could not be read.

    Their names are `spool`, `queue`, `ledger`, `records` and `keys`. `waiting` holds what is in
    spools and queue, `dead` what the queue has set aside; `damaged` rows stand in neither
    `entries` nor `checkpoints`. `later` are the entries that were no longer as in `entries` when
    everything else had been read. `anchors` are heads from earlier reports. Without `trust` no
    signature is looked at: then `keys` belongs into `unread`.
    """

    entries: Sequence[LedgerEntry] = ()
    checkpoints: Sequence[Checkpoint] = ()
    stored: Sequence[StoredMark] = ()
    waiting: Sequence[Held] = ()
    dead: Sequence[Held] = ()
    boots: Sequence[KnownBoot] = ()
    damaged: Sequence[DamagedRow] = ()
    later: Sequence[LedgerEntry] = ()
    anchors: Sequence[Head] = ()
    unread: tuple[str, ...] = ()
    trust: Trust | None = None
