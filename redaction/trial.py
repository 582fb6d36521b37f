"""One text redacted by itself, to try a policy out: what became of it, and where things stood.

The law: nothing here decides what is taken out. `Redactor.redact_texts` takes a text the way of a
record's text part; this module tells of it in offsets into the text as it came, where a record's
findings tell of the redacted text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from audit.exchange import Level
from redaction.finding import Span
from redaction.merge import merged
from redaction.policy import Action, Policy
from redaction.reading import Reading
from redaction.structure import View

__all__ = ["Place", "RedactedText", "located"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stood, `[start, end)` of the text as it came, in code points.

    `action` says what became of exactly this; `keep`, that a detector found it and the policy
    leaves it standing: its type is kept, its value allowed, or its score too low.
    """

    start: int
    end: int
    type: str
    score: float
    detector: str
    action: Action


@dataclass(frozen=True, slots=True)
class RedactedText:
    """A text after redaction.

    `places` are in reading order and do not overlap. `missing` names optional detectors that did
    not answer.
    """

    text: str = field(repr=False)
    places: tuple[Place, ...] = ()
    missing: tuple[str, ...] = ()


def located(
    readings: Sequence[Reading], found: Sequence[Sequence[Span]], policy: Policy, level: Level
) -> tuple[Place, ...]:
    """Give what is taken out of settled readings, and what was found and stays, in reading order.

    `found` is what detectors found in each passage, in order.
    """
    answers = iter(found)
    places: list[Place] = []
    for reading in readings:
        for view, covers in zip(reading.views, reading.covers, strict=True):
            taken = ((cover, policy.action(cover.type, level)) for cover in covers)
            left = ((span, Action.KEEP) for span in _left(next(answers), covers))
            places.extend(_place(view, span, action) for span, action in (*taken, *left))
    return tuple(sorted(places))


def _left(found: Sequence[Span], covers: Sequence[Span]) -> Iterator[Span]:
    """Give what was found, made disjoint, where nothing is taken out; both are in order."""
    waiting = iter(covers)
    cover = next(waiting, None)
    for span in merged(found):
        while cover is not None and cover.end <= span.start:
            cover = next(waiting, None)
        if cover is None or span.end <= cover.start:
            yield span


def _place(view: View, span: Span, action: Action) -> Place:
    start, end = view.locate(span.start, span.end)
    return Place(start, end, span.type, span.score, span.detector, action)
