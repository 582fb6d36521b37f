"""What the queue refuses although it takes others: passed over, so that they need not wait for it.

The law: nothing is given up. A shipment that was refused while others were taken is tried alone,
now and again, ever more seldom, for as long as the spool has it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

__all__ = ["PassedOver"]

# Seconds until it is tried again, after its first refusal and at the longest.
_FIRST_DELAY = 30.0
_LONGEST_DELAY = 600.0


@dataclass(slots=True)
class _Turn:
    due: float
    refusals: int = 0


class PassedOver:
    """The ids that are kept out of batches. Instants are seconds of any steady clock."""

    def __init__(self, first: float = _FIRST_DELAY, longest: float = _LONGEST_DELAY) -> None:
        self._first = first
        self._longest = longest
        self._turns: dict[str, _Turn] = {}

    @property
    def ids(self) -> Collection[str]:
        """All of them."""
        return self._turns.keys()

    @property
    def refused_alone(self) -> int:
        """How many were refused by themselves too, by a queue that takes others."""
        return sum(each.refusals > 0 for each in self._turns.values())

    def suspect(self, ids: Iterable[str], now: float) -> None:
        """Keep these out of batches; it is their turn at once, since an outage may be to blame."""
        for each in ids:
            self._turns.setdefault(each, _Turn(due=now))

    def due(self, now: float, *, new: bool = False) -> str | None:
        """Whose turn it is, of those the one that has waited longest; `new`: its first turn."""
        turns = self._turns.items()
        ready = [(t.due, each) for each, t in turns if t.due <= now and not (new and t.refusals)]
        return min(ready)[1] if ready else None

    def refused(self, one: str, now: float) -> bool:
        """Note that it was refused by itself; true when that was the first time."""
        turn = self._turns[one]
        turn.due = now + self._delay(turn)
        turn.refusals += 1
        return turn.refusals == 1

    def put_off(self, one: str, now: float) -> None:
        """Give it a later turn, and count nothing: it had none, or one that says nothing of it."""
        turn = self._turns[one]
        turn.due = now + self._delay(turn)

    def taken(self, one: str) -> bool:
        """Let it go; true where it had its first turn, so that an outage was to blame.

        Then nothing speaks against the others of whom only the same is known: they go, too.
        """
        if self._turns.pop(one).refusals:
            return False
        self._turns = {each: turn for each, turn in self._turns.items() if turn.refusals}
        return True

    def _delay(self, turn: _Turn) -> float:
        return min(self._longest, self._first * 2.0 ** min(turn.refusals, 16))
