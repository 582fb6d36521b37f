"""What `verify` found: counts, flaws, and what became of every number that is not stored.

The law of this module: what cannot be proven is not in the verdict, and what is left out by a
selection is counted. A report holds no content, and its heads can be the anchors of a later one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from audit.anchors import Head
from audit.completeness import Outcome, Verdict
from audit.selection import Selection

__all__ = ["CompletenessReport", "Flaw", "Named", "Uncertain", "Unrecorded"]

_PROVEN = {Outcome.LOST, Outcome.ALTERED, Outcome.INSERTED}


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
class Named:
    """One number that is in order and not stored: it waits, was set aside, refused or removed."""

    outcome: Outcome
    tap: str
    boot: str
    seq: int
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
class Uncertain:
    """Numbers that were reserved by a boot which died: given out or not, no trace is left.

    A process that is killed leaves its openings in the file; a power cut may take the last ones.
    """

    tap: str
    boot: str
    first: int
    last: int

    @property
    def count(self) -> int:
        """How many they are at most."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class CompletenessReport:
    """How many numbers came to what, every flaw, and what else is to be named.

    All of it is sorted by tap, boot and number. `unrecorded` and `uncertain` are no flaws,
    because the tap spoke of them itself. `outside` counts the flaws that `selection` leaves out.
    """

    counts: dict[Outcome, int]
    flaws: tuple[Flaw, ...]
    unread: tuple[str, ...] = ()
    unrecorded: tuple[Unrecorded, ...] = ()
    named: tuple[Named, ...] = ()
    uncertain: tuple[Uncertain, ...] = ()
    heads: tuple[Head, ...] = ()
    selection: Selection = field(default_factory=Selection)
    outside: int = 0

    @property
    def verdict(self) -> Verdict:
        """Incomplete if anything is proven; else undetermined if anything is open."""
        outcomes = {flaw.outcome for flaw in self.flaws}
        if outcomes & _PROVEN:
            return Verdict.INCOMPLETE
        open_ends = self.unread or Outcome.UNDETERMINED in outcomes
        return Verdict.UNDETERMINED if open_ends else Verdict.COMPLETE

    @property
    def unledgered(self) -> tuple[str, ...]:
        """Ids of records whose ledger entry is still to be made."""
        return tuple(
            flaw.id for flaw in self.flaws if flaw.outcome is Outcome.UNLEDGERED and flaw.id
        )
