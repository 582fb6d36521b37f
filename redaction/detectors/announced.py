"""Announced values: nothing by their shape, something by the words before them.

A label ("passport no.", "geboren am", "targa") is looked for first, then a value of the right
shape close behind it: in the sentence, on the next line of a dialogue, or as the whole value of a
JSON member or a column of that name. Between the two stands no other digit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from redaction.detectors.prefilter import loosened
from redaction.detectors.recogniser import spaced
from redaction.finding import Passage, Span

__all__ = ["AnnouncedRecogniser"]

# From label to value: words, quotation, one line break, another word with its full stop.
_GAP = r"(?:[^\d\n;|]|\n(?!\n)){{0,{gap}}}?"


@dataclass(frozen=True)
class AnnouncedRecogniser:
    """A label, a value, and how many characters may stand between them.

    `label` and `value` are patterns without groups that capture; letter case does not matter to
    labels, to values it does unless `any_case`. The value must not go on to either side in
    letters, digits or what joins them.
    """

    name: str
    entity: str
    label: str
    value: str
    gap: int = 40
    score: float = 0.75
    proof: Callable[[str], bool] = bool
    any_case: bool = True
    reach: int = 256

    @property
    def needs(self) -> str | None:
        """The label, as a word of its own."""
        return rf"(?:^|[^\pL\pN]){loosened(f'(?:{self.label})', re.IGNORECASE)}(?:$|[^\pL])"

    @cached_property
    def _compiled(self) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
        value = rf"(?P<value>{self.value})(?![^\W_]|[.\-/]\d)"
        value = f"(?i:{value})" if self.any_case else value
        gap = _GAP.format(gap=self.gap)
        return (
            re.compile(rf"(?<![^\W_])(?:{self.label})(?![^\W\d_])", re.IGNORECASE),
            re.compile(rf"{gap}(?<![^\W_])(?<!\d[.\-/]){value}"),
            re.compile(value),
        )

    def listens(self, key: str) -> bool:
        """Hear the label."""
        return self._compiled[0].search(spaced(key)) is not None

    def find(self, passage: Passage, start: int, end: int) -> Iterator[Span]:
        """Give the first fitting value behind each label."""
        label, follows, whole = self._compiled
        text = passage.text
        if passage.key is not None and start == 0 and label.search(spaced(passage.key)):
            match = whole.fullmatch(text.strip())
            if match and self.proof(match["value"]):
                yield Span(0, len(text), self.entity, self.score + 0.1, self.name)
        for announced in label.finditer(text, start, end + self.reach):
            if announced.start() >= end:
                return
            match = follows.match(text, announced.end(), announced.end() + self.reach)
            if match and self.proof(match["value"]):
                yield Span(*match.span("value"), self.entity, self.score, self.name)
