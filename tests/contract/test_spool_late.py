"""A spool that cannot be opened yet: what trying costs, and what a stop meanwhile leaves."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NoReturn

import pytest

from audit.errors import SettingInvalid, SpoolUnavailable
from audit.telemetry import LogValue, NoLog
from storage.spool.disk import LOCK, RealDisk
from storage.spool.late import LateSpool, pauses
from storage.spool.spool import FileSpool
from storage.spool.start import open_spool
from storage.spool.survey import Survey
from tests.harness.wait import until
from tests.unit.storage.kit import SEALER, an_opening

ILL = [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EUCLEAN, errno.ESTALE]


class Said(NoLog):
    """A log that remembers what was said with a count."""

    def __init__(self) -> None:
        self.counts: list[tuple[str, LogValue]] = []

    def info(self, event: str, **keys: LogValue) -> None:
        """Remember."""
        self.counts.append((event, keys.get("count")))

    def error(self, event: str, **keys: LogValue) -> None:
        """Remember."""
        self.counts.append((event, keys.get("count")))


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Python looks for no cycles meanwhile, as in a tap."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def a_spool(folder: Path, boot: int = 1) -> FileSpool:
    """A running spool in the folder."""
    return await open_spool(folder, "tap", f"{boot:012x}-0000", SEALER)


async def used(folder: Path) -> None:
    """A folder in which a boot has left something."""
    spool = await a_spool(folder)
    await spool.open(an_opening(spool.next_number(), "id"))
    await spool.shut()


def refusing(number: int) -> Callable[..., NoReturn]:
    """A call of the system that fails with this errno."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return refuse


async def test_a_start_that_fails_keeps_nothing_of_what_it_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_collection: None
) -> None:
    """It is tried again and again, and a folder may hold gigabytes."""
    await used(tmp_path)
    monkeypatch.setattr(RealDisk, "rename", refusing(errno.ENOSPC))
    with pytest.raises(SpoolUnavailable):
        await a_spool(tmp_path, 2)
    assert not [each for each in gc.get_objects() if isinstance(each, Survey)]


async def test_a_disk_that_takes_nothing_is_found_out_before_the_folder_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each attempt would read all of it in vain."""
    await used(tmp_path)
    before = sorted(RealDisk(tmp_path).names())
    read: list[str] = []

    def noting(_: RealDisk, name: str, *__: int) -> bytes:
        read.append(name)
        return b""

    monkeypatch.setattr(RealDisk, "read", noting)
    monkeypatch.setattr(os, "fsync", refusing(errno.ENOSPC))
    with pytest.raises(SpoolUnavailable):
        await a_spool(tmp_path, 2)
    assert read == []
    assert sorted(RealDisk(tmp_path).names()) == before


async def test_opening_syncs_nothing_on_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls are forwarded meanwhile, and a sick disk takes its time for a sync."""
    threads: list[threading.Thread] = []
    fsync = os.fsync

    def noting(descriptor: int) -> None:
        threads.append(threading.current_thread())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    await (await a_spool(tmp_path / "spool" / "tap")).shut()
    assert threads
    assert threading.main_thread() not in threads


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


async def test_who_is_stopped_while_recovering_keeps_the_folder_until_that_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another tap would change files that the thread still changes."""
    entered, gate = threading.Event(), threading.Event()
    names = RealDisk.names

    def waiting(disk: RealDisk) -> Sequence[str]:
        entered.set()
        gate.wait()
        return names(disk)

    monkeypatch.setattr(RealDisk, "names", waiting)
    late = LateSpool("tap", partial(a_spool, tmp_path), NoLog(), pause=0.0)
    other = RealDisk(tmp_path)
    try:
        await until(entered.is_set, "it recovers")
        await late.shut()
        with pytest.raises(SettingInvalid, match="in use"):
            other.claim()
    finally:
        gate.set()
    await until(partial(_claimed, other), "the folder is free")
    other.release()


def _claimed(disk: RealDisk) -> bool:
    try:
        disk.claim()
    except SettingInvalid:
        return False
    return True


def test_it_is_tried_ever_less_often_and_never_given_up() -> None:
    """A disk may be full for hours, and still a call is not unrecorded much longer than that."""
    assert list(islice(pauses(0.5), 7)) == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


async def test_calls_that_never_got_a_number_are_said(tmp_path: Path) -> None:
    """Nothing on the disk tells of them."""

    async def never() -> FileSpool:
        raise SpoolUnavailable

    said = Said()
    late = LateSpool("tap", never, said, pause=0.0)
    for reason in ("a", "a", "b"):
        late.unrecorded(late.next_number(), reason)
    await asyncio.sleep(0)
    await late.shut()
    assert said.counts == [("spool.never_opened", 3)]


async def test_a_stop_while_calls_get_their_numbers_leaves_none_without(tmp_path: Path) -> None:
    """And the spool is shut as any other."""
    said = Said()
    late = LateSpool("tap", partial(a_spool, tmp_path), said, pause=0.0)
    for _ in range(2000):
        late.unrecorded(late.next_number(), "forwarded:spool.unavailable")
    await until(lambda: late._missed.total() < 2000, "some have one")
    assert not late.is_there
    await late.shut()
    assert said.counts == [("spool.write_recovered", 2000)]
    after = await a_spool(tmp_path, 2)
    [last] = after.recovery.checkpoints
    assert (last.opened, sum(span[1] - span[0] + 1 for span in last.unrecorded)) == (2000, 2000)
    await after.shut()
