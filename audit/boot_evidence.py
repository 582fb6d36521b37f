"""All evidence of one boot of one tap, and how far that boot is known to have come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from audit.anchors import Head
from audit.belief import Belief
from audit.completeness import Evidence, Held, KnownBoot, StoredMark
from audit.digest import CHAIN_START, chain
from audit.ledger import Checkpoint, LedgerEntry
from audit.spans import Gaps

__all__ = ["NO_OPENING", "BootEvidence", "by_boot"]

# What stands in a chain for a number that never had an opening.
NO_OPENING = "-"

# Some two seconds of digests: a tap that says more has no opening is not computed after.
_MOST_UNOPENED = 2_000_000


@dataclass(slots=True)
class BootEvidence:
    """What the sources say of one boot, by number; `successor` is the boot that follows it.

    `entries` and `checkpoints` are believed. What nobody trusted has signed stands apart, with the
    numbers whose row can no longer be read (`damaged`) or is there twice (`doubled`).
    """

    tap: str
    boot: str
    entries: dict[int, LedgerEntry] = field(default_factory=dict)
    later: dict[int, LedgerEntry] = field(default_factory=dict)
    forged: dict[int, LedgerEntry] = field(default_factory=dict)
    doubled: set[int] = field(default_factory=set)
    damaged: set[int] = field(default_factory=set)
    stored: dict[int, list[StoredMark]] = field(default_factory=dict)
    waiting: dict[int, str] = field(default_factory=dict)
    dead: dict[int, str] = field(default_factory=dict)
    checkpoints: dict[int, Checkpoint] = field(default_factory=dict)
    checkpoints_forged: set[int] = field(default_factory=set)
    checkpoints_held: set[int] = field(default_factory=set)
    checkpoints_damaged: set[int] = field(default_factory=set)
    anchors: list[Head] = field(default_factory=list)
    known: KnownBoot | None = None
    successor: Checkpoint | None = None

    @property
    def live(self) -> bool:
        """Whether the tap runs in this boot, as far as the spool folder tells."""
        return self.known is not None and self.known.live

    @property
    def empty(self) -> bool:
        """Whether nothing is known but that a successor or an earlier report names it."""
        rows = (self.entries, self.forged, self.damaged, self.stored, self.waiting, self.dead)
        return not any((*rows, self.checkpoints, self.checkpoints_forged, self.checkpoints_damaged))

    @property
    def told(self) -> int | None:
        """How far the tap itself says this boot came; None when only a lower bound is known."""
        words = [self.known.opened] if self.known else []
        if self.successor and self.successor.predecessor_opened is not None:
            words.append(self.successor.predecessor_opened)
        words += [c.opened for c in self.checkpoints.values() if c.final]
        return max(words) if words else None

    @property
    def said(self) -> int:
        """The highest number that any word of the tap, or an earlier report, speaks of."""
        words = [self.told or 0, *(head.opened for head in self.anchors)]
        return max(*words, *(c.opened for c in self.checkpoints.values()), 0)

    @property
    def head(self) -> int:
        """The highest number to account for.

        Of a live boot it is what the spool had given out when it was looked at. Of one whose end
        nobody tells, and up to a reserved bound, what is there was given out too.
        """
        if self.live:
            return max([self.told or 0, *(head.opened for head in self.anchors)])
        traces = (*self.entries, *self.waiting, *self.dead)
        if self.told is None:
            return max((self.said, *traces))
        return max((self.said, *(seq for seq in traces if seq <= self.reserved)))

    @property
    def reserved(self) -> int:
        """The bound up to which numbers may have been given out, as the spool folder tells."""
        return self.known.reserved if self.known else 0

    @property
    def farthest(self) -> tuple[int, str | None, str] | None:
        """The signed word that speaks of the highest number: that number, the chain, and when."""
        words: list[tuple[int, str | None, str]] = []
        words += [(c.opened, c.chain, c.at) for _, c in sorted(self.checkpoints.items())]
        after = self.successor
        if after and after.predecessor_opened is not None:
            words.append((after.predecessor_opened, after.predecessor_chain, after.at))
        return max(words, key=lambda word: (word[0], word[1] is not None), default=None)

    @property
    def roots(self) -> bool:
        """Whether its own word is that it had no predecessor."""
        words = [c.predecessor for c in self.checkpoints.values()]
        return bool(words) and not any(words)

    def id_of(self, seq: int) -> str | None:
        """The id that ledger or queue gives the number."""
        entry = self.entries.get(seq)
        return entry.id if entry else self.waiting.get(seq) or self.dead.get(seq)

    @property
    def spoken_of(self) -> set[int]:
        """The numbers of which a source holds anything."""
        rows = {*self.entries, *self.forged, *self.damaged, *self.doubled}
        return {*rows, *self.stored, *self.waiting, *self.dead}

    def gaps(self) -> Gaps:
        """The numbers of which the tap says that no opening could be taken."""
        claims = [r for c in self.checkpoints.values() for r in c.unrecorded]
        claims += self.known.unrecorded if self.known else ()
        return Gaps(claims, self.head)

    def chains(self) -> dict[int, set[str]]:
        """Every chain head that was stated for this boot, by the number it stands at."""
        stated: dict[int, set[str]] = {}
        for opened, head in self._stated():
            stated.setdefault(opened, set()).add(head)
        return stated

    def _stated(self) -> Iterable[tuple[int, str]]:
        for checkpoint in self.checkpoints.values():
            yield checkpoint.opened, checkpoint.chain
        after = self.successor
        if after and after.predecessor_opened is not None and after.predecessor_chain:
            yield after.predecessor_opened, after.predecessor_chain
        for anchor in self.anchors:
            if anchor.chain:
                yield anchor.opened, anchor.chain

    def judge_chain(self, gaps: Gaps) -> str | None:
        """Why a chain that was stated is not borne out by the ids known, as a key of `REASONS`.

        Looks no further than the first number whose id nobody knows: that one is lost already.
        """
        stated = self.chains()
        head, unopened = CHAIN_START, 0
        for seq in range(max(stated, default=-1) + 1):
            if seq > 0:
                unopened += gaps.reason_of(seq) is not None
                known = self.id_of(seq) if gaps.reason_of(seq) is None else NO_OPENING
                if known is None:
                    return None
                if unopened > _MOST_UNOPENED:
                    return "chain_unchecked"
                head = chain(head, seq, known)
            if stated.get(seq, {head}) != {head}:
                return "chain_differs"
        return None


class _Sorter:
    """Puts each piece of evidence to its boot; a boot that is only named has its place too."""

    def __init__(self, belief: Belief) -> None:
        self.boots: dict[tuple[str, str], BootEvidence] = {}
        self._belief = belief

    def of(self, tap: str, boot: str) -> BootEvidence:
        """The place of a boot."""
        return self.boots.setdefault((tap, boot), BootEvidence(tap, boot))

    def entries(self, entries: Iterable[LedgerEntry], later: Iterable[LedgerEntry]) -> None:
        """Sort entries by whether they are believed; one that changed meanwhile has both forms."""
        for entry in entries:
            boot, seq = self.of(entry.number.tap, entry.number.boot), entry.number.seq
            if not self._belief.entry(entry):
                boot.forged[seq] = entry
            elif seq in boot.entries:
                boot.doubled.add(seq)
            else:
                boot.entries[seq] = entry
        for entry in later:
            if self._belief.entry(entry):
                boot = self.of(entry.number.tap, entry.number.boot)
                boot.later[entry.number.seq] = entry

    def held(self, held: Iterable[Held], *, dead: bool) -> None:
        """Sort what waits or was set aside: exchanges, and checkpoints by their index."""
        for each in held:
            boot = self.of(each.number.tap, each.number.boot)
            if each.number.seq > 0:
                (boot.dead if dead else boot.waiting)[each.number.seq] = each.id
            elif (index := each.id.rpartition("#")[2]).isdecimal():
                boot.checkpoints_held.add(int(index))

    def checkpoints(self, checkpoints: Iterable[Checkpoint]) -> None:
        """Sort checkpoints; one that is not believed says nothing of its predecessor either."""
        for checkpoint in checkpoints:
            boot = self.of(checkpoint.tap, checkpoint.boot)
            if not self._belief.checkpoint(checkpoint):
                boot.checkpoints_forged.add(checkpoint.index)
                continue
            boot.checkpoints[checkpoint.index] = checkpoint
            if checkpoint.predecessor is not None:
                self._link(self.of(checkpoint.tap, checkpoint.predecessor), checkpoint)

    @staticmethod
    def _link(before: BootEvidence, checkpoint: Checkpoint) -> None:
        told = before.successor.predecessor_opened if before.successor else None
        # Two boots cannot both follow one; the one that tells of more cannot hide a number.
        if told is None or (checkpoint.predecessor_opened or 0) >= told:
            before.successor = checkpoint


def by_boot(evidence: Evidence, belief: Belief) -> dict[tuple[str, str], BootEvidence]:
    """Sort the evidence by tap and boot, and apart from it what is not believed."""
    sorter = _Sorter(belief)
    sorter.entries(evidence.entries, evidence.later)
    sorter.held(evidence.waiting, dead=False)
    sorter.held(evidence.dead, dead=True)
    sorter.checkpoints(evidence.checkpoints)
    for mark in evidence.stored:
        stored = sorter.of(mark.number.tap, mark.number.boot).stored
        stored.setdefault(mark.number.seq, []).append(mark)
    for row in evidence.damaged:
        boot = sorter.of(row.tap, row.boot)
        boot.damaged.update(() if row.seq is None else (row.seq,))
        boot.checkpoints_damaged.update(() if row.index is None else (row.index,))
    for known in evidence.boots:
        sorter.of(known.tap, known.boot).known = known
    for anchor in evidence.anchors:
        sorter.of(anchor.tap, anchor.boot).anchors.append(anchor)
    return sorter.boots
