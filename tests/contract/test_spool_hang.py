"""A disk that does not answer: nothing waits for it longer than it was told to."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Iterator

import pytest

from audit.errors import SpoolUnavailable
from storage.envelope import OpenedRemnant, open_envelope
from storage.spool.disk import AppendFile
from storage.spool.options import SpoolOptions
from storage.spool.port import PieceKind, Shipment, ShipmentKind
from storage.spool.recovery import recover
from storage.spool.spool import FileSpool
from tests.harness.wait import until
from tests.model.faulty_disk import FaultyDisk
from tests.unit.storage.kit import OPENER, SEALER, an_opening


class HangingFile:
    """A file whose writes wait for a gate."""

    def __init__(self, file: AppendFile, gate: threading.Event) -> None:
        self._file = file
        self._gate = gate

    def write(self, data: bytes | memoryview) -> None:
        """Write once the gate is open."""
        self._gate.wait()
        self._file.write(data)

    def truncate(self, size: int) -> None:
        """Pass on."""
        self._file.truncate(size)

    def sync(self) -> None:
        """Pass on."""
        self._file.sync()

    def close(self) -> None:
        """Pass on."""
        self._file.close()


class HangingDisk(FaultyDisk):
    """A disk whose segment files hang while its gate is shut."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.refused_reads = 0

    def read(self, name: str, offset: int = 0, size: int = -1) -> bytes:
        """Read, or refuse while there are refusals left."""
        if self.refused_reads:
            self.refused_reads -= 1
            raise OSError(errno.EIO, "planted words")
        return super().read(name, offset, size)

    def create(self, name: str) -> AppendFile:
        """Make a file that hangs with the disk."""
        return HangingFile(super().create(name), self.gate)


@pytest.fixture
def disk() -> Iterator[HangingDisk]:
    """A disk that hangs no longer than its test."""
    hanging = HangingDisk()
    yield hanging
    hanging.gate.set()


def a_spool(disk: HangingDisk, **options: float) -> FileSpool:
    """A running spool on the disk."""
    recovered = recover(disk, "tap", "boot", now_ns=0, reserve=1000)
    limits = SpoolOptions(open_timeout=0.05, queue_bytes=int(options.get("queue_bytes", 5000)))
    spool = FileSpool(disk, SEALER, recovered, options=limits)
    spool.start()
    return spool


async def test_an_opening_gives_up_on_a_disk_that_hangs(disk: HangingDisk) -> None:
    """The caller gets `SpoolUnavailable`, the loop runs on, and the exchange never turns up."""
    spool = a_spool(disk)
    disk.gate.clear()
    number = spool.next_number()
    with pytest.raises(SpoolUnavailable):
        await spool.open(an_opening(number, "hung"))
    spool.unrecorded(number, "forwarded:spool.unavailable")
    disk.gate.set()
    await spool.open(an_opening(spool.next_number(), "after"), strict=True)
    assert spool.checkpoint().unrecorded == ((1, 1, "forwarded:spool.unavailable"),)
    assert spool.census().open == 1
    await spool.shut()
    after = recover(disk, "tap", "next", now_ns=0, reserve=1000)
    assert list(after.index.exchanges) == ["after"]


async def test_pieces_beyond_the_bound_are_dropped_and_show_as_a_hole(disk: HangingDisk) -> None:
    """While the disk hangs memory stays bounded, and the remnant says how much is missing."""
    spool = a_spool(disk)
    await spool.open(an_opening(spool.next_number(), "id"))
    disk.gate.clear()
    for _ in range(20):
        spool.piece("id", PieceKind.ANSWER_BODY, bytes(1000))
    with pytest.raises(SpoolUnavailable):
        await spool.open(an_opening(spool.next_number(), "other"))
    dropped = spool.census().dropped
    assert 0 < dropped < 20
    disk.gate.set()
    spool.surrender("id")
    [shipment] = await spool.shipments(1, 5.0)
    remnant = open_envelope(shipment.envelope, OPENER)
    assert isinstance(remnant, OpenedRemnant)
    assert len(remnant.pieces) == 20 - dropped
    await spool.shut()


async def test_a_record_that_finds_no_room_leaves_its_exchange_as_a_remnant(
    disk: HangingDisk,
) -> None:
    """A record over twice the bound is not taken; how the exchange ended is, whatever waits."""
    spool = a_spool(disk)
    for record_id in ("one", "two"):
        await spool.open(an_opening(spool.next_number(), record_id))
    disk.gate.clear()
    # Nothing squeezes it, so that it waits as large as it is.
    assert spool.close("one", os.urandom(9000))
    assert not spool.close("two", b"{}")
    spool.piece("two", PieceKind.END, b"a long end")
    spool.surrender("two", b"an end")
    disk.gate.set()
    offered: dict[str, Shipment] = {}
    while len(offered) < 2:
        offered |= {each.id: each for each in await spool.shipments(10, 5.0)}
    assert offered["one"].kind is ShipmentKind.RECORD
    remnant = open_envelope(offered["two"].envelope, OPENER)
    assert isinstance(remnant, OpenedRemnant)
    assert [(each.kind, each.opened()) for each in remnant.pieces] == [(PieceKind.END, b"an end")]
    assert remnant.missing == 1
    await spool.shut()


async def test_an_end_that_was_taken_is_not_told_again(disk: HangingDisk) -> None:
    """The shorter word that comes with the surrender is for where the full one found no room."""
    spool = a_spool(disk)
    await spool.open(an_opening(spool.next_number(), "id"))
    spool.piece("id", PieceKind.END, b"a long end")
    spool.surrender("id", b"an end")
    [shipment] = await spool.shipments(1, 5.0)
    remnant = open_envelope(shipment.envelope, OPENER)
    assert isinstance(remnant, OpenedRemnant)
    assert [each.opened() for each in remnant.pieces] == [b"a long end"]
    await spool.shut()


async def test_a_client_that_leaves_takes_its_opening_along(disk: HangingDisk) -> None:
    """A cancelled opening is accounted for by number, and its exchange is never offered."""
    spool = a_spool(disk)
    disk.gate.clear()
    task = asyncio.ensure_future(spool.open(an_opening(spool.next_number(), "gone")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    disk.gate.set()
    await spool.open(an_opening(spool.next_number(), "stays"), strict=True)
    assert spool.checkpoint().unrecorded == ((1, 1, "refused:opening.cancelled"),)
    await spool.shut()
    after = recover(disk, "tap", "next", now_ns=0, reserve=1000)
    assert list(after.index.exchanges) == ["stays"]


async def test_what_the_disk_will_not_give_back_keeps_nobody_behind_it(disk: HangingDisk) -> None:
    """Who asks for one is given the next, and the one before it when that can be read."""
    spool = a_spool(disk)
    for record_id in ("one", "two"):
        await spool.open(an_opening(spool.next_number(), record_id))
        spool.surrender(record_id)
    await spool.synced()
    await until(lambda: spool.census().waiting == 2, "both are ready")
    disk.refused_reads = 1
    assert [each.id for each in await spool.shipments(1, 5.0)] == ["two"]
    assert [each.id for each in await spool.shipments(1, 5.0)] == ["one"]
    await spool.shut()
