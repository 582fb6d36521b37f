"""The spool agrees with a plain model through kills, power cuts, failing disks and flipped bits."""

from __future__ import annotations

from enum import Enum
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from storage.spool.port import PieceKind
from tests.model.spool_world import Pace, SpoolWorld

# None: what is asked for stays in the queue for now.
PACES = st.sampled_from([None, *Pace])


class Fault(Enum):
    """What a disk may do next."""

    WRITE = "stop half-way through a write"
    SYNC = "fail to sync a file"
    FOLDER_SYNC = "fail to sync the folder"
    FULL = "be full"
    NEARLY_FULL = "have room for little more"
    ROOM = "have room again"


class Crash(Enum):
    """How a boot may end."""

    KILL = "the process dies"
    POWER = "the machine dies"
    FLIPPED_BIT = "the process dies, and a bit of a segment turns over"


# Power cuts take most, and show most.
CRASHES = [Crash.POWER, Crash.POWER, Crash.KILL, Crash.FLIPPED_BIT]

SICK_STARTS = st.sampled_from(
    [None, None, Fault.WRITE, Fault.SYNC, Fault.FOLDER_SYNC, Fault.FULL, Fault.NEARLY_FULL]
)


class SpoolMachine(SpoolWorld):
    """Random schedules of everything that can happen to a spool."""

    @initialize()
    def first_start(self) -> None:
        """A fresh folder."""
        self.start()

    @rule(strict=st.booleans(), count=st.integers(1, 3), pace=PACES)
    def open(self, strict: bool, count: int, pace: Pace | None) -> None:
        """Exchanges begin."""
        for _ in range(count):
            self.begin(strict=strict)
        self.step_at(pace)

    @rule(data=st.data(), size=st.integers(1, 700), pace=PACES)
    def piece(self, data: st.DataObject, size: int, pace: Pace | None) -> None:
        """Bytes pass."""
        record_id = self.one_of_the_live(data)
        if record_id is not None:
            promised = self.exchanges[record_id]
            content = b"%s#%d" % (record_id.encode(), len(promised.pieces)) + b"." * size
            promised.pieces.append(content)
            self.spool.piece(record_id, PieceKind.ANSWER_BODY, content)
        self.step_at(pace)

    @rule(data=st.data(), size=st.integers(0, 900), whole=st.booleans(), pace=PACES)
    def end(self, data: st.DataObject, size: int, whole: bool, pace: Pace | None) -> None:
        """An exchange ends, with a record or without."""
        record_id = self.one_of_the_live(data)
        if record_id is not None and whole:
            self.close(record_id, size)
        elif record_id is not None:
            self.give_up(record_id)
        self.step_at(pace)

    @rule(count=st.integers(1, 4), resting=st.booleans())
    def pass_through(self, count: int, resting: bool) -> None:
        """Exchanges begin, end and are shipped, as they mostly do; then nothing comes for long."""
        for _ in range(count):
            self.begin(strict=False)
        self.step()
        for record_id in self.live():
            self.close(record_id, 300)
        self.write(late=True, pace=Pace.HEARD)
        self.take([each.id for each in self.offered()])
        self.write(late=True, pace=Pace.HEARD)
        if resting:
            self.spool._keeper.sweeper.rest()

    @rule(late=st.booleans(), pace=st.sampled_from(Pace))
    def write(self, late: bool, pace: Pace) -> None:
        """The writer takes a batch; `late` makes a sync due."""
        self.now += 2.0 if late else 0.0
        self.step(pace)

    @rule(data=st.data(), every=st.booleans(), pace=PACES)
    def ship(self, data: st.DataObject, every: bool, pace: Pace | None) -> None:
        """The queue takes some of what is offered, or all."""
        offered = self.offered()
        for each in offered:
            self.promises.check(each)
        self.take([each.id for each in offered if every or data.draw(st.booleans())])
        self.step_at(pace)

    @rule(data=st.data(), what=st.sampled_from(["cancel", "unrecorded", "checkpoint", "rest"]))
    def happen(self, data: st.DataObject, what: str) -> None:
        """A client leaves, a number is used without an opening, time passes."""
        if what == "cancel" and self.tasks:
            self.tasks[data.draw(st.sampled_from(sorted(self.tasks)))].cancel()
            self.step()
        elif what == "unrecorded":
            self.forward_unrecorded()
        elif what == "checkpoint":
            self.claim()
        elif what == "rest":
            self.spool._keeper.sweeper.rest()

    @rule()
    def settle(self) -> None:
        """The disk is well, and everything that was asked is done."""
        self.disk.heal()
        for _ in range(8):
            self.now += 2.0
            self.step()
        for each in self.exchanges.values():
            each.forgotten |= each.told or each.refused
            each.durable |= each.acked
        waiting = {each.id for each in self.offered()}
        expected = {
            record_id
            for record_id, each in self.exchanges.items()
            if each.acked and not each.told and (each.ended or each.number.boot != self.boot)
        }
        assert expected <= waiting, "an exchange that ended is not offered for shipping"

    @rule(fault=st.sampled_from(Fault), at=st.integers(0, 2000), pace=PACES, opens=st.booleans())
    def fail(self, fault: Fault, at: int, pace: Pace | None, opens: bool) -> None:
        """The disk will fail, in one way or another; something may be written to it at once.

        What the tap then says of the number is what it must keep to.
        """
        if opens:
            self.begin(strict=True)
            self.step(Pace.WRITTEN)
        self.fall_ill(fault, at)
        if pace is None:
            return
        self.forward_unrecorded()
        self.step(pace)
        self.claim()

    def fall_ill(self, fault: Fault, at: int) -> None:
        """Have the disk fail in this way, after `at` bytes where it is one of bytes."""
        disk = self.disk
        disk.tear_write_at = at if fault is Fault.WRITE else disk.tear_write_at
        disk.fail_sync |= fault is Fault.SYNC
        disk.fail_folder_sync |= fault is Fault.FOLDER_SYNC
        if fault in {Fault.FULL, Fault.ROOM}:
            # A full disk cannot even take back half a write.
            disk.full = disk.fail_truncate = fault is Fault.FULL
        if fault in {Fault.NEARLY_FULL, Fault.ROOM}:
            disk.capacity = disk.used + at if fault is Fault.NEARLY_FULL else None

    @rule(
        random=st.randoms(use_true_random=False),
        crash=st.sampled_from(CRASHES),
        ill=SICK_STARTS,
        at=st.integers(0, 2000),
    )
    def die(self, random: Random, crash: Crash, ill: Fault | None, at: int) -> None:
        """The process dies and its page cache lives, or the machine dies and its platter lives.

        A start on a sick disk may come first, and may fail.
        """
        if crash is Crash.POWER:
            self.disk.cut_power(random)
        elif crash is Crash.FLIPPED_BIT:
            self.flip_a_bit(random)
        if ill is not None:
            self.disk.heal()
            self.fall_ill(ill, at)
            self.start_in_vain()
        self.crash(power=crash is Crash.POWER)

    def teardown(self) -> None:
        """In the end, once all is shipped, only the newest segment is left, and damaged ones."""
        try:
            self.ship_everything()
        finally:
            self.abandon()
            self.loop.close()

    def ship_everything(self) -> None:
        """End what is open, ship all, and look what is left in the folder."""
        self.settle()
        for record_id in self.live():
            self.give_up(record_id)
        self.settle()
        for each in self.offered():
            self.promises.check(each)
            self.take([each.id])
        self.settle()
        self.spool.checkpoint(final=True)
        self.settle()
        # One whose only frame was hit is known for no segment, and left alone like a damaged one.
        found = self.spool.recovery
        damaged = {*found.damaged_files, *found.foreign}
        kept = [n for n in self.disk.names() if n.endswith(".spool") and n not in damaged]
        assert len(kept) <= 2, "segments that nothing needs were kept"


# In parts, because a single test that takes minutes on a busy machine would be taken for one that
# hangs.
PARTS = 5
SCHEDULES = 2000


@pytest.mark.parametrize("part", range(PARTS))
def test_the_spool_agrees_with_its_model(part: int) -> None:
    """Through random schedules of use, faults and crashes, what was promised holds."""
    few = settings(
        max_examples=SCHEDULES // PARTS,
        stateful_step_count=32,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    run_state_machine_as_test(SpoolMachine, settings=few)
