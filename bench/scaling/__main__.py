"""`python -m bench.scaling MEASURED...`: the model beside what was measured, and what follows.

MEASURED are files that `BENCH_JSON=... python -m bench.drain` has written. First the model of one
worker predicts each embedded drain from what a delivery demanded in that drain, side by side with
what it came to. Then a fleet of workers is followed through half an hour of arrivals, steady and in
bursts, with a worker's pace as it was measured on the emulators: how many hold the age of the
oldest exchange under a minute, and what an autoscaler has to be told. Last, what the services need.

Everything is drawn from seeds; a second run over the same file prints the same.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.scaling.fleet import Burst, Fleet, Scaler, followed, workers_needed
from bench.scaling.needs import ASSUMED, needs
from bench.scaling.worker import Demand, Service, capacity

RATES = (1, 10, 100, 1_000, 10_000)
AGE = 60.0
_STEADY, _BURSTS = Burst(), Burst(times=3.0, seconds=120.0, every=600.0)
# A worker that another one shares its machine with is not planned to the last percent.
_HEADROOM = 0.7
# Seconds of a worker's pace: so many messages that wait call for one worker.
_SCALED = 20.0

Measured = dict[str, Any]


def main() -> None:
    """Print the three tables."""
    measured = [each for name in sys.argv[1:] for each in json.loads(Path(name).read_text())]
    _validate([each for each in measured if each["site"] == "embedded"])
    emulated = [each for each in measured if each["site"] == "emulated"]
    if not emulated:
        print("no drain of the emulators: no fleet")
        return
    pace = _HEADROOM * statistics.median(_pace(each) for each in emulated)
    print(f"\na worker with one process that redacts: {pace:.0f} records a second")
    _fleets(1 / pace)
    _services()


def _validate(drains: Sequence[Measured]) -> None:
    print("processes  at once  measured  predicted  (records a second, medians)")
    ways = sorted({(each["processes"], each["concurrency"]) for each in drains})
    for way in ways:
        rounds = [each for each in drains if (each["processes"], each["concurrency"]) == way]
        rate = statistics.median(each["rate"] for each in rounds)
        predicted = statistics.median(_predicted(each) for each in rounds)
        off = statistics.median(_predicted(each) / each["rate"] - 1 for each in rounds)
        print(f"{way[0]:9}  {way[1]:7}  {rate:8.0f}  {predicted:9.0f}  {off:+.0%}")


def _predicted(drain: Measured) -> float:
    computed, slept = drain["computed"], drain["slept"]
    service = Service(
        queue=Demand(computed["queue"], slept["queue"]),
        store=Demand(computed["records"], slept["records"]),
        parent=drain["parent"],
        redaction=drain["redaction"],
    )
    return capacity(
        service,
        processes=drain["processes"],
        concurrency=drain["concurrency"],
        cores=drain["cores"],
    )


def _pace(drain: Measured) -> float:
    """Records a second where worker and redaction have a core each: the slower one's."""
    redacts = sum(drain["redaction"]) / len(drain["redaction"])
    return float(1 / max(drain["parent"], redacts))


def _fleets(seconds: float) -> None:
    print(f"\nworkers that hold the oldest exchange under {AGE:.0f} s")
    print(
        f"({_BURSTS.times:.0f} times the rate for {_BURSTS.seconds:.0f} s in {_BURSTS.every:.0f} s)"
    )
    print("  rate/s   steady   bursts   scaled, least..most reached   in the mean   its oldest, s")
    for rate in RATES:
        fleet = Fleet(workers=1, seconds=seconds)
        steady = workers_needed(rate, fleet, _STEADY, age=AGE)
        bursts = workers_needed(rate, fleet, _BURSTS, age=AGE)
        scaler = Scaler(messages=_SCALED / seconds, least=steady, most=4 * bursts)
        scaled = followed(rate, Fleet(workers=steady, seconds=seconds, scaler=scaler), _BURSTS)
        print(
            f"{rate:8,}  {steady:7,}  {bursts:7,}   {steady:,}..{max(scaled.workers):,}"
            f"  {statistics.mean(scaled.workers):12,.0f}  {scaled.oldest:14.0f}"
        )


def _services() -> None:
    print(f"\nwhat the services need ({ASSUMED.units:.0f} request units a record, assumed)")
    print("  rate/s  Standard  Premium units       RU/s  RU/s expiry  partitions  Language S")
    for rate in RATES:
        need = needs(rate)
        units = "several" if need.messaging_units is None else str(need.messaging_units)
        print(
            f"{rate:8,}  {'yes' if need.standard else 'no':8}  {units:13}"
            f"  {need.units:9,.0f}  {need.expiring:11,.0f}  {need.partitions:10,}"
            f"  {need.language:10,}"
        )
    need = needs(1)
    print(
        f"one consumer on one physical partition: {need.a_consumer:.0f} records a second;"
        f" the partition of orders: {need.book:.0f}"
    )


if __name__ == "__main__":
    main()
