"""The `names` detector: people, places and addresses, by the model that ships with the project.

It is the floor: it loads offline, reads eight languages with one set of weights, and needs no
word of a passage's language. The law: every character of a passage is read by the model; nothing
that is read stays behind, neither in a vocabulary nor in a cache of its own. A finding's score is
the model's own probability that its surest word belongs to somebody, so that a policy can ask for
more; what is below `LEAST` is not said.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import TypeAlias

import numpy as np

from audit.errors import DetectorFailed
from redaction.detectors.figures import is_a_figures
from redaction.detectors.names_network import Network
from redaction.detectors.names_words import Places, Reader
from redaction.detectors.shipped_pipeline import LABELS, Floats, Tagger
from redaction.finding import Passage, Span

__all__ = ["LEAST", "NameDetector"]

# A word beside a surer one belongs to it from here on; by itself it is said and left to the policy.
LEAST = 0.35
# Characters read at once, and how much of them is read again, so that what lies across an edge is
# seen whole. Longer documents would only take more memory: the model looks a few words around.
_WINDOW, _OVERLAP = 4000, 300
# Characters that are read together: enough for the matrices to be worth it, few to hold.
_TOGETHER = 16_000
_LETTER = re.compile(r"[^\W\d_]")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_IDENTIFIER = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)+|[a-z]+(?:[A-Z][a-z0-9]+)+|[A-Z0-9]+_[A-Z0-9_]+")
_CAPITAL = re.compile(r"(?<!\w)[^\W\d_a-z][^\W\d_]{2,}")
# How far around a name in small letters there must be no capital, and what is sure enough for a
# street without a number.
_NEAR, _SURE = 60, 0.95
# Two small letters are a word, or a piece of one.
_SHORTEST = 3
_AGE = re.compile(r"(?<!\d)\d{1,3}(?!\d)")
# A day, a month and a year in digits, or a word between a day and a year, in either order.
_DATE = re.compile(
    r"(?<!\d)\d{1,4}([./-])\d{1,2}\1\d{2,4}(?!\d)|(?<!\d)\d{1,2}\D{2,20}\d{4}(?!\d)"
    r"|[^\W\d_]{3,}\.?\s\d{1,2}\D{1,5}\d{4}"
)
# An address has a word with a capital, or more words than a quantity has.
_PLACED = re.compile(r"[^\W\d_a-z][^\W\d_]{2,}|[^\W\d_]{2,}\W+[^\W\d_]{3,}|[^\W\d_]{6,}\W+\d")
# Which passage, from which offset on, what is put before it, and the text.
_Piece: TypeAlias = tuple[int, int, str, str]
_EDGES = " \t\n\r,;:.\"'|-([{<"
# What stands between the parts of an address, and before its town in a sentence of eight languages.
_JOINT = re.compile(r" ?[,\u2013-]? ?|,? (?:in|at|te|en|à|a|de|em|w|we) ")
_ENDS = frozenset({"ADDRESS", "LOCATION"})


class NameDetector:
    """The shipped model behind the port of detection. Loading takes less than half a second."""

    def __init__(self) -> None:
        weights = resources.files("redaction.model").joinpath("weights.bin").read_bytes()
        tagger = Tagger()
        tagger.load(weights)
        self._reader, self._network = Reader(), Network(tagger.model)
        self._digest = hashlib.sha256(weights).hexdigest()[:12]

    @property
    def name(self) -> str:
        """The name policies know it by."""
        return "names"

    @property
    def version(self) -> str:
        """The weights' digest: whatever else there is follows from them."""
        return self._digest

    async def detect(self, passages: Sequence[Passage]) -> Sequence[Sequence[Span]]:
        """Read all passages but `coded` ones. Raises `DetectorFailed` when the model does."""
        pieces = [
            piece
            for at, passage in enumerate(passages)
            if not passage.coded
            for piece in _pieces(at, passage)
        ]
        found: list[list[Span]] = [[] for _ in passages]
        for batch in _batches(pieces):
            self._read(batch, passages, found)
        return found

    def _read(
        self, pieces: Sequence[_Piece], passages: Sequence[Passage], found: list[list[Span]]
    ) -> None:
        try:
            words = self._reader.read([lead + text for _, _, lead, text in pieces])
            judged = self._network.odds(words)
            for (at, offset, lead, _), edges, odds in zip(pieces, words.edges, judged, strict=True):
                place = offset - len(lead), offset
                found[at].extend(_spans(edges, odds, place, passages[at].text))
        except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold text
            raise DetectorFailed(f"the model failed with {type(error).__name__}") from None


