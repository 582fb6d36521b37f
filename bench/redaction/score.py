"""Scores: how much of what was planted is covered, and how much of what was not.

A planted span counts as found only when each of its letters and digits is covered, by whatever
type: half a card is still half a card. Character recall, precision and F2 count the letters and
digits of all spans that patterns can be asked for; names, places and addresses are left out of
both sides, so that covering one is neither a merit nor a fault here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bench.redaction.kinds import LATER
from bench.redaction.subjects import Cover
from bench.redaction.texts import Marked, Sample

__all__ = ["Counts", "Score", "false_positives", "judge"]


@dataclass
class Counts:
    """Spans planted and found."""

    planted: int = 0
    found: int = 0

    def add(self, hit: bool) -> None:
        """Count one span."""
        self.planted += 1
        self.found += hit

    @property
    def recall(self) -> float:
        """The part that was found; 1 where nothing was planted."""
        return self.found / self.planted if self.planted else 1.0


@dataclass
class Score:
    """What one subject reached on one set of samples."""

    types: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    groups: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    languages: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    planted: int = 0
    found: int = 0
    covered: int = 0
    missed: list[tuple[str, str, str]] = field(default_factory=list, repr=False)
    excess: list[tuple[str, str, str]] = field(default_factory=list, repr=False)

    @property
    def recall(self) -> float:
        """The part of the planted letters and digits that is covered."""
        return self.found / self.planted if self.planted else 1.0

    @property
    def precision(self) -> float:
        """The part of the covered letters and digits that was planted."""
        return self.found / self.covered if self.covered else 1.0

    @property
    def f2(self) -> float:
        """Recall and precision, recall weighing twice."""
        both = 4 * self.precision + self.recall
        return 5 * self.precision * self.recall / both if both else 0.0


def judge(samples: Sequence[Sample], answers: Iterable[Sequence[Cover]]) -> Score:
    """Score the covers of each sample."""
    score = Score()
    for sample, covers in zip(samples, answers, strict=True):
        _judge_one(score, sample, covers)
    return score


def _judge_one(score: Score, sample: Sample, covers: Sequence[Cover]) -> None:
    hidden = _places((start, end) for start, end, _ in covers)
    for mark in sample.marked:
        hit = _written(sample.text, (mark.start, mark.end)) <= hidden
        score.types[mark.type].add(hit)
        score.groups[mark.group].add(hit)
        if mark.group != LATER:
            score.languages[sample.language].add(hit)
        if not hit:
            score.missed.append((mark.type, sample.text[mark.start : mark.end], sample.text))
    names = _spans(sample, [mark for mark in sample.marked if mark.group == LATER])
    asked = _spans(sample, [mark for mark in sample.marked if mark.group != LATER])
    shown = {place for place in hidden if sample.text[place].isalnum()} - names
    score.planted += len(asked)
    score.found += len(asked & shown)
    score.covered += len(shown)
    for start, end, kind in covers:
        if not _written(sample.text, (start, end)) <= asked | names:
            score.excess.append((kind, sample.text[start:end], sample.text))


def _places(spans: Iterable[tuple[int, int]]) -> set[int]:
    return {place for start, end in spans for place in range(start, end)}


def _written(text: str, span: tuple[int, int]) -> set[int]:
    return {place for place in range(*span) if text[place].isalnum()}


def _spans(sample: Sample, marks: Iterable[Marked]) -> set[int]:
    return {p for mark in marks for p in _written(sample.text, (mark.start, mark.end))}


def false_positives(samples: Sequence[Sample], answers: Iterable[Sequence[Cover]]) -> float:
    """Give the covered characters per 1,000, of texts without personal data."""
    pairs = list(zip(samples, answers, strict=True))
    hidden = sum(len(_places((s, e) for s, e, _ in covers)) for _, covers in pairs)
    return 1000 * hidden / max(1, sum(len(sample.text) for sample, _ in pairs))
