"""What a number came to, as a value: an outcome, why, and how far it reaches.

The law of this module: it judges nothing, so that whoever reads a judgement needs nothing of how
it was made.
"""

from __future__ import annotations

from dataclasses import dataclass

from audit.completeness import Outcome

__all__ = ["IN_ORDER", "Answer", "Judged"]

# What is as it should be, stored or not; all else is a flaw.
IN_ORDER = frozenset(
    {
        Outcome.STORED,
        Outcome.WAITING,
        Outcome.DEAD_LETTERED,
        Outcome.REFUSED,
        Outcome.ERASED,
        Outcome.EXPIRED,
        Outcome.UNREADABLE,
        Outcome.UNRECORDED,
    }
)

# What came of it, and a key of `REASONS`; of a number without an opening, the tap's own reason.
Answer = tuple[Outcome, str]


@dataclass(frozen=True, slots=True)
class Judged:
    """Numbers `first` to `last` of a boot, which share one fate, or one record among them."""

    outcome: Outcome
    reason: str
    first: int
    last: int
    id: str | None = None
