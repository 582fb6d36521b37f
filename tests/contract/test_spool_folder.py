"""The spool in a real folder: what it keeps, what it refuses, and what it says of itself."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import os
import secrets
import stat
from pathlib import Path

import pytest

from audit.digest import CHAIN_START, chain
from audit.errors import SettingInvalid, SpoolFull, SpoolUnavailable
from audit.value import to_json
from storage.envelope import OpenedRecord, OpenedRemnant, open_envelope
from storage.spool.census import BootState, SpoolState, census_folder
from storage.spool.frame import MAX_PAYLOAD
from storage.spool.notes import BOOTS
from storage.spool.options import SpoolOptions
from storage.spool.port import PieceKind, ShipmentKind
from storage.spool.reader import Frame, read_frames
from storage.spool.spool import FileSpool
from storage.spool.start import open_spool
from tests.unit.storage.kit import OPENER, SEALER, an_opening

BOOT = "00000000000{}-0000"


async def a_spool(folder: Path, boot: int = 1, **options: int) -> FileSpool:
    """A spool in a real folder, with limits as a test wants them."""
    limits = dataclasses.replace(SpoolOptions(), **options)
    return await open_spool(folder, "tap", BOOT.format(boot), SEALER, limits, now_ns=lambda: 0)


async def an_exchange(spool: FileSpool, record_id: str, *, strict: bool = False) -> None:
    """Open an exchange under the next number."""
    await spool.open(an_opening(spool.next_number(), record_id), strict=strict)


def state_of(folder: Path, boot: int) -> BootState:
    """The census of one boot."""
    states: SpoolState = census_folder(folder)
    return next(each for each in states.boots if each.boot == BOOT.format(boot))


def segments(folder: Path) -> list[Path]:
    """The segment files, oldest first."""
    return sorted(folder.glob("*.spool"))


def contents(folder: Path) -> dict[str, bytes]:
    """All files of the folder."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def modes(folder: Path) -> set[int]:
    """The permissions of all files of the folder."""
    return {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


async def test_an_exchange_goes_through(tmp_path: Path) -> None:
    """What was closed is offered as a whole record until it is told that it was shipped."""
    spool = await a_spool(tmp_path)
    await an_exchange(spool, "id")
    spool.piece("id", PieceKind.REQUEST_BODY, b"question")
    spool.close("id", b'{"record":1}')
    [shipment] = await spool.shipments(10, 5.0)
    assert shipment.kind is ShipmentKind.RECORD
    assert open_envelope(shipment.envelope, OPENER) == OpenedRecord(b'{"record":1}')
    assert [each.id for each in await spool.shipments(10, 0.0)] == ["id"]
    spool.shipped(["id"])
    assert await spool.shipments(10, 0.0) == []
    await spool.shut()


async def test_what_does_not_fit_in_memory_is_read_back(tmp_path: Path) -> None:
    """A record of three mebibytes with nothing kept in memory comes back from the file."""
    spool = await a_spool(tmp_path, kept_bytes=0)
    record = secrets.token_bytes(3 << 20)
    await an_exchange(spool, "large", strict=True)
    spool.close("large", record)
    [shipment] = await spool.shipments(10, 5.0)
    assert open_envelope(shipment.envelope, OPENER) == OpenedRecord(record)
    await spool.shut()


async def test_an_exchange_given_up_is_offered_as_a_remnant(tmp_path: Path) -> None:
    """A surrendered exchange gives its opening and every piece, those over 1 MiB included."""
    spool = await a_spool(tmp_path)
    content = secrets.token_bytes((2 << 20) + 1)
    await an_exchange(spool, "id")
    spool.piece("id", PieceKind.REQUEST_BODY, content)
    spool.piece("id", PieceKind.ANSWER_HEAD, b"head")
    spool.surrender("id")
    [shipment] = await spool.shipments(10, 5.0)
    remnant = open_envelope(shipment.envelope, OPENER)
    assert isinstance(remnant, OpenedRemnant)
    assert b"".join(each.opened() for each in remnant.pieces) == content + b"head"
    assert (remnant.pieces[-1].kind, remnant.missing) == (PieceKind.ANSWER_HEAD, 0)
    await spool.shut()


async def test_planted_text_is_in_no_byte_of_any_file(tmp_path: Path) -> None:
    """Neither path, pieces nor record stand in the clear anywhere in the folder."""
    spool = await a_spool(tmp_path)
    planted = secrets.token_hex(16).encode()
    await spool.open(an_opening(spool.next_number(), "id", path="/" + planted.decode()))
    spool.piece("id", PieceKind.REQUEST_BODY, planted * 3)
    spool.close("id", planted * 100)
    spool.checkpoint()
    await spool.shut()
    assert len(contents(tmp_path)) >= 4
    for content in contents(tmp_path).values():
        assert planted not in content
    assert modes(tmp_path) == {0o600}


async def test_two_taps_never_share_a_folder(tmp_path: Path) -> None:
    """A second spool in a folder that is in use is refused, and so is another tap's later."""
    spool = await a_spool(tmp_path)
    with pytest.raises(SettingInvalid, match="in use by another tap"):
        await a_spool(tmp_path, 2)
    await spool.shut()
    with pytest.raises(SettingInvalid, match="belongs to the tap"):
        await open_spool(tmp_path, "other", BOOT.format(2), SEALER)
    with pytest.raises(SettingInvalid, match="used before"):
        await a_spool(tmp_path, 1)
    await (await a_spool(tmp_path, 2)).shut()


async def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    """A path below a file names the folder and the reason."""
    (tmp_path / "file").touch()
    with pytest.raises(SettingInvalid, match="cannot be written"):
        await a_spool(tmp_path / "file" / "spool")


async def test_at_its_cap_the_spool_refuses_openings_and_keeps_the_rest(tmp_path: Path) -> None:
    """Over the cap an opening raises `SpoolFull`; an open exchange still gets its record."""
    spool = await a_spool(tmp_path, max_bytes=4000)
    await an_exchange(spool, "first")
    spool.piece("first", PieceKind.REQUEST_BODY, secrets.token_bytes(4000))
    await an_exchange_until_full(spool)
    spool.piece("first", PieceKind.ANSWER_BODY, secrets.token_bytes(4000))
    assert spool.census().dropped == 1
    spool.close("first", b"{}")
    [shipment] = await spool.shipments(10, 5.0)
    assert shipment.id == "first"
    await spool.shut()


async def test_at_its_cap_of_exchanges_the_spool_refuses_openings(tmp_path: Path) -> None:
    """Memory knows each exchange, however small; once some are shipped, it takes openings again."""
    spool = await a_spool(tmp_path, max_exchanges=3)
    for record_id in ("one", "two", "three"):
        assert not spool.census().full
        await an_exchange(spool, record_id)
        spool.close(record_id, b"{}")
    assert spool.census().full
    with pytest.raises(SpoolFull):
        await an_exchange(spool, "four")
    await spool.synced()
    spool.shipped(["two"])
    await an_exchange(spool, "four")
    await spool.shut()
    again = await a_spool(tmp_path, 2, max_exchanges=3)
    with pytest.raises(SpoolFull):
        await an_exchange(again, "five")
    assert [each.id for each in await again.shipments(10, 0.0)] == ["one", "three", "four"]
    await again.shut()


async def an_exchange_until_full(spool: FileSpool) -> None:
    """Open exchanges until the spool says that it is full."""
    for count in range(100):
        try:
            await an_exchange(spool, f"more-{count}", strict=True)
        except SpoolFull:
            return
    pytest.fail("the spool never said that it is full")


async def test_a_full_spool_takes_openings_again_once_all_is_shipped(tmp_path: Path) -> None:
    """Also where a segment of the size that was set would have filled the cap alone."""
    spool = await a_spool(tmp_path, max_bytes=1 << 20, segment_bytes=16 << 20)
    with pytest.raises(SpoolFull):
        await records_without_end(spool)
    while spool.census().open + spool.census().waiting:
        spool.shipped([each.id for each in await spool.shipments(100, 5.0)])
    async with asyncio.timeout(10):
        while not await is_taken(spool):
            # What was shipped is marked and deleted meanwhile.
            await spool.shipments(1, 0.01)
    await spool.shut()


async def records_without_end(spool: FileSpool) -> None:
    """Record exchanges of 50 kB, one after another."""
    for count in itertools.count():
        await an_exchange(spool, f"id-{count}", strict=True)
        spool.piece(f"id-{count}", PieceKind.REQUEST_BODY, secrets.token_bytes(50_000))
        spool.close(f"id-{count}", b"{}")


async def is_taken(spool: FileSpool) -> bool:
    """Try an opening; false when the spool is full."""
    try:
        await an_exchange(spool, "one more", strict=True)
    except SpoolFull:
        return False
    return True


async def test_shipped_segments_are_deleted_around_a_long_exchange(tmp_path: Path) -> None:
    """An exchange that stays open keeps only the segments that hold its own frames."""
    spool = await a_spool(tmp_path, segment_bytes=2000)
    await an_exchange(spool, "long", strict=True)
    for count in range(100):
        await an_exchange(spool, f"id-{count}", strict=True)
        spool.close(f"id-{count}", secrets.token_bytes(300))
        spool.shipped([each.id for each in await spool.shipments(10, 5.0)])
    await spool.shut()
    assert len(segments(tmp_path)) <= 4
    again = await a_spool(tmp_path, 2)
    assert [each.id for each in await again.shipments(200, 0.0)] == ["long"]
    assert again.checkpoint().predecessor_opened == 101
    await again.shut()


async def test_a_torn_tail_is_cut_and_reported(tmp_path: Path) -> None:
    """Half a frame at the end goes, with its size in the report; what stood before it stays."""
    spool = await a_spool(tmp_path)
    await an_exchange(spool, "whole")
    await spool.shut()
    [segment] = segments(tmp_path)
    whole = segment.read_bytes()
    segment.write_bytes(whole + whole[:50])
    again = await a_spool(tmp_path, 2)
    assert (again.recovery.torn_tails, again.recovery.torn_bytes) == (1, 50)
    assert segment.read_bytes() == whole
    assert [each.id for each in await again.shipments(10, 0.0)] == ["whole"]
    await again.shut()


async def test_a_damaged_frame_costs_only_itself(tmp_path: Path) -> None:
    """With one opening damaged its exchange is offered still, and the others are as they were."""
    spool = await a_spool(tmp_path)
    for record_id in ("one", "two", "three"):
        await an_exchange(spool, record_id)
    await spool.shut()
    [segment] = segments(tmp_path)
    data = bytearray(segment.read_bytes())
    frames = [each for each in read_frames(bytes(data)) if isinstance(each, Frame)]
    two = next(each for each in frames if each.header.id == "two")
    data[two.offset + two.size - 1] ^= 1
    segment.write_bytes(data)
    again = await a_spool(tmp_path, 2)
    assert again.recovery.damaged == 1
    offered = {each.id: each.envelope for each in await again.shipments(10, 0.0)}
    assert offered.keys() == {"one", "two", "three"}
    for record_id in ("one", "three"):
        assert isinstance(open_envelope(offered[record_id], OPENER), OpenedRemnant)
    await again.shut()


async def test_a_foreign_file_is_named_and_left_alone(tmp_path: Path) -> None:
    """A file that is no segment of ours is reported and never changed, whatever its name."""
    names = ["000000000000-0000-000000.spool", "notes.txt"]
    for name in names:
        (tmp_path / name).write_bytes(b"somebody's" + bytes(50))
    spool = await a_spool(tmp_path)
    await spool.shut()
    assert list(spool.recovery.foreign) == names
    for name in names:
        assert (tmp_path / name).read_bytes() == b"somebody's" + bytes(50)


async def test_a_damaged_note_of_boots_is_rebuilt_from_the_segments(tmp_path: Path) -> None:
    """Without the note, earlier boots are known from their segments, and the damage is told."""
    await_shut = await a_spool(tmp_path)
    await an_exchange(await_shut, "id")
    await await_shut.shut()
    (tmp_path / BOOTS).write_bytes(b"{}\n00000000\n")
    again = await a_spool(tmp_path, 2)
    assert again.recovery.damaged_notes == (BOOTS,)
    checkpoint = again.checkpoint()
    assert (checkpoint.predecessor, checkpoint.predecessor_opened) == (BOOT.format(1), 1)
    assert checkpoint.predecessor_chain is None
    await again.shut()


async def test_a_census_reads_along_and_changes_nothing(tmp_path: Path) -> None:
    """Beside a running tap the census names what is open, waiting and unrecorded."""
    spool = await a_spool(tmp_path)
    await an_exchange(spool, "open")
    await an_exchange(spool, "closed")
    spool.close("closed", b"{}")
    spool.unrecorded(spool.next_number(), "forwarded:spool.full")
    await an_exchange(spool, "last", strict=True)
    before = contents(tmp_path)
    state = state_of(tmp_path, 1)
    assert {each.id for each in state.open} == {"open", "last"}
    assert [each.id for each in state.waiting] == ["closed"]
    assert state.unrecorded == ((3, 3, "forwarded:spool.full"),)
    assert (state.opened, state.predecessor) == (4, None)
    assert state.reserved >= 4
    assert contents(tmp_path) == before
    await spool.shut()


async def test_the_next_boot_speaks_for_one_that_died(tmp_path: Path) -> None:
    """A boot without a final checkpoint gets its last word, and each one's is repeated.

    One that spoke its own may have died before the queue had taken it.
    """
    spool = await a_spool(tmp_path)
    await an_exchange(spool, "id")
    spool.unrecorded(spool.next_number(), "forwarded:spool.full")
    spoken = spool.checkpoint()
    await an_exchange(spool, "later")
    await spool.shut()
    second = await a_spool(tmp_path, 2)
    assert second.recovery.checkpoints[0] == spoken
    word = second.recovery.checkpoints[1]
    assert (word.index, word.opened, word.final) == (1, 3, True)
    assert word.unrecorded == ((2, 2, "forwarded:spool.full"),)
    assert word.chain == second.checkpoint().predecessor_chain
    own = second.checkpoint(final=True)
    await second.shut()
    third = await a_spool(tmp_path, 3)
    assert third.recovery.checkpoints == (*second.recovery.checkpoints, own)
    await third.shut()


async def test_a_checkpoint_of_very_many_gaps_is_read_back(tmp_path: Path) -> None:
    """One that fills several frames counts like any other: the next boot goes on from it."""
    spool = await a_spool(tmp_path)
    reasons = "forwarded:spool.full", "refused:spool.full"
    for reason in reasons * 20_000:
        spool.unrecorded(spool.next_number(), reason)
    spoken = spool.checkpoint()
    await spool.shut()
    second = await a_spool(tmp_path, 2)
    assert len(to_json(spoken)) > MAX_PAYLOAD
    assert second.recovery.checkpoints[0] == spoken
    assert second.recovery.checkpoints[1].index == 1
    await second.shut()


async def test_a_closed_spool_takes_no_more(tmp_path: Path) -> None:
    """After `shut`, which may be called twice, an opening raises and nothing else does."""
    spool = await a_spool(tmp_path)
    await spool.shut()
    await spool.shut()
    with pytest.raises(SpoolUnavailable):
        await an_exchange(spool, "late")
    spool.piece("late", PieceKind.ANSWER_BODY, b"x")
    spool.close("late", b"{}")
    spool.shipped(["late"])


@pytest.mark.parametrize("strict", [False, True])
async def test_a_caller_that_leaves_as_its_opening_is_answered(
    tmp_path: Path, strict: bool
) -> None:
    """The opening stands, and is shipped: it is not also said to have none."""
    spool = await a_spool(tmp_path)
    opening = asyncio.create_task(an_exchange(spool, "id", strict=strict))
    answered = spool._account.opened

    def leave(seq: int, record_id: str) -> None:
        answered(seq, record_id)
        asyncio.get_running_loop().call_soon(opening.cancel)

    spool._account.opened = leave  # type: ignore[method-assign] # the caller leaves at this instant
    with pytest.raises(asyncio.CancelledError):
        await opening
    checkpoint = spool.checkpoint()
    assert checkpoint.opened == 1
    assert checkpoint.chain == chain(CHAIN_START, 1, "id")
    assert checkpoint.unrecorded == ()
    [shipment] = await spool.shipments(10, 5.0)
    assert (shipment.id, shipment.kind) == ("id", ShipmentKind.REMNANT)
    await spool.shut()


async def test_the_folders_above_are_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut does not unname a new folder, also where who made it died before saying so."""
    synced: list[str] = []
    fsync = os.fsync

    def noting(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    for boot in (1, 2):
        await (await a_spool(tmp_path / "spool" / "tap", boot)).shut()
        assert {str(tmp_path), str(tmp_path / "spool")} <= set(synced)
        synced.clear()
