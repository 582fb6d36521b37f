"""The judgement over all evidence: every number comes to exactly one outcome.

`verify` is a pure function; what it needs and what it gives are the values of
`audit.completeness`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from audit.boot_evidence import BootEvidence, by_boot
from audit.boot_flaws import boot_flaws, foreign_boots, unlinked_boots
from audit.completeness import (
    CompletenessReport,
    Evidence,
    Flaw,
    Outcome,
    StoredMark,
    Unrecorded,
)
from audit.ledger import LedgerEntry, LedgerState
from audit.spans import Gaps, spans

__all__ = ["verify"]

_REMOVED = {LedgerState.ERASED: Outcome.ERASED, LedgerState.EXPIRED: Outcome.EXPIRED}
_SET_ASIDE = {
    LedgerState.DEAD_LETTERED: Outcome.DEAD_LETTERED,
    LedgerState.UNREADABLE: Outcome.UNREADABLE,
}
_SILENT = {
    Outcome.STORED,
    Outcome.WAITING,
    Outcome.DEAD_LETTERED,
    Outcome.REFUSED,
    Outcome.ERASED,
    Outcome.EXPIRED,
    Outcome.UNREADABLE,
    Outcome.UNRECORDED,
}


def verify(evidence: Evidence) -> CompletenessReport:
    """Judge every number of every boot, the boots' checkpoints and how the boots are linked."""
    boots = by_boot(evidence)
    counts: Counter[Outcome] = Counter()
    flaws: list[Flaw] = []
    unrecorded: list[Unrecorded] = []
    seen = {known.tap for known in evidence.boots}
    for _, boot in sorted(boots.items()):
        gaps = boot.gaps()
        judge = _Judge(boot, gaps, evidence.unread, spool_seen=boot.tap in seen)
        found = (*_ranges(judge.numbers(counts)), *judge.strangers(), *boot_flaws(boot, gaps))
        for flaw in found:
            counts[flaw.outcome] += _numbers_in(flaw)
        flaws += found
        unrecorded += judge.unrecorded
    flaws += foreign_boots(boots.values(), evidence)
    flaws += unlinked_boots(boots.values())
    return CompletenessReport(dict(counts), tuple(flaws), evidence.unread, tuple(unrecorded))


