"""One round of a scenario against one subject, and the middle of several."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields

from bench.tap.scenarios import Scenario
from bench.tap.subjects import Subject

__all__ = ["Figures", "measure"]

# A subject that computes less than this in a third of a second has nothing left to do.
_STILL_MS = 3.0


@dataclass(frozen=True)
class Figures:
    """One round, or the medians of several: CPU and delays in ms, memory in KiB and MB.

    `kib_open` is how much memory an open call took beyond what of it was kept; `broken` is a sum.
    """

    cpu: float
    delay_p50: float
    delay_p99: float
    call_p50: float
    call_p99: float
    kib_open: float
    peak_mb: float
    broken: int


def measure(scenario: Scenario, subjects: Sequence[Subject], rounds: int) -> dict[str, Figures]:
    """Take turns: each round asks every subject, in an order that alternates."""
    count = scenario.rounds or rounds
    found: dict[str, list[Figures]] = {each.name: [] for each in subjects}
    for number in range(count):
        for subject in subjects if number % 2 else reversed(subjects):
            found[subject.name].append(_round(scenario, subject))
    return {name: _middle(figures) for name, figures in found.items()}


def _round(scenario: Scenario, subject: Subject) -> Figures:
    cpu, memory = subject.cpu_ms(), subject.memory_kib()
    client = subprocess.Popen(_order(scenario, subject.port), stdout=subprocess.PIPE, text=True)
    highest = memory
    while client.poll() is None:
        highest = max(highest, subject.memory_kib())
        time.sleep(0.1)
    answer = json.loads(client.communicate()[0])
    _settle(subject)
    open_kib = (highest - memory) / scenario.at_once
    return Figures(
        cpu=(subject.cpu_ms() - cpu) / scenario.calls,
        delay_p50=answer["delay_p50"],
        delay_p99=answer["delay_p99"],
        call_p50=answer["call_p50"],
        call_p99=answer["call_p99"],
        kib_open=max(0.0, open_kib - scenario.captured_kib),
        peak_mb=subject.memory_kib(peak=True) / 1024,
        broken=answer["broken"] + scenario.calls - answer["done"] - answer["broken"],
    )


def _order(scenario: Scenario, port: int) -> list[str]:
    numbers = (port, scenario.calls, scenario.at_once, scenario.chunks)
    sizes = (scenario.interval_ms, scenario.size, scenario.upload)
    return [sys.executable, "-m", "bench.tap.load", *map(str, (*numbers, *sizes))]


def _settle(subject: Subject) -> None:
    """Wait until the subject computes no more: what the audit does afterwards counts as well."""
    before = subject.cpu_ms()
    while True:
        time.sleep(0.3)
        now = subject.cpu_ms()
        if now - before < _STILL_MS:
            return
        before = now


def _middle(rounds: Sequence[Figures]) -> Figures:
    found = {
        each.name: statistics.median(getattr(one, each.name) for one in rounds)
        for each in fields(Figures)
    }
    return Figures(**(found | {"broken": sum(one.broken for one in rounds)}))
