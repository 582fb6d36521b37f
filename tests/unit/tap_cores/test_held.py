"""Bodies in pieces: however they are cut, they are the same bytes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap import held
from tap.held import Held

CUTS = st.lists(st.integers(0, 60), max_size=6)


def cut(data: bytes, cuts: list[int]) -> Held:
    """The bytes in pieces, some of them empty."""
    places = sorted({0, len(data)} | {each for each in cuts if each <= len(data)})
    pieces = [data[a:b] for a, b in pairwise(places)]
    return Held.joined([b"", *pieces, b""] if cuts else pieces)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few bytes are many windows."""
    monkeypatch.setattr(held, "PIECE", 7)


@given(data=st.binary(max_size=60), cuts=CUTS, start=st.integers(0, 70), end=st.integers(0, 70))
def test_any_part_of_a_body_is_given_in_bounded_windows(
    data: bytes, cuts: list[int], start: int, end: int
) -> None:
    """What stands between two places is the same, whichever pieces it lies in."""
    body = cut(data, cuts)
    assert (len(body), bytes(body)) == (len(data), data)
    windows = list(body.windows(start, end))
    assert b"".join(windows) == data[start:end]
    assert all(0 < len(each) <= 7 for each in windows)
    part = body.part(start, end)
    assert (len(part), bytes(part)) == (len(data[start:end]), data[start:end])


@given(data=st.binary(max_size=60), cuts=CUTS)
def test_even_windows_do_not_depend_on_the_pieces(data: bytes, cuts: list[int]) -> None:
    """Who takes a coding off sees the same steps, live and from frames."""
    assert list(cut(data, cuts).evenly()) == [data[at : at + 7] for at in range(0, len(data), 7)]


@given(data=st.text("ab", max_size=60), needle=st.text("ab", min_size=1, max_size=9), cuts=CUTS)
def test_what_is_looked_for_is_found_over_any_border(
    data: str, needle: str, cuts: list[int]
) -> None:
    """Places are those at which a split would cut."""
    found = list(cut(data.encode(), cuts).places(needle.encode()))
    before = [len(each) for each in data.split(needle)][:-1]
    assert found == [sum(before[: n + 1]) + n * len(needle) for n in range(len(before))]
