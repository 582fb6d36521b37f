"""The judgement of single numbers: every number of a boot comes to exactly one outcome.

The law of this module: what is believed is held against what is there, and what might stand in a
source that could not be read is open, not lost. A forged entry says nothing: its number is judged
by what else is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from audit.anchors import Anchored
from audit.belief import Belief
from audit.boot_evidence import BootEvidence
from audit.completeness import Outcome, StoredMark
from audit.judged import IN_ORDER, Answer, Judged
from audit.ledger import LedgerEntry, LedgerState
from audit.sheaf import record_ids
from audit.spans import Gaps, spans
from audit.stored_faults import Fault, stored_faults

__all__ = ["Judge"]

_REMOVED = {LedgerState.ERASED: Outcome.ERASED, LedgerState.EXPIRED: Outcome.EXPIRED}
_SET_ASIDE = {
    LedgerState.DEAD_LETTERED: Outcome.DEAD_LETTERED,
    LedgerState.UNREADABLE: Outcome.UNREADABLE,
}


class Judge:
    """Judges the numbers of one boot. `spool_seen` says that its tap's folder was looked at."""

    def __init__(
        self, boot: BootEvidence, belief: Belief, unread: tuple[str, ...], *, spool_seen: bool
    ) -> None:
        self.gaps: Gaps = boot.gaps()
        self._boot = boot
        self._head = boot.head
        self._open_ended = boot.live or boot.told is None
        self._belief = belief
        self._unread = frozenset(unread)
        self._spool_seen = spool_seen
        self._anchored = Anchored(boot.anchors)
        self._faults: dict[int, list[Fault]] = {}

    def numbers(self) -> Iterator[Judged]:
        """Judge every number up to the head.

        Numbers between those of which a source holds anything share one fate.
        """
        boot = self._boot
        singles = (edge for seq in boot.spoken_of for edge in (seq, seq + 1))
        edges = (*singles, *self.gaps.edges, *self._anchored.edges)
        for first, last in spans(1, self._head, edges):
            outcome, reason = self._of(first)
            yield Judged(outcome, reason, first, last, self._named(first, reason))

    def further(self) -> Iterator[Judged]:
        """What else is wrong with records whose number is judged by another one of them already.

        It follows `numbers`.
        """
        for seq, faults in sorted(self._faults.items()):
            yield from (Judged(each.outcome, each.reason, seq, seq, each.id) for each in faults[1:])

    def strangers(self) -> Iterator[Judged]:
        """Records and entries that have no business at their number."""
        boot = self._boot
        for seq, marks in sorted(boot.stored.items()):
            expected = boot.id_of(seq)
            counted = self._counted(seq)
            for mark in marks:
                if expected is not None and not _belongs(mark.id, expected):
                    yield Judged(Outcome.INSERTED, "other_id", seq, seq, mark.id)
                elif counted and mark.id not in counted:
                    yield Judged(Outcome.INSERTED, "beyond_sheaf", seq, seq, mark.id)
            for record_id in _repeated(marks):
                yield Judged(Outcome.INSERTED, "doubled", seq, seq, record_id)
        for seq in sorted(seq for seq in boot.spoken_of if not 1 <= seq <= self._head):
            if (answer := self._outside(seq)) is not None:
                yield Judged(*answer, seq, seq, self._name(seq))

    def _outside(self, seq: int) -> Answer | None:
        """Judge what stands at a number that need not be accounted for."""
        boot = self._boot
        if seq in boot.damaged:
            return Outcome.ALTERED, "row_damaged"
        if seq in boot.forged:
            return Outcome.INSERTED, "entry_forged"
        if seq < 1 or not (self._open_ended or seq <= boot.reserved):
            # What waits there has not been looked into: a worker tells what it is.
            there = seq in boot.entries or seq in boot.stored
            return (Outcome.INSERTED, "beyond_head") if there else None
        if seq not in boot.entries and (flaw := self._unsound(boot.stored.get(seq, []))):
            return Outcome.INSERTED, flaw
        return None

    def _counted(self, seq: int) -> frozenset[str]:
        """The ids of the records that a number has by its entry; empty where none tells."""
        entry = self._boot.entries.get(seq)
        if entry is None or entry.state is not LedgerState.STORED:
            return frozenset()
        return frozenset(record_ids(entry.id, entry.records))

    def _named(self, seq: int, reason: str) -> str | None:
        """The id of the record that the reason is about, else what names the number."""
        first = next(iter(self._faults.get(seq, ())), None)
        return first.id if first and first.reason == reason else self._name(seq)

    def _name(self, seq: int) -> str | None:
        """The id to name a number by: a believed one, else whatever stands there."""
        if (known := self._boot.id_of(seq)) is not None:
            return known
        if marks := self._boot.stored.get(seq):
            return marks[0].id
        forged = self._boot.forged.get(seq)
        return forged.id if forged else None

    def _of(self, seq: int) -> Answer:
        boot = self._boot
        if seq in boot.damaged:
            return Outcome.ALTERED, "row_damaged"
        if seq in boot.doubled:
            return Outcome.ALTERED, "doubled"
        answer = self._now(seq)
        if answer[0] not in IN_ORDER and (later := boot.later.get(seq)):
            # It was removed or amended while the sources were read.
            moved = self._entered(later, self._own(seq, later.id))
            if moved[0] in IN_ORDER:
                answer = moved
                self._faults.pop(seq, None)
        return self._anchor(seq, answer)

    def _now(self, seq: int) -> Answer:
        own = self._own(seq, self._boot.id_of(seq))
        if entry := self._boot.entries.get(seq):
            return self._entered(entry, own)
        if seq in self._boot.forged:
            return self._forged(seq, own)
        return self._not_entered(seq, own)

    def _own(self, seq: int, expected: str | None) -> list[StoredMark]:
        marks = self._boot.stored.get(seq, [])
        return [m for m in marks if expected is None or _belongs(m.id, expected)]

    def _anchor(self, seq: int, answer: Answer) -> Answer:
        """Hold an answer against earlier reports: what was stored then had an entry for good."""
        outcome, _ = answer
        removed, stored = self._anchored.removed(seq), self._anchored.stored(seq)
        if self._unread & {"ledger", "records"} or outcome in _REMOVED.values():
            return answer
        if outcome not in IN_ORDER | {Outcome.UNDETERMINED, Outcome.UNLEDGERED}:
            return answer
        if removed or (stored and outcome is not Outcome.STORED):
            there = bool(self._boot.stored.get(seq))
            return (Outcome.ALTERED if there else Outcome.LOST), "rolled_back"
        return answer

    def _forged(self, seq: int, own: list[StoredMark]) -> Answer:
        """Without a believed entry: lost where nothing of it can be anywhere, else altered."""
        boot = self._boot
        there = own or seq in boot.waiting or seq in boot.dead
        seen = self._spool_seen or self._anchored.stored(seq)
        if there or not seen or self._unread & {"spool", "queue", "records"}:
            return Outcome.ALTERED, "entry_forged"
        return Outcome.LOST, "entry_forged"

    def _not_entered(self, seq: int, own: list[StoredMark]) -> Answer:
        boot = self._boot
        held = seq in boot.waiting or seq in boot.dead
        if own and held:
            if flaw := self._unsound(own):
                return Outcome.ALTERED, flaw
            return Outcome.UNLEDGERED, "entry_on_its_way"
        if held:
            return (Outcome.WAITING if seq in boot.waiting else Outcome.DEAD_LETTERED), ""
        if own:
            return self._unless_unread(Outcome.INSERTED, "no_ledger_entry", "queue", "ledger")
        if (reason := self.gaps.reason_of(seq)) is not None:
            refused = reason.startswith("refused")
            return (Outcome.REFUSED if refused else Outcome.UNRECORDED), reason
        return self._missing()

    def _entered(self, entry: LedgerEntry, own: list[StoredMark]) -> Answer:
        if entry.state is LedgerState.STORED:
            return self._stored(entry, own)
        if entry.state in _REMOVED:
            return (Outcome.ALTERED, "removed_yet_there") if own else (_REMOVED[entry.state], "")
        if entry.state is LedgerState.REFUSED:
            return Outcome.REFUSED, ""
        return self._set_aside(entry, own)

    def _set_aside(self, entry: LedgerEntry, own: list[StoredMark]) -> Answer:
        waits, dead = (entry.number.seq in held for held in (self._boot.waiting, self._boot.dead))
        if own:
            return self._replayed(own, held=waits or dead)
        if waits:
            return Outcome.WAITING, ""
        if dead:
            return _SET_ASIDE[entry.state], ""
        return self._unless_unread(Outcome.LOST, "dead_letter_removed", "queue")

    def _replayed(self, own: list[StoredMark], *, held: bool) -> Answer:
        """A replay of what was set aside has been stored: then its entry is on its way."""
        if flaw := self._unsound(own):
            return Outcome.ALTERED, flaw
        if held:
            return Outcome.UNLEDGERED, "entry_on_its_way"
        if not self._spool_seen:
            return Outcome.UNDETERMINED, "source_unread"
        return self._unless_unread(Outcome.ALTERED, "state_contradicts", "spool", "queue")

    def _stored(self, entry: LedgerEntry, own: list[StoredMark]) -> Answer:
        faults = stored_faults(entry, own, self._belief.record)
        if not faults:
            return Outcome.STORED, ""
        if faults[0].outcome is Outcome.LOST and "records" in self._unread:
            return Outcome.UNDETERMINED, "source_unread"
        self._faults[entry.number.seq] = faults
        return faults[0].outcome, faults[0].reason

    def _unsound(self, marks: list[StoredMark]) -> str | None:
        """Why any of these records is not, word for word, what a worker has signed."""
        if any(mark.stated_digest != mark.actual_digest for mark in marks):
            return "digest_differs"
        signed = all(self._belief.record(mark) for mark in marks)
        return None if signed else "signature_differs"

    def _missing(self) -> Answer:
        if not self._spool_seen:
            # It may wait in a spool that was not looked at.
            return Outcome.UNDETERMINED, "source_unread"
        vanished = self._boot.empty and self._boot.known is None
        reason = "boot_missing" if vanished else "no_trace"
        return self._unless_unread(Outcome.LOST, reason, "spool", "queue", "ledger")

    def _unless_unread(self, outcome: Outcome, reason: str, *sources: str) -> Answer:
        if self._unread.intersection(sources):
            return Outcome.UNDETERMINED, "source_unread"
        return outcome, reason


def _repeated(marks: list[StoredMark]) -> Iterator[str]:
    if len(marks) > 1:
        yield from (each for each, times in Counter(m.id for m in marks).items() if times > 1)


def _belongs(record_id: str, expected: str) -> bool:
    """Whether it is the exchange's record: of several the others are `id/n`."""
    return record_id == expected or record_id.startswith(f"{expected}/")
