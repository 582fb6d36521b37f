"""A spool while nothing comes, while the disk refuses, and what it calls synced."""

from __future__ import annotations

import asyncio
import dataclasses
import errno
from pathlib import Path

import pytest

from audit.errors import SpoolUnavailable
from audit.telemetry import NoLog
from storage.spool.disk import AppendFile
from storage.spool.options import SpoolOptions
from storage.spool.port import PieceKind
from storage.spool.reader import Frame, read_frames
from storage.spool.recovery import recover
from storage.spool.spool import FileSpool
from storage.spool.start import open_spool
from tests.model.faulty_disk import FaultyDisk
from tests.unit.storage.kit import SEALER, an_opening

BOOT = "000000000001-0000"


class Said(NoLog):
    """A log that remembers its events and their keys."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []
        self.heard = asyncio.Event()

    def info(self, event: str, **keys: str | float | bool | None) -> None:
        """Remember."""
        self.events.append((event, dict(keys)))
        self.heard.set()

    warning = info


class StubbornFile:
    """A file whose disk may refuse to sync."""

    def __init__(self, file: AppendFile, disk: StubbornDisk) -> None:
        self._file = file
        self._disk = disk

    def write(self, data: bytes | memoryview) -> None:
        """Pass on."""
        self._file.write(data)

    def truncate(self, size: int) -> None:
        """Pass on."""
        self._file.truncate(size)

    def sync(self) -> None:
        """Pass on, unless the disk refuses."""
        if self._disk.refusals > 0:
            self._disk.refusals -= 1
            raise OSError(errno.EIO, "planted words")
        self._file.sync()

    def close(self) -> None:
        """Pass on."""
        self._file.close()


class StubbornDisk(FaultyDisk):
    """A disk that refuses so many syncs, one after another."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals = 0

    def create(self, name: str) -> AppendFile:
        """Make a file that is as stubborn."""
        return StubbornFile(super().create(name), self)


async def a_spool(folder: Path, rest_seconds: float) -> FileSpool:
    """A spool in a real folder that rests after so many seconds."""
    options = dataclasses.replace(SpoolOptions(), rest_seconds=rest_seconds)
    return await open_spool(folder, "tap", BOOT, SEALER, options, now_ns=lambda: 0)


async def ship(spool: FileSpool, record_id: str) -> None:
    """One exchange comes, ends and is shipped."""
    await spool.open(an_opening(spool.next_number(), record_id))
    spool.close(record_id, b"{}")
    spool.shipped([each.id for each in await spool.shipments(10, 5.0)])


def sealed_frames(folder: Path) -> int:
    """How many frames with content lie in the folder."""
    data = [file.read_bytes() for file in folder.glob("*.spool")]
    found = [each for raw in data for each in read_frames(raw) if isinstance(each, Frame)]
    return sum(bool(each.header.id) for each in found)


async def test_a_quiet_spool_lets_go_of_what_was_shipped(tmp_path: Path) -> None:
    """No content lies in an idle folder, its numbers do not come back, and it goes on as before."""
    spool = await a_spool(tmp_path, rest_seconds=0.0)
    await ship(spool, "one")
    spoken = spool.checkpoint()
    async with asyncio.timeout(10):
        while sealed_frames(tmp_path):
            await spool.shipments(1, 0.01)
    await ship(spool, "two")
    await spool.shut()
    again = await open_spool(tmp_path, "tap", "000000000002-0000", SEALER)
    assert await again.shipments(10, 0.0) == []
    assert again.recovery.checkpoints[0] == spoken
    assert again.checkpoint().predecessor_opened == 2
    await again.shut()


async def test_a_spool_that_is_not_quiet_keeps_what_is_not_shipped(tmp_path: Path) -> None:
    """An exchange that is open stays, however long nothing comes."""
    spool = await a_spool(tmp_path, rest_seconds=0.0)
    await ship(spool, "one")
    await spool.open(an_opening(spool.next_number(), "open"), strict=True)
    await ship(spool, "two")
    await spool.synced()
    await spool.shut()
    again = await open_spool(tmp_path, "tap", "000000000002-0000", SEALER)
    assert [each.id for each in await again.shipments(10, 0.0)] == ["open"]
    await again.shut()


async def test_a_disk_that_refuses_is_told_of_once(tmp_path: Path) -> None:
    """An outage is one event with the error's name, its end another, and neither has its words."""
    disk, said = StubbornDisk(), Said()
    spool = FileSpool(
        disk,
        SEALER,
        recover(disk, "tap", BOOT, now_ns=0, reserve=9),
        options=SpoolOptions(),
        log=said,
    )
    spool.start()
    await spool.open(an_opening(spool.next_number(), "id"))
    await spool.synced()
    assert said.events == []
    disk.refusals = 3
    spool.piece("id", PieceKind.ANSWER_BODY, b"content")
    await spool.synced()
    assert said.events == [
        ("spool.write_failed", {"reason": "EIO"}),
        ("spool.write_recovered", {}),
    ]
    assert disk.refusals == 0
    await spool.shut()


async def test_synced_means_that_a_power_cut_cannot_take_it(tmp_path: Path) -> None:
    """What was handed over before `synced` returned is in the next boot; after `shut` it raises."""
    disk = FaultyDisk()
    spool = FileSpool(
        disk, SEALER, recover(disk, "tap", BOOT, now_ns=0, reserve=9), options=SpoolOptions()
    )
    spool.start()
    await spool.open(an_opening(spool.next_number(), "id"))
    spool.piece("id", PieceKind.ANSWER_BODY, b"content")
    await asyncio.gather(*(spool.synced() for _ in range(5)))
    [content] = [each for name, each in disk.platter.items() if name.endswith(".spool")]
    durable = bytes(content.shown[: content.synced])
    frames = [each for each in read_frames(durable) if isinstance(each, Frame)]
    assert [each.header.id for each in frames if each.header.id] == ["id", "id"]
    await spool.shut()
    with pytest.raises(SpoolUnavailable):
        await spool.synced()


async def test_a_spool_that_ends_on_a_dead_disk_leaves_nobody_waiting(tmp_path: Path) -> None:
    """Who waits for a sync that will never come is told when the spool is shut."""
    disk = StubbornDisk()
    spool = FileSpool(
        disk, SEALER, recover(disk, "tap", BOOT, now_ns=0, reserve=9), options=SpoolOptions()
    )
    spool.start()
    await spool.open(an_opening(spool.next_number(), "id"), strict=True)
    disk.refusals = 1_000_000
    spool.piece("id", PieceKind.ANSWER_BODY, b"content")
    waiting = asyncio.create_task(spool.synced())
    await asyncio.sleep(0)
    await spool.shut()
    with pytest.raises(SpoolUnavailable):
        await waiting
