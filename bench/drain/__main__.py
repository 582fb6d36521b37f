"""`python -m bench.drain`: records a second from a full queue to the store, and where time goes.

Pairs of 2 KB, sealed as a tap seals them, wait in a queue; a worker put together as `auditstream
worker` is carries them into a store, with one process that redacts and with two. Queue and store
are files, and then the emulators of Service Bus and Cosmos DB. The shares of time are of one
delivery after the other, so that nothing waits for its turn. Last comes the worker's settle path
beside a bare loop over the same queue.

Rounds take turns; figures are medians. What is absolute depends on the machine and on what else it
does. Arguments choose among `embedded`, `emulated` and `settling`. `BENCH_JSON` names a file for
what was measured, which `bench.scaling` reads. A round takes two to three minutes: names are looked
for in every text.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import uvloop

from bench.drain.run import Drain, drain
from bench.drain.settling import over_broker, over_file
from bench.drain.sites import embedded, emulated
from cli.engines import outbox_of
from cli.places import keys_of
from tests.harness.pairs import fill

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
PAIRS = int(os.environ.get("BENCH_PAIRS", "400"))
# Not /tmp, which may lie in memory.
FOLDER = os.environ.get("BENCH_DIR", ".")
_HANDS = 8

# One after the other, and as a worker is run: (processes, concurrency).
_WAYS = ((1, 1), (1, _HANDS), (2, _HANDS))
_SITES = {"embedded": embedded, "emulated": emulated}
_SETTLING = {"embedded queue": over_file, "Service Bus, test broker": over_broker}


def main() -> None:
    """Run all rounds and print the medians."""
    wanted = set(sys.argv[1:]) or {*_SITES, "settling"}
    drains: dict[tuple[str, int, int], list[Drain]] = {}
    ratios: dict[str, list[float]] = {}
    for number in range(ROUNDS):
        print(f"round {number + 1} of {ROUNDS}", file=sys.stderr, flush=True)
        for site in [each for each in _SITES if each in wanted]:
            for way in _WAYS:
                made = uvloop.run(_drained(site, number, *way))
                drains.setdefault((site, *way), []).append(made)
        for name, settling in _SETTLING.items() if "settling" in wanted else ():
            ratios.setdefault(name, []).append(uvloop.run(settling(_HANDS)))
    for (site, _, _), rounds in drains.items():
        _report(site, rounds)
    for name, each in ratios.items():
        print(f"settle path over a bare loop, {name}: {statistics.median(each):.0%}")
    if "BENCH_JSON" in os.environ:
        told = [
            {"site": site, **asdict(each)}
            for (site, *_), rounds in drains.items()
            for each in rounds
        ]
        Path(os.environ["BENCH_JSON"]).write_text(json.dumps(told))


async def _drained(site: str, seed: int, processes: int, concurrency: int) -> Drain:
    pairs = PAIRS if concurrency > 1 else PAIRS // 4
    async with _SITES[site](FOLDER) as settings:
        async with outbox_of(settings) as outbox:
            await fill(outbox, keys_of(settings), pairs, seed)
        return await drain(settings, pairs, processes=processes, concurrency=concurrency)


def _report(site: str, rounds: list[Drain]) -> None:
    def median(of: Callable[[Drain], float]) -> float:
        return statistics.median(of(each) for each in rounds)

    first = rounds[0]
    print(
        f"{site}, {first.processes} redacting, {first.concurrency} deliveries at once:"
        f" {median(lambda d: d.rate):.0f} records a second ({len(rounds)} rounds);"
        f" computing {median(lambda d: d.computes) * 1e3:.1f} ms a record,"
        f" of it redaction {median(lambda d: d.redacts) * 1e3:.1f} ms"
    )
    if first.concurrency == 1:
        total = median(lambda d: 1 / d.rate)
        for stage, of in _SHARES.items():
            print(f"  {stage:10} {median(of) * 1e3:6.2f} ms {median(of) / total:6.0%}")


_SHARES: dict[str, Callable[[Drain], float]] = {
    # Unsealing and reading, and signing and digests on the way back.
    "open": lambda d: d.waited["carry"] - d.waited["redaction"] - d.waited["store"],
    "redaction": lambda d: d.waited["redaction"],
    "store": lambda d: d.waited["store"],
    "settle": lambda d: d.waited["settle"],
}

if __name__ == "__main__":
    main()
