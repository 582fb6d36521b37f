"""Small secret files, written so that a crash leaves the old or the new one and never a half.

The law of this module: a file is complete and synced before it has its name, and only its owner
can read it from the moment it exists. A secret that others may read is refused, and so is a public
key that others may replace.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audit.errors import KeyMissing, SettingInvalid
from storage.sight import barred

__all__ = ["held", "read_public", "read_secret", "write_new"]


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


def read_secret(file: Path) -> str:
    """Read a file that only its owner, and at most its group, may read.

    Raises `KeyMissing` when it is not there, `SettingInvalid` when it cannot be read or is open
    to others, with the command that mends it.
    """
    return _read(file, stat.S_IRWXO | stat.S_IWGRP, "chmod 600")


def read_public(file: Path) -> str:
    """Read a file that anyone may read and only its owner may write. Raises as `read_secret`."""
    return _read(file, stat.S_IWOTH | stat.S_IWGRP, "chmod 644")


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


def _read(file: Path, forbidden: int, mend: str) -> str:
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        text = file.read_text("ascii")
    except FileNotFoundError:
        raise KeyMissing(f"the key file {file} is not there") from None
    except PermissionError as error:
        raise barred(file, error) from None
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not text"
        raise SettingInvalid(f"keys: {file} cannot be read ({why})") from None
    if mode & forbidden:
        raise SettingInvalid(
            f"keys: {file} is open to others (mode {mode:04o}); run: {mend} {file}"
        )
    return text


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
