"""All evidence of one boot of one tap, and how far that boot is known to have come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

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

    `damaged` are the numbers whose ledger row can no longer be read.
    """

    tap: str
    boot: str
    entries: dict[int, LedgerEntry] = field(default_factory=dict)
    stored: dict[int, list[StoredMark]] = field(default_factory=dict)
    waiting: dict[int, str] = field(default_factory=dict)
    dead: dict[int, str] = field(default_factory=dict)
    checkpoints: dict[int, Checkpoint] = field(default_factory=dict)
    checkpoints_held: set[int] = field(default_factory=set)
    damaged: set[int] = field(default_factory=set)
    checkpoints_damaged: set[int] = field(default_factory=set)
    known: KnownBoot | None = None
    successor: Checkpoint | None = None

    @property
    def live(self) -> bool:
        """Whether the tap runs in this boot, as far as the spool folder tells."""
        return self.known is not None and self.known.live

    @property
    def empty(self) -> bool:
        """Whether nothing is known but that a successor names it."""
        things = (self.entries, self.stored, self.waiting, self.dead, self.checkpoints)
        return not any((*things, self.damaged, self.checkpoints_damaged))

    @property
    def told(self) -> int | None:
        """How far the tap itself says this boot came; None when only a lower bound is known."""
        words = [self.known.opened] if self.known else []
        if self.successor and self.successor.predecessor_opened is not None:
            words.append(self.successor.predecessor_opened)
        words += [c.opened for c in self.checkpoints.values() if c.final]
        return max(words) if words else None

    @property
    def head(self) -> int:
        """The highest number to account for.

        Of a live boot it is what the spool had given out when it was looked at; of one that has
        ended, no word of the tap is too small to count.
        """
        if self.live:
            return self.told or 0
        said = max((c.opened for c in self.checkpoints.values()), default=0)
        if self.told is not None or self.checkpoints:
            return max(said, self.told or 0)
        return max((*self.entries, *self.waiting, *self.dead), default=0)

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
        return {*self.entries, *self.stored, *self.waiting, *self.dead, *self.damaged}

    def gaps(self) -> Gaps:
        """The numbers of which the tap says that no opening could be taken."""
        claims = [r for c in self.checkpoints.values() for r in c.unrecorded]
        claims += self.known.unrecorded if self.known else ()
        return Gaps(claims, self.head)

    def chains(self) -> dict[int, set[str]]:
        """Every chain head that a tap has stated for this boot, by the number it stands at."""
        stated: dict[int, set[str]] = {}
        for checkpoint in self.checkpoints.values():
            stated.setdefault(checkpoint.opened, set()).add(checkpoint.chain)
        after = self.successor
        if after and after.predecessor_opened is not None and after.predecessor_chain:
            stated.setdefault(after.predecessor_opened, set()).add(after.predecessor_chain)
        return stated

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


def by_boot(evidence: Evidence) -> dict[tuple[str, str], BootEvidence]:
    """Sort the evidence by tap and boot; a boot that a successor names has its place too."""
    boots: dict[tuple[str, str], BootEvidence] = {}

    def of(tap: str, boot: str) -> BootEvidence:
        return boots.setdefault((tap, boot), BootEvidence(tap, boot))

    for entry in evidence.entries:
        of(entry.number.tap, entry.number.boot).entries[entry.number.seq] = entry
    for mark in evidence.stored:
        of(mark.number.tap, mark.number.boot).stored.setdefault(mark.number.seq, []).append(mark)
    _add_held(evidence.waiting, evidence.dead, boots)
    for row in evidence.damaged:
        boot = of(row.tap, row.boot)
        boot.damaged.update(() if row.seq is None else (row.seq,))
        boot.checkpoints_damaged.update(() if row.index is None else (row.index,))
    for known in evidence.boots:
        of(known.tap, known.boot).known = known
    for checkpoint in evidence.checkpoints:
        of(checkpoint.tap, checkpoint.boot).checkpoints[checkpoint.index] = checkpoint
    _link(evidence.checkpoints, boots)
    return boots


def _add_held(
    waiting: Iterable[Held], dead: Iterable[Held], boots: dict[tuple[str, str], BootEvidence]
) -> None:
    for held, is_dead in [(h, False) for h in waiting] + [(h, True) for h in dead]:
        key = (held.number.tap, held.number.boot)
        boot = boots.setdefault(key, BootEvidence(*key))
        if held.number.seq > 0:
            (boot.dead if is_dead else boot.waiting)[held.number.seq] = held.id
        elif (index := held.id.rpartition("#")[2]).isdecimal():
            boot.checkpoints_held.add(int(index))


def _link(checkpoints: Iterable[Checkpoint], boots: dict[tuple[str, str], BootEvidence]) -> None:
    for checkpoint in checkpoints:
        if checkpoint.predecessor is None:
            continue
        key = (checkpoint.tap, checkpoint.predecessor)
        before = boots.setdefault(key, BootEvidence(*key))
        told = before.successor.predecessor_opened if before.successor else None
        # Two boots cannot both follow one; the one that tells of more cannot hide a number.
        if told is None or (checkpoint.predecessor_opened or 0) >= told:
            before.successor = checkpoint
