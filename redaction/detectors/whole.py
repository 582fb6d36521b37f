"""Whole values: what a bound cut short is taken to its end.

The law of this module: a finding ends where its value ends. Patterns are bounded, so that no input
makes them run away; a recogniser whose bound was reached says so with `Cut`, and here the value is
followed to the end of its run, once for each run, however many cuts lie in it. So the cost stays
linear in the text, and no tail of a long key stays behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from redaction.finding import Span

__all__ = ["Cut", "cut_or_whole", "goes_on", "whole"]

# To white space, quotation, a tag, or the next assignment (`;Name=`, `&name=`).
_NEXT = re.compile(r"(?![;&,][A-Za-z_]\w*=)[^\s\"'`«»“”„<>]")
_RUN = re.compile(rf"(?:{_NEXT.pattern})*+")
_TRAILING = ".,;:)}]>*!?"


class Cut(Span):
    """A span at whose end a bound was reached, and not the end of the value."""

    __slots__ = ()


def cut_or_whole(text: str, span: Span, reached: int) -> Span:
    """Give the span as a `Cut` where its value came to `reached` and its run goes on there.

    A span that ends well before, at the next assignment, is whole.
    """
    ended = text[span.end : reached].strip(_TRAILING)
    if ended or not goes_on(text, reached):
        return span
    return Cut(span.start, reached, span.type, span.score, span.detector)


def goes_on(text: str, place: int) -> bool:
    """Tell whether a run that came to `place` goes on there."""
    return _NEXT.match(text, place) is not None


def whole(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    """Give the spans, of each run the first cut one followed to the end of its run.

    The further ones of a run lie within that one, and are left out.
    """
    followed = 0
    for span in sorted(spans, key=lambda span: span.start):
        if not isinstance(span, Cut):
            yield span
        elif span.end >= followed:
            followed = _end(text, span)
            yield Span(span.start, followed, span.type, span.score, span.detector)


def _end(text: str, span: Span) -> int:
    match = _RUN.match(text, span.end)
    end = match.end() if match else span.end
    while end > span.end and text[end - 1] in _TRAILING:
        end -= 1
    return end
