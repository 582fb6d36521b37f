"""Randomness in blocks: nothing twice, nothing skipped, nothing made up."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from tap.randomness import Randomness


class Counting:
    """A source whose bytes tell where they stood: four for each number."""

    def __init__(self) -> None:
        self.given = 0

    def __call__(self, count: int) -> bytes:
        """The next `count` bytes."""
        block = range(self.given, self.given + count, 4)
        self.given += count
        return b"".join(number.to_bytes(4, "big") for number in block)


@given(st.lists(st.sampled_from([4, 8, 12, 16, 4096]), max_size=2000))
def test_no_byte_is_given_out_twice(counts: list[int]) -> None:
    """Each taking has the length asked for, and no part of any other."""
    random = Randomness(Counting())
    taken = [random.take(count) for count in counts]
    assert [len(each) for each in taken] == counts
    words = [each[at : at + 4] for each in taken for at in range(0, len(each), 4)]
    assert len(set(words)) == len(words)


def test_the_system_is_asked_once_for_many_calls() -> None:
    """Some hundred ids and salts come out of one block."""
    source = Counting()
    random = Randomness(source)
    for _ in range(150):
        random.take(10)
        random.take(16)
    assert source.given == 4096


def test_two_processes_or_boots_share_no_bytes() -> None:
    """Unless told otherwise the bytes are the system's own."""
    assert Randomness().take(16) != Randomness().take(16)
    assert Randomness(os.urandom).take(16) != bytes(16)
