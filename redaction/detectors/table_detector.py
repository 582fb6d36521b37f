"""A detector that is a table of recognisers, each asked where the prefilter says so.

A text is read as it stands. What it holds in another shape is read on top of that: cells of tables
under their headings, and encoded runs, which are taken whole when anything is found in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from redaction.detectors.prefilter import SEVEN_DIGITS, Prefilter
from redaction.detectors.recogniser import Recogniser, spaced
from redaction.detectors.whole import whole
from redaction.encoded import MAY_BE_ENCODED, runs
from redaction.finding import Passage, Span
from redaction.tables import cells

__all__ = ["TableDetector"]

# A longer text is more than the value of its key.
_SHORT = 400
# A number as `SEVEN_DIGITS` means it, to its end, and what may precede it.
_NUMBER = re.compile(r"[0-9](?:[^0-9]{0,2}+[0-9]){6,}+")
_LETTERS, _LONGEST_NUMBER = 16, 400
# Encoded text inside encoded text inside encoded text is somebody's joke.
_DEEPEST = 2


class TableDetector:
    """Recognisers behind the port of detection."""

    def __init__(self, name: str, version: str, recognisers: Sequence[Recogniser]) -> None:
        self._name = name
        self._version = version
        self._recognisers = tuple(recognisers)
        needs = [recogniser.needs for recogniser in self._recognisers]
        self._prefilter = Prefilter([*needs, MAY_BE_ENCODED])
        self._numeric = frozenset(
            number
            for number, recogniser in enumerate(self._recognisers)
            if recogniser.needs == SEVEN_DIGITS
        )

    @property
    def name(self) -> str:
        """The name policies know it by."""
        return self._name

    @property
    def version(self) -> str:
        """Changes whenever a row of the table changes what it finds."""
        return self._version

    async def detect(self, passages: Sequence[Passage]) -> Sequence[Sequence[Span]]:
        """Ask every recogniser that the prefilter names; raises nothing for any text."""
        return [
            [*whole(passage.text, (*self._read(passage, 0), *self._cells(passage)))]
            for passage in passages
        ]

    def _read(self, passage: Passage, depth: int) -> Iterator[Span]:
        windows: list[tuple[int, int]] = []
        regions = self._regions(passage)
        encoded = regions.pop(len(self._recognisers), None)
        for number, stretches in regions.items():
            if number in self._numeric:
                # They all need the same, so where it stands is worked out once for all of them.
                windows = windows or list(_windows(passage.text, stretches))
                stretches = windows  # noqa: PLW2901 - narrowed to where the numbers are
            yield from _asked(self._recognisers[number], passage, stretches)
        if encoded is not None and depth < _DEEPEST:
            yield from self._runs(passage, encoded, depth)

    def _regions(self, passage: Passage) -> dict[int, list[tuple[int, int]]]:
        if passage.key is None or len(passage.text) > _SHORT:
            return self._prefilter.regions(passage.text)
        # What the key announces is asked for as if the text said it.
        said = f"{spaced(passage.key)}: {passage.text}"
        return {number: [(0, len(passage.text))] for number in self._prefilter.regions(said)}

    def _runs(
        self, passage: Passage, stretches: Sequence[tuple[int, int]], depth: int
    ) -> Iterator[Span]:
        for run in runs(passage.text, stretches[0][0], stretches[-1][1]):
            for span in self._read(Passage(run.text, passage.key, passage.language), depth + 1):
                yield Span(run.start, run.end, span.type, span.score, span.detector)

    def _cells(self, passage: Passage) -> Iterator[Span]:
        listening: dict[str, list[Recogniser]] = {}
        for cell in cells(passage.text):
            if cell.heading not in listening:
                listening[cell.heading] = [r for r in self._recognisers if r.listens(cell.heading)]
            if not listening[cell.heading]:
                continue
            alone = Passage(passage.text[cell.start : cell.end], cell.heading, passage.language)
            for recogniser in listening[cell.heading]:
                for span in whole(alone.text, recogniser.find(alone, 0, len(alone.text))):
                    yield _moved(span, cell.start)


def _windows(text: str, stretches: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Give where numbers stand in the stretches, with the letters that may be part of them."""
    for start, end in stretches:
        for match in _NUMBER.finditer(text, start, end + _LONGEST_NUMBER):
            if match.start() >= end:
                break
            yield max(0, match.start() - _LETTERS), match.end()


def _moved(span: Span, by: int) -> Span:
    return Span(span.start + by, span.end + by, span.type, span.score, span.detector)


def _asked(
    recogniser: Recogniser, passage: Passage, stretches: Sequence[tuple[int, int]]
) -> Iterator[Span]:
    """Ask about stretches; those within reach of each other at one go: none is read twice."""
    if not stretches:
        return
    first, last = stretches[0]
    for start, end in stretches[1:]:
        if start - last > recogniser.reach:
            yield from recogniser.find(passage, first, last)
            first = start
        last = end
    yield from recogniser.find(passage, first, last)
