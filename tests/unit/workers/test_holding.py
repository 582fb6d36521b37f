"""Back-pressure: a worker holds what it can finish within a lease, and never more than allowed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workers.holding import Holding


def paced(most: int, seconds: float, held: int, times: int = 50) -> Holding:
    """After so many deliveries of this kind."""
    holding = Holding(most)
    for _ in range(times):
        holding.settled(seconds, held)
    return holding


def test_a_worker_that_knows_nothing_yet_holds_what_it_is_allowed() -> None:
    """Nothing is assumed to be slow."""
    assert Holding(8).most(60.0) == 8


def test_a_worker_that_has_become_slow_holds_less() -> None:
    """Four at once that take a minute each: two of them are done in half a lease of a minute."""
    assert paced(4, 60.0, 4).most(60.0) == 2


def test_one_is_held_however_slow_it_is() -> None:
    """Otherwise nothing would ever be carried again."""
    assert paced(4, 3600.0, 1).most(60.0) == 1


def test_a_worker_that_is_fast_again_holds_more_again() -> None:
    """One long record does not slow it for good."""
    holding = paced(8, 600.0, 8)
    assert holding.most(60.0) == 1
    for _ in range(50):
        holding.settled(0.05, 1)
    assert holding.most(60.0) == 8


@given(
    most=st.integers(1, 256),
    lease=st.floats(1.0, 600.0),
    seconds=st.floats(0.0, 10_000.0),
    held=st.integers(1, 256),
)
def test_what_is_held_is_done_within_half_a_lease(
    most: int, lease: float, seconds: float, held: int
) -> None:
    """At a steady pace, and unless it is a single one."""
    holds = paced(most, seconds, held).most(lease)
    assert 1 <= holds <= most
    assert holds == 1 or holds * seconds / held <= lease / 2 * 1.001
