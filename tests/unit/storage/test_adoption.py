"""What is known of a folder before it is adopted, however many numbers it speaks of."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.spool.adoption import look
from storage.spool.disk import RealDisk
from storage.spool.notes import BOOTS, BootNote, BootsNote, save_note
from storage.spool.start import open_spool
from tests.unit.storage.kit import SEALER, an_opening

BOOT, PAST = "000000000002-0000", "000000000001-0000"
REASON = "forwarded:spool.full"


def noted(folder: Path, *notes: BootNote) -> tuple[tuple[str, int, int], ...]:
    """What a folder with these notes and no segment is taken to have shipped."""
    save_note(RealDisk(folder), BOOTS, BootsNote(tap="tap", boots=notes))
    estate = look(RealDisk(folder))
    assert estate is not None
    return estate.shipped


@pytest.mark.parametrize(
    ("unrecorded", "shipped"),
    [
        ((), ((PAST, 1, 9),)),
        (((1, 9, REASON),), ()),
        (((1, 2, REASON), (9, 9, REASON)), ((PAST, 3, 8),)),
        (((3, 4, REASON), (4, 6, REASON), (8, 99, REASON)), ((PAST, 1, 2), (PAST, 7, 7))),
    ],
)
def test_what_was_shipped_is_what_nothing_else_is_said_of(
    tmp_path: Path,
    unrecorded: tuple[tuple[int, int, str], ...],
    shipped: tuple[tuple[str, int, int], ...],
) -> None:
    """The numbers of a boot but those that have no record, as spans."""
    assert noted(tmp_path, BootNote(boot=PAST, opened=9, unrecorded=unrecorded)) == shipped


def test_a_made_up_number_is_looked_at_like_any_other(tmp_path: Path) -> None:
    """A note or a frame may claim any number: what it costs is a span, and not its numbers."""
    most = 2**60
    claims = ((5, most - 1, REASON),)
    assert noted(
        tmp_path,
        BootNote(boot=PAST, opened=most, unrecorded=claims),
        BootNote(boot=BOOT, predecessor=PAST, opened=most),
    ) == ((PAST, 1, 4), (PAST, most, most), (BOOT, 1, most))


async def test_what_waits_in_the_folder_was_not_shipped(tmp_path: Path) -> None:
    """Of five exchanges the spool has let two go, and three are still there."""
    spool = await open_spool(tmp_path, "tap", BOOT, SEALER)
    for seq in range(1, 6):
        await spool.open(an_opening(spool.next_number(), str(seq)))
        spool.surrender(str(seq))
    while len(await spool.shipments(10, 5.0)) < 5:
        pass
    spool.shipped(["2", "3"])
    await spool.synced()
    await spool.shut()
    estate = look(RealDisk(tmp_path))
    assert estate is not None
    assert (estate.shipped, estate.waiting) == (((BOOT, 2, 3),), 3)
