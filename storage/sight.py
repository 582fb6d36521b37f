"""What is there, what is not, and what this user may not see: told apart in one place.

The law: "may not be seen" is never told as "is not there". Who asks the wrong question of a folder
of another user would hear that nothing was recorded; so where the system refuses to tell, this
raises, naming the folder that bars the way, whose it is, and what to do.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from audit.errors import PlaceBarred

__all__ = ["barred", "is_there", "listed", "nearest"]


def is_there(path: Path) -> bool:
    """Whether anything has this name, be it a link to nothing. Raises `PlaceBarred`."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise barred(path, error) from None
    return True


def listed(folder: Path, pattern: str = "*") -> Sequence[Path]:
    """What of this pattern a folder holds, by name; nothing where it is not. Raises `PlaceBarred`.

    `Path.glob` by itself takes a folder that may not be read for an empty one.
    """
    try:
        found = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise barred(folder, error) from None
    return [each for each in found if each.match(pattern)]


def nearest(folder: Path) -> Path:
    """The folder, or the one above it that is there. Raises `PlaceBarred`."""
    while not is_there(folder) and folder != folder.parent:
        folder = folder.parent
    return folder


def barred(path: Path, error: OSError) -> PlaceBarred:
    """The error that says why `path` cannot be seen, and what to do."""
    if not isinstance(error, PermissionError):
        return PlaceBarred(f"{path} cannot be seen ({error.strerror}); see that its disk is there")
    return PlaceBarred(
        f"{path} may not be seen by user id {os.geteuid()}: {_bar(path)}; run this as its owner,"
        " or have its permissions changed"
    )


def _bar(path: Path) -> str:
    """What bars the way: the first folder that may not be entered, else the place itself."""
    for each in reversed(path.parents):
        if not os.access(each, os.X_OK, effective_ids=True):
            return f"{each} may not be entered ({_owned(each)})"
    return f"{path} may not be read ({_owned(path)})"


def _owned(path: Path) -> str:
    """Whose it is. Its own folder could be entered, so that this can be asked."""
    found = path.lstat()
    return f"of user id {found.st_uid}, mode {stat.S_IMODE(found.st_mode):04o}"
