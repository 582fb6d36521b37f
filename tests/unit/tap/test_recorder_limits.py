"""What the recorder does about defects of ours, and about more than it can do at once."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from msgspec.structs import replace

from audit.exchange import AnswerHead, Ending, Level
from audit.sheaf import Sheaf
from audit.value import to_json
from storage.spool.port import PieceKind, ShipmentKind
from tap import recorder
from tap.reassembly import assemble_steps
from tap.recording import Recording
from tests.harness.tap import RunningTap, running_tap
from tests.unit.storage.kit import an_opening


class Pieces:
    """Notes which pieces go to the spool, which takes them as before."""

    def __init__(self, tap: RunningTap) -> None:
        self.kinds: list[PieceKind] = []
        self._piece = tap.spool.piece
        tap.spool.piece = self.note  # type: ignore[method-assign]  # it is watched

    def note(self, record_id: str, kind: PieceKind, data: bytes) -> None:
        """Note the kind and pass the piece on."""
        self.kinds.append(kind)
        self._piece(record_id, kind, data)


async def begun(tap: RunningTap, record_id: str, level: Level = Level.REDACTED) -> Recording:
    """The recording of an exchange that is under way."""
    opening = replace(an_opening(tap.spool.next_number(), record_id), level=level)
    await tap.spool.open(opening)
    return tap.desk.recorder.begin(opening, monotonic())


async def test_a_defect_in_one_flush_does_not_end_the_ticks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It costs the recording in which it is; all others are flushed, now and later."""
    async with running_tap(tmp_path, 1, flush_seconds=60) as tap:
        well, ill = await begun(tap, "well"), await begun(tap, "ill")
        pieces = Pieces(tap)

        def fails(record_id: str, kind: PieceKind, data: bytes) -> None:
            if record_id == "ill":
                raise RuntimeError("planted content")
            pieces.note(record_id, kind, data)

        monkeypatch.setattr(tap.spool, "piece", fails)
        for recording in (well, ill):
            recording.request(b"asked")
        tap.desk.recorder._tick()
        assert pieces.kinds == [PieceKind.REQUEST_BODY]
        assert not tap.desk.recorder._ticking
        assert tap.notes.counts["auditstream_recording_failures_total"] == 1
        assert "planted" not in str(tap.notes.events)
        [shipment] = await tap.spool.shipments(10, 5.0)
        assert shipment.id == "ill"


async def test_a_record_that_cannot_be_written_down_holds_up_no_other(tmp_path: Path) -> None:
    """What no JSON can say is a defect like any other: surrendered, and the next one is made."""
    async with running_tap(tmp_path, 1) as tap:
        recorder = tap.desk.recorder
        assemble = recorder._assemble

        def broken(*args: Any, **more: Any) -> Generator[None, None, Sheaf]:
            (record,) = yield from assemble(*args, **more)
            return (replace(record, consumer="\ud800") if record.id == "ill" else record,)

        recorder._assemble = broken
        for name in ("ill", "well"):
            recording = await begun(tap, name)
            recording.request(b"asked")
            recording.flush()
            recording.finish(None, None, monotonic())
        async with asyncio.timeout(5.0):
            await recorder.drain()
        assert tap.notes.counts["auditstream_recording_failures_total"] == 1
        await tap.spool.synced()
        kinds = {each.id: each.kind for each in await tap.spool.shipments(10, 5.0)}
        assert kinds == {"ill": ShipmentKind.REMNANT, "well": ShipmentKind.RECORD}


