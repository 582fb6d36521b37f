"""The model can fail: with any one of the spool's safeguards taken out, it objects.

Checksums are what random schedules find out about soonest; for the order of things, one story that
is cut off at each of its steps is quicker and misses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from audit.ledger import Checkpoint
from audit.value import from_json
from storage.spool import reader, recovery
from storage.spool.account import Account
from storage.spool.frame import CHECKS, Header, Kind, decode_header, encode_frame
from storage.spool.index import Index
from storage.spool.keeper import Keeper
from storage.spool.open_segment import OpenSegment
from storage.spool.ops import Append, Discard, Written
from storage.spool.reader import Frame
from storage.spool.segments import Journal
from storage.spool.spool import FileSpool
from storage.spool.survey import Survey
from storage.spool.writer import Writer
from tests.model.faulty_disk import FaultyDisk
from tests.model.spool_story import tell
from tests.model.test_spool_model import SpoolMachine

Break = Callable[[pytest.MonkeyPatch], None]

# Each mutant is found within a few dozen schedules; this leaves room for another version of
# Hypothesis, which would try others.
ENOUGH = settings(
    max_examples=600,
    stateful_step_count=40,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


def no_folder_sync(patch: pytest.MonkeyPatch) -> None:
    """A segment's name is never made durable."""
    patch.setattr(FaultyDisk, "sync", lambda _: None)


def no_folder_sync_for_segments(patch: pytest.MonkeyPatch) -> None:
    """Nor where only the sync after a segment's creation is left out."""
    begin = Journal._begin

    def begin_unsynced(self: Journal) -> object:
        patch.setattr(FaultyDisk, "sync", lambda _: None)
        try:
            return begin(self)
        finally:
            patch.setattr(FaultyDisk, "sync", sync)

    sync = FaultyDisk.sync
    patch.setattr(Journal, "_begin", begin_unsynced)


class Whatever:
    """Equal to every checksum."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment] # it is nobody's key


def no_payload_check(patch: pytest.MonkeyPatch) -> None:
    """A payload's checksum is not looked at."""
    patch.setattr(reader, "crc32", lambda _: Whatever())


def no_header_check(patch: pytest.MonkeyPatch) -> None:
    """A header's checksum is mended before it is looked at."""

    def unchecked(buffer: bytearray, at: int, size: int) -> tuple[Header, int] | None:
        payload_crc, _ = CHECKS.unpack_from(buffer, at + size)
        mended = encode_frame(bytes(buffer[at : at + size]), b"")
        found = decode_header(mended, 0, size)
        return None if found is None else (found[0], payload_crc)

    patch.setattr(reader, "decode_header", unchecked)


def offered_before_synced(patch: pytest.MonkeyPatch) -> None:
    """A record is offered when it is written."""
    on_written = Keeper._on_written

    def hear(self: Keeper, written: Written) -> None:
        on_written(self, written)
        for each in written.placed:
            if each.op.kind is Kind.CLOSED and each.op.exchange is not None:
                self._offer(each.op.exchange, Kind.CLOSED)

    patch.setattr(Keeper, "_on_written", hear)


def deleted_before_marked(patch: pytest.MonkeyPatch) -> None:
    """A segment is deleted before the marks that were in it are durable elsewhere."""
    discard = Writer._discard

    def at_once(self: Writer, op: Discard) -> None:
        discard(self, op)
        self._delete(op)

    patch.setattr(Writer, "_discard", at_once)


def marks_not_carried(patch: pytest.MonkeyPatch) -> None:
    """A segment is deleted without carrying its marks forward."""
    patch.setattr(Index, "marks", lambda _: {})


def marks_carried_late(patch: pytest.MonkeyPatch) -> None:
    """A number's mark is carried only once it is durable, where it may itself be deleted."""
    patch.setattr(Index, "mark", lambda *_: None)


def no_reservation(patch: pytest.MonkeyPatch) -> None:
    """Numbers are given out beyond any durable bound."""

    def keep_to_itself(self: Journal, bound: int) -> None:
        self._reserved = max(self._reserved, bound)

    patch.setattr(Journal, "reserve", keep_to_itself)


