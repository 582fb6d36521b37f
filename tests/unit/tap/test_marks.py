"""Marks of a session: when which bytes passed, however many they were."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tap.marks import Marks


@pytest.mark.parametrize("chunks", [0, 1, 2047, 2048, 5000, 300_000])
def test_marks_stay_few_and_evenly_spread(chunks: int) -> None:
    """The first chunk is always marked, and none is further from a mark than any other."""
    marks = Marks()
    for chunk in range(chunks):
        marks.add(chunk * 10, float(chunk))
    kept = list(marks.kept())
    assert len(kept) <= 2048
    assert all(size == 10 * instant for size, instant in kept)
    assert [size for size, _ in kept[:1]] == [0][:chunks]
    strides = {later - size for (size, _), (later, _) in pairwise(kept)}
    assert len(strides) <= 1
    assert len(kept) >= min(chunks, 1024)
