"""The `names` detector: people, places and addresses, by the model that ships with the project.

It is the floor: it loads offline, reads eight languages with one set of weights, and needs no
word of a passage's language. The law: every character of a passage is read by the model; nothing
that is read stays behind, neither in a vocabulary nor in a cache of its own. What it is unsure of
it does not say: the model gives no probabilities, so that all it finds has one score.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import TypeAlias

from spacy.tokens import Doc

from audit.errors import DetectorFailed
from redaction.detectors.shipped_pipeline import load
from redaction.finding import Passage, Span

__all__ = ["NameDetector"]

# Above the threshold of a careful policy, below what a checksum or a key's name proves.
_SCORE = 0.8
# Characters read at once, and how much of them is read again, so that what lies across an edge is
# seen whole. Longer documents would only take more memory: the model looks a few words around.
_WINDOW, _OVERLAP = 4000, 300
_BATCH = 64
_LETTER = re.compile(r"[^\W\d_]")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_IDENTIFIER = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)+|[a-z]+(?:[A-Z][a-z0-9]+)+")
# Which passage, from which offset on, what is put before it, and the text.
_Piece: TypeAlias = tuple[int, int, str, str]
_EDGES = " \t\n\r,;:.\"'|-"


class NameDetector:
    """The shipped model behind the port of detection. Loading takes half a second."""

    def __init__(self) -> None:
        weights = resources.files("redaction.model").joinpath("weights.bin").read_bytes()
        self._nlp = load(weights)
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
        """Read all passages in batches. Raises `DetectorFailed` when the model does."""
        pieces = [piece for at, passage in enumerate(passages) for piece in _pieces(at, passage)]
        found: list[list[Span]] = [[] for _ in passages]
        for first in range(0, len(pieces), _BATCH):
            self._read(pieces[first : first + _BATCH], passages, found)
        return found

    def _read(
        self, pieces: Sequence[_Piece], passages: Sequence[Passage], found: list[list[Span]]
    ) -> None:
        try:
            # What is read inside is forgotten: a vocabulary keeps every word it ever saw.
            with self._nlp.memory_zone():
                docs = self._nlp.pipe([lead + text for _, _, lead, text in pieces])
                for (at, offset, lead, _), doc in zip(pieces, docs, strict=True):
                    found[at].extend(_spans(doc, offset - len(lead), offset, passages[at].text))
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


def _spans(doc: Doc, shift: int, first: int, text: str) -> Iterator[Span]:
    """Give what was found, trimmed, in the offsets of the passage; the lead is no part of it."""
    for entity in doc.ents:
        start, end = max(entity.start_char + shift, first), entity.end_char + shift
        while start < end and text[start] in _EDGES:
            start += 1
        while start < end and text[end - 1] in _EDGES:
            end -= 1
        if start < end and _sensible(text[start:end], entity.label_):
            yield Span(start, end, entity.label_, _SCORE, "names")


def _sensible(value: str, label: str) -> bool:
    """Leave out what no name looks like: identifiers of code, and names without a letter."""
    if label in {"AGE", "DATE_OF_BIRTH"}:
        return any(c.isdigit() for c in value)
    return bool(_LETTER.search(value)) and not _IDENTIFIER.fullmatch(value)
