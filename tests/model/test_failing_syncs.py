"""A disk that takes bytes and cannot sync them, or takes a few; for as long as it likes."""

from __future__ import annotations

from tests.model.spool_story import Story


def test_a_disk_that_cannot_sync_is_not_filled_with_copies() -> None:
    """What waits is written again after each failure, and only the last copy stays."""
    story = Story(10**6)
    story.first_start()
    for _ in range(3):
        story.begin(strict=False)
    for _ in range(40):
        story.disk.fail_sync = True
        story.late(1)
        assert len(segments(story)) <= 3
    assert story.spool.census().bytes < 20_000
    story.settle()
    assert len(segments(story)) == 1
    story.crash(power=True)
    story.abandon()
    story.loop.close()


def test_a_segment_that_could_take_nothing_does_not_stay() -> None:
    """Where there is room for its head only, and half a write stays, it goes with the next one."""
    story = Story(10**6)
    story.first_start()
    story.begin(strict=False)
    story.late()
    story.spool._writer._journal.abandon()
    for _ in range(3):
        story.disk.capacity = story.disk.used + 1000
        story.disk.fail_truncate = True
        story.begin(strict=False)
        story.step()
        story.disk.heal()
        story.late()
    assert len(segments(story)) == 2
    story.crash(power=True)
    story.abandon()
    story.loop.close()


def segments(story: Story) -> list[str]:
    """The segments that lie in the folder."""
    return [name for name in story.disk.names() if name.endswith(".spool")]
