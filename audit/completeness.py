"""Is the log complete? What every source says of every number, brought together.

The law: a number that a tap gave out is accounted for by the ledger, by the queue, by the spool
or by the tap's own word that it could not be recorded; what none of them knows is lost. A record
is what the ledger says it is; one that differs is altered, one that nobody announced is
inserted. Where a source could not be read, the answer is "could not tell", never "complete".

The sources are read one after the other while the system runs. Read them in the order in which
data flows (spool, queue, ledger, records): then whatever moves on meanwhile is met again
downstream, and nothing that is whole is called lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from audit.ids import ExchangeNumber
from audit.ledger import Checkpoint, LedgerEntry

__all__ = [
    "REASONS",
    "CompletenessReport",
    "DamagedRow",
    "Evidence",
    "Flaw",
    "Held",
    "KnownBoot",
    "Outcome",
    "StoredMark",
    "Unrecorded",
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


REASONS: dict[str, str] = {
    "no_trace": "the number was given out and no source knows it",
    "boot_missing": "the tap's next boot names this one, and no source has anything of it",
    "record_removed": "the ledger says stored, and the record is not there",
    "dead_letter_removed": "the ledger says it was set aside, and the queue does not hold it",
    "digest_differs": "the record's content is not what its digest or the ledger says",
    "state_contradicts": "the ledger says it was set aside, the record is there, and nothing waits",
    "row_damaged": "this row of the ledger, or of its checkpoints, can no longer be read",
    "removed_yet_there": "the ledger says erased or expired, and the record is there",
    "chain_differs": "the ids of these numbers are not those the tap chained",
    "chain_unchecked": "the tap says of too many numbers that they have no opening to check it",
    "checkpoint_missing": "a checkpoint between two others is not there",
    "checkpoints_disagree": "a checkpoint contradicts another one of its boot",
    "entry_on_its_way": "the record is stored; its ledger entry comes with a delivery that waits",
    "no_ledger_entry": "a record is there that neither ledger nor queue knows",
    "other_id": "the number belongs to another record",
    "beyond_head": "the number is none that the tap gave out",
    "boot_unknown": "the tap's own history does not know this boot",
    "head_unknown": "nothing says how many numbers this boot gave out",
    "boots_unlinked": "this boot names no predecessor, though the tap had run before",
    "source_unread": "a source that might hold it could not be read",
}


class StoredMark(Protocol):
    """What is needed of a stored record: who it is, and what it says and is digested to."""

    @property
    def id(self) -> str:
        """The record's id."""

    @property
    def number(self) -> ExchangeNumber:
        """Its number."""

    @property
    def stated_digest(self) -> str | None:
        """The digest it states."""

    @property
    def actual_digest(self) -> str:
        """The digest its content gives."""


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
    `unrecorded` lists ranges without an opening, as in a checkpoint.
    """

    tap: str
    boot: str
    opened: int
    live: bool = False
    unrecorded: tuple[tuple[int, int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known. `unread` names sources that could not be read.

    Their names are `spool`, `queue`, `ledger` and `records`. `waiting` holds what is in spools
    and queue, `dead` what the queue has set aside; `damaged` rows stand in neither `entries` nor
    `checkpoints`.
    """

    entries: Sequence[LedgerEntry] = ()
    checkpoints: Sequence[Checkpoint] = ()
    stored: Sequence[StoredMark] = ()
    waiting: Sequence[Held] = ()
    dead: Sequence[Held] = ()
    boots: Sequence[KnownBoot] = ()
    damaged: Sequence[DamagedRow] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is not as it should be: numbers `first` to `last` of a boot, or an id.

    `reason` is a key of `REASONS`. A flaw of a whole boot or of a checkpoint has no numbers.
    """

    outcome: Outcome
    reason: str
    tap: str
    boot: str
    first: int | None = None
    last: int | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """Exchanges that a tap says it forwarded or refused without a record, and why.

    `reason` is `forwarded:` or `refused:` and a code.
    """

    tap: str
    boot: str
    first: int
    last: int
    reason: str

    @property
    def refused(self) -> bool:
        """Whether they were refused; the others were forwarded."""
        return self.reason.startswith("refused")

    @property
    def count(self) -> int:
        """How many they are."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class CompletenessReport:
    """How many numbers came to what, every flaw, and what passed unrecorded.

    Flaws and `unrecorded` are sorted by tap, boot and number; the latter are no flaws, because
    the tap spoke of them itself.
    """

    counts: dict[Outcome, int]
    flaws: tuple[Flaw, ...]
    unread: tuple[str, ...] = ()
    unrecorded: tuple[Unrecorded, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Incomplete if anything is proven; else undetermined if anything is open."""
        outcomes = {flaw.outcome for flaw in self.flaws}
        if outcomes & {Outcome.LOST, Outcome.ALTERED, Outcome.INSERTED}:
            return Verdict.INCOMPLETE
        open_ends = self.unread or Outcome.UNDETERMINED in outcomes
        return Verdict.UNDETERMINED if open_ends else Verdict.COMPLETE

    @property
    def unledgered(self) -> tuple[str, ...]:
        """Ids of records whose ledger entry is still to be made: what a repair would enter."""
        return tuple(
            flaw.id for flaw in self.flaws if flaw.outcome is Outcome.UNLEDGERED and flaw.id
        )
