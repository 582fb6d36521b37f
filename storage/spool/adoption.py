"""What must be known of a spool folder before anyone but its tap ships it, and what it leaves.

The law of this module: looking changes nothing and needs no key. What has been shipped from a
folder stays known by its notes alone, so that a copy of them can bear witness elsewhere. No span of
numbers is unfolded: a frame that is made up may name any number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from audit.spans import Gaps, joined
from audit.value import from_json
from storage.spool.disk import Disk, FolderView
from storage.spool.folder import read_folder
from storage.spool.notes import BOOTS, BootNote, BootsNote, save_note
from storage.spool.reader import Frame, read_frames
from storage.spool.segments import SUFFIX, SegmentHead, segment_statement
from storage.spool.succession import finish
from storage.spool.survey import Sighting

__all__ = ["Estate", "is_spool", "leave_witness", "look"]


@dataclass(frozen=True, slots=True)
class Estate:
    """What a folder holds.

    `boots` are the tap's, oldest first; `whole` says that none can be missing, as one may be once
    the note of them was damaged. `waiting` counts exchanges that are not known to be
    shipped, `key_ids` are what those are sealed for, `vouchers` the signed statements of
    the segments they are in, each with its signature.
    `shipped` are spans `(boot, first, last)` of numbers that were given out, have left the
    folder, and are not said to have no record.
    """

    tap: str
    boots: tuple[str, ...]
    whole: bool
    segments: int
    waiting: int
    key_ids: frozenset[str]
    vouchers: tuple[tuple[bytes, str | None], ...]
    shipped: tuple[tuple[str, int, int], ...]


def is_spool(names: Iterable[str]) -> bool:
    """Whether a folder with these files is one tap's spool."""
    return any(name == BOOTS or name.endswith(SUFFIX) for name in names)


def look(folder: FolderView) -> Estate | None:
    """Look at a folder; None where nothing in it tells whose it is. Raises `OSError`."""
    facts = read_folder(folder)
    if facts.tap is None:
        return None
    unshipped = facts.survey.unshipped()
    heads = tuple(_heads(unshipped))
    notes = [finish(note, facts) for note in facts.notes]
    return Estate(
        tap=facts.tap,
        boots=tuple(note.boot for note in notes),
        whole=facts.whole,
        segments=len(facts.survey.segments) + len(facts.unreadable),
        waiting=len(unshipped),
        key_ids=frozenset(head.key_id for head, _ in heads),
        vouchers=tuple((statement, head.signature) for head, statement in heads),
        shipped=tuple(_shipped(unshipped, notes)),
    )


def leave_witness(folder: FolderView, elsewhere: Disk) -> None:
    """Note in another folder, durably, what this one's notes and frames say of its boots.

    A verifier then knows them all, and a tap that starts there goes on from the last of them.
    Raises `OSError`.
    """
    facts = read_folder(folder)
    notes = tuple(finish(note, facts) for note in facts.notes)
    save_note(elsewhere, BOOTS, BootsNote(tap=facts.tap or "", boots=notes, whole=facts.whole))


def _heads(unshipped: Iterable[Sighting]) -> Iterator[tuple[SegmentHead, bytes]]:
    for frame in {segment.head for sighting in unshipped for segment in sighting.segments}:
        for finding in read_frames(frame):
            if isinstance(finding, Frame):
                with suppress(msgspec.DecodeError):
                    head = from_json(finding.payload, SegmentHead)
                    yield head, segment_statement(finding.payload)


def _shipped(
    unshipped: Iterable[Sighting], notes: Iterable[BootNote]
) -> Iterator[tuple[str, int, int]]:
    here: dict[str, list[int]] = {}
    for sighting in unshipped:
        here.setdefault(sighting.number.boot, []).append(sighting.number.seq)
    for note in notes:
        without = Gaps(note.unrecorded, note.opened).ranges
        kept = [(seq, seq) for seq in here.get(note.boot, ())]
        gaps = joined([*kept, *((first, last) for first, last, _ in without)])
        for first, last in _between(gaps, note.opened):
            yield note.boot, first, last


def _between(gaps: Iterable[tuple[int, int]], head: int) -> Iterator[tuple[int, int]]:
    """The spans of 1 to `head` that sorted gaps leave."""
    start = 1
    for first, last in gaps:
        if start < first:
            yield start, first - 1
        start = max(start, last + 1)
    if start <= head:
        yield start, head
