"""Throughput: characters a second and core of ours beside stock Presidio, as ratios.

Both read the same text in rounds that take turns; what is given is the median of the rounds'
ratios, in CPU time. Each round reads the text with a number of its own in it, so that nothing is
answered from a memory. Stock Presidio is slow, so its texts are shorter: its cost is linear there.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources

import msgspec

from bench.redaction.adversarial import ADVERSARIAL
from bench.redaction.subjects import Subject
from bench.redaction.texts import negatives, samples
from redaction.build import build_detectors
from redaction.detectors.shipped_pipeline import Tagger
from redaction.policy_file import default_policy
from redaction.texts import covered

__all__ = ["Pace", "adversarial", "linearity", "model_pace", "pace"]

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


def model_pace(kind: str, rounds: int = 3) -> Pace:
    """Measure all layers with the shipped name model, beside that model alone.

    `stock` is the bare model here. Both read the same passages, an exchange of them at a time.
    """
    required = ("patterns", "secrets", "presidio", "names")
    policy = msgspec.structs.replace(default_policy(), required=required, optional=())
    detectors, _ = build_detectors(policy, {})
    bare = Tagger()
    bare.load(resources.files("redaction.model").joinpath("weights.bin").read_bytes())

    def all_layers(texts: Sequence[str]) -> None:
        asyncio.run(covered(texts, policy, detectors))

    def only_model(texts: Sequence[str]) -> None:
        with bare.forgetting():
            bare.judge(bare.split(texts))

    own, other = [], []
    for number in range(rounds + 1):
        exchanges = _exchanges(kind, number)
        size = sum(len(text) for texts in exchanges for text in texts)
        other.append(size / sum(_spent(only_model, texts) for texts in exchanges))
        own.append(size / sum(_spent(all_layers, texts) for texts in exchanges))
    # The first round loads what is loaded late.
    ratios = [mine / theirs for mine, theirs in zip(own[1:], other[1:], strict=True)]
    return Pace(statistics.median(own), statistics.median(other), statistics.median(ratios))


def _exchanges(kind: str, number: int) -> list[list[str]]:
    """Give the passages of a kind as exchanges of forty, each with a number of its own."""
    drawn = samples(number) if kind == "identifier-dense" else negatives()
    if kind != "identifier-dense":
        drawn = [s for s in drawn if s.style == kind]
    texts = [f"{number}. {s.text}" for s in drawn]
    return [texts[at : at + 40] for at in range(0, len(texts), 40)]


def _spent(work: Callable[[Sequence[str]], None], texts: Sequence[str]) -> float:
    begun = time.process_time()
    work(texts)
    return time.process_time() - begun
