"""What is wrong with the stored records of one exchange, held against its ledger entry.

The law of this module: each record that the entry speaks of is there once, says what it was signed
to say, and all of them together are what was entered. A fault is named by the record's own id as
far as that can be told: where each is sound for itself and the whole is not what was entered, no
one of them can be singled out, and the exchange is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from audit.completeness import Outcome, StoredMark
from audit.digest import sheaf_digest
from audit.ledger import LedgerEntry
from audit.sheaf import record_ids

__all__ = ["Fault", "stored_faults"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One record that is lost or altered, and why, as a key of `REASONS`."""

    outcome: Outcome
    reason: str
    id: str


def stored_faults(
    entry: LedgerEntry, marks: Iterable[StoredMark], believed: Callable[[StoredMark], bool]
) -> list[Fault]:
    """Judge the records of an entry that says stored; empty where all is as it should be.

    `believed` tells whether a trusted worker has signed a record. Marks of other ids are passed
    over.
    """
    ids = record_ids(entry.id, entry.records)
    expected = frozenset(ids)
    there = {mark.id: mark for mark in marks if mark.id in expected}
    if not there:
        return [Fault(Outcome.LOST, "record_removed", entry.id)]
    faults = list(_each(ids, there, believed))
    missing = any(fault.outcome is Outcome.LOST for fault in faults)
    if not missing and not _as_entered(entry, [there[each] for each in ids]):
        whole = Fault(Outcome.ALTERED, "digest_differs", entry.id)
        return [whole] if entry.records == 1 else faults or [whole]
    return faults


def _each(
    ids: Iterable[str], there: dict[str, StoredMark], believed: Callable[[StoredMark], bool]
) -> Iterator[Fault]:
    for record_id in ids:
        mark = there.get(record_id)
        if mark is None:
            yield Fault(Outcome.LOST, "record_removed", record_id)
        elif mark.stated_digest != mark.actual_digest:
            yield Fault(Outcome.ALTERED, "digest_differs", record_id)
        elif not believed(mark):
            yield Fault(Outcome.ALTERED, "signature_differs", record_id)


def _as_entered(entry: LedgerEntry, marks: Iterable[StoredMark]) -> bool:
    entered = entry.amendments[-1].record_digest if entry.amendments else entry.record_digest
    return entered == sheaf_digest([mark.actual_digest for mark in marks])
