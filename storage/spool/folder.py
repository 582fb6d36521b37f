"""One tap's folder as it lies on the disk: its notes and everything its segments say.

The law of this module: reading changes nothing, and works while a tap writes. A segment that
disappears while it is looked for was deleted because all in it had been shipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from audit.value import Value
from storage.spool.disk import LOCK, FolderView
from storage.spool.notes import (
    BOOTS,
    DAMAGED,
    FRESH,
    NUMBERS,
    BootNote,
    BootsNote,
    NoteDamaged,
    NumbersNote,
    load_note,
)
from storage.spool.segments import SUFFIX
from storage.spool.survey import Survey

__all__ = ["FolderFacts", "read_folder"]

NoteT = TypeVar("NoteT", bound=Value)
_OURS = frozenset({BOOTS, NUMBERS, LOCK})


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """What is in a folder.

    `notes` are the boots' notes in their order, as noted or, where the note is damaged or older
    than a segment, as far as segments tell; `whole` says that no boot can be missing there.
    `foreign` are files that are not ours, `unreadable` segments that the disk refused.
    """

    tap: str | None
    notes: tuple[BootNote, ...]
    whole: bool
    numbers: NumbersNote | None
    survey: Survey
    damaged_notes: tuple[str, ...]
    foreign: tuple[str, ...]
    unreadable: tuple[str, ...]


def read_folder(folder: FolderView) -> FolderFacts:
    """Read everything. Raises `OSError` where the folder itself cannot be listed."""
    damaged: list[str] = []
    boots = _note(folder, BOOTS, BootsNote, damaged)
    numbers = _note(folder, NUMBERS, NumbersNote, damaged)
    names = folder.names()
    ours = [name for name in names if _boot_of(name)]
    survey = Survey()
    order = {note.boot: place for place, note in enumerate(boots.boots if boots else ())}
    unreadable = _read_segments(
        folder, survey, sorted(ours, key=lambda name: (order.get(_boot_of(name), len(order)), name))
    )
    strange = [name for name in names if not _is_ours(name.removesuffix(FRESH))]
    return FolderFacts(
        tap=boots.tap if boots else _tap_of(survey),
        notes=_all_notes(boots, survey),
        whole=boots.whole if boots else not _had_boots(names, survey),
        numbers=numbers,
        survey=survey,
        damaged_notes=tuple(damaged),
        foreign=tuple(sorted([*strange, *survey.foreign])),
        unreadable=tuple(unreadable),
    )


def _note(folder: FolderView, name: str, kind: type[NoteT], damaged: list[str]) -> NoteT | None:
    try:
        return load_note(folder, name, kind)
    except (NoteDamaged, OSError):
        damaged.append(name)
        return None


def _read_segments(folder: FolderView, survey: Survey, names: list[str]) -> list[str]:
    unreadable = []
    for name in names:
        try:
            data = folder.read(name)
        except FileNotFoundError:
            continue
        except OSError:
            unreadable.append(name)
            survey.nameless.append(_boot_of(name))
            continue
        survey.read(name, _boot_of(name), data)
    return unreadable


def _boot_of(name: str) -> str:
    """The boot that a segment's name states; empty for a file that is no segment of ours."""
    if not name.endswith(SUFFIX):
        return ""
    boot, _, index = name.removesuffix(SUFFIX).rpartition("-")
    return boot if index.isdecimal() else ""


def _is_ours(name: str) -> bool:
    return name.partition(DAMAGED)[0] in _OURS or bool(_boot_of(name))


def _had_boots(names: Sequence[str], survey: Survey) -> bool:
    """Whether a folder without a note of its boots must once have had one."""
    kept = (name for name in names if name == BOOTS or name.startswith(BOOTS + DAMAGED))
    return bool(survey.boots) or any(kept)


def _tap_of(survey: Survey) -> str | None:
    heads = [facts.head for facts in survey.boots.values() if facts.head]
    return heads[0].tap if heads else None


def _all_notes(boots: BootsNote | None, survey: Survey) -> tuple[BootNote, ...]:
    notes = list(boots.boots) if boots else []
    known = {note.boot for note in notes}
    for boot in sorted(survey.boots.keys() - known):
        head = survey.boots[boot].head
        # Without its note, openings in deleted segments are not there to be chained.
        predecessor = head.predecessor if head else None
        notes.append(BootNote(boot=boot, predecessor=predecessor, chain_known=False))
    return tuple(notes)
