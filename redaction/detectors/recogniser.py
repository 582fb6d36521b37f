"""What a recogniser is: a shape, a proof, and the words that make it believable.

A recogniser is a row of a table. Its pattern gives candidates, its proof (a checksum, a range)
confirms them, and words near by or the JSON key raise the score of shapes that are too common
to be believed alone. Every pattern here is linear in the text: repetitions are bounded or
possessive, so that no input can make it run away.
"""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, cast

from redaction.detectors.prefilter import Glance, loosened
from redaction.detectors.whole import cut_or_whole
from redaction.finding import Passage, Span

__all__ = ["Recogniser", "ShapeRecogniser", "digits_of", "near", "spaced", "words"]

# How far from a value its context words may stand, in characters.
_BEFORE, _AFTER = 60, 24
_RIGHT_BEFORE = 20
# No policy should count what is less likely than not; rows below are looked for by their context.
_BELIEVED = 0.5


class Recogniser(Protocol):
    """Finds one kind of thing, or a family of them."""

    @property
    def needs(self) -> str | None:
        """What its values cannot do without, as an RE2 pattern; None for one to ask always."""

    @property
    def reach(self) -> int:
        """How far behind a stretch a value that begins in it is followed, in characters."""

    def listens(self, key: str) -> bool:
        """Tell whether a value could be believed because it stands at this key."""

    def find(self, passage: Passage, start: int, end: int) -> Iterator[Span]:
        """Give every value whose search begins in `[start, end)`; the spans may overlap.

        Whatever stands outside may be looked at, and belong to a value.
        """


@dataclass(frozen=True, slots=True)
class ShapeRecogniser:
    """A pattern with a proof and context words.

    The value is the pattern's group `value`, or the whole match. `alone` is the score without
    context, `believed` the score with it; words that match `against` right before it make it
    something else. `telling` is what to look for first, where the pattern itself is too intricate
    for an automaton. `reach` is how far behind a stretch a match that
    begins in it is followed. `more` is what a value consists of where its pattern bounds only how
    long it may be: what is longer is a `Cut`.
    """

    name: str
    entity: str
    pattern: re.Pattern[str]
    alone: float
    proof: Callable[[str], bool] = bool
    context: re.Pattern[str] | None = None
    believed: float = 0.85
    against: re.Pattern[str] | None = None
    reach: int = 512
    telling: str | None = None
    more: re.Pattern[str] | None = None
    _value: str | int = field(init=False, repr=False)
    # Whether the value is nothing without its context, so that this is looked for first.
    _by_context: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Work out once what every search asks."""
        by_context = self.context is not None and self.alone < _BELIEVED and self.telling is None
        object.__setattr__(self, "_by_context", by_context)
        object.__setattr__(self, "_value", "value" if "value" in self.pattern.groupindex else 0)

    @property
    def needs(self) -> str | None:
        """The pattern itself, loosened, or what is rarer: what was named, or the context words."""
        if self._by_context:
            context = cast("re.Pattern[str]", self.context)
            return rf"(?:^|[^\pL\pN]){loosened(context.pattern, context.flags)}(?:$|[^\pL\pN])"
        return self.telling or loosened(self.pattern.pattern, self.pattern.flags)

    def listens(self, key: str) -> bool:
        """Hear the context words."""
        return self.context is not None and self.context.search(spaced(key)) is not None

    def find(self, passage: Passage, start: int, end: int) -> Iterator[Span]:
        """Give the confirmed places."""
        text = passage.text
        if self._by_context:
            # The words were found in the stretch; the value may stand beside it.
            start, end = max(0, start - self.reach - _AFTER), end + _BEFORE
        for match in self.pattern.finditer(text, start, end + self.reach):
            if match.start() >= end:
                return
            first, last = match.span(self._value)
            if last > first and self.proof(text[first:last]) and not self._other(text, first):
                span = Span(first, last, self.entity, self._score(passage, first, last), self.name)
                bounded = last == end + self.reach or self._more(text, last)
                yield cut_or_whole(text, span, last) if bounded else span

    def _more(self, text: str, end: int) -> bool:
        return self.more is not None and self.more.match(text, end) is not None

    def _other(self, text: str, start: int) -> bool:
        against = self.against
        return against is not None and bool(
            against.search(text, max(0, start - _RIGHT_BEFORE), start)
        )

    def _score(self, passage: Passage, start: int, end: int) -> float:
        if self.context is not None and near(passage, start, end, self.context):
            return max(self.believed, self.alone)
        return self.alone


def near(passage: Passage, start: int, end: int, context: re.Pattern[str]) -> bool:
    """Tell whether a context word stands in the passage's key or near `[start, end)`."""
    if passage.key is not None and context.search(spaced(passage.key)):
        return True
    text, first = passage.text, max(0, start - _BEFORE)
    # Most numbers have no such word by them, and an automaton is sooner sure of that.
    if _glance(context).misses(f"{text[first:start]}\n{text[end : end + _AFTER]}"):
        return False
    return bool(context.search(text, first, start) or context.search(text, end, end + _AFTER))


_glance = functools.cache(Glance)


def words(*alternatives: str) -> re.Pattern[str]:
    """Compile context words: whole words, letter case aside; a space stands for `_`, `-` too."""
    spelt = "|".join(word.replace(" ", r"[\s_-]?") for word in alternatives)
    return re.compile(rf"(?<![^\W_])(?:{spelt})(?![^\W_])", re.IGNORECASE)


def spaced(key: str) -> str:
    """Split `camelCase` keys, so that their words are words."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", key)


def digits_of(value: str) -> str:
    """Give the ASCII digits of a value."""
    return "".join(filter(string.digits.__contains__, value))
