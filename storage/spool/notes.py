"""The small durable facts beside the segments: which boots there were, how far numbers reach.

Two files, each replaced as a whole: `boots` (every boot of this folder's tap, how far it came,
its chain) and `numbers` (the running boot's reserved range). The law of this module: a note is
either the old one or the new one, durably, or it is known to be damaged. A boot's note is written
before any segment that could prove the same is deleted.
"""

from __future__ import annotations

import zlib
from contextlib import suppress
from typing import TypeVar

import msgspec

from audit.digest import CHAIN_START
from audit.ledger import Checkpoint
from audit.value import Value, from_json, to_json
from storage.spool.disk import AppendFile, Disk, FolderView

__all__ = [
    "BOOTS",
    "DAMAGED",
    "FRESH",
    "NUMBERS",
    "BootNote",
    "BootsNote",
    "NoteDamaged",
    "NumbersNote",
    "load_note",
    "replace_file",
    "save_note",
    "try_writing",
]

BOOTS = "boots"
NUMBERS = "numbers"
FRESH = ".new"
# What a note is called from the start on that found it damaged.
DAMAGED = ".damaged-"

# A disk that has not even a block left takes no note.
_LEAST = 512

NoteT = TypeVar("NoteT", bound=Value)


class NoteDamaged(Exception):
    """A note's checksum does not hold."""


class BootNote(Value, frozen=True):
    """What is known of one boot.

    `opened` is the highest number seen, `reserved` the bound below which numbers were given out.
    `chain` is the chain at `chained`, `ahead` the ids that have settled behind a number that had
    not; from these and the remaining frames the chain can be carried on. `chain_known` is false
    when damage took an opening's number away. `last_words` are the checkpoints that recovery sends
    for a boot that could not speak its own last one.
    """

    boot: str
    predecessor: str | None = None
    opened: int = 0
    reserved: int = 0
    chained: int = 0
    chain: str = CHAIN_START
    chain_known: bool = True
    ahead: dict[int, str] = msgspec.field(default_factory=dict)
    checkpoints: int = 0
    unrecorded: tuple[tuple[int, int, str], ...] = ()
    last_words: tuple[Checkpoint, ...] = ()


class BootsNote(Value, frozen=True):
    """All boots of one tap in this folder, oldest first.

    `whole` is false once the note before this one was damaged or gone: boots that no segment told
    of are then missing here for good.
    """

    tap: str
    boots: tuple[BootNote, ...] = ()
    whole: bool = True


class NumbersNote(Value, frozen=True):
    """Numbers of `boot` up to `reserved` may have been given out."""

    boot: str
    reserved: int


def load_note(folder: FolderView, name: str, kind: type[NoteT]) -> NoteT | None:
    """Read a note; None when there is none. Raises `NoteDamaged` and `OSError`."""
    try:
        data = folder.read(name)
    except FileNotFoundError:
        return None
    text, _, check = data.rstrip(b"\n").rpartition(b"\n")
    if check != b"%08x" % zlib.crc32(text):
        raise NoteDamaged(name)
    try:
        return from_json(text, kind)
    except msgspec.DecodeError:
        raise NoteDamaged(name) from None


def save_note(disk: Disk, name: str, value: Value) -> None:
    """Replace a note; on return the new one is durable. Raises `OSError`; the old one stays."""
    text = to_json(value)
    replace_file(disk, name, b"%b\n%08x\n" % (text, zlib.crc32(text)))


def try_writing(disk: Disk) -> None:
    """Raise the `OSError` that a note would meet on a disk that takes nothing; leaves no trace."""
    name = NUMBERS + FRESH
    disk.remove(name)
    try:
        _write(disk.create(name), bytes(_LEAST))
    finally:
        with suppress(OSError):
            disk.remove(name)


def replace_file(disk: Disk, name: str, data: bytes) -> None:
    """Put a file in the place of another, durably and as a whole. Raises `OSError`.

    A copy that came to nothing is removed: on a disk that is nearly full it would take the room of
    what can do with less.
    """
    disk.remove(name + FRESH)
    try:
        _write(disk.create(name + FRESH), data)
        disk.rename(name + FRESH, name)
    except OSError:
        with suppress(OSError):
            disk.remove(name + FRESH)
        raise
    disk.sync()


def _write(file: AppendFile, data: bytes) -> None:
    try:
        file.write(data)
        file.sync()
    finally:
        with suppress(OSError):
            file.close()
