"""Small secret files, written so that a crash leaves the old or the new one and never a half.

The law of this module: a file is complete and synced before it has its name, and only its owner
can read it from the moment it exists.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audit.errors import SettingInvalid

__all__ = ["held", "write_new"]


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make the folder (mode 0700) and keep other processes out of it for a moment.

    Raises `SettingInvalid` when the folder cannot be used.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise SettingInvalid(f"the folder {folder} cannot be used ({error.strerror})") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_new(folder: Path, name: str, text: str) -> None:
    """Write a file (mode 0600) durably, replacing what had its name.

    Raises `SettingInvalid` when the folder cannot be written.
    """
    fresh = folder / f".{name}.new"
    try:
        fresh.unlink(missing_ok=True)
        _write_synced(fresh, text)
        fresh.replace(folder / name)
        _sync_folder(folder)
    except OSError as error:
        raise SettingInvalid(f"the folder {folder} cannot be written ({error.strerror})") from None


def _write_synced(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(text + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
