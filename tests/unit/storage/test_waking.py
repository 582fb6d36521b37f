"""Waking the writer: once for all that one turn of the event loop hands over."""

from __future__ import annotations

import asyncio

import pytest

from storage.spool.frame import Kind
from storage.spool.ops import Append
from storage.spool.options import SpoolOptions
from storage.spool.port import PieceKind
from storage.spool.recovery import recover
from storage.spool.spool import FileSpool
from storage.spool.writer import Writer
from tests.model.faulty_disk import FaultyDisk
from tests.unit.storage.kit import SEALER, an_opening


@pytest.fixture
def rings(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One entry for each time that a writer was woken."""
    heard: list[None] = []
    ring = Writer.ring

    def heard_ring(self: Writer) -> None:
        heard.append(None)
        ring(self)

    monkeypatch.setattr(Writer, "ring", heard_ring)
    return heard


def a_spool() -> FileSpool:
    """A spool whose writer has no thread and is stepped by the test."""
    disk = FaultyDisk()
    recovered = recover(disk, "tap", "boot", now_ns=0, reserve=1000)
    return FileSpool(disk, SEALER, recovered, options=SpoolOptions())


async def opened(spool: FileSpool, names: list[str]) -> None:
    """Open an exchange of each name, all at once."""
    openings = [spool.open(an_opening(spool.next_number(), name)) for name in names]
    waiting = asyncio.gather(*openings)
    await asyncio.sleep(0)
    spool._writer.step(block=False)
    await waiting


async def test_a_turn_wakes_the_writer_once(rings: list[None]) -> None:
    """Openings, pieces and records of one turn are one wake-up; the next turn has its own."""
    spool = a_spool()
    names = [f"id-{number}" for number in range(10)]
    await opened(spool, names)
    assert len(rings) == 1
    for name in names:
        spool.piece(name, PieceKind.ANSWER_BODY, b"letters")
        spool.close(name, b"{}")
    await asyncio.sleep(0)
    assert len(rings) == 2
    await asyncio.sleep(0)
    assert len(rings) == 2, "an idle turn wakes nobody"


async def test_what_rang_while_the_writer_was_busy_does_not_wake_it_again() -> None:
    """Rings do not pile up: one look at the queue answers them all, and the next has to wait."""
    spool = a_spool()
    writer = spool._writer
    await opened(spool, ["one"])
    for _ in range(5):
        writer.ring()
    writer.step(block=True)
    assert writer._bell.empty()


compared: list[None] = []


class Compared(Append, eq=False):
    """An operation that notes each time it is compared with another."""

    def __eq__(self, other: object) -> bool:
        compared.append(None)
        return self is other

    __hash__ = None  # type: ignore[assignment] # it is nobody's key


async def test_what_was_withdrawn_is_sorted_out_in_one_look() -> None:
    """Behind a disk that stood still, thousands have gone: none is looked for among the others."""
    writer = a_spool()._writer
    kept = [Compared(Kind.UNRECORDED, b"refused", seq) for seq in range(1, 51)]
    gone = [Compared(Kind.OPENED, b"{}", seq, "id", withdrawn=True) for seq in range(51, 101)]
    compared.clear()
    for op in [*kept, *gone]:
        writer.put(op)
    writer.step(block=False)
    assert compared == []
    assert [op.placed for op in (*kept, *gone)] == [True] * 50 + [False] * 50
    assert writer.settled_weight == sum(op.weight for op in gone)
