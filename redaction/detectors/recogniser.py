"""What a recogniser is: a shape, a proof, and the words that make it believable.

A recogniser is a row of a table. Its pattern gives candidates, its proof (a checksum, a range)
confirms them, and words near by or the JSON key raise the score of shapes that are too common
to be believed alone. Every pattern here is linear in the text: repetitions are bounded or
possessive, so that no input can make it run away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from redaction.finding import Passage, Span

__all__ = ["Recogniser", "ShapeRecogniser", "digits_of", "near", "words"]

# How far from a value its context words may stand, in characters.
_BEFORE, _AFTER = 60, 24


class Recogniser(Protocol):
    """Finds one kind of thing, or a family of them."""

    def find(self, passage: Passage) -> Iterator[Span]:
        """Give every place; the spans may overlap."""


@dataclass(frozen=True, slots=True)
class ShapeRecogniser:
    """A pattern with a proof and context words.

    The value is the pattern's group `value`, or the whole match. `alone` is the score without
    context, `believed` the score with it. `hints` are substrings of which one must occur, a
    cheap test that spares the pattern; empty means that it always runs. `shortest` is the
    fewest characters that a value can have.
    """

    name: str
    entity: str
    pattern: re.Pattern[str]
    alone: float
    proof: Callable[[str], bool] = bool
    context: re.Pattern[str] | None = None
    believed: float = 0.85
    hints: tuple[str, ...] = ()
    shortest: int = 0

    def find(self, passage: Passage) -> Iterator[Span]:
        """Give the confirmed places."""
        text = passage.text
        if not self._worth_a_look(text):
            return
        group = "value" if "value" in self.pattern.groupindex else 0
        for match in self.pattern.finditer(text):
            start, end = match.span(group)
            if end > start and self.proof(text[start:end]):
                yield Span(start, end, self.entity, self._score(passage, start, end), self.name)

    def _worth_a_look(self, text: str) -> bool:
        if len(text) < self.shortest:
            return False
        return not self.hints or any(hint in text for hint in self.hints)

    def _score(self, passage: Passage, start: int, end: int) -> float:
        if self.context is not None and near(passage, start, end, self.context):
            return max(self.believed, self.alone)
        return self.alone


def near(passage: Passage, start: int, end: int, context: re.Pattern[str]) -> bool:
    """Tell whether a context word stands in the passage's key or near `[start, end)`."""
    if passage.key is not None and context.search(_spaced(passage.key)):
        return True
    text = passage.text
    return bool(
        context.search(text, max(0, start - _BEFORE), start)
        or context.search(text, end, end + _AFTER)
    )


def words(*alternatives: str) -> re.Pattern[str]:
    """Compile context words: whole words, letter case aside; a space stands for `_`, `-` too."""
    spelt = "|".join(word.replace(" ", r"[\s_-]?") for word in alternatives)
    return re.compile(rf"(?<![^\W_])(?:{spelt})(?![^\W_])", re.IGNORECASE)


def _spaced(key: str) -> str:
    """Split `camelCase` keys, so that their words are words."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", key)


def digits_of(value: str) -> str:
    """Give the ASCII digits of a value."""
    return "".join(c for c in value if "0" <= c <= "9")
