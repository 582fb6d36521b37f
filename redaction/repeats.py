"""Repeats: a value found once in an exchange is taken out wherever it stands.

A detector may see a value in one place, by its context, and miss it in another. So everything
that was found is sought again, letter case aside, in every passage. An identifier (eight or more
characters with a digit or an `@`) is found even inside a longer word; a shorter value or a mere
word only where it stands alone, because `Anna` is not the beginning of `Annapolis`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from audit.errors import TextTooLarge
from redaction.finding import Span

__all__ = ["SHORTEST", "Values"]

# Shorter values (an age, two initials) would blank out unrelated text.
SHORTEST = 5
_IDENTIFIER = 8
# So many beginnings are sooner sought one by one than looked up at every character.
_FEW = 40
# Some ten seconds of comparing: a record full of addresses takes a tenth of it.
_MOST_LOOKS = 20_000_000


class Values:
    """The values found so far in one exchange.

    Values shorter than `shortest` are ignored. The cost of a search is linear in the text and
    does not depend on how many values are known, but on how many lengths those have that begin
    alike; texts made to exploit that are given up (`TextTooLarge`).
    """

    def __init__(self, shortest: int = SHORTEST) -> None:
        self._shortest = shortest
        # By their first characters, then by length: many may begin alike, few are as long.
        self._by_head: dict[str, dict[int, dict[str, Span]]] = {}
        self._looks = 0

    def __bool__(self) -> bool:
        return bool(self._by_head)

    def add(self, value: str, span: Span) -> None:
        """Remember a value and the span that found it; of two spans the surer one names it."""
        folded = _folded(value.strip())
        if folded and len(folded) >= self._shortest:
            alike = self._by_head.setdefault(folded[: self._shortest], {})
            known = alike.setdefault(len(folded), {})
            if folded not in known or _rank(span) > _rank(known[folded]):
                known[folded] = span

    def find(self, text: str) -> Iterator[Span]:
        """Give a span for every place where a remembered value stands in `text`.

        Raises `TextTooLarge` when all searches together have taken too many looks.
        """
        heads, shortest = self._by_head, self._shortest
        if not heads:
            return
        folded = _folded(text)
        if len(heads) <= _FEW:
            for start in _starts(folded, heads):
                yield from self._at(folded, start)
            return
        for start in range(len(folded) - shortest + 1):
            if folded[start : start + shortest] in heads:
                yield from self._at(folded, start)

    def _at(self, folded: str, start: int) -> Iterator[Span]:
        alike = self._by_head[folded[start : start + self._shortest]]
        self._looks += len(alike)
        if self._looks > _MOST_LOOKS:
            raise TextTooLarge
        for length, values in alike.items():
            end = start + length
            found = values.get(folded[start:end])
            if found is not None and _counts(folded, start, end):
                yield Span(start, end, found.type, found.score, found.detector)


def _starts(text: str, heads: Iterable[str]) -> list[int]:
    """Give where any of a few beginnings stands, in reading order."""
    found: list[int] = []
    for head in heads:
        at = text.find(head)
        while at >= 0:
            found.append(at)
            at = text.find(head, at + 1)
    return sorted(found)


def _folded(text: str) -> str:
    """Lower the case without moving an offset: `İ`, which would become two, stays."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := c.lower()) == 1 else c for c in text)


def _rank(span: Span) -> tuple[float, str, str]:
    return (span.score, span.type, span.detector)


def _counts(text: str, start: int, end: int) -> bool:
    value = text[start:end]
    if end - start >= _IDENTIFIER and ("@" in value or any(c.isdigit() for c in value)):
        return True
    before = text[start - 1] if start else " "
    after = text[end] if end < len(text) else " "
    return not (before.isalnum() and value[0].isalnum()) and not (
        after.isalnum() and value[-1].isalnum()
    )
