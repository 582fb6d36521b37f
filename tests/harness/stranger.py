"""A folder of another user: what somebody sees of it who may not enter."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["locked", "shared_folder"]

_NOBODY = 65534


@contextmanager
def shared_folder() -> Iterator[Path]:
    """A folder that everyone may enter; pytest's own lets no other user in."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody may enter the folder meanwhile: root, who may enter all, is another user so long."""
    before = folder.stat().st_mode
    user = os.geteuid()
    folder.chmod(0o000)
    if user == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(before)
