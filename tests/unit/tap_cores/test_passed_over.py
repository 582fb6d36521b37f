"""Whose turn it is of those that the queue refuses although it takes others."""

from __future__ import annotations

from tap.passed_over import PassedOver


def test_a_suspect_has_its_turn_at_once_and_then_ever_more_seldom() -> None:
    """Refused alone it waits, each time twice as long, up to a bound."""
    passed = PassedOver(first=10.0, longest=25.0)
    passed.suspect(["a"], now=100.0)
    assert (passed.due(100.0), passed.refused_alone) == ("a", 0)
    waits = []
    now = 100.0
    for _ in range(4):
        passed.refused("a", now)
        waits.append(next(wait for wait in (5.0, 10.0, 20.0, 25.0) if passed.due(now + wait)))
        now += waits[-1]
    assert waits == [10.0, 20.0, 25.0, 25.0]
    assert passed.refused_alone == 1


def test_the_first_refusal_alone_is_told_from_later_ones() -> None:
    """So that it is said once."""
    passed = PassedOver()
    passed.suspect(["a", "b"], now=0.0)
    assert [passed.refused("a", 0.0), passed.refused("a", 60.0)] == [True, False]
    assert passed.due(0.0) == "b"
    passed.refused("b", 30.0)
    assert (passed.due(999.0), passed.due(999.0, new=True)) == ("b", None)


def test_whoever_is_gone_has_no_turn() -> None:
    """It was taken; and whoever is suspected twice keeps its turn."""
    passed = PassedOver(first=10.0)
    passed.suspect(["a"], now=0.0)
    passed.refused("a", 0.0)
    passed.suspect(["a"], now=1.0)
    assert passed.due(1.0) is None
    passed.taken("a")
    assert (passed.due(99.0), list(passed.ids)) == (None, [])


def test_whoever_is_put_off_is_not_said_to_be_refused() -> None:
    """Its next turn is later, and what is known of it is what was known."""
    passed = PassedOver(first=10.0)
    passed.suspect(["a"], now=0.0)
    passed.put_off("a", 5.0)
    assert (passed.due(14.0), passed.due(15.0), passed.refused_alone) == (None, "a", 0)


def test_where_an_outage_was_to_blame_all_are_let_go_but_those_refused_alone() -> None:
    """One that is taken at its first turn speaks for the others that had none."""
    passed = PassedOver()
    passed.suspect(["a", "b", "c"], now=0.0)
    passed.refused("a", 0.0)
    assert passed.taken("b")
    assert list(passed.ids) == ["a"]
    passed.suspect(["d"], now=0.0)
    assert not passed.taken("a")
    assert list(passed.ids) == ["d"]
