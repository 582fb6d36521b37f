"""The filesystem as a port, and the real one behind it.

The law of this module: nothing is durable until it is synced, neither a file's bytes (`sync` of
the file) nor its existence, name or absence (`sync` of the folder). The real adapter adds
nothing to that and hides nothing of it, so that a test's disk can lose exactly what a power cut
can lose.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from audit.errors import SettingInvalid, SpoolUnavailable

__all__ = ["AppendFile", "Disk", "FolderView", "RealDisk", "may_pass", "unusable"]

LOCK = "lock"

# Full, over a quota, failing, damaged, and gone from a file server.
_ILL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EUCLEAN, errno.ESTALE})


def may_pass(error: OSError, folder: Path) -> bool:
    """Whether a disk that refused this of a spool's folder is ill, and not wrongly chosen.

    A file system that found itself damaged goes on read-only. Where a tap has been, that is it;
    where none has, somebody chose a place that nobody may write.
    """
    if error.errno == errno.EROFS:
        with suppress(OSError):
            return (folder / LOCK).exists()
    return error.errno in _ILL


def unusable(error: OSError, folder: Path, what: str) -> SpoolUnavailable | SettingInvalid:
    """The error for a spool's folder: one that may pass, or one that somebody must mend."""
    why = f"the spool folder {folder} cannot be {what} ({error.strerror})"
    return SpoolUnavailable(why) if may_pass(error, folder) else SettingInvalid(f"data: {why}")


class FolderView(Protocol):
    """The reading side of one folder."""

    def names(self) -> Sequence[str]:
        """The names of the files in the folder, in any order."""

    def read(self, name: str, offset: int = 0, size: int = -1) -> bytes:
        """Read bytes; fewer than `size` only at the file's end. Raises `OSError`."""


class AppendFile(Protocol):
    """A file that grows. Every method raises `OSError`."""

    def write(self, data: bytes | memoryview) -> None:
        """Append all of `data`; after an error any part of it may be in the file.

        A view is read until this returns, and not afterwards.
        """

    def truncate(self, size: int) -> None:
        """Take back what stands after `size`."""

    def sync(self) -> None:
        """Make what was written durable. After an error it must be taken as lost."""

    def close(self) -> None:
        """Close without syncing."""


class Disk(FolderView, Protocol):
    """The writing side of one folder. Every method raises `OSError`."""

    def create(self, name: str) -> AppendFile:
        """Make a new file that only its owner can read. Raises `FileExistsError`."""

    def reopen(self, name: str) -> AppendFile:
        """Open a file that is there, to cut and sync it."""

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, replacing what had it."""

    def remove(self, name: str) -> None:
        """Take a file out of the folder; none of that name is a success."""

    def sync(self) -> None:
        """Make creations, renamings and removals durable."""


class _RealFile:
    """A file descriptor opened for appending."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def truncate(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class RealDisk:
    """One folder of the filesystem."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: int | None = None

    def claim(self) -> None:
        """Make the folder (mode 0700), durably, and lock it for this process until `release`.

        Raises `SettingInvalid` when it cannot be written, or another tap holds it;
        `SpoolUnavailable` when its disk is full or fails.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._keep_name()
            lock = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unusable(error, self._folder, "written") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise SettingInvalid(
                f"data: the spool folder {self._folder} is in use by another tap;"
                " give each tap a folder of its own"
            ) from None
        self._lock = lock

    def release(self) -> None:
        """Give the folder up. Idempotent."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def names(self) -> Sequence[str]:
        """List the folder."""
        return [entry.name for entry in os.scandir(self._folder)]

    def read(self, name: str, offset: int = 0, size: int = -1) -> bytes:
        """Read a file, or a part of it."""
        with (self._folder / name).open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def create(self, name: str) -> AppendFile:
        """Make a new file, mode 0600."""
        return self._open(name, os.O_CREAT | os.O_EXCL)

    def reopen(self, name: str) -> AppendFile:
        """Open a file that is there."""
        return self._open(name, 0)

    def rename(self, old: str, new: str) -> None:
        """Rename, replacing."""
        (self._folder / old).replace(self._folder / new)

    def remove(self, name: str) -> None:
        """Remove, if it is there."""
        (self._folder / name).unlink(missing_ok=True)

    def sync(self) -> None:
        """Sync the folder itself."""
        _sync(self._folder)

    def _keep_name(self) -> None:
        """Sync the folders above, else a power cut could unname all that is synced below.

        Also where this one was there: whoever made it may have died before. What cannot be opened
        above was not made by us.
        """
        for folder in self._folder.absolute().parents:
            with suppress(OSError):
                _sync(folder)

    def _open(self, name: str, flags: int) -> AppendFile:
        every = flags | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        return _RealFile(os.open(self._folder / name, every, 0o600))


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
