"""How many deliveries a worker holds: as many as it is allowed, and can finish within a lease.

The law: no more than half a lease may pass, at the pace of the deliveries that were settled lately,
until everything held is settled. The rest stays in the queue, where another worker may take it. A
lease is renewed while its delivery is worked on; this keeps a worker that has become slow, or
stands still for a while, from sitting on what others could carry.
"""

from __future__ import annotations

__all__ = ["Holding"]

_SHARE = 0.5
# The weight of the latest delivery: some ten of them tell of a change.
_LATEST = 0.2


class Holding:
    """Counts nothing itself: it is told how each delivery went, and says how many may be held."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._pace: float | None = None

    def settled(self, seconds: float, held: int) -> None:
        """A delivery was settled `seconds` after it was received, one of `held` at that time."""
        # By Little's law: so many were settled in a second.
        pace = held / max(seconds, 1e-6)
        known = pace if self._pace is None else self._pace
        self._pace = known + _LATEST * (pace - known)

    def most(self, lease: float) -> int:
        """How many may be held with leases of so many seconds; one in any case."""
        if self._pace is None:
            return self._most
        return max(1, min(self._most, int(self._pace * lease * _SHARE)))
