"""One story that has everything in it, to be cut off after each of its steps.

What takes random schedules long to find, because it needs one event after another in the right
order, is told here: segments that a long exchange pins, marks in segments that are deleted, and a
segment that is let go while something is added to it.
"""

from __future__ import annotations

from random import Random

from tests.model.spool_world import Pace
from tests.model.test_spool_model import SpoolMachine

__all__ = ["Story", "tell"]


class Cut(Exception):
    """The story ends here."""


class Story(SpoolMachine):
    """A spool whose every step may be the last; `left` counts down."""

    def __init__(self, left: int) -> None:
        super().__init__()
        self.left = left

    def step(self, pace: Pace = Pace.HEARD) -> None:
        """As ever, but with a chance to end between any two parts of it."""
        self.turn()
        writer, syncer = self.spool._writer.step, self.spool._syncer.step
        parts = [writer, syncer, writer]
        for part in parts[: {Pace.WRITTEN: 1, Pace.SYNCED: 2}.get(pace)]:
            part(block=False)
            self.tick()
        if pace is not Pace.UNHEARD:
            self.hear()
            self.tick()

    def claim(self) -> None:
        """As ever, but the story may end before anything else is written."""
        super().claim()
        self.tick()

    def tick(self) -> None:
        """One step is done."""
        self.left -= 1
        if self.left == 0:
            raise Cut

    def late(self, times: int = 2, pace: Pace = Pace.HEARD) -> None:
        """Steps in which a sync is due: one to write and one to sync what was written."""
        for _ in range(times):
            self.now += 2.0
            self.step(pace)

    def whole(self) -> None:
        """Tell it to its end."""
        self.first_start()
        stays, goes = self.two_in_one_segment()
        self.passes(300)
        self.mark_at_the_end_of_a_segment(goes)
        self.passes(300)
        self.rests_while_something_comes()
        self.numbers_run_on()
        self.a_sync_fails()
        self.half_a_write_stays()
        self.an_opening_is_refused()
        self.everything_ends(stays)

    def two_in_one_segment(self) -> tuple[str, str]:
        """One stays open and pins the segment; the other has ended in it, before any sync."""
        self.begin(strict=False)
        self.begin(strict=False)
        self.step()
        stays, goes = self.live()
        self.close(goes, 1000)
        self.late()
        return stays, goes

    def passes(self, size: int) -> None:
        """An exchange comes, ends and is shipped."""
        self.begin(strict=False)
        self.step()
        record_id = self.live()[-1]
        self.close(record_id, size)
        self.late()
        self.take([record_id])
        self.late()

    def mark_at_the_end_of_a_segment(self, record_id: str) -> None:
        """The mark of one is the last thing in a segment; its sync is heard of after the next."""
        self.late(4)
        self.take([record_id])
        for _ in range(20):
            self.forward_unrecorded()
        self.step()
        self.late(1, Pace.SYNCED)
        self.begin(strict=False)
        self.late(4)

    def rests_while_something_comes(self) -> None:
        """What lies in the newest segment was shipped; an opening has come, unheard of."""
        for record_id in self.live()[1:]:
            self.close(record_id, 100)
        self.late()
        self.take([each.id for each in self.offered()])
        self.late()
        self.begin(strict=True)
        self.late(1, Pace.UNHEARD)
        self.spool._keeper.sweeper.rest()
        self.late(4)

    def numbers_run_on(self) -> None:
        """Openings need one reservation after another, and nothing else syncs the folder."""
        for _ in range(3):
            self.begin(strict=False)
            self.step()

    def a_sync_fails(self) -> None:
        """What was offered to a sync that failed is written again; an opening comes meanwhile."""
        self.late()
        self.close(self.live()[-1], 200)
        self.begin(strict=False)
        self.step()
        self.disk.fail_sync = True
        self.late(4)

    def half_a_write_stays(self) -> None:
        """The disk fills up and cannot take back what it had begun; what came before is synced."""
        self.close(self.live()[-1], 200)
        self.step()
        self.disk.full = self.disk.fail_truncate = True
        self.forward_unrecorded()
        self.step()
        self.disk.full = False
        self.late(4)

    def an_opening_is_refused(self) -> None:
        """It stands in a file whose sync fails when the next file has been begun.

        The tap says what it knows of it all along.
        """
        for _ in range(4):
            self.begin(strict=True)
        self.step(Pace.WRITTEN)
        self.begin(strict=False)
        self.step(Pace.WRITTEN)
        self.disk.fail_sync = True
        for _ in range(4):
            self.late(1)
            self.claim()

    def everything_ends(self, record_id: str) -> None:
        """What stayed open ends; all is shipped, and the last segment is let go."""
        for each in [record_id, *self.live()[1:]]:
            self.close(each, 100)
        self.late()
        self.take([each.id for each in self.offered()])
        self.late(3)
        self.spool._keeper.sweeper.rest()
        self.late(4)


def tell(left: int, seed: int, *, power: bool) -> bool:
    """Tell so many steps, crash, and compare; False when the story was over before.

    What a start has found is durable: the machine may go down right behind it.
    """
    story = Story(left)
    try:
        story.whole()
    except Cut:
        if power:
            story.disk.cut_power(Random(seed))
        story.crash(power=power)
        story.disk.cut_power(Random(seed))
        story.crash(power=True)
        return True
    finally:
        story.abandon()
        story.loop.close()
    return False
