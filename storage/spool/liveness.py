"""Whether a tap holds a spool folder now, asked without touching its lock.

Taking the lock to see whether it is free could make a tap that starts in this very moment fail;
so the kernel's list of locks is read instead (proc(5), `/proc/locks`).
"""

from __future__ import annotations

from pathlib import Path

from storage.spool.disk import LOCK

__all__ = ["is_held"]

_LOCKS = Path("/proc/locks")


def is_held(folder: Path) -> bool:
    """Tell whether some process holds the folder's lock.

    Raises `OSError` where the kernel does not tell: then nobody can say.
    """
    try:
        inode = (folder / LOCK).stat().st_ino
    except FileNotFoundError:
        return False
    return any(_names(line, inode) for line in _LOCKS.read_text("ascii").splitlines())


def _names(line: str, inode: int) -> bool:
    """Whether a line such as `1: FLOCK ADVISORY WRITE 77 fe:00:1234 0 EOF` is of this inode.

    The device's numbers are left out: overlay and network file systems show others than `stat`.
    """
    fields = line.split()
    return "FLOCK" in fields and any(
        field.count(":") == 2 and field.rsplit(":", 1)[1] == str(inode) for field in fields
    )
