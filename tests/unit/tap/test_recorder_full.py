"""How exchanges end while the spool takes nothing more: a tap that lives did not crash."""

from __future__ import annotations

import secrets
from pathlib import Path
from time import monotonic

import pytest
from msgspec.structs import replace

from audit.exchange import AnswerHead, Ending, Level
from audit.record import ExchangeFacts
from storage.spool.options import SpoolOptions
from tests.harness.tap import RunningTap, running_tap
from tests.unit.storage.kit import an_opening

# The cap was reached; and the disk has taken nothing for so long that twice the bound waits for it.
FULL = SpoolOptions(max_bytes=200_000)
CROWDED = SpoolOptions(queue_bytes=-1)
# Nothing fits but what is taken over the cap.
NOTHING = SpoolOptions(max_bytes=0)

CHAT = "/v1/chat/completions"
FIRST = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"so much"}}]}\n\n'
LAST = b'data: {"id":"c","choices":[{"index":0,"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


async def ended(
    tap: RunningTap,
    left: SpoolOptions,
    *,
    before: list[bytes],
    after: list[bytes],
    path: str = "/files/x",
    level: Level = Level.REDACTED,
    status: int = 200,
) -> ExchangeFacts:
    """One exchange that ends well; from the middle of its answer on the spool has so much left."""
    spool = tap.spool
    opening = an_opening(spool.next_number(), "id", path=path)
    opening = replace(opening, level=level)
    await spool.open(opening)
    recording = tap.desk.recorder.begin(opening, monotonic())
    recording.request(b"{}")
    recording.request_end()
    if before:
        recording.head(head(path, status))
        recording.answer(before, monotonic())
        recording.flush()
        await spool.synced()
    had, spool._options = spool._options, left
    if not before:
        recording.head(head(path, status))
    recording.answer(after, monotonic())
    recording.answer_end()
    recording.finish(None, None, monotonic())
    await tap.desk.recorder.drain()
    spool._options = had
    [record] = await tap.records()
    return record.exchange


def head(path: str, status: int) -> AnswerHead:
    """The answer's head: a stream of events for a chat, else some file."""
    kind = "text/event-stream" if path == CHAT else "application/octet-stream"
    return AnswerHead(status=status, content_type=kind, content_encoding=None, at_ns=2)


def noise(size: int) -> bytes:
    """Bytes that compress to nothing less and that nobody takes for the beginning of a text."""
    return b"\xff" + secrets.token_bytes(size - 1)


async def test_a_large_call_that_ends_while_the_spool_is_full_is_no_crash(tmp_path: Path) -> None:
    """The evidence of its end is taken over the cap, as a record is; nothing of it is missing."""
    async with running_tap(tmp_path, 1) as tap:
        facts = await ended(tap, FULL, before=[noise(400_000)], after=[])
    assert (facts.ending, facts.ending_detail, facts.flags) == (Ending.COMPLETE, None, ())


@pytest.mark.parametrize(
    ("size", "seen", "dropped"),
    [(10, True, 0), (10, False, 3), (400_000, True, 1), (400_000, False, 4)],
)
async def test_what_ends_while_not_even_that_fits_is_no_crash(
    tmp_path: Path, size: int, seen: bool, dropped: int
) -> None:
    """It is said how it ended, and what is missing; also where nothing else was kept."""
    whole = [noise(size)]
    async with running_tap(tmp_path, 1) as tap:
        facts = await ended(tap, CROWDED, before=whole if seen else [], after=[] if seen else whole)
        assert tap.spool.census().dropped == dropped
    assert (facts.ending, facts.ending_detail) == (Ending.COMPLETE, None)
    assert facts.flags == (("pieces_missing",) if dropped else ())


@pytest.mark.parametrize("left", [NOTHING, CROWDED])
@pytest.mark.parametrize("size", [10, 400_000])
async def test_an_error_whose_head_was_dropped_is_no_success(
    tmp_path: Path, left: SpoolOptions, size: int
) -> None:
    """The status is with the evidence of the end, which is taken whatever else finds no room."""
    async with running_tap(tmp_path, 1) as tap:
        facts = await ended(tap, left, before=[], after=[noise(size)], status=429)
    assert (facts.ending, facts.status) == (Ending.REJECTED, 429)


async def test_a_stream_whose_last_piece_was_dropped_came_to_its_end(tmp_path: Path) -> None:
    """The tap saw the end: that the event that says so is missing is not the upstream's doing."""
    async with running_tap(tmp_path, 1) as tap:
        facts = await ended(tap, FULL, before=[FIRST] * 4000, after=[LAST], path=CHAT)
        assert tap.spool.census().dropped == 1
    assert (facts.ending, facts.ending_detail) == (Ending.COMPLETE, None)
    assert "pieces_missing" in facts.flags


async def test_of_what_may_rest_nowhere_the_end_is_said_without_bodies(tmp_path: Path) -> None:
    """Where its record finds no room, the one made of its pieces says that bodies are not here."""
    async with running_tap(tmp_path, 1) as tap:
        facts = await ended(tap, CROWDED, before=[], after=[b"x"], level=Level.NONE)
    assert facts.ending is Ending.COMPLETE
    assert {"request_truncated", "answer_truncated"} <= set(facts.flags)