class _Judge:
    """Judges the numbers of one boot; those the tap let pass are in `unrecorded` afterwards."""

    def __init__(
        self, boot: BootEvidence, gaps: Gaps, unread: tuple[str, ...], *, spool_seen: bool
    ) -> None:
        self.unrecorded: list[Unrecorded] = []
        self._boot = boot
        self._gaps = gaps
        self._unread = unread
        self._spool_seen = spool_seen

    def numbers(self, counts: Counter[Outcome]) -> Iterator[Flaw]:
        """Judge every number; count what is in order, give what is not.

        Numbers between those of which a source holds anything share one fate.
        """
        singles = (edge for seq in self._boot.spoken_of for edge in (seq, seq + 1))
        for first, last in spans(1, self._boot.head, (*singles, *self._gaps.edges)):
            outcome, reason = self._of(first)
            if outcome in _SILENT:
                counts[outcome] += last - first + 1
                self._note(first, last, reason)
            else:
                record_id = self._boot.id_of(first) or self._stored_id(first)
                yield self._flaw(outcome, reason, first, last, record_id)

    def strangers(self) -> Iterator[Flaw]:
        """Records and entries that have no business at their number."""
        boot = self._boot
        for seq, marks in sorted(boot.stored.items()):
            expected = boot.id_of(seq)
            for mark in marks:
                if expected is not None and not _belongs(mark.id, expected):
                    yield self._flaw(Outcome.INSERTED, "other_id", seq, seq, mark.id)
        for seq in sorted(boot.damaged):
            if not 1 <= seq <= boot.head:
                yield self._flaw(Outcome.ALTERED, "row_damaged", seq, seq)
        beyond = {seq: entry.id for seq, entry in boot.entries.items() if self._beyond(seq)}
        beyond |= {seq: m[0].id for seq, m in boot.stored.items() if self._beyond(seq)}
        for seq, record_id in sorted(beyond.items()):
            yield self._flaw(Outcome.INSERTED, "beyond_head", seq, seq, record_id)

    def _beyond(self, seq: int) -> bool:
        if self._boot.live or self._boot.told is None:
            return seq < 1  # Higher numbers are newer than the tap's last word.
        return not 1 <= seq <= self._boot.head

    def _note(self, first: int, last: int, reason: str) -> None:
        if reason:
            boot = self._boot
            self.unrecorded.append(Unrecorded(boot.tap, boot.boot, first, last, reason))

    def _of(self, seq: int) -> tuple[Outcome, str]:
        boot = self._boot
        if seq in boot.damaged:
            return Outcome.ALTERED, "row_damaged"
        expected = boot.id_of(seq)
        marks = boot.stored.get(seq, [])
        own = [m for m in marks if expected is None or _belongs(m.id, expected)]
        if entry := boot.entries.get(seq):
            return self._entered(entry, own)
        return self._not_entered(seq, own)

    def _not_entered(self, seq: int, own: list[StoredMark]) -> tuple[Outcome, str]:
        boot = self._boot
        if seq in boot.waiting:
            return (Outcome.UNLEDGERED, "entry_on_its_way") if own else (Outcome.WAITING, "")
        if seq in boot.dead:
            return (Outcome.UNLEDGERED, "entry_on_its_way") if own else (Outcome.DEAD_LETTERED, "")
        if own:
            return self._unless_unread(Outcome.INSERTED, "no_ledger_entry", "queue", "ledger")
        if (reason := self._gaps.reason_of(seq)) is not None:
            passed = Unrecorded(boot.tap, boot.boot, seq, seq, reason)
            return (Outcome.REFUSED if passed.refused else Outcome.UNRECORDED), reason
        return self._missing()

    def _entered(self, entry: LedgerEntry, own: list[StoredMark]) -> tuple[Outcome, str]:
        if entry.state is LedgerState.STORED:
            return self._stored(entry, own)
        if entry.state in _REMOVED:
            return (Outcome.ALTERED, "removed_yet_there") if own else (_REMOVED[entry.state], "")
        if entry.state is LedgerState.REFUSED:
            return Outcome.REFUSED, ""
        return self._set_aside(entry, own)

    def _set_aside(self, entry: LedgerEntry, own: list[StoredMark]) -> tuple[Outcome, str]:
        waits, dead = (entry.number.seq in held for held in (self._boot.waiting, self._boot.dead))
        if own and (waits or dead):
            # A replay has been stored, and its entry is on its way.
            return Outcome.UNLEDGERED, "entry_on_its_way"
        if own and not self._spool_seen:
            return Outcome.UNDETERMINED, "source_unread"
        if own:
            return self._unless_unread(Outcome.ALTERED, "state_contradicts", "spool", "queue")
        if waits:
            return Outcome.WAITING, ""
        if dead:
            return _SET_ASIDE[entry.state], ""
        return self._unless_unread(Outcome.LOST, "dead_letter_removed", "queue")

    def _stored(self, entry: LedgerEntry, own: list[StoredMark]) -> tuple[Outcome, str]:
        if not own:
            return self._unless_unread(Outcome.LOST, "record_removed", "records")
        if any(_altered(entry, mark) for mark in own):
            return Outcome.ALTERED, "digest_differs"
        return Outcome.STORED, ""

    def _missing(self) -> tuple[Outcome, str]:
        if not self._spool_seen:
            # It may wait in a spool that was not looked at.
            return Outcome.UNDETERMINED, "source_unread"
        vanished = self._boot.empty and self._boot.known is None
        reason = "boot_missing" if vanished else "no_trace"
        return self._unless_unread(Outcome.LOST, reason, "spool", "queue", "ledger")

    def _unless_unread(self, outcome: Outcome, reason: str, *sources: str) -> tuple[Outcome, str]:
        if set(sources) & set(self._unread):
            return Outcome.UNDETERMINED, "source_unread"
        return outcome, reason

    def _stored_id(self, seq: int) -> str | None:
        marks = self._boot.stored.get(seq)
        return marks[0].id if marks else None

    def _flaw(
        self,
        outcome: Outcome,
        reason: str,
        first: int,
        last: int,
        record_id: str | None = None,
    ) -> Flaw:
        return Flaw(outcome, reason, self._boot.tap, self._boot.boot, first, last, record_id)


def _numbers_in(flaw: Flaw) -> int:
    """How many numbers a flaw speaks of: none where it is of a whole boot or a checkpoint."""
    return 0 if flaw.first is None or flaw.last is None else flaw.last - flaw.first + 1


def _belongs(record_id: str, expected: str) -> bool:
    """Whether it is the exchange's record: a realtime session's records are `id/n`."""
    return record_id == expected or record_id.startswith(f"{expected}/")


def _altered(entry: LedgerEntry, mark: StoredMark) -> bool:
    if mark.stated_digest != mark.actual_digest:
        return True
    entered = entry.amendments[-1].record_digest if entry.amendments else entry.record_digest
    return mark.id == entry.id and entered != mark.actual_digest


def _ranges(flaws: Iterable[Flaw]) -> list[Flaw]:
    """Join neighbouring numbers without an id into one flaw: a lost boot is one line."""
    joined: list[Flaw] = []
    for flaw in flaws:
        before = joined[-1] if joined else None
        if before and _continues(before, flaw):
            joined[-1] = replace(before, last=flaw.last)
        else:
            joined.append(flaw)
    return joined


def _continues(before: Flaw, flaw: Flaw) -> bool:
    unnamed = before.id is None and flaw.id is None
    return unnamed and before.reason == flaw.reason and (before.last or 0) + 1 == flaw.first
