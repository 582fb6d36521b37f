"""Long texts in documents that Azure AI Language takes: overlapping, and cut where nothing is.

A document has at most 5,120 text elements, as .NET's `StringInfo` counts them ("Service limits for
Azure AI Language" in the service's documentation). Which code points join into one element differs
between versions of Unicode, so the law is: never count fewer than the service. A code point is an
element of its own unless it is a combining mark on something, which every version joins.

Each character is in a chunk, and whatever is not longer than the overlap is whole in one of them.
No chunk begins or ends within a user-perceived character, unless that alone is longer than a
document: a letter with thousands of marks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import regex  # type: ignore[import-untyped] # it ships no types

__all__ = ["ELEMENTS", "OVERLAP", "POINTS", "SLACK", "Chunk", "Measure", "chunks", "elements"]

ELEMENTS = 5_120
# Code points of one document, marks included: five such documents in JSON's escapes, twelve bytes
# for each code point, stay below the megabyte that a request may have.
POINTS = 16_000
# Code points that two neighbours share. An address has about as many; twice as much would make one
# more request of fifty.
OVERLAP = 96
# Longer than a word, and than any character but those made to be long.
SLACK = 64

# A mark after a control or format character stands alone; see UAX #29, GB4 and GB5.
_JOINED = regex.compile(r"(?<=[^\p{C}\p{Zl}\p{Zp}])[\p{Mn}\p{Me}]")
# After white space or a stop of scripts that have none, unless what follows joins on to it.
_NATURAL = regex.compile(
    r"(?:\s+|[\u3001\u3002\uff01\uff0c\uff1b\uff1f])(?![\s\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}])"
)
# Before a letter that nothing joins to what precedes it, wherever that is (UAX #29, GB9a to GB11).
_BETWEEN = regex.compile(
    r"(?<=\P{GCB=Prepend})(?=\p{GCB=Other})(?!\p{InCB=Consonant}|\p{ExtPict})"
    r"|(?<=\p{GCB=Other})(?=\p{GCB=Other})"
)
_CHARACTER = regex.compile(r"\X")


@dataclass(frozen=True, slots=True)
class Measure:
    """How large a chunk may be: text elements, code points, and code points of overlap.

    `slack` is how many code points before a limit a good place to cut at is looked for. There must
    be more elements than overlap and twice the slack, or there is no getting on.
    """

    elements: int = ELEMENTS
    points: int = POINTS
    overlap: int = OVERLAP
    slack: int = SLACK


@dataclass(frozen=True, slots=True)
class Chunk:
    """`text` is what stands at `start`, an offset in code points, of the text it was cut from."""

    start: int
    text: str = field(repr=False)

    @property
    def end(self) -> int:
        """Where it ends in that text."""
        return self.start + len(self.text)


def elements(text: str) -> int:
    """Count text elements: as many as the service counts, or more."""
    joined: int = len(_JOINED.findall(text))
    return len(text) - joined


def chunks(text: str, measure: Measure | None = None) -> Iterator[Chunk]:
    """Cut a text into chunks in reading order; nothing of an empty text."""
    measure = measure or Measure()
    start = 0
    while start < len(text):
        limit = _limit(text, start, measure)
        end = limit if limit == len(text) else _cut(text, start, limit, measure.slack)
        yield Chunk(start, text[start:end])
        if end == len(text):
            return
        start = _cut(text, start, end - measure.overlap, measure.slack)


def _limit(text: str, start: int, measure: Measure) -> int:
    """How far a chunk from `start` may reach: marks make room for more, which may be marks."""
    most = min(len(text), start + measure.points)
    end = min(most, start + measure.elements)
    used = elements(text[start:end])
    while end < most and used < measure.elements:
        further = min(most, end + measure.elements - used)
        # What a mark at `end` joins to is read again, and was counted.
        used += elements(text[end - 1 : further]) - 1
        end = further
    while end < most and elements(text[end - 1 : end + 1]) == 1:
        end += 1
    return end


def _cut(text: str, start: int, latest: int, slack: int) -> int:
    """Give the best place to cut at, not after `latest` nor more than `slack` before it.

    The last one between two words, else between two characters; one begins at `start`.
    """
    earliest = latest - slack
    # One more is read, which may join on to what is before it.
    near = text[earliest : latest + 1]
    for kind in (_NATURAL, _BETWEEN):
        ends: list[int] = [earliest + found.end() for found in kind.finditer(near)]
        if within := [end for end in ends if end <= latest]:
            return within[-1]
    # Rare: reading characters one by one is slow.
    place: int = start
    for found in _CHARACTER.finditer(text, start):
        if found.end() > latest:
            break
        place = found.end()
    return place if place > earliest else latest
