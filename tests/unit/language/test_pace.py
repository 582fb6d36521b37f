"""The pace and the breaker: pure, told what time it is."""

from __future__ import annotations

import pytest

from redaction.detectors.azure_language_pace import Breaker, Pacer


def test_nothing_is_asked_before_the_service_said() -> None:
    """`Retry-After` is obeyed to the second, and the longer of two counts."""
    pacer = Pacer(4)
    pacer.refused(began=9.0, now=10.0, retry_after=30)
    pacer.refused(began=9.5, now=10.0, retry_after=5)
    assert pacer.wait(10.0) == 30
    assert pacer.wait(39.0) == 1
    assert pacer.wait(40.0) == 0


def test_a_refusal_that_does_not_say_how_long_is_waited_out_all_the_same() -> None:
    """For a second."""
    pacer = Pacer(4)
    pacer.refused(began=9.0, now=10.0, retry_after=None)
    assert pacer.wait(10.0) == 1


def test_after_a_refusal_one_goes_first() -> None:
    """And with each answer one more at once, up to what is allowed."""
    pacer = Pacer(3)
    assert pacer.at_once == 3
    pacer.refused(began=0.0, now=1.0, retry_after=0)
    seen = []
    for _ in range(4):
        seen.append(pacer.at_once)
        pacer.accepted(2.0)
    assert seen == [1, 2, 3, 3]


def test_requests_that_were_under_way_together_are_refused_once() -> None:
    """Four refusals of one burst slow it down as one does."""
    one, four = Pacer(4), Pacer(4)
    one.refused(began=0.0, now=1.0, retry_after=1)
    for _ in range(4):
        four.refused(began=0.0, now=1.0, retry_after=1)
    assert four.gap == one.gap


@pytest.mark.parametrize("budget", [2, 10, 40])
def test_at_a_fixed_budget_few_requests_are_refused(budget: int) -> None:
    """Simulated for ten minutes: less than one in ten, and the budget is made use of."""
    pacer, now, second, used, accepted, refused = Pacer(4), 0.0, -1, 0, 0, 0
    while now < 600:
        now += pacer.wait(now) + 0.001
        if int(now) != second:
            second, used = int(now), 0
        pacer.began(now)
        used += 1
        if used > budget:
            refused += 1
            pacer.refused(now, now, 1.0)
        else:
            accepted += 1
            pacer.accepted(now)
    assert refused < accepted / 10
    assert accepted > 0.4 * budget * 600


def test_after_a_storm_it_is_soon_as_fast_as_before() -> None:
    """Twenty refusals in a row make it slow; two minutes of answers make it forget them."""
    pacer = Pacer(4)
    for second in range(20):
        pacer.refused(began=float(second), now=second + 0.5, retry_after=0)
    assert 1 <= pacer.gap <= 2
    for second in range(20, 140):
        pacer.accepted(float(second))
    assert pacer.gap == 0


def test_the_breaker_opens_after_three_and_lets_one_try() -> None:
    """Twice as long after each that fails; one answer closes it."""
    breaker = Breaker(failures=3, pause=1.0, longest=4.0)
    for _ in range(2):
        breaker.failed(10.0)
        assert breaker.wait(10.0) == 0
    breaker.failed(10.0)
    waits = [breaker.wait(10.0)]
    now = 10.0
    for _ in range(3):
        now += breaker.wait(now)
        assert breaker.trying
        breaker.failed(now)
        waits.append(breaker.wait(now))
    assert waits == [1, 2, 4, 4]
    breaker.answered()
    assert (breaker.wait(now), breaker.trying) == (0, False)


def test_failures_of_requests_that_were_under_way_do_not_lengthen_the_pause() -> None:
    """They are of the same outage."""
    breaker = Breaker(failures=3, pause=1.0)
    for _ in range(7):
        breaker.failed(10.0)
    assert breaker.wait(10.0) == 1


def test_one_answer_among_failures_keeps_it_closed() -> None:
    """Only failures in a row count."""
    breaker = Breaker(failures=3)
    for _ in range(5):
        breaker.failed(1.0)
        breaker.failed(1.0)
        breaker.answered()
    assert not breaker.trying
