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

from redaction.detectors.prefilter import Needle, loosened
from redaction.detectors.recogniser import spaced
from redaction.finding import Passage, Span

__all__ = ["AnnouncedRecogniser"]

# From label to value: words and quotation on one line and the next.
_GAP = re.compile(r"(?:[^\d\n;|]|\n(?!\n))*")
# From one value of a list to the next: "ZS0029384 and ZS0029385".
_NEXT = re.compile(
    r"\s{0,2}(?:[,/&;]|(?:and|or|und|oder|et|ou|y|o|e|ed|en|of|i|oraz|lub)\b)\s{1,2}"
)


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
    def _compiled(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        value = rf"(?P<value>{self.value})(?![^\W_]|[.\-/][^\W_])"
        value = f"(?i:{value})" if self.any_case else value
        return (
            re.compile(rf"(?<![^\W_])(?:{self.label})(?![^\W\d_])", re.IGNORECASE),
            re.compile(rf"(?<![^\W_])(?<!\d[.\-/]){value}"),
        )

    def listens(self, key: str) -> bool:
        """Hear the label."""
        return self._compiled[0].search(spaced(key)) is not None

    @cached_property
    def _needle(self) -> Needle:
        return Needle(f"(?:{self.label})")

    def find(self, passage: Passage, start: int, end: int) -> Iterator[Span]:
        """Give the first fitting value behind each label, and those listed with it."""
        label, value = self._compiled
        text = passage.text
        if passage.key is not None and start == 0 and label.search(spaced(passage.key)):
            match = value.fullmatch(text.strip())
            if match and self.proof(match["value"]):
                yield Span(0, len(text), self.entity, self.score + 0.1, self.name)
        told = start
        for place in self._needle.starts(text, start, end):
            announced = label.match(text, place, place + self.reach) if place >= told else None
            told = announced.end() if announced else told
            span = self._behind(text, announced.end()) if announced else None
            while span is not None:
                yield Span(*span, self.entity, self.score, self.name)
                span = self._listed(text, span[1])

    def _listed(self, text: str, end: int) -> tuple[int, int] | None:
        """Give the value that is listed right behind another one."""
        joint = _NEXT.match(text, end)
        match = self._compiled[1].match(text, joint.end()) if joint else None
        return match.span("value") if match and self.proof(match["value"]) else None

    def _behind(self, text: str, start: int) -> tuple[int, int] | None:
        """Give the first value behind a label that is near enough and proves itself."""
        gap = _GAP.match(text, start, start + self.gap)
        latest = gap.end() if gap else start
        for match in self._compiled[1].finditer(text, start, latest + self.reach):
            if match.start() > latest:
                return None
            if self.proof(match["value"]):
                return match.span("value")
        return None
