"""`make bench-tap`: the tap beside nginx and the direct way, in interleaved rounds.

CPU is that of the proxy's own process with all its threads, per call; the chunk delay is from the
upstream's send to the client's receive, in total. Figures are medians over the rounds. Machines
are noisy: only ratios taken in one run mean anything, and only while nothing else runs.

nginx comes twice: as it is installed, with buffering off, and with connections to the upstream
kept, which is not its default. Arguments choose among `main`, `lengths`, `sizes` and `open`;
`BENCH_ROUNDS` sets the rounds (5).
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.tap import report
from bench.tap.measure import Figures, measure
from bench.tap.scenarios import LENGTHS, OPEN, PLAIN, SIZES, STREAMS, Scenario
from bench.tap.subjects import Subject, audited, start_nginx, start_tap, start_upstream

_WARM_UP = (
    Scenario("warming up", 400, 16, size=400),
    Scenario("warming up", 50, 50, 20, 20.0),
)


def main() -> None:
    """Run what is asked for; all of it by default."""
    wanted = set(sys.argv[1:]) or {"main", "lengths", "sizes", "open"}
    rounds = int(os.environ.get("BENCH_ROUNDS", "5"))
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-tap-")))
        subjects = _start(stack, scratch)
        for scenario in _WARM_UP:
            measure(scenario, subjects, 1)
        if "main" in wanted:
            report.goals(_run(STREAMS, subjects, rounds), _run(PLAIN, subjects, rounds))
        if "lengths" in wanted:
            report.lengths({each.chunks: _run(each, subjects, rounds) for each in LENGTHS})
        for name, scenarios in (("sizes", SIZES), ("open", OPEN)):
            for scenario in scenarios if name in wanted else ():
                _run(scenario, subjects, rounds)
        report.say(audited(subjects[-1]))


def _start(stack: ExitStack, scratch: Path) -> list[Subject]:
    upstream = start_upstream()
    stack.callback(upstream.stop)
    subjects = [upstream]
    for name, kept in (("nginx", False), ("nginx keepalive", True)):
        subjects.append(
            start_nginx(name, scratch / name.replace(" ", "-"), upstream.port, kept=kept)
        )
        stack.callback(subjects[-1].stop)
    subjects.append(start_tap(scratch / "tap", upstream.port))
    stack.callback(subjects[-1].stop)
    return subjects


def _run(scenario: Scenario, subjects: list[Subject], rounds: int) -> dict[str, Figures]:
    measured = measure(scenario, subjects, rounds)
    report.table(scenario, measured)
    return measured


if __name__ == "__main__":
    main()
