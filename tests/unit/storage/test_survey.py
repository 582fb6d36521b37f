"""Reading a folder of many exchanges: memory is for those that are not done."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.spool import survey
from storage.spool.disk import RealDisk
from storage.spool.folder import FolderFacts, read_folder
from storage.spool.notes import BootNote
from storage.spool.recovery import recover
from storage.spool.start import open_spool
from storage.spool.succession import finish
from tests.unit.storage.kit import SEALER, an_opening


async def a_folder(folder: Path) -> RealDisk:
    """One exchange is open, and pins a segment in which a hundred others are done."""
    spool = await open_spool(folder, "tap", "000000000001-0000", SEALER)
    await spool.open(an_opening(spool.next_number(), "open"))
    for seq in range(2, 102):
        await spool.open(an_opening(spool.next_number(), f"id-{seq}"))
        spool.close(f"id-{seq}", b"{}")
        if seq % 10 == 0:
            spool.unrecorded(spool.next_number(), "forwarded:spool.full")
    await spool.synced()
    spool.shipped([each.id for each in await spool.shipments(1000, 0.0)])
    await spool.shut()
    return RealDisk(folder)


def read(disk: RealDisk) -> tuple[FolderFacts, list[BootNote]]:
    """What a start reads, and what it notes of the boots before it."""
    facts = read_folder(disk)
    return facts, [finish(note, facts) for note in facts.notes]


async def test_of_what_is_done_a_start_keeps_little_and_knows_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chain goes over it all the same, and its segments know that they may go."""
    disk = await a_folder(tmp_path)
    every, notes = read(disk)
    assert len(every.survey.exchanges) == 101
    monkeypatch.setattr(survey, "_FEW", 10)
    few, same = read(disk)
    assert [each.id for each in few.survey.exchanges.values()] == ["open"]
    assert same == notes
    assert notes[0].opened == 111
    [segment] = few.survey.segments
    recovered = recover(disk, "tap", "000000000002-0000", now_ns=0, reserve=2).index
    assert list(recovered.exchanges) == ["open"]
    boot = notes[0].boot
    assert recovered.segments[segment.name].done[boot].ranges == segment.done[boot].ranges
