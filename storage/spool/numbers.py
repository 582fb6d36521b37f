"""Numbers of exchanges: sets of ranges, and the chain over a boot's openings.

The law of this module: a number settles once, as the id of its opening or as `-` for none, and
the chain runs over settled numbers in their order without a hole. What a checkpoint claims is
therefore final: no later opening can slip in under it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping

from audit.digest import CHAIN_START, chain

__all__ = ["UNOPENED", "Chain", "RangeSet", "to_ranges"]

UNOPENED = "-"

# A number that never settles would hold the chain and let what waits behind it grow without end.
# This many exchanges later it counts as unopened, and an opening under it is refused.
_MOST_AHEAD = 10_000

Ranges = tuple[tuple[int, int], ...]


def to_ranges(numbers: Iterable[int]) -> Ranges:
    """Fold numbers into sorted, inclusive ranges."""
    ranges: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return tuple(ranges)


class RangeSet:
    """A set of numbers given as ranges; holds the ranges, however wide, never their numbers."""

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._ranges = list(ranges)
        self._starts: list[int] = []
        self._folded = False

    def add(self, first: int, last: int) -> None:
        """Add the numbers from `first` to `last`, both included."""
        if self._ranges and self._ranges[-1][1] == first - 1:
            # As numbers mostly come; it stays folded if it was.
            self._ranges[-1] = (self._ranges[-1][0], last)
            return
        self._ranges.append((first, last))
        self._folded = False

    def __contains__(self, number: int) -> bool:
        if not self._folded:
            self._fold()
        at = bisect_right(self._starts, number) - 1
        return at >= 0 and number <= self._ranges[at][1]

    @property
    def highest(self) -> int:
        """The highest number in the set, 0 when it is empty."""
        return max((last for _, last in self._ranges), default=0)

    @property
    def ranges(self) -> Ranges:
        """The set as sorted ranges that do not touch."""
        if not self._folded:
            self._fold()
        return tuple(self._ranges)

    def _fold(self) -> None:
        folded: list[tuple[int, int]] = []
        for first, last in sorted(self._ranges):
            if folded and first <= folded[-1][1] + 1:
                folded[-1] = (folded[-1][0], max(folded[-1][1], last))
            else:
                folded.append((first, last))
        self._ranges, self._folded = folded, True
        self._starts = [first for first, _ in folded]


class Chain:
    """The digest chain over the openings of one boot, as far as its numbers have settled.

    `opened` is the highest number up to which all have settled, `head` the chain there, and
    `ahead` what has settled out of turn behind a number that has not.
    """

    def __init__(
        self, opened: int = 0, head: str = CHAIN_START, ahead: Mapping[int, str] | None = None
    ) -> None:
        self.opened = opened
        self.head = head
        self.ahead = dict(ahead or {})

    def takes(self, seq: int) -> bool:
        """Whether the number can still settle."""
        return seq > self.opened and seq not in self.ahead

    def settle(self, seq: int, record_id: str) -> None:
        """Settle one number; one that has settled before keeps what it was."""
        if not self.takes(seq):
            return
        self.ahead[seq] = record_id
        self._advance()
        if len(self.ahead) > _MOST_AHEAD:
            self.settle(self.opened + 1, UNOPENED)

    def settle_all(self, upto: int) -> None:
        """Count every number up to `upto` that has not settled as unopened."""
        while self.opened < upto:
            self.settle(self.opened + 1, UNOPENED)

    def _advance(self) -> None:
        while (record_id := self.ahead.pop(self.opened + 1, None)) is not None:
            self.opened += 1
            self.head = chain(self.head, self.opened, record_id)