def _pieces(at: int, passage: Passage) -> Iterator[_Piece]:
    """Cut a passage into windows that overlap; its key goes before it, as a form would have it."""
    lead = f"{_CAMEL.sub(' ', passage.key).replace('_', ' ')[:60]}: " if passage.key else ""
    text, start = passage.text, 0
    while len(text) - start > _WINDOW:
        edge = max(text.rfind(mark, start, start + _WINDOW) for mark in " \n")
        end = edge if edge > start + _WINDOW // 2 else start + _WINDOW
        yield at, start, lead, text[start:end]
        start = end - _OVERLAP
    if _LETTER.search(text, start):
        yield at, start, lead, text[start:]


def _batches(pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    batch: list[_Piece] = []
    held = 0
    for piece in pieces:
        batch.append(piece)
        held += len(piece[3])
        if held >= _TOGETHER:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _spans(edges: Places, odds: Floats, place: tuple[int, int], text: str) -> Iterator[Span]:
    """Give what was found, trimmed, in the offsets of the passage; the lead is no part of it."""
    shift, first = place
    hits: list[int] = np.flatnonzero(odds[:, 0] <= 1 - LEAST).tolist()
    if not hits:
        return
    for start, end, label, score in _joined(_groups(hits, odds), edges + shift, text):
        value = _trimmed(text, max(start, first), end)
        if value[0] < value[1] and _sensible(text, *value, label, score):
            yield Span(*value, label, score, "names")


def _groups(hits: Sequence[int], odds: Floats) -> Iterator[tuple[int, int, int, float]]:
    """Give runs of words, as the first and the last, which label, and how sure the surest is."""
    begins = odds[:, 1::2].sum(axis=1) > odds[:, 2::2].sum(axis=1)
    cuts = [0, *(n for n in range(1, len(hits)) if hits[n] > hits[n - 1] + 1 or begins[hits[n]])]
    for start, end in zip(cuts, [*cuts[1:], len(hits)], strict=True):
        rows = odds[hits[start] : hits[end - 1] + 1]
        # One value has one label, whatever its single words look like.
        label = int(np.argmax((rows[:, 1::2] + rows[:, 2::2]).sum(axis=0)))
        yield hits[start], hits[end - 1], label, float(1 - rows[:, 0].min())


def _joined(
    groups: Iterator[tuple[int, int, int, float]], edges: Places, text: str
) -> Iterator[tuple[int, int, str, float]]:
    """Turn words into characters; the parts of one address become one."""
    held: tuple[int, int, str, float] | None = None
    for first, last, number, score in groups:
        start, end = int(edges[first, 0]), int(edges[last, 1])
        label = LABELS[number]
        goes_on = held is not None and held[2] == "ADDRESS" and label in _ENDS
        if held and goes_on and _JOINT.fullmatch(text, max(held[1], 0), start):
            held = held[0], end, "ADDRESS", max(score, held[3])
            continue
        if held:
            yield held
        held = start, end, label, score
    if held:
        yield held


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and (text[start] in _EDGES or text[start].isspace()):
        start += 1
    while start < end and (text[end - 1] in _EDGES or text[end - 1].isspace()):
        end -= 1
    return start, end


def _sensible(text: str, start: int, end: int, label: str, score: float) -> bool:
    """Leave out what no such value looks like: identifiers of code, quantities, common words."""
    value = text[start:end]
    if label == "AGE":
        return _AGE.search(value) is not None
    if label == "DATE_OF_BIRTH":
        return _DATE.search(value) is not None
    # Where the words around have capitals, a name has one too.
    near = text[max(0, start - _NEAR) : end + _NEAR]
    if value.islower() and (end - start < _SHORTEST or any(map(str.isupper, near))):
        return False
    digits = any(map(str.isdigit, value))
    if label == "ADDRESS":
        placed = _PLACED.search(value) is not None
        return placed and (digits or score > _SURE or len(_CAPITAL.findall(value)) > 1)
    if digits or not _LETTER.search(value) or _IDENTIFIER.fullmatch(value):
        return False
    return label != "PERSON" or not is_a_figures(text, start, end)
