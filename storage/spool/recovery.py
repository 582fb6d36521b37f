"""Starting in a folder that another boot left, perhaps in the middle of a write.

The law of this module: before anything is given out, what was found is durable. A torn tail is
cut and reported; damage stays where it is and costs only itself, and a damaged note is put aside;
an exchange that was opened and not closed is shipped as a remnant, one that was closed as its
record, one that was shipped is forgotten; and each earlier boot's note says how far it came before
the new boot's first number.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from audit.errors import SettingInvalid
from audit.ledger import Checkpoint
from storage.spool.disk import Disk
from storage.spool.folder import FolderFacts, read_folder
from storage.spool.frame import format_notice
from storage.spool.index import Exchange, Index, Segment
from storage.spool.notes import (
    BOOTS,
    DAMAGED,
    FRESH,
    NUMBERS,
    BootNote,
    BootsNote,
    NumbersNote,
    replace_file,
    save_note,
)
from storage.spool.port import ShipmentKind
from storage.spool.segments import SegmentHead, segment_name
from storage.spool.succession import finish, speak_for
from storage.spool.survey import Sighting, Survey

__all__ = ["Recovered", "RecoveryReport", "recover"]

# Last words are repeated for this many boots: a queue may be away for several starts.
_REPEATED = 16


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """What a start found. Counts, names of files and numbers; no content.

    `other_formats` are files that another version wrote, with the format's number: they stay as
    they are, and what is in them is not offered.

    `checkpoints` are the last words on earlier boots, to be sent to the ledger like the tap's
    own; each start repeats them, and the same one twice is a success.
    """

    boots: int = 0
    segments: int = 0
    frames: int = 0
    records: int = 0
    remnants: int = 0
    torn_tails: int = 0
    torn_bytes: int = 0
    damaged: int = 0
    damaged_files: tuple[str, ...] = ()
    damaged_notes: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    other_formats: tuple[tuple[str, int], ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()

    @property
    def left_alone(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The files that someone should look at, by what is the matter with them."""
        return (
            ("damaged", self.damaged_files),
            ("damaged_note", self.damaged_notes),
            ("foreign", self.foreign),
            ("unreadable", self.unreadable),
            *((format_notice(number), (name,)) for name, number in self.other_formats),
        )


@dataclass(frozen=True, slots=True)
class Recovered:
    """Where the new boot starts from."""

    index: Index
    notes: BootsNote
    reserved: int
    report: RecoveryReport

    @property
    def predecessor(self) -> BootNote | None:
        """The boot before the new one."""
        return self.notes.boots[-2] if len(self.notes.boots) > 1 else None

    @property
    def origin(self) -> SegmentHead:
        """What each of the new boot's segments begins with, but for index and key."""
        before = self.predecessor
        return SegmentHead(
            tap=self.notes.tap,
            boot=self.notes.boots[-1].boot,
            index=0,
            key_id="",
            wrapped_key=b"",
            predecessor=before.boot if before else None,
            predecessor_opened=before.opened if before else None,
            predecessor_chain=before.chain if before and before.chain_known else None,
        )


def recover(disk: Disk, tap: str, boot: str, *, now_ns: int, reserve: int) -> Recovered:
    """Read the folder, make it whole, enter the new boot and reserve its first numbers.

    Raises `SettingInvalid` when the folder is another tap's, `OSError` when it cannot be read or
    written.
    """
    facts = read_folder(disk)
    _check(facts, tap, boot)
    _settle_files(disk, facts.survey)
    notes = [finish(note, facts) for note in facts.notes]
    if notes:
        notes[-1] = speak_for(notes[-1], facts, tap, now_ns)
    predecessor = notes[-1].boot if notes else None
    notes.append(BootNote(boot=boot, predecessor=predecessor))
    every = BootsNote(tap=tap, boots=tuple(notes), whole=facts.whole)
    for name in facts.damaged_notes:
        disk.rename(name, f"{name}{DAMAGED}{boot}")
    save_note(disk, BOOTS, every)
    save_note(disk, NUMBERS, NumbersNote(boot=boot, reserved=reserve))
    index = _index(facts.survey)
    return Recovered(index, every, reserve, _report(facts, index, every))


