"""The tables: what was measured, and beside the goals what it comes to."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from bench.tap.measure import Figures
from bench.tap.scenarios import Scenario

__all__ = ["goals", "lengths", "say", "table"]

Measured = Mapping[str, Figures]

_HEADINGS = ("CPU ms", "delay p50", "p99", "call p50", "p99", "KiB/open", "peak MB", "broken")


def table(scenario: Scenario, measured: Measured) -> None:
    """One scenario, a line for each subject, and the ratios to each nginx."""
    say(f"\n{scenario.name}")
    say(f"{'':>20}" + "".join(f"{each:>11}" for each in _HEADINGS))
    for name, one in measured.items():
        times = (one.cpu, one.delay_p50, one.delay_p99, one.call_p50, one.call_p99)
        cells = "".join(f"{each:11.3f}" for each in times)
        say(f"{name:>20}{cells}{one.kib_open:11.1f}{one.peak_mb:11.1f}{one.broken:11d}")
    tap = measured["tap"]
    for name, one in measured.items():
        if name.startswith("nginx"):
            say(f"{'tap / ' + name:>20}" + _ratios(tap, one))


def _ratios(tap: Figures, other: Figures) -> str:
    pairs = (
        (tap.cpu, other.cpu),
        (tap.delay_p50, other.delay_p50),
        (tap.delay_p99, other.delay_p99),
        (tap.call_p50, other.call_p50),
        (tap.call_p99, other.call_p99),
    )
    return "".join(f"{one / two:10.2f}x" if two else f"{'':>11}" for one, two in pairs)


def lengths(found: Mapping[int, Measured]) -> None:
    """Cost against length: a cost that grows linearly is the same for each chunk."""
    say(f"\nCPU in microseconds a chunk\n{'chunks':>20}" + "".join(f"{each:>11}" for each in found))
    for name in next(iter(found.values())):
        costs = (measured[name].cpu / count * 1000 for count, measured in found.items())
        say(f"{name:>20}" + "".join(f"{each:11.1f}" for each in costs))


def goals(streams: Measured, plain: Measured) -> None:
    """What is asked of the tap, beside what it does."""
    tap = streams["tap"]
    nginx = streams["nginx"]
    rows = (
        ("CPU of a paced stream", tap.cpu / nginx.cpu, 1.6),
        ("p99 delay of a chunk", tap.delay_p99 / nginx.delay_p99, 1.5),
        ("CPU of a plain call", plain["tap"].cpu / plain["nginx"].cpu, 6.0),
    )
    say("\nagainst nginx, buffering off")
    for name, ratio, goal in rows:
        verdict = "kept" if ratio <= goal else "MISSED"
        say(f"{name:>24}: {ratio:5.2f}x of at most {goal:3.1f}x  {verdict}")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
