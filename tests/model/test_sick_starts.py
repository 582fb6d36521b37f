"""Starting on a disk that is nearly full, or fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from storage.spool.notes import FRESH
from storage.spool.port import PieceKind
from storage.spool.recovery import recover
from tests.model.spool_story import Story


@pytest.fixture
def story() -> Iterator[Story]:
    """A spool whose newest segment is larger than what the disk has left."""
    story = Story(10**6)
    story.first_start()
    story.begin(strict=False)
    story.step()
    [record_id] = story.live()
    content = b"." * 20_000
    story.exchanges[record_id].pieces.append(content)
    story.spool.piece(record_id, PieceKind.ANSWER_BODY, content)
    story.late()
    story.disk.capacity = story.disk.used + 5_000
    yield story
    story.abandon()
    story.loop.close()


def test_a_start_on_a_nearly_full_disk_works_each_time(story: Story) -> None:
    """The copy for which there is no room is not left in the way of what needs little."""
    for boot in ("b", "c"):
        recovered = recover(story.disk, "tap", boot, now_ns=0, reserve=2)
        assert recovered.report.remnants == 1
        assert not [name for name in story.disk.names() if name.endswith(FRESH)]
    story.crash(power=True)


def test_a_note_that_cannot_be_replaced_leaves_nothing_behind(story: Story) -> None:
    """On a disk without any room a start fails, and the next one finds all as it was."""
    before = {name: bytes(each.shown) for name, each in story.disk.shown.items()}
    story.disk.capacity = story.disk.used
    with pytest.raises(OSError, match="write failed"):
        recover(story.disk, "tap", "b", now_ns=0, reserve=2)
    assert {name: bytes(each.shown) for name, each in story.disk.shown.items()} == before
    story.crash(power=True)
