"""The model of workers: where theory knows the answer, it gives that answer."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import pytest

from bench.scaling.events import Cores, Simulation, Station
from bench.scaling.fleet import Burst, Fleet, Scaler, followed, workers_needed
from bench.scaling.needs import needs
from bench.scaling.worker import Demand, Service, capacity

STEADY, BURSTS = Burst(), Burst(times=3.0, seconds=120.0, every=600.0)


def service(**demands: float) -> Service:
    """A worker that computes nothing but what is said, in seconds."""
    return Service(
        queue=Demand(demands.get("queue", 0.0), demands.get("queue_waits", 0.0)),
        store=Demand(demands.get("store", 0.0), demands.get("store_waits", 0.0)),
        parent=demands.get("parent", 0.0),
        redaction=[demands.get("redaction", 0.0)],
    )


@pytest.mark.parametrize(
    ("demands", "processes", "cores", "rate"),
    [
        ({"redaction": 0.01}, 1, 2.0, 100),
        ({"redaction": 0.01}, 2, 2.0, 200),
        ({"redaction": 0.01}, 2, 1.0, 100),
        ({"redaction": 0.01, "parent": 0.02}, 2, 4.0, 50),
        ({"redaction": 0.01, "store_waits": 0.05}, 4, 4.0, 20),
        ({"redaction": 0.01, "parent": 0.01}, 1, 1.0, 50),
    ],
)
def test_a_worker_is_as_fast_as_what_is_slowest_in_it(
    demands: dict[str, float], processes: int, cores: float, rate: float
) -> None:
    """With enough deliveries at once: its redaction, its own process, its store or its cores."""
    predicted = capacity(
        service(**demands), processes=processes, concurrency=16, cores=cores, records=800
    )
    assert predicted == pytest.approx(rate, rel=0.05)


def test_one_delivery_at_a_time_takes_the_sum_of_its_parts() -> None:
    """Nothing overlaps then."""
    parts = service(redaction=0.01, parent=0.005, store=0.002, store_waits=0.003)
    predicted = capacity(parts, processes=2, concurrency=1, cores=2.0)
    assert predicted == pytest.approx(1 / 0.02, rel=0.02)


def test_whoever_waits_computes_nothing_meanwhile() -> None:
    """Two stations on one core: one waits for its disk while the other computes."""
    simulation = Simulation()
    cores = Cores(simulation, 1.0)
    ended: dict[str, float] = {}

    def end(name: str) -> None:
        ended[name] = simulation.now

    Station(simulation, cores, 1).serve(1.0, 3.0, partial(end, "disk"))
    Station(simulation, cores, 1).serve(2.0, 0.0, partial(end, "other"))
    simulation.run()
    # They share the core for two seconds, in which each has one; the other has another.
    assert ended == pytest.approx({"other": 3.0, "disk": 5.0})


def test_a_seed_gives_one_history() -> None:
    """What was printed once can be had again."""
    fleet = Fleet(workers=3, seconds=0.02)
    first, again = (followed(100, fleet, BURSTS, seconds=900) for _ in range(2))
    other = followed(100, fleet, BURSTS, seconds=900, seed=2)
    assert first.ages == again.ages
    assert first.ages != other.ages


def test_random_arrivals_wait_as_the_textbook_says() -> None:
    """Of one worker with exponential times, seven tenths busy, in the mean (M/M/1)."""
    fleet = Fleet(workers=1, seconds=0.7, spread=1.0, latency=0.0)
    ages = followed(1.0, fleet, STEADY, seconds=40_000).ages
    assert sum(ages) / len(ages) == pytest.approx(0.7 / (1 - 0.7), rel=0.15)


@pytest.mark.parametrize("rate", [10, 1000])
def test_a_steady_rate_needs_what_it_demands(rate: float) -> None:
    """No fewer workers than there is work for, and hardly more."""
    workers = workers_needed(rate, Fleet(1, 0.02), STEADY, age=60.0)
    assert workers == math.floor(rate * 0.02) + 1


def test_a_burst_needs_more_the_less_may_wait() -> None:
    """What cannot wait for the end of a burst has to be carried in it."""
    patient, urgent = (workers_needed(100, Fleet(1, 0.02), BURSTS, age=age) for age in (60.0, 5.0))
    assert 2 < patient < urgent <= 7


def test_a_scaler_brings_workers_in_a_burst_and_takes_them_back() -> None:
    """Never fewer than the least, never more than the most."""
    scaler = Scaler(messages=1000, least=2, most=9)
    outcome = followed(80, Fleet(2, 0.02, scaler=scaler), BURSTS, seconds=1200)
    assert min(outcome.workers) == 2
    assert 3 <= max(outcome.workers) <= 9
    assert outcome.workers[-1] == 2


def test_a_delivery_that_outlasts_its_lease_comes_again() -> None:
    """It is counted, and not as settled."""
    outcome = followed(1.0, Fleet(1, 0.1, latency=2.0, lease=2.05), STEADY, seconds=60)
    assert outcome.again > 0


def test_the_services_limits_are_where_they_are_documented() -> None:
    """A Standard namespace takes 500 a second, a Premium one 26,000; Language 41 a resource."""
    assert (needs(500).standard, needs(501).standard) == (True, False)
    assert (needs(10_000).messaging_units, needs(30_000).messaging_units) == (8, None)
    assert (needs(41).language, needs(42).language) == (1, 2)


def test_expiring_a_record_costs_no_less_than_storing_it() -> None:
    """So a retention doubles what Cosmos DB is to be provisioned with; the page has this number."""
    need = needs(100)
    assert need.units <= need.expiring < 1.2 * need.units
    page = (Path(__file__).parents[3] / "docs/scaling.md").read_text("utf-8")
    assert f"| 100 | yes | 1 | {need.units:,.0f} | {need.expiring:,.0f} |" in page
