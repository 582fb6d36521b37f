"""What is wrong with a boot as a whole: its checkpoints, its chain, its place among the boots.

The law: a boot is judged by its tap's own words alone, which contradict each other, or what
earlier reports have heard of them, or do not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from audit.boot_evidence import BootEvidence
from audit.completeness import Evidence, Outcome
from audit.ids import boot_began
from audit.report import Flaw, Uncertain
from audit.spans import Gaps, spans

__all__ = ["boot_flaws", "foreign_boots", "uncertain", "unlinked_boots"]

_CHAIN_OUTCOMES = {
    "chain_differs": Outcome.ALTERED,
    "chain_unchecked": Outcome.UNDETERMINED,
}


def boot_flaws(boot: BootEvidence, gaps: Gaps, unread: Collection[str]) -> Iterator[Flaw]:
    """Judge the boot's checkpoints, its chain, and whether it still reaches an earlier head."""
    if boot.told is None and not boot.checkpoints:
        yield Flaw(Outcome.UNDETERMINED, "head_unknown", boot.tap, boot.boot)
    yield from _missing_checkpoints(boot)
    yield from _disagreeing_checkpoints(boot)
    if "ledger" not in unread and _rolled_back(boot):
        yield Flaw(Outcome.LOST, "head_rolled_back", boot.tap, boot.boot)
    if reason := boot.judge_chain(gaps):
        yield Flaw(_CHAIN_OUTCOMES[reason], reason, boot.tap, boot.boot)


def _missing_checkpoints(boot: BootEvidence) -> Iterator[Flaw]:
    """Give rows that nobody can read or believe, and what is not there below the highest index."""
    for index in sorted(boot.checkpoints_damaged):
        yield _of_checkpoints(boot, Outcome.ALTERED, "row_damaged", index, index)
    for index in sorted(boot.checkpoints_forged):
        yield _of_checkpoints(boot, Outcome.ALTERED, "checkpoint_forged", index, index)
    there = boot.checkpoints.keys() | boot.checkpoints_damaged | boot.checkpoints_forged
    accounted = there | boot.checkpoints_held
    edges = (edge for index in accounted for edge in (index, index + 1))
    for first, last in spans(0, max(there, default=-1), edges):
        if first not in accounted:
            yield _of_checkpoints(boot, Outcome.LOST, "checkpoint_missing", first, last)


def _disagreeing_checkpoints(boot: BootEvidence) -> Iterator[Flaw]:
    opened = 0
    first: object = None
    for index, checkpoint in sorted(boot.checkpoints.items()):
        link = (checkpoint.predecessor, checkpoint.predecessor_opened)
        first = first or link
        if checkpoint.opened < opened or link != first:
            yield _of_checkpoints(boot, Outcome.ALTERED, "checkpoints_disagree", index, index)
        opened = max(opened, checkpoint.opened)


def _rolled_back(boot: BootEvidence) -> bool:
    """Whether an earlier report has heard the tap speak of more numbers than it does now."""
    attested = [head.opened for head in boot.anchors if head.at is not None]
    word = boot.farthest
    return bool(attested) and (word is None or max(attested) > word[0])


def uncertain(boot: BootEvidence) -> Iterator[Uncertain]:
    """The numbers that a boot without a last word of its own may have given out unseen."""
    if boot.reserved > boot.head and not boot.live and not _ended(boot):
        yield Uncertain(boot.tap, boot.boot, boot.head + 1, boot.reserved)


def _ended(boot: BootEvidence) -> bool:
    """Whether the boot spoke its own last word; one that recovery drew up is the next boot's."""
    final = [c.at for c in boot.checkpoints.values() if c.final]
    next_began = boot_began(boot.successor.boot) if boot.successor else None
    return any(next_began is None or at < next_began for at in final)


def _of_checkpoints(
    boot: BootEvidence, outcome: Outcome, reason: str, first: int, last: int
) -> Flaw:
    which = f"{first}" if first == last else f"{first}-{last}"
    return Flaw(outcome, reason, boot.tap, boot.boot, id=f"{boot.tap}/{boot.boot}#{which}")


def foreign_boots(boots: Iterable[BootEvidence], evidence: Evidence) -> Iterator[Flaw]:
    """Boots that the tap's own history does not know.

    One that sorts after all known ones may have started after the look at the folder. Where a
    history is not whole, a boot with a word of its own, which only the tap can sign, is none.
    """
    newest: dict[str, str] = {}
    for known in evidence.boots:
        newest[known.tap] = max(known.boot, newest.get(known.tap, ""))
    cut = {known.tap for known in evidence.boots if not known.whole}
    for boot in boots:
        if boot.tap in cut and boot.checkpoints:
            continue
        if boot.known is None and boot.tap in newest and not boot.empty:
            unsure = boot.boot > newest[boot.tap] or boot.tap in cut
            outcome = Outcome.UNDETERMINED if unsure else Outcome.INSERTED
            yield Flaw(outcome, "boot_unknown", boot.tap, boot.boot)


def unlinked_boots(boots: Iterable[BootEvidence]) -> Iterator[Flaw]:
    """Boots that claim to be a tap's first, though there is an earlier one.

    Names are times, and a clock may go back: one claim is believed wherever it sorts, if all the
    tap's other boots say that they had a predecessor.
    """
    taps: dict[str, list[BootEvidence]] = {}
    for boot in sorted(boots, key=lambda b: (b.tap, b.boot)):
        taps.setdefault(boot.tap, []).append(boot)
    for every in taps.values():
        claims = [boot for boot in every if boot.roots]
        others = [boot for boot in every if not boot.roots]
        if len(claims) == 1 and all(map(_follows, others)):
            continue
        for boot in claims:
            if boot is not every[0]:
                yield Flaw(Outcome.UNDETERMINED, "boots_unlinked", boot.tap, boot.boot)


def _follows(boot: BootEvidence) -> bool:
    return any(each.predecessor for each in boot.checkpoints.values())
