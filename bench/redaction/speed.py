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
from redaction.detectors.names_network import Network
from redaction.detectors.names_words import Reader
from redaction.detectors.shipped_pipeline import Tagger
from redaction.policy_file import default_policy
from redaction.texts import covered

__all__ = ["Pace", "adversarial", "linearity", "model_pace", "pace", "reading_pace"]

_SHORT, _LONG = 12_000, 120_000


@dataclass(frozen=True)
class Pace:
    """Median pace of both a second, in characters or words, and how many times faster ours is."""

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


_Work = Callable[[Sequence[str]], None]


def model_pace(kind: str, rounds: int = 3) -> Pace:
    """Measure all layers with the shipped name model, beside that model alone, in characters.

    `stock` is the model alone here, as `nlp.pipe` would ask it: spaCy's tokenizer, thinc's network.
    Both read the same passages, an exchange of them at a time.
    """
    required = ("patterns", "secrets", "presidio", "names")
    policy = msgspec.structs.replace(default_policy(), required=required, optional=())
    detectors, _ = build_detectors(policy, {})

    def all_layers(texts: Sequence[str]) -> None:
        asyncio.run(covered(texts, policy, detectors))

    return _by_turns(kind, all_layers, _piped(_tagger()), rounds, len)


def reading_pace(kind: str, rounds: int = 3) -> Pace:
    """Measure the shipped model alone in words: as the `names` detector asks it, and `nlp.pipe`."""
    tagger, reader = _tagger(), Reader()
    network = Network(tagger.model)

    def ours(texts: Sequence[str]) -> None:
        network.odds(reader.read(texts))

    return _by_turns(kind, ours, _piped(tagger), rounds, lambda text: len(text.split()))


def _tagger() -> Tagger:
    tagger = Tagger()
    tagger.load(resources.files("redaction.model").joinpath("weights.bin").read_bytes())
    return tagger


def _piped(tagger: Tagger) -> _Work:
    def work(texts: Sequence[str]) -> None:
        with tagger.forgetting():
            tagger.judge(tagger.split(texts))

    return work


def _by_turns(
    kind: str, ours: _Work, other: _Work, rounds: int, measure: Callable[[str], int]
) -> Pace:
    own, others = [], []
    for number in range(rounds + 1):
        exchanges = _exchanges(kind, number)
        size = sum(measure(text) for texts in exchanges for text in texts)
        others.append(size / sum(_spent(other, texts) for texts in exchanges))
        own.append(size / sum(_spent(ours, texts) for texts in exchanges))
    # The first round loads what is loaded late.
    ratios = [mine / theirs for mine, theirs in zip(own[1:], others[1:], strict=True)]
    return Pace(statistics.median(own), statistics.median(others), statistics.median(ratios))


def _exchanges(kind: str, number: int) -> list[list[str]]:
    """Give the passages of a kind as exchanges of forty, each with a number of its own."""
    dense = kind == "identifier-dense"
    drawn = samples(number) if dense else [s for s in negatives() if s.style == kind]
    texts = [f"{number}. {s.text}" for s in drawn]
    return [texts[at : at + 40] for at in range(0, len(texts), 40)]


def _spent(work: _Work, texts: Sequence[str]) -> float:
    begun = time.process_time()
    work(texts)
    return time.process_time() - begun
