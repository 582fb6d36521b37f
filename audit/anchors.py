"""Anchors: what an earlier report has seen, kept where an attacker cannot change it.

The law of this module: what once stood must still stand. A head says how far a boot had come and
the chain over its ids up to there; numbers that were stored then are stored, erased or expired
now, and what was erased or expired stays so. A store that was rolled back, tail, boots, taps and
all, agrees with itself; with a head of a later time it does not.
"""

from __future__ import annotations

from collections.abc import Iterable

from audit.spans import Gaps, joined
from audit.value import Value, prepare

__all__ = ["Anchored", "Head", "Heads"]

Ranges = tuple[tuple[int, int], ...]


class Head(Value, frozen=True):
    """What a report attests of one boot.

    `opened` is the highest number that a signed word of the tap speaks of, `chain` the digest
    chain up to it and `at` the time of that word; without one they are 0 and null. `stored` and
    `removed` (erased or expired) are inclusive ranges of numbers.
    """

    tap: str
    boot: str
    opened: int = 0
    chain: str | None = None
    at: str | None = None
    stored: Ranges = ()
    removed: Ranges = ()


class Heads(Value, frozen=True):
    """The part of a report, as `auditstream verify --json` prints it, that can be an anchor."""

    heads: tuple[Head, ...]
    unread: tuple[str, ...] = ()


class Anchored:
    """What earlier reports attest of the numbers of one boot; of several words the later counts."""

    def __init__(self, heads: Iterable[Head]) -> None:
        heads = list(heads)
        self._removed = _numbers(head.removed for head in heads)
        self._stored = _numbers(head.stored for head in heads)

    def removed(self, seq: int) -> bool:
        """Whether the number was erased or had expired."""
        return self._removed.reason_of(seq) is not None

    def stored(self, seq: int) -> bool:
        """Whether the number was stored, and not known to be removed since."""
        return self._stored.reason_of(seq) is not None and not self.removed(seq)

    @property
    def edges(self) -> Iterable[int]:
        """The numbers at which these answers change."""
        return (*self._removed.edges, *self._stored.edges)


def _numbers(several: Iterable[Ranges]) -> Gaps:
    ranges = joined(each for ranges in several for each in ranges)
    return Gaps(
        [(first, last, "") for first, last in ranges], max((r[1] for r in ranges), default=0)
    )


prepare(Heads)
