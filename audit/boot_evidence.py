"""All evidence of one boot of one tap, and how far that boot is known to have come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from audit.completeness import Evidence, Held, KnownBoot, StoredMark
from audit.digest import CHAIN_START, chain
from audit.ledger import Checkpoint, LedgerEntry

__all__ = ["NO_OPENING", "BootEvidence", "by_boot"]

# What stands in a chain for a number that never had an opening.
NO_OPENING = "-"


@dataclass(slots=True)
class BootEvidence:
    """What the sources say of one boot, by number; `successor` is the boot that follows it."""

    tap: str
    boot: str
    entries: dict[int, LedgerEntry] = field(default_factory=dict)
    stored: dict[int, list[StoredMark]] = field(default_factory=dict)
    waiting: dict[int, str] = field(default_factory=dict)
    dead: dict[int, str] = field(default_factory=dict)
    checkpoints: dict[int, Checkpoint] = field(default_factory=dict)
    checkpoints_held: set[int] = field(default_factory=set)
    known: KnownBoot | None = None
    successor: Checkpoint | None = None

    @property
    def live(self) -> bool:
        """Whether the tap runs in this boot, as far as the spool folder tells."""
        return self.known is not None and self.known.live

    @property
    def empty(self) -> bool:
        """Whether nothing is known but that a successor names it."""
        return not (self.entries or self.stored or self.waiting or self.dead or self.checkpoints)

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

    def unrecorded(self) -> dict[int, str]:
        """The numbers of which the tap says that no opening could be taken, with its reason."""
        ranges = [r for c in self.checkpoints.values() for r in c.unrecorded]
        ranges += self.known.unrecorded if self.known else ()
        top = self.head
        return {
            seq: reason
            for first, last, reason in ranges
            for seq in range(max(1, first), min(last, top) + 1)
        }

    def chains(self) -> dict[int, set[str]]:
        """Every chain head that a tap has stated for this boot, by the number it stands at."""
        stated: dict[int, set[str]] = {}
        for checkpoint in self.checkpoints.values():
            stated.setdefault(checkpoint.opened, set()).add(checkpoint.chain)
        after = self.successor
        if after and after.predecessor_opened is not None and after.predecessor_chain:
            stated.setdefault(after.predecessor_opened, set()).add(after.predecessor_chain)
        return stated

    def first_chain_that_differs(self, unrecorded: dict[int, str]) -> int | None:
        """The lowest number at which a stated chain is not that of the ids known.

        Looks no further than the first number whose id nobody knows: that one is lost already.
        """
        stated = self.chains()
        head = CHAIN_START
        for seq in range(max(stated, default=-1) + 1):
            if seq > 0:
                known = NO_OPENING if seq in unrecorded else self.id_of(seq)
                if known is None:
                    return None
                head = chain(head, seq, known)
            if stated.get(seq, {head}) != {head}:
                return seq
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
