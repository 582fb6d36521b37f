"""Throughput: characters a second and core of ours beside stock Presidio, as ratios.

Both read the same text in rounds that take turns; what is given is the median of the rounds'
ratios, in CPU time. Each round reads the text with a number of its own in it, so that nothing is
answered from a memory. Stock Presidio is slow, so its texts are shorter: its cost is linear there.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.redaction.adversarial import ADVERSARIAL
from bench.redaction.subjects import Subject
from bench.redaction.texts import negatives, samples

__all__ = ["Pace", "adversarial", "linearity", "pace"]

_SHORT, _LONG = 12_000, 120_000


@dataclass(frozen=True)
class Pace:
    """Median pace of both in characters a second, and how many times faster ours is."""

    ours: float
    stock: float
    ratio: float


def _prose() -> str:
    return "\n\n".join(s.text for s in negatives() if s.style == "prose" and s.language == "en")


def _code() -> str:
    return "\n\n".join(s.text for s in negatives() if s.style == "code")


def _dense() -> str:
    drawn = samples(11, held_out=None)
    return "\n\n".join(s.text for s in drawn if len(s.marked) >= 3)


TEXTS: dict[str, Callable[[], str]] = {"prose": _prose, "code": _code, "identifier-dense": _dense}


def _cut(text: str, size: int, number: int) -> str:
    whole = f"Round {number}.\n\n" + (text + "\n\n") * (size // len(text) + 1)
    return whole[:size]


def _seconds(subject: Subject, text: str) -> float:
    begun = time.process_time()
    subject(text)
    return time.process_time() - begun


def pace(kind: str, ours: Subject, stock: Subject, rounds: int = 5) -> Pace:
    """Measure both on one kind of text."""
    text = TEXTS[kind]()
    ours(_cut(text, _LONG, 0))
    stock(_cut(text, _SHORT, 0))
    own, other = [], []
    for number in range(1, rounds + 1):
        other.append(_SHORT / _seconds(stock, _cut(text, _SHORT, number)))
        own.append(_LONG / _seconds(ours, _cut(text, _LONG, number)))
    ratios = [mine / theirs for mine, theirs in zip(own, other, strict=True)]
    return Pace(statistics.median(own), statistics.median(other), statistics.median(ratios))


def linearity(
    ours: Subject, kind: str, sizes: tuple[int, ...] = (62_500, 250_000, 1_000_000)
) -> list[float]:
    """Give the microseconds a character at growing sizes, the least of three rounds each."""
    text = TEXTS[kind]()
    return [
        min(_seconds(ours, _cut(text, size, number)) for number in range(3)) / size * 1e6
        for size in sizes
    ]


def adversarial(ours: Subject, size: int = 100_000) -> dict[str, float]:
    """Give the CPU seconds that each hostile text takes; raises what the subject raises."""
    return {name: _seconds(ours, make(size)) for name, make in ADVERSARIAL.items()}
