"""A spool that cannot be opened: whether the disk is ill, or the place wrongly chosen."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from audit.errors import SettingInvalid, SpoolUnavailable
from storage.spool.disk import LOCK
from storage.spool.spool import FileSpool
from storage.spool.start import open_spool
from tests.unit.storage.kit import SEALER

ILL = [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EUCLEAN, errno.ESTALE]


async def a_spool(folder: Path, boot: int = 1) -> FileSpool:
    """A running spool in the folder."""
    return await open_spool(folder, "tap", f"{boot:012x}-0000", SEALER)


def refusing(number: int) -> Callable[..., NoReturn]:
    """A call of the system that fails with this errno."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.parametrize("number", ILL)
async def test_a_new_folder_on_an_ill_disk_is_no_wrong_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """No inode for it, or a failing disk: it may pass, and callers do not wait for it."""
    monkeypatch.setattr(Path, "mkdir", refusing(number))
    with pytest.raises(SpoolUnavailable, match=os.strerror(number)):
        await a_spool(tmp_path / "new")


@pytest.mark.parametrize(
    ("number", "was_here", "expected"),
    [
        (errno.EROFS, True, SpoolUnavailable),
        (errno.EROFS, False, SettingInvalid),
        (errno.EACCES, True, SettingInvalid),
    ],
)
async def test_a_disk_gone_read_only_is_ill_and_a_place_nobody_may_write_is_wrong(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    was_here: bool,
    expected: type[Exception],
) -> None:
    """They are told apart by whether a tap has been there."""
    if was_here:
        (tmp_path / LOCK).touch()
    monkeypatch.setattr(Path, "mkdir", refusing(number))
    with pytest.raises(expected):
        await a_spool(tmp_path)
