"""When a message may be delivered, by a wall clock that may be set.

The law: a clock that is set back hides no message for longer than a lease could have. What may be
delivered at once is visible whatever the clock says; and what seems to be leased or delayed for
longer than anything is was stamped by a clock that has been set back since, and is visible too.
"""

from __future__ import annotations

__all__ = ["AT_ONCE", "farthest"]

# Before any clock.
AT_ONCE = 0.0

# No delay is longer (`workers.settlement.Patience`); all receivers are given the same lease.
_LONGEST_DELAY = 60.0


def farthest(now: float, lease: float) -> float:
    """The instant beyond which no lease and no delay of now can reach."""
    return now + max(2 * lease, _LONGEST_DELAY)