def _check(facts: FolderFacts, tap: str, boot: str) -> None:
    if facts.tap not in (None, tap):
        raise SettingInvalid(
            f"tap.name: the spool folder belongs to the tap {facts.tap!r}, not {tap!r};"
            " give each tap a folder of its own"
        )
    if any(note.boot == boot for note in facts.notes):
        raise SettingInvalid(f"the boot name {boot!r} was used before in this spool folder")


def _settle_files(disk: Disk, survey: Survey) -> None:
    """Cut torn tails, and sync what a killed process left in the page cache only.

    Without the sync, an exchange could reach the queue whose frames a power cut then takes, and
    the boot's head would fall behind what it had shipped.
    """
    for name in disk.names():
        if name.endswith(FRESH):
            disk.remove(name)
    for segment in survey.segments:
        file = disk.reopen(segment.name)
        try:
            if segment.name in survey.torn_tails:
                file.truncate(segment.size)
            file.sync()
        finally:
            with suppress(OSError):
                file.close()
    disk.sync()
    for segment in _doubtful(survey):
        _write_anew(disk, segment)


def _doubtful(survey: Survey) -> list[Segment]:
    """The newest segment, and those of its boot that were not known to be synced before it."""
    if not survey.segments:
        return []
    newest = survey.segments[-1]
    facts = survey.boots.get(newest.boot)
    earlier = {segment_name(newest.boot, each) for each in facts.unsynced} if facts else set()
    return [each for each in survey.segments if each is newest or each.name in earlier]


def _write_anew(disk: Disk, segment: Segment) -> None:
    """Copy a segment and put the copy in its place.

    The boot may have died between a sync that failed and writing again what that had lost. Then
    the page cache shows bytes that no further sync of the same file would save. Where there is
    no room for a copy, the file stays as it is.
    """
    with suppress(OSError):
        replace_file(disk, segment.name, disk.read(segment.name, 0, segment.size))


def _index(survey: Survey) -> Index:
    """Make the index of what is not done; uses the survey up, for both may be large."""
    index = Index()
    for segment in survey.segments:
        index.recovered(segment)
    for key in list(survey.exchanges):
        sighting = survey.exchanges.pop(key)
        if survey.done(*key):
            sighting.finish()
        else:
            _revive(index, sighting)
    return index


def _revive(index: Index, sighting: Sighting) -> None:
    record = [sighting.record[each] for each in sorted(sighting.record)]
    exchange = Exchange(sighting.id, sighting.number, record=record, closing=True)
    index.enter(exchange)
    for segment in sighting.segments:
        index.placed(exchange, segment)
    whole = sighting.closed
    index.make_ready(exchange, ShipmentKind.RECORD if whole else ShipmentKind.REMNANT)


def _report(facts: FolderFacts, index: Index, notes: BootsNote) -> RecoveryReport:
    kinds = [exchange.kind for exchange in index.ready.values()]
    survey = facts.survey
    return RecoveryReport(
        boots=len(facts.notes),
        segments=len(survey.segments),
        frames=survey.frames,
        records=kinds.count(ShipmentKind.RECORD),
        remnants=kinds.count(ShipmentKind.REMNANT),
        torn_tails=len(survey.torn_tails),
        torn_bytes=sum(tail.size for tail in survey.torn_tails.values()),
        damaged=survey.damaged,
        damaged_files=survey.damaged_files,
        damaged_notes=facts.damaged_notes,
        foreign=facts.foreign,
        unreadable=facts.unreadable,
        other_formats=tuple(survey.other_formats.items()),
        checkpoints=tuple(word for note in notes.boots[-_REPEATED:] for word in note.last_words),
    )
