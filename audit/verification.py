"""The judgement over all evidence: what is wrong, what became of each number, in one report.

`verify` is a pure function; what it is given is `audit.completeness`'s, what it gives is
`audit.report`'s. Everything is judged; the selection decides only what is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from audit.anchors import Head
from audit.belief import Belief
from audit.boot_evidence import BootEvidence, by_boot
from audit.boot_flaws import boot_flaws, foreign_boots, uncertain, unlinked_boots
from audit.completeness import Evidence, Outcome
from audit.judge import Judge
from audit.judged import IN_ORDER, Judged
from audit.report import CompletenessReport, Flaw, Named, Uncertain, Unrecorded
from audit.selection import Owners, Selection
from audit.spans import joined

__all__ = ["verify"]

_REMOVED = {Outcome.ERASED, Outcome.EXPIRED}


def verify(evidence: Evidence, selection: Selection | None = None) -> CompletenessReport:
    """Judge every number of every boot, the boots' checkpoints and how the boots are linked."""
    belief = Belief(evidence.trust)
    boots = dict(sorted(by_boot(evidence, belief).items()))
    telling = _Telling(evidence, belief, selection or Selection())
    for boot in boots.values():
        telling.tell(boot)
    telling.flaws += foreign_boots(boots.values(), evidence)
    telling.flaws += unlinked_boots(boots.values())
    return telling.report()


class _Telling:
    """Judges boot after boot and keeps what is to be told of each."""

    def __init__(self, evidence: Evidence, belief: Belief, selection: Selection) -> None:
        self.flaws: list[Flaw] = []
        self._evidence = evidence
        self._belief = belief
        self._selection = selection
        self._seen = {known.tap for known in evidence.boots}
        self._counts: Counter[Outcome] = Counter()
        self._unrecorded: list[Unrecorded] = []
        self._named: list[Named] = []
        self._uncertain: list[Uncertain] = []
        self._heads: list[Head] = []
        self._outside = 0

    def tell(self, boot: BootEvidence) -> None:
        """Judge one boot."""
        seen = boot.tap in self._seen
        judge = Judge(boot, self._belief, self._evidence.unread, spool_seen=seen)
        judged = list(judge.numbers())
        wrong = [each for each in judged if each.outcome not in IN_ORDER]
        flaws = _ranges(_flaw(boot, each) for each in self._selected(boot, wrong))
        flaws += [_flaw(boot, each) for each in self._selected(boot, judge.strangers())]
        flaws += boot_flaws(boot, judge.gaps, self._evidence.unread)
        for flaw in flaws:
            self._counts[flaw.outcome] += _numbers_in(flaw)
        # Of numbers that are counted already.
        flaws += [_flaw(boot, each) for each in self._selected(boot, judge.further())]
        self.flaws += flaws
        self._in_order(boot, [each for each in judged if each.outcome in IN_ORDER])
        self._uncertain += uncertain(boot)
        self._heads += _heads(boot, judged)

    def report(self) -> CompletenessReport:
        """All that was told. A report attests nothing of what it could not hold against keys."""
        unread = self._evidence.unread
        return CompletenessReport(
            dict(self._counts),
            tuple(self.flaws),
            unread,
            unrecorded=tuple(self._unrecorded),
            named=tuple(self._named),
            uncertain=tuple(self._uncertain),
            heads=() if {"keys", "ledger", "records"} & set(unread) else tuple(self._heads),
            selection=self._selection,
            outside=self._outside,
        )

    def _in_order(self, boot: BootEvidence, judged: Iterable[Judged]) -> None:
        for each in judged if self._selection.everything else self._within(boot, judged):
            self._counts[each.outcome] += each.last - each.first + 1
            if each.reason:
                passed = Unrecorded(boot.tap, boot.boot, each.first, each.last, each.reason)
                self._unrecorded.append(passed)
            elif each.outcome is not Outcome.STORED:
                self._named.append(Named(each.outcome, boot.tap, boot.boot, each.first, each.id))

    def _selected(self, boot: BootEvidence, judged: Iterable[Judged]) -> list[Judged]:
        """The flaws that belong to the selection; the others are counted."""
        every = list(judged)
        if self._selection.everything:
            return every
        within = list(self._within(boot, every))
        self._outside += len(every) - len(within)
        return within

    def _within(self, boot: BootEvidence, judged: Iterable[Judged]) -> Iterator[Judged]:
        owners = Owners(boot, self._belief)
        return (each for each in judged if self._selection.takes(owners.of(each.first)))


def _heads(boot: BootEvidence, judged: Iterable[Judged]) -> Iterator[Head]:
    """What this look attests of the boot: nothing of one of which nothing is believed."""
    ranges: dict[bool, list[tuple[int, int]]] = {False: [], True: []}
    for each in judged:
        if each.outcome is Outcome.STORED or each.outcome in _REMOVED:
            ranges[each.outcome in _REMOVED].append((each.first, each.last))
    stored, removed = (tuple(joined(ranges[gone])) for gone in (False, True))
    opened, chain, at = boot.farthest or (0, None, None)
    if at is not None or stored or removed:
        yield Head(
            tap=boot.tap,
            boot=boot.boot,
            opened=opened,
            chain=chain,
            at=at,
            stored=stored,
            removed=removed,
        )


def _flaw(boot: BootEvidence, each: Judged) -> Flaw:
    return Flaw(each.outcome, each.reason, boot.tap, boot.boot, each.first, each.last, each.id)


def _numbers_in(flaw: Flaw) -> int:
    """How many numbers a flaw speaks of: none where it is of a whole boot or a checkpoint."""
    return 0 if flaw.first is None or flaw.last is None else flaw.last - flaw.first + 1


def _ranges(flaws: Iterable[Flaw]) -> list[Flaw]:
    """Join neighbouring numbers without an id into one flaw: a lost boot is one line."""
    joined_flaws: list[Flaw] = []
    for flaw in flaws:
        before = joined_flaws[-1] if joined_flaws else None
        if before and _continues(before, flaw):
            joined_flaws[-1] = replace(before, last=flaw.last)
        else:
            joined_flaws.append(flaw)
    return joined_flaws


def _continues(before: Flaw, flaw: Flaw) -> bool:
    unnamed = before.id is None and flaw.id is None
    same = (before.outcome, before.reason) == (flaw.outcome, flaw.reason)
    return unnamed and same and (before.last or 0) + 1 == flaw.first