async def test_what_waits_to_be_made_into_records_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where calls end sooner than their records can be made, the worker makes what is too much."""
    monkeypatch.setattr(recorder, "_MOST_BEHIND", 150_000)
    resumed = asyncio.Event()

    def slow(*args: Any, **more: Any) -> Generator[None, None, Sheaf]:
        while not resumed.is_set():
            yield
        return (yield from assemble_steps(*args, **more))

    async with running_tap(tmp_path, 1) as tap:
        recorder_ = tap.desk.recorder
        recorder_._assemble = slow
        for number in range(4):
            recording = await begun(tap, f"id-{number}")
            recording.request(b"x" * 100_000)
            recording.finish(None, None, monotonic())
        waiting = len(recorder_._makings)
        resumed.set()
        assert waiting == 2
        assert tap.notes.counts["auditstream_exchanges_total/left_to_worker"] == 2
        await recorder_.drain()
        await tap.spool.synced()
        kinds = [each.kind for each in await tap.spool.shipments(10, 5.0)]
        assert sorted(kinds) == [ShipmentKind.RECORD] * 2 + [ShipmentKind.REMNANT] * 2
        recording = await begun(tap, "later")
        recording.request(b"x" * 100_000)
        recording.finish(None, None, monotonic())
        assert len(recorder_._makings) == 1


async def test_a_defect_beside_the_process_aside_surrenders_the_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw there ends neither the drain nor leaves an exchange open for good."""
    async with running_tap(tmp_path, 1) as tap:
        recorder = tap.desk.recorder
        monkeypatch.setattr(recorder._aside, "made", _fails)
        recording = await begun(tap, "ill", Level.NONE)
        recording.request(b"x" * 200_000)
        recording.finish(None, None, monotonic())
        await recorder.drain()
        assert tap.notes.counts["auditstream_recording_failures_total"] == 1
        assert "planted" not in str(tap.notes.events)
        [shipment] = await tap.spool.shipments(10, 5.0)
        assert shipment.kind is ShipmentKind.REMNANT


async def test_what_may_rest_nowhere_is_kept_in_pieces_of_a_tick(tmp_path: Path) -> None:
    """An object for each of a million small chunks would weigh many times what they hold."""
    async with running_tap(tmp_path, 1, flush_seconds=60) as tap:
        pieces = Pieces(tap)
        recording = await begun(tap, "none", Level.NONE)
        for _ in range(2):
            for number in range(500):
                recording.request(b"%03d" % number)
                recording.answer([b"%03d" % number], monotonic())
            assert not recording.tick()
        assert [len(body) for body in recording.bodies] == [2, 2]
        assert b"".join(recording.bodies[1]) == 2 * b"".join(b"%03d" % n for n in range(500))
        assert not recording.spooled
        assert pieces.kinds == []


async def test_a_tap_that_dies_while_it_reads_aside_leaves_how_the_call_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is made of the pieces is a finished call without its bodies, and no crash."""
    async with running_tap(tmp_path, 1) as tap:
        recorder = tap.desk.recorder
        asked = asyncio.Event()

        async def dies(*_: object) -> None:
            asked.set()
            raise RuntimeError("the pieces are all there is")

        monkeypatch.setattr(recorder._aside, "made", dies)
        recording = await begun(tap, "none", Level.NONE)
        recording.request(b"planted " * 30_000)
        recording.request_end()
        recording.head(AnswerHead(status=200, content_type=None, content_encoding=None, at_ns=1))
        recording.answer_end()
        recording.finish(None, None, monotonic())
        await asked.wait()
        [record] = await tap.records()
    assert record.exchange.ending is Ending.COMPLETE
    assert {"request_truncated", "answer_truncated"} <= set(record.exchange.flags)
    assert b"planted" not in to_json(record)


async def test_a_tap_that_stops_does_not_wait_for_all_that_is_read_aside(tmp_path: Path) -> None:
    """At one deadline for them all, what is not made is recorded without its bodies."""
    async with running_tap(tmp_path, 1) as tap:
        recorder = tap.desk.recorder
        await recorder._aside._turn.acquire()  # as if somebody were never done
        for number in range(3):
            recording = await begun(tap, f"id-{number}", Level.NONE)
            recording.request(b"x" * 200_000)
            recording.finish(None, None, monotonic())
        await recorder.drain(0.0)
        assert not recorder._asides
        assert recorder._aside._waiting == 0
        assert tap.notes.counts["auditstream_capture_cut_total"] == 3
        records = await tap.records()
    assert len(records) == 3
    assert all("request_truncated" in each.exchange.flags for each in records)


async def _fails(*_: object) -> object:
    raise RuntimeError("planted content")
