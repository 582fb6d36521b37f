"""The judgement over all evidence: every number comes to exactly one outcome.

`verify` is a pure function; what it needs and what it gives are the values of
`audit.completeness`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from audit.boot_evidence import BootEvidence, by_boot
from audit.completeness import CompletenessReport, Evidence, Flaw, Outcome, StoredMark
from audit.ledger import LedgerEntry, LedgerState

__all__ = ["REFUSED", "verify"]

# A reason for "unrecorded" that begins so tells of an exchange that was refused, not forwarded.
REFUSED = "refused"

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
    seen = {known.tap for known in evidence.boots}
    for _, boot in sorted(boots.items()):
        judge = _Judge(boot, evidence.unread, spool_seen=boot.tap in seen)
        for flaw in (*_ranges(judge.numbers(counts)), *judge.strangers(), *judge.boot_itself()):
            counts[flaw.outcome] += _numbers_in(flaw)
            flaws.append(flaw)
    flaws += _foreign_boots(boots.values(), evidence)
    flaws += _unlinked(boots.values())
    return CompletenessReport(dict(counts), tuple(flaws), evidence.unread)


class _Judge:
    """Judges one boot."""

    def __init__(self, boot: BootEvidence, unread: tuple[str, ...], *, spool_seen: bool) -> None:
        self._boot = boot
        self._unread = unread
        self._spool_seen = spool_seen
        self._unrecorded = boot.unrecorded()

    def numbers(self, counts: Counter[Outcome]) -> Iterator[Flaw]:
        """Judge every number; count what is in order, give what is not."""
        for seq in range(1, self._boot.head + 1):
            outcome, reason = self._of(seq)
            if outcome in _SILENT:
                counts[outcome] += 1
            else:
                record_id = self._boot.id_of(seq) or self._stored_id(seq)
                yield self._flaw(outcome, reason, seq, record_id)

    def strangers(self) -> Iterator[Flaw]:
        """Records and entries that have no business at their number."""
        boot = self._boot
        for seq, marks in sorted(boot.stored.items()):
            expected = boot.id_of(seq)
            for mark in marks:
                if expected is not None and not _belongs(mark.id, expected):
                    yield self._flaw(Outcome.INSERTED, "other_id", seq, mark.id)
        if boot.live or boot.told is None:
            return  # Higher numbers are newer than the tap's last word.
        head = boot.head
        beyond = {seq: entry.id for seq, entry in boot.entries.items() if seq > head}
        beyond |= {seq: m[0].id for seq, m in boot.stored.items() if seq > head}
        for seq, record_id in sorted(beyond.items()):
            yield self._flaw(Outcome.INSERTED, "beyond_head", seq, record_id)

    def boot_itself(self) -> Iterator[Flaw]:
        """The boot's checkpoints and chain."""
        boot = self._boot
        if boot.told is None and not boot.checkpoints:
            yield self._flaw(Outcome.UNDETERMINED, "head_unknown")
        yield from self._checkpoints()
        at = boot.first_chain_that_differs(self._unrecorded)
        if at is not None:
            yield Flaw(Outcome.ALTERED, "chain_differs", boot.tap, boot.boot)

    def _checkpoints(self) -> Iterator[Flaw]:
        boot = self._boot
        opened = 0
        first: object = None
        for index in range(max(boot.checkpoints, default=-1) + 1):
            name = f"{boot.tap}/{boot.boot}#{index}"
            checkpoint = boot.checkpoints.get(index)
            if checkpoint is None:
                if index not in boot.checkpoints_held:
                    yield self._flaw(Outcome.LOST, "checkpoint_missing", record_id=name)
                continue
            link = (checkpoint.predecessor, checkpoint.predecessor_opened)
            first = first or link
            if checkpoint.opened < opened or link != first:
                yield self._flaw(Outcome.ALTERED, "checkpoints_disagree", record_id=name)
            opened = max(opened, checkpoint.opened)

    def _of(self, seq: int) -> tuple[Outcome, str]:
        boot = self._boot
        expected = boot.id_of(seq)
        marks = boot.stored.get(seq, [])
        own = [m for m in marks if expected is None or _belongs(m.id, expected)]
        if entry := boot.entries.get(seq):
            return self._entered(entry, own)
        if seq in boot.waiting:
            return (Outcome.UNLEDGERED, "entry_on_its_way") if own else (Outcome.WAITING, "")
        if seq in boot.dead:
            return (Outcome.UNLEDGERED, "entry_on_its_way") if own else (Outcome.DEAD_LETTERED, "")
        if own:
            return self._unless_unread(Outcome.INSERTED, "no_ledger_entry", "queue", "ledger")
        if (reason := self._unrecorded.get(seq)) is not None:
            refused = reason.startswith(REFUSED)
            return (Outcome.REFUSED if refused else Outcome.UNRECORDED), ""
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
        if own:
            # A replay has been stored, and its entry is on its way.
            return Outcome.UNLEDGERED, "entry_on_its_way"
        if entry.number.seq in self._boot.waiting:
            return Outcome.WAITING, ""
        if entry.number.seq in self._boot.dead:
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
        seq: int | None = None,
        record_id: str | None = None,
    ) -> Flaw:
        return Flaw(outcome, reason, self._boot.tap, self._boot.boot, seq, seq, record_id)


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


def _foreign_boots(boots: Iterable[BootEvidence], evidence: Evidence) -> Iterator[Flaw]:
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


def _unlinked(boots: Iterable[BootEvidence]) -> Iterator[Flaw]:
    """Boots that claim to be a tap's first, though there is an earlier one."""
    first: dict[str, str] = {}
    for boot in sorted(boots, key=lambda b: (b.tap, b.boot)):
        if first.setdefault(boot.tap, boot.boot) != boot.boot and boot.roots:
            yield Flaw(Outcome.UNDETERMINED, "boots_unlinked", boot.tap, boot.boot)
