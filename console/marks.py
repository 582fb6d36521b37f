"""Stored text as pieces: what shows as it is, and the tokens that stand where something was.

A finding says where its token stands: a JSON Pointer to a string of the record, and offsets into
it. A piece is marked only where exactly that token stands; a finding that does not fit its text,
because someone altered either, marks nothing. All text comes out neutral: it shows, never acts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from audit.reading.indent import begins_like_json, indented
from audit.reading.neutral import neutral, neutral_line
from audit.record import Finding

__all__ = ["Chip", "Marks", "Piece", "Pieces", "family"]

# The first word that occurs in a type's name decides.
_FAMILIES: dict[str, str] = {
    **dict.fromkeys(("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL"), "secret"),
    **dict.fromkeys(("CARD", "IBAN", "BANK"), "money"),
    **dict.fromkeys(("SSN", "PASSPORT", "MEDICAL", "NHS", "LICENSE", "LICENCE"), "official"),
    **dict.fromkeys(("IP_", "URL", "LOCATION"), "place"),
}


@dataclass(frozen=True, slots=True)
class Chip:
    """A token: its type, the family its colour is of, who found it and how sure they were."""

    type: str
    family: str
    detector: str
    score: float

    @property
    def legend(self) -> str:
        """What it is, in words."""
        return f"{self.type}, found by {self.detector}, score {self.score:.2f}"


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text; with a chip where it is a token."""

    text: str = field(repr=False)
    chip: Chip | None = None


Pieces = tuple[Piece, ...]


class Marks:
    """The findings of one record, by the string they are in."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self._by_path: dict[str, list[Finding]] = defaultdict(list)
        for finding in sorted(findings, key=lambda found: found.start):
            self._by_path[finding.path].append(finding)

    def block(self, text: str, path: str) -> Pieces:
        """A text of several lines, as it stands."""
        return tuple(self._pieces([(text, 0)], text, path, one_line=False))

    def line(self, text: str, path: str) -> Pieces:
        """A text as one line."""
        return tuple(self._pieces([(text, 0)], text, path, one_line=True))

    def data(self, text: str, path: str) -> Pieces:
        """What may be JSON, laid out for reading where it is; nothing but white space is added."""
        if not begins_like_json(text):
            return self.block(text, path)
        return tuple(self._pieces(indented(text), text, path, one_line=False))

    def legend(self) -> Iterator[tuple[str, Chip, int, str]]:
        """Each token once: itself, its chip with the best score, how often, and who found it."""
        by_token: dict[tuple[str, str], list[Finding]] = defaultdict(list)
        for found in (each for group in self._by_path.values() for each in group):
            by_token[found.type, found.token].append(found)
        for (kind, token), group in sorted(by_token.items()):
            # A dict, not a set: the order of first appearance is the order of reading.
            detectors = ", ".join(dict.fromkeys(neutral_line(each.detector) for each in group))
            best = max(each.score for each in group)
            name = neutral_line(kind)
            yield token, Chip(name, family(name), detectors, best), len(group), detectors

    def _pieces(
        self, parts: Iterable[tuple[str, int | None]], text: str, path: str, *, one_line: bool
    ) -> Iterator[Piece]:
        harmless = neutral_line if one_line else neutral
        spans = list(self._spans(text, path))
        for part, at in parts:
            if at is None:
                yield Piece(part)
                continue
            for piece, chip in _cut(part, at, spans):
                if piece:
                    yield Piece(harmless(piece), chip)

    def _spans(self, text: str, path: str) -> Iterator[tuple[int, int, Chip]]:
        end = 0
        for found in self._by_path.get(path, ()):
            fits = text[max(found.start, 0) : found.end] == found.token
            if fits and found.start >= end:
                kind, detector = neutral_line(found.type), neutral_line(found.detector)
                yield found.start, found.end, Chip(kind, family(kind), detector, found.score)
                end = found.end


def family(entity: str) -> str:
    """The family of an entity type; people's own data is `person` unless another is named."""
    return next((name for word, name in _FAMILIES.items() if word in entity), "person")


def _cut(
    piece: str, at: int, spans: list[tuple[int, int, Chip]]
) -> Iterator[tuple[str, Chip | None]]:
    """Cut a piece that begins at `at` where marks begin and end; the spans are in order."""
    done = 0
    for start, end, chip in spans:
        first, last = max(start - at, done), min(end - at, len(piece))
        if first < last:
            yield piece[done:first], None
            yield piece[first:last], chip
            done = last
    yield piece[done:], None
