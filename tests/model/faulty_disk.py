"""A disk in memory that loses exactly what a real one may lose.

It keeps what the page cache shows apart from what the platter holds. A kill of the process leaves
the cache; a power cut leaves the synced bytes, any part of the rest (torn, or zeros), and any of
the folder's changes since its last sync. A sync that fails drops the unsynced bytes for good,
while reads go on showing them, as Linux does.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from storage.spool.disk import AppendFile

__all__ = ["FaultyDisk"]

Names = dict[str, "Content"]


@dataclass(eq=False)
class Content:
    """One file's bytes: as shown, how many are synced, and which the platter never gets."""

    shown: bytearray = field(default_factory=bytearray)
    synced: int = 0
    holes: list[tuple[int, int]] = field(default_factory=list)

    def after_power_cut(self, random: Random) -> bytearray:
        """What the platter gives back."""
        platter = bytearray(self.shown)
        for start, end in self.holes:
            platter[start:end] = bytes(len(platter[start:end]))
        unsynced = len(platter) - self.synced
        kept = random.randint(0, unsynced) if unsynced > 0 else 0
        zeros = random.choice([0, 0, random.randint(0, unsynced - kept)]) if unsynced > 0 else 0
        return platter[: self.synced + kept] + bytes(zeros)


@dataclass(frozen=True)
class Change:
    """One change of the folder: `old` None creates, `new` None removes, both rename."""

    old: str | None
    new: str | None
    content: Content


@dataclass(eq=False)
class FaultyDisk:
    """A `Disk`. The fault fields say what fails next; each but `full` is used up by failing.

    `capacity` is how many bytes all files together may have; None is no bound.
    """

    shown: Names = field(default_factory=dict)
    platter: Names = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    tear_write_at: int | None = None
    fail_sync: bool = False
    fail_folder_sync: bool = False
    fail_truncate: bool = False
    full: bool = False
    capacity: int | None = None

    @property
    def used(self) -> int:
        """Bytes that all files have."""
        return sum(len(each.shown) for each in self.shown.values())

    def heal(self) -> None:
        """Nothing fails any more."""
        self.tear_write_at = self.capacity = None
        self.fail_sync = self.fail_folder_sync = self.fail_truncate = self.full = False

    def cut_power(self, random: Random) -> None:
        """The machine goes down and comes up again, with a healthy disk."""
        self.heal()
        for change in self.changes:
            if random.random() < 0.5:
                _apply(self.platter, change)
        self.changes.clear()
        self.shown = {name: self._reborn(each, random) for name, each in self.platter.items()}
        self.platter = dict(self.shown)

    def names(self) -> Sequence[str]:
        """List the folder."""
        return list(self.shown)

    def read(self, name: str, offset: int = 0, size: int = -1) -> bytes:
        """Read what the page cache shows."""
        if name not in self.shown:
            raise FileNotFoundError(name)
        end = None if size < 0 else offset + size
        return bytes(self.shown[name].shown[offset:end])

    def create(self, name: str) -> AppendFile:
        """Make a file."""
        if name in self.shown:
            raise FileExistsError(name)
        if self.full:
            raise OSError(errno.ENOSPC, "full")
        self._change(Change(None, name, Content()))
        return _File(self, self.shown[name])

    def reopen(self, name: str) -> AppendFile:
        """Open a file."""
        return _File(self, self.shown[name])

    def rename(self, old: str, new: str) -> None:
        """Rename a file."""
        self._change(Change(old, new, self.shown[old]))

    def remove(self, name: str) -> None:
        """Remove a file if it is there."""
        if name in self.shown:
            self._change(Change(name, None, self.shown[name]))

    def sync(self) -> None:
        """Sync the folder."""
        if self.fail_folder_sync:
            self.fail_folder_sync = False
            raise OSError(errno.EIO, "folder sync failed")
        for change in self.changes:
            _apply(self.platter, change)
        self.changes.clear()

    def _change(self, change: Change) -> None:
        _apply(self.shown, change)
        self.changes.append(change)

    @staticmethod
    def _reborn(content: Content, random: Random) -> Content:
        data = content.after_power_cut(random)
        return Content(data, len(data))


def _apply(names: Names, change: Change) -> None:
    if change.old is not None:
        names.pop(change.old, None)
    if change.new is not None:
        names[change.new] = change.content


class _File:
    """An `AppendFile` of the faulty disk."""

    def __init__(self, disk: FaultyDisk, content: Content) -> None:
        self._disk = disk
        self._content = content

    def write(self, data: bytes | memoryview) -> None:
        torn = self._torn_at(len(data))
        if torn is None:
            self._content.shown += data
            return
        self._disk.tear_write_at = None
        self._content.shown += data[:torn]
        raise OSError(errno.ENOSPC, "write failed")

    def _torn_at(self, size: int) -> int | None:
        disk = self._disk
        if disk.full:
            return 0
        if disk.capacity is not None and disk.used + size > disk.capacity:
            return max(0, disk.capacity - disk.used)
        return disk.tear_write_at

    def truncate(self, size: int) -> None:
        if self._disk.fail_truncate:
            self._disk.fail_truncate = False
            raise OSError(errno.EIO, "truncate failed")
        del self._content.shown[size:]
        self._content.synced = min(self._content.synced, size)

    def sync(self) -> None:
        content, end = self._content, len(self._content.shown)
        if self._disk.fail_sync:
            self._disk.fail_sync = False
            content.holes.append((content.synced, end))
            content.synced = end
            raise OSError(errno.EIO, "sync failed")
        content.synced = end

    def close(self) -> None:
        """Nothing to give back."""