def reservation_not_synced(patch: pytest.MonkeyPatch) -> None:
    """The bound is written and not synced."""
    reserve = Journal.reserve
    sync = FaultyDisk.sync

    def unsynced(self: Journal, bound: int) -> None:
        patch.setattr(FaultyDisk, "sync", lambda _: None)
        try:
            reserve(self, bound)
        finally:
            patch.setattr(FaultyDisk, "sync", sync)

    patch.setattr(Journal, "reserve", unsynced)


def given_up_without_sync(patch: pytest.MonkeyPatch) -> None:
    """A file that could not take back half a write counts as synced."""
    take_back = Journal._take_back

    def forget(self: Journal, current: OpenSegment, ops: Sequence[Append]) -> None:
        take_back(self, current, ops)
        if self._current is None:
            self._dirty.clear()

    patch.setattr(Journal, "_take_back", forget)


def lost_after_a_failed_sync(patch: pytest.MonkeyPatch) -> None:
    """What a failed sync may have lost is not written again."""
    keep_or_refuse = Writer._keep_or_refuse

    def lose(self: Writer, ops: Sequence[Append]) -> None:
        keep_or_refuse(self, ops)
        self._settle(self._backlog)
        self._listener.synced(self._backlog)
        self._backlog = []

    patch.setattr(Writer, "_keep_or_refuse", lose)


def unopened_before_it_is_noted(patch: pytest.MonkeyPatch) -> None:
    """A number counts as unopened while its opening may stand in a file."""
    patch.setattr(Account, "asked", lambda *_: None)


def only_the_newest_written_anew(patch: pytest.MonkeyPatch) -> None:
    """A start trusts a file whose sync the boot before did not live to see the end of."""
    patch.setattr(recovery, "_doubtful", lambda survey: survey.segments[-1:])


def deleted_while_written_to(patch: pytest.MonkeyPatch) -> None:
    """A segment that rested is deleted although something was added meanwhile."""
    patch.setattr(Journal, "rests", lambda *_: True)


def sent_before_synced(patch: pytest.MonkeyPatch) -> None:
    """A checkpoint leaves when it is drawn up."""

    async def at_once(_: FileSpool) -> None:
        pass

    patch.setattr(FileSpool, "synced", at_once)


def the_last_checkpoint_counts(patch: pytest.MonkeyPatch) -> None:
    """A start takes the checkpoint that it reads last, which may be one carried forward."""

    def read(self: Survey, frame: Frame) -> None:
        told = from_json(frame.payload, Checkpoint)
        facts = self._boot(frame.header.boot)
        facts.checkpoint, facts.opened = told, max(facts.opened, told.opened)

    patch.setattr(Survey, "_checkpoint", read)


@pytest.mark.parametrize("broken", [no_payload_check, no_header_check])
def test_random_schedules_object(broken: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    """A spool that looks at no checksum does not agree with the model."""
    broken(monkeypatch)
    # The model objects, or what an unchecked bit breaks first: a text, a number, a format.
    with pytest.raises(Exception):  # noqa: B017, PT011 - as said above, it may be any
        three_draws()


def three_draws() -> None:
    """Try schedules; which come first depends on what else was imported, so three times."""
    again = settings(ENOUGH, derandomize=False)
    for tried in (ENOUGH, again, again):
        run_state_machine_as_test(SpoolMachine, settings=tried)


@pytest.mark.parametrize(
    "broken",
    [
        no_folder_sync,
        no_folder_sync_for_segments,
        offered_before_synced,
        deleted_before_marked,
        marks_not_carried,
        marks_carried_late,
        no_reservation,
        reservation_not_synced,
        given_up_without_sync,
        lost_after_a_failed_sync,
        deleted_while_written_to,
        unopened_before_it_is_noted,
        only_the_newest_written_anew,
        sent_before_synced,
        the_last_checkpoint_counts,
    ],
)
def test_the_story_objects(broken: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this safeguard there is a moment in the story at which a crash breaks a promise."""
    broken(monkeypatch)
    with pytest.raises(AssertionError):
        whole_story()


def test_the_story_holds() -> None:
    """With all of them, the story can be cut at any of its steps, and no promise is broken."""
    assert whole_story() > 150


def whole_story() -> int:
    """Tell the story up to each of its steps in turn; gives how many it has."""
    left = 1
    while all(tell(left, seed, power=True) for seed in (0, 1)) and tell(left, 0, power=False):
        left += 1
    return left
