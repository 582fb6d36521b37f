"""The spool agrees with a plain model through kills, power cuts, failing disks and flipped bits."""

from __future__ import annotations

from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from storage.spool.frame import Kind
from storage.spool.port import PieceKind
from storage.spool.reader import Frame, read_frames
from tests.model.spool_world import SpoolWorld


class SpoolMachine(SpoolWorld):
    """Random schedules of everything that can happen to a spool."""

    @initialize()
    def first_start(self) -> None:
        """A fresh folder."""
        self.start()

    @rule(strict=st.booleans(), count=st.integers(1, 3), written=st.booleans())
    def open(self, strict: bool, count: int, written: bool) -> None:
        """Exchanges begin."""
        for _ in range(count):
            self.begin(strict=strict)
        if written:
            self.step()

    @rule()
    def forward_unrecorded(self) -> None:
        """A number is used without an opening."""
        number = self.spool.next_number()
        assert number not in self.given, "a number was given out twice"
        self.given.add(number)
        self.unopened.add(number)
        self.spool.unrecorded(number, "forwarded:spool.full")

    @precondition(lambda self: self.tasks)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """A client leaves while its opening waits."""
        self.tasks[data.draw(st.sampled_from(sorted(self.tasks)))].cancel()
        self.step()

    @precondition(lambda self: self.live())
    @rule(data=st.data(), size=st.integers(1, 700))
    def piece(self, data: st.DataObject, size: int) -> None:
        """Bytes pass."""
        record_id = data.draw(st.sampled_from(self.live()))
        promised = self.exchanges[record_id]
        content = b"%s#%d" % (record_id.encode(), len(promised.pieces)) + b"." * size
        promised.pieces.append(content)
        self.spool.piece(record_id, PieceKind.ANSWER_BODY, content)

    @precondition(lambda self: self.live())
    @rule(
        data=st.data(),
        size=st.integers(0, 900),
        surrender=st.booleans(),
        written=st.booleans(),
    )
    def end(self, data: st.DataObject, size: int, surrender: bool, written: bool) -> None:
        """An exchange ends, with a record or without."""
        record_id = data.draw(st.sampled_from(self.live()))
        if surrender:
            self.exchanges[record_id].ended = True
            self.spool.surrender(record_id)
        else:
            self.close(record_id, size)
        if written:
            self.step()

    @rule(count=st.integers(1, 4))
    def pass_through(self, count: int) -> None:
        """Exchanges begin, end and are shipped, as they mostly do."""
        for _ in range(count):
            self.begin(strict=False)
        self.write(late=False)
        for record_id in self.live():
            self.close(record_id, 300)
        self.write(late=True)
        self.take([each.id for each in self.offered()])
        self.write(late=True)

    @rule(late=st.booleans())
    def write(self, late: bool) -> None:
        """The writer takes a batch; `late` makes a sync due."""
        self.now += 2.0 if late else 0.0
        self.step()

    @rule(data=st.data())
    def ship(self, data: st.DataObject) -> None:
        """The queue takes some of what is offered."""
        offered = self.offered()
        for each in offered:
            self.check(each)
        taken = [each.id for each in offered if data.draw(st.booleans())]
        self.take(taken)

    @rule()
    def settle(self) -> None:
        """The disk is well, and everything that was asked is done."""
        self.disk.heal()
        for _ in range(4):
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

    @rule()
    def checkpoint(self) -> None:
        """The tap's own word agrees with the model."""
        checkpoint = self.spool.checkpoint()
        assert checkpoint.chain == self.fold(self.boot, checkpoint.opened)

    @rule(at=st.integers(0, 2000))
    def tear_next_write(self, at: int) -> None:
        """The next write stops half-way."""
        self.disk.tear_write_at = at

    @rule(folder=st.booleans())
    def fail_next_sync(self, folder: bool) -> None:
        """The next sync of a file, or of the folder, fails."""
        self.disk.fail_folder_sync |= folder
        self.disk.fail_sync |= not folder

    @rule(full=st.booleans())
    def fill_disk(self, full: bool) -> None:
        """The disk is full, and cannot even take back half a write; or it has room again."""
        self.disk.full = self.disk.fail_truncate = full

    @rule()
    def kill(self) -> None:
        """The process dies; the page cache lives."""
        self.crash(power=False)

    @rule(random=st.randoms(use_true_random=False))
    def cut_power(self, random: Random) -> None:
        """The machine dies; only the platter lives."""
        self.disk.cut_power(random)
        self.crash(power=True)

    @rule(random=st.randoms(use_true_random=False))
    def flip_a_bit(self, random: Random) -> None:
        """While the process is dead, a bit of a segment turns over.

        What has frames in that segment may be unreadable, and marks in it may be gone, so that
        what was shipped comes again; nothing else may suffer.
        """
        names = [name for name in self.disk.names() if name.endswith(".spool")]
        if not names:
            return
        content = self.disk.shown[random.choice(names)]
        frames = [each for each in read_frames(bytes(content.shown)) if isinstance(each, Frame)]
        clear = [each for each in frames if each.header.kind == Kind.SHIPPED]
        for each in frames:
            if each.header.id in self.exchanges:
                self.exchanges[each.header.id].spoilt = True
        for promised in self.exchanges.values():
            promised.forgotten = False
        hit = random.choice(clear or frames) if frames else None
        at = random.randrange(hit.offset, hit.offset + hit.size) if hit else 0
        self.altered = True
        if content.shown:
            content.shown[at] ^= 1 << random.randrange(8)
        self.crash(power=False)

    def teardown(self) -> None:
        """In the end, once all is shipped, the spool holds no segment but the newest."""
        try:
            self.ship_everything()
        finally:
            self.abandon()
            self.loop.close()

    def ship_everything(self) -> None:
        """End what is open, ship all, and look what is left in the folder."""
        self.settle()
        for record_id in self.live():
            self.exchanges[record_id].ended = True
            self.spool.surrender(record_id)
        self.settle()
        for each in self.offered():
            self.check(each)
            self.take([each.id])
        self.settle()
        self.spool.checkpoint(final=True)
        self.settle()
        kept = [name for name in self.disk.names() if name.endswith(".spool")]
        assert len(kept) <= 2, "segments that nothing needs were kept"


SpoolMachine.TestCase.settings = settings(
    max_examples=600,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestSpool = SpoolMachine.TestCase
