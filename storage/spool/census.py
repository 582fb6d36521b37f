"""What a spool folder holds, for whoever verifies: read without a key, changing nothing.

It may be read while the tap runs. Read the spool before the queue and the queue before the
ledger: exchanges move that way, so that one that moves meanwhile is seen twice and never missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audit.ids import ExchangeNumber
from storage.spool.account import Unrecorded
from storage.spool.disk import FolderView, RealDisk
from storage.spool.folder import FolderFacts, read_folder
from storage.spool.notes import BootNote
from storage.spool.survey import BootFacts

__all__ = ["BootState", "Seen", "SpoolState", "census_folder", "census_of"]


@dataclass(frozen=True, slots=True)
class Seen:
    """An exchange that is in the spool."""

    id: str
    number: ExchangeNumber


@dataclass(frozen=True, slots=True)
class BootState:
    """One boot of the folder's tap.

    `opened` is the highest number seen; numbers up to `reserved` may have been given out before
    a power cut took their openings. `open` are exchanges without a whole record (live ones, or
    remnants), `waiting` those whose record is here; none of them is known to be shipped.
    `chain` is null where the frames no longer tell it, and for a boot that may still run.
    """

    tap: str
    boot: str
    predecessor: str | None
    opened: int
    reserved: int
    chain: str | None
    unrecorded: tuple[tuple[int, int, str], ...]
    open: tuple[Seen, ...]
    waiting: tuple[Seen, ...]


@dataclass(frozen=True, slots=True)
class SpoolState:
    """All boots, oldest first, and what could not be read.

    `other_formats` are files that another version wrote, with the format's number. The history
    is not `whole` where the note of boots was damaged once: some may be missing.
    """

    boots: tuple[BootState, ...]
    whole: bool
    damaged: int
    damaged_files: tuple[str, ...]
    torn_bytes: int
    damaged_notes: tuple[str, ...]
    foreign: tuple[str, ...]
    unreadable: tuple[str, ...]
    other_formats: tuple[tuple[str, int], ...]


def census_folder(folder: Path) -> SpoolState:
    """Take a census of one tap's folder. Raises `OSError` where it cannot be listed."""
    return census_of(RealDisk(folder))


def census_of(view: FolderView) -> SpoolState:
    """Take a census of a folder behind its port."""
    facts = read_folder(view)
    survey = facts.survey
    return SpoolState(
        boots=tuple(_boot(facts, note) for note in facts.notes),
        whole=facts.whole,
        damaged=survey.damaged,
        damaged_files=survey.damaged_files,
        torn_bytes=sum(tail.size for tail in survey.torn_tails.values()),
        damaged_notes=facts.damaged_notes,
        foreign=facts.foreign,
        unreadable=facts.unreadable,
        other_formats=tuple(survey.other_formats.items()),
    )


def _boot(facts: FolderFacts, note: BootNote) -> BootState:
    seen = facts.survey.boots.get(note.boot) or BootFacts(note.boot)
    mine = [each for each in facts.survey.unshipped() if each.number.boot == note.boot]
    numbers = facts.numbers
    closed = note is not facts.notes[-1]
    return BootState(
        tap=facts.tap or "",
        boot=note.boot,
        predecessor=note.predecessor,
        opened=max(note.opened, seen.opened, seen.shipped.highest),
        reserved=numbers.reserved if numbers and numbers.boot == note.boot else note.reserved,
        chain=note.chain if closed and note.chain_known else None,
        unrecorded=_unrecorded(note, seen),
        open=tuple(Seen(each.id, each.number) for each in mine if not each.closed),
        waiting=tuple(Seen(each.id, each.number) for each in mine if each.closed),
    )


def _unrecorded(note: BootNote, seen: BootFacts) -> tuple[tuple[int, int, str], ...]:
    account = Unrecorded()
    for first, last, reason in note.unrecorded:
        account.add(first, last, reason)
    for seq, reason in seen.unrecorded.items():
        account.add(seq, seq, reason)
    return account.ranges
