"""Squeezing: never larger, and undone by what reads the frame."""

from __future__ import annotations

import os

import pytest
import zstandard

from storage.envelope import OpenedRecord, open_envelope
from storage.spool.frame import ZSTD
from storage.spool.options import SpoolOptions
from storage.spool.recovery import recover
from storage.spool.spool import FileSpool
from storage.spool.squeezing import SMALL, Squeezer
from tests.model.faulty_disk import FaultyDisk
from tests.unit.storage.kit import OPENER, SEALER, an_opening

PROSE = b'{"text":"one sentence that is said again and again"}' * 20


def test_what_was_squeezed_says_so_and_unfolds() -> None:
    """A payload that shrinks carries the flag, and decompresses to what it was."""
    payload, flags = Squeezer().squeeze(PROSE)
    assert flags == ZSTD
    assert len(payload) < len(PROSE)
    assert zstandard.ZstdDecompressor().decompress(payload) == PROSE


@pytest.mark.parametrize("payload", [b"", b"a" * 500, os.urandom(5000)])
def test_what_would_not_shrink_is_left_as_it_is(payload: bytes) -> None:
    """Short payloads and noise pass unchanged, without the flag."""
    assert Squeezer().squeeze(payload) == (payload, 0)


@pytest.mark.parametrize("size", [10, 600, SMALL, SMALL + 1, 3 * SMALL])
@pytest.mark.parametrize("noise", [False, True])
async def test_a_record_of_any_size_comes_out_as_it_went_in(size: int, *, noise: bool) -> None:
    """Whoever squeezes it, and whether or not that helps, the envelope holds the record."""
    record = os.urandom(size) if noise else (PROSE * size)[:size]
    disk = FaultyDisk()
    recovered = recover(disk, "tap", "boot", now_ns=0, reserve=1000)
    spool = FileSpool(disk, SEALER, recovered, options=SpoolOptions())
    spool.start()
    await spool.open(an_opening(spool.next_number(), "one"))
    spool.close("one", record)
    (shipment,) = await spool.shipments(1, 10.0)
    opened = open_envelope(shipment.envelope, OPENER)
    assert isinstance(opened, OpenedRecord)
    assert opened.record_json == record
    await spool.shut()
