"""What is wrong with a boot as a whole: its checkpoints, its chain, its place among the boots.

The law: a boot is judged by its tap's own words alone, which contradict each other or do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from audit.boot_evidence import BootEvidence
from audit.completeness import Evidence, Flaw, Outcome
from audit.spans import Gaps, spans

__all__ = ["boot_flaws", "foreign_boots", "unlinked_boots"]

_CHAIN_OUTCOMES = {
    "chain_differs": Outcome.ALTERED,
    "chain_unchecked": Outcome.UNDETERMINED,
}


def boot_flaws(boot: BootEvidence, gaps: Gaps) -> Iterator[Flaw]:
    """Judge the boot's checkpoints and its chain."""
    if boot.told is None and not boot.checkpoints:
        yield Flaw(Outcome.UNDETERMINED, "head_unknown", boot.tap, boot.boot)
    yield from _missing_checkpoints(boot)
    yield from _disagreeing_checkpoints(boot)
    if reason := boot.judge_chain(gaps):
        yield Flaw(_CHAIN_OUTCOMES[reason], reason, boot.tap, boot.boot)


def _missing_checkpoints(boot: BootEvidence) -> Iterator[Flaw]:
    """Give rows that can no longer be read, and what is not there below the highest index."""
    for index in sorted(boot.checkpoints_damaged):
        yield _of_checkpoints(boot, Outcome.ALTERED, "row_damaged", index, index)
    there = boot.checkpoints.keys() | boot.checkpoints_damaged
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


def _of_checkpoints(
    boot: BootEvidence, outcome: Outcome, reason: str, first: int, last: int
) -> Flaw:
    which = f"{first}" if first == last else f"{first}-{last}"
    return Flaw(outcome, reason, boot.tap, boot.boot, id=f"{boot.tap}/{boot.boot}#{which}")


def foreign_boots(boots: Iterable[BootEvidence], evidence: Evidence) -> Iterator[Flaw]:
    """Boots that the tap's own history does not know.

    One that sorts after all known ones may have started after the look at the folder.
    """
    newest: dict[str, str] = {}
    for known in evidence.boots:
        newest[known.tap] = max(known.boot, newest.get(known.tap, ""))
    for boot in boots:
        if boot.known is None and boot.tap in newest and not boot.empty:
            late = boot.boot > newest[boot.tap]
            outcome = Outcome.UNDETERMINED if late else Outcome.INSERTED
            yield Flaw(outcome, "boot_unknown", boot.tap, boot.boot)


def unlinked_boots(boots: Iterable[BootEvidence]) -> Iterator[Flaw]:
    """Boots that claim to be a tap's first, though there is an earlier one."""
    first: dict[str, str] = {}
    for boot in sorted(boots, key=lambda b: (b.tap, b.boot)):
        if first.setdefault(boot.tap, boot.boot) != boot.boot and boot.roots:
            yield Flaw(Outcome.UNDETERMINED, "boots_unlinked", boot.tap, boot.boot)
