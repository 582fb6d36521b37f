"""Format 1 is frozen: its golden files are read for ever, and other formats are left alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from audit.errors import FormatUnknown
from audit.exchange import Ending
from storage.envelope import OpenedRecord, OpenedRemnant, open_envelope
from storage.sealing import HpkeOpener
from storage.spool.census import census_folder
from storage.spool.pieces import piece_kind
from storage.spool.port import ShipmentKind
from storage.spool.segments import segment_name
from storage.spool.spool import FileSpool
from storage.spool.start import open_spool
from tap.remnant import record_of_remnant
from tests.contract.golden_spool import (
    BOOT,
    ENDED_PIECES,
    GOLDEN,
    KEYS,
    RECORD,
    REMNANT_PIECES,
    SQUEEZED,
    TAP,
    segment,
    trust,
    worker,
)
from tests.unit.storage.kit import OPENER, SEALER, an_opening

NEXT = "018f00000001-0001"
OTHER = "018d00000000-0000-000000.spool"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the golden folder."""
    copy = tmp_path / "spool"
    shutil.copytree(GOLDEN, copy, ignore=shutil.ignore_patterns(KEYS, "*.md"))
    return copy


def a_segment_of(number: int) -> bytes:
    """A segment as a later version might write it: only its first five bytes are like ours."""
    return (b"\xa5SPL" + bytes([number]) + b"a head of another kind" + bytes(40)) * 3


async def restarted(folder: Path) -> FileSpool:
    """The next boot."""
    return await open_spool(folder, TAP, NEXT, SEALER, now_ns=lambda: 0)


async def test_golden_files_are_recovered(folder: Path) -> None:
    """A folder of format 1 gives its records and remnants, forgets what was shipped."""
    spool = await restarted(folder)
    found = spool.recovery
    assert (found.boots, found.segments, found.records, found.remnants) == (2, 3, 2, 2)
    assert (found.damaged, found.torn_tails, found.foreign, found.other_formats) == (0, 0, (), ())
    offered = await spool.shipments(10, 0.0)
    assert [(each.id, each.kind) for each in offered] == [
        ("id-1", ShipmentKind.RECORD),
        ("id-2", ShipmentKind.REMNANT),
        ("id-5", ShipmentKind.RECORD),
        ("id-6", ShipmentKind.REMNANT),
    ]
    assert spool.checkpoint().predecessor == BOOT
    assert spool.checkpoint().predecessor_opened == 6
    await spool.shut()


async def test_golden_envelopes_are_opened(folder: Path) -> None:
    """With the golden key every envelope gives exactly what was put in, compressed or not."""
    spool = await restarted(folder)
    opener = HpkeOpener(worker(), trust())
    offered = await spool.shipments(10, 0.0)
    one, two, five, six = (open_envelope(each.envelope, opener) for each in offered)
    await spool.shut()
    assert one == OpenedRecord(RECORD)
    assert five == OpenedRecord(SQUEEZED)
    assert isinstance(two, OpenedRemnant)
    assert two.opening.target_path == "/chat"
    given = [(each.kind, each.opened()) for each in two.pieces]
    assert given == [(piece_kind(part), content) for part, content in REMNANT_PIECES]
    assert two.missing == 0
    assert isinstance(six, OpenedRemnant)
    given = [(each.kind, each.opened()) for each in six.pieces]
    assert given == [(piece_kind(part), content) for _, part, content in ENDED_PIECES]
    assert six.missing == 1


async def test_a_golden_exchange_that_has_its_end_is_no_crash(folder: Path) -> None:
    """Part 4 says how it ended; an exchange with neither that nor a record was cut off."""
    spool = await restarted(folder)
    opener = HpkeOpener(worker(), trust())
    envelopes = {each.id: each.envelope for each in await spool.shipments(10, 0.0)}
    await spool.shut()
    endings = {}
    for record_id in ("id-2", "id-6"):
        left = open_envelope(envelopes[record_id], opener)
        assert isinstance(left, OpenedRemnant)
        [record] = record_of_remnant(
            left.opening, left.pieces, missing=left.missing, digest_key=b"k" * 32, salt="00" * 16
        )
        endings[record_id] = record.exchange.ending
    assert endings == {"id-2": Ending.TAP_CRASHED, "id-6": Ending.COMPLETE}


def test_a_golden_folder_has_a_census(folder: Path) -> None:
    """Without any key a verifier reads how far the boot came and what became of its numbers."""
    before, boot = census_folder(folder).boots
    assert (before.opened, boot.predecessor) == (7, before.boot)
    assert (boot.opened, boot.reserved) == (6, 1000)
    assert boot.unrecorded == ((3, 3, "forwarded:spool.full"),)
    assert [each.id for each in boot.open] == ["id-2", "id-6"]
    assert [each.id for each in boot.waiting] == ["id-1", "id-5"]


@pytest.mark.parametrize("index", [0, 2])
def test_the_same_input_gives_the_golden_bytes(index: int) -> None:
    """With the golden data key, fixed frames are sealed and laid out to exactly these bytes."""
    keys = json.loads((GOLDEN / KEYS).read_text())
    assert segment(index, keys) == (GOLDEN / segment_name(BOOT, index)).read_bytes()


async def test_a_segment_of_another_format_is_named_and_left_alone(folder: Path) -> None:
    """It is counted with its number and never changed, through starts and shipping; ours go on."""
    (folder / OTHER).write_bytes(a_segment_of(7))
    assert census_folder(folder).other_formats == ((OTHER, 7),)
    spool = await restarted(folder)
    assert spool.recovery.other_formats == ((OTHER, 7),)
    assert (spool.recovery.damaged, spool.recovery.foreign) == (0, ())
    offered = await spool.shipments(10, 0.0)
    assert len(offered) == 4
    spool.shipped([each.id for each in offered])
    await spool.synced()
    await spool.shut()
    assert (folder / OTHER).read_bytes() == a_segment_of(7)


async def test_one_frame_of_ours_beside_another_format_is_still_read(folder: Path) -> None:
    """Where both stand in one file, ours are offered and the file stays for ever."""
    path = folder / segment_name(BOOT, 0)
    both = path.read_bytes() + a_segment_of(2)
    path.write_bytes(both)
    spool = await restarted(folder)
    assert spool.recovery.other_formats == ((path.name, 2),)
    offered = await spool.shipments(10, 0.0)
    assert [each.id for each in offered] == ["id-1", "id-2", "id-5", "id-6"]
    spool.shipped([each.id for each in offered])
    await spool.shut()
    assert path.read_bytes() == both


async def test_an_envelope_of_another_format_says_so(tmp_path: Path) -> None:
    """It is not called damaged: the message names both formats; beside it, ours is opened."""
    with pytest.raises(FormatUnknown, match="in spool format 7, this version reads format 1"):
        open_envelope(a_segment_of(7), OPENER)
    spool = await open_spool(tmp_path, TAP, BOOT, SEALER)
    await spool.open(an_opening(spool.next_number(), "id"), strict=True)
    spool.surrender("id")
    [shipment] = await spool.shipments(1, 5.0)
    await spool.shut()
    assert isinstance(open_envelope(a_segment_of(7) + shipment.envelope, OPENER), OpenedRemnant)
