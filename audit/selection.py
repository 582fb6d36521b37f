"""Which part of the log a report speaks of: some days, one consumer.

The law of this module: everything is judged, and a selection only chooses what is told. What is
not known to be someone else's belongs to it, since it could be anyone's: a number without a trace
has no consumer, and its day is known only as far as its neighbours narrow it down. Only what is
believed says whose a number is.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from audit.belief import Belief
from audit.boot_evidence import BootEvidence

__all__ = ["Owner", "Owners", "Selection"]


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a number is, and of which UTC days it can be; None where nobody knows."""

    consumer: str | None = None
    earliest: str | None = None
    latest: str | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """UTC days from `first_day` to `last_day`, both included, and one consumer; None is any."""

    first_day: str | None = None
    last_day: str | None = None
    consumer: str | None = None

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return (self.first_day, self.last_day, self.consumer) == (None, None, None)

    def takes(self, owner: Owner) -> bool:
        """Whether it may be one of those that are asked for."""
        if self.consumer is not None and owner.consumer not in (None, self.consumer):
            return False
        if self.first_day is not None and owner.latest is not None:
            return owner.latest >= self.first_day and self._begun(owner)
        return self._begun(owner)

    def _begun(self, owner: Owner) -> bool:
        return self.last_day is None or owner.earliest is None or owner.earliest <= self.last_day


class Owners:
    """Knows whose the numbers of one boot are."""

    def __init__(self, boot: BootEvidence, belief: Belief) -> None:
        self._boot = boot
        self._belief = belief
        self._days = sorted(_days(boot).items())

    def of(self, seq: int) -> Owner:
        """The owner, by the ledger's entry, else by its record, else by its neighbours."""
        entry = self._boot.entries.get(seq)
        if entry is not None:
            days = (entry.day, entry.day) if entry.day else self._between(seq)
            return Owner(entry.consumer, *days)
        for mark in self._boot.stored.get(seq, ()):
            if self._belief.whole(mark):
                return Owner(mark.consumer, mark.day, mark.day)
        return Owner(None, *self._between(seq))

    def _between(self, seq: int) -> tuple[str | None, str | None]:
        """The days between which it was given out: numbers are given out in their order."""
        at = bisect_left(self._days, (seq, ""))
        before = self._days[at - 1][1] if at else None
        after = self._days[at][1] if at < len(self._days) else None
        # A clock that was set back in between has turned them round.
        return (min(before, after), max(before, after)) if before and after else (before, after)


def _days(boot: BootEvidence) -> dict[int, str]:
    """Days that are known, by number: at a checkpoint's time its numbers had been given out."""
    told = {c.opened: c.at[:10] for _, c in sorted(boot.checkpoints.items(), reverse=True)}
    own = {seq: entry.day for seq, entry in boot.entries.items() if entry.day}
    return told | own
