"""Numbers as spans: a claim about 10**12 numbers costs no more than one about a single number.

The law of this module: no span is unfolded into its numbers. A damaged or forged row may name
any number, and whoever judges it must still come to an end.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise

__all__ = ["Gaps", "joined", "spans"]

Claim = tuple[int, int, str]


def spans(first: int, last: int, edges: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Cut the numbers from `first` to `last` in front of every edge; none where that is empty."""
    if first <= last:
        cuts = {edge for edge in edges if first < edge <= last}
        for start, end in pairwise(sorted({first, *cuts, last + 1})):
            yield start, end - 1


def joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sort inclusive ranges and join those that touch; what ends before it begins is left out."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if first > last:
            continue
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


class Gaps:
    """The numbers of which a tap says that no opening was taken, each with one reason.

    Of claims that overlap, the one that begins first counts: a later checkpoint repeats what an
    earlier one said, with the same reason.
    """

    def __init__(self, claims: Iterable[Claim], head: int) -> None:
        self.ranges = tuple(_folded(claims, head))
        self._starts = [first for first, _, _ in self.ranges]

    def reason_of(self, seq: int) -> str | None:
        """Why the number has no opening; None where the tap does not say that it has none."""
        at = bisect_right(self._starts, seq) - 1
        if at < 0 or seq > self.ranges[at][1]:
            return None
        return self.ranges[at][2]

    @property
    def edges(self) -> Iterator[int]:
        """The numbers at which the answer of `reason_of` changes."""
        for first, last, _ in self.ranges:
            yield from (first, last + 1)


def _folded(claims: Iterable[Claim], head: int) -> list[Claim]:
    folded: list[Claim] = []
    end = 0
    for from_, to, reason in sorted(set(claims)):
        first, last = max(from_, end + 1), min(to, head)
        if first > last:
            continue
        if folded and folded[-1][1:] == (first - 1, reason):
            folded[-1] = (folded[-1][0], last, reason)
        else:
            folded.append((first, last, reason))
        end = last
    return folded
