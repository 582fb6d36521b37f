"""What was found in overlapping chunks, as findings in the text they were cut from.

The law: nothing that was found in any chunk is lost. What two chunks both saw is said once, and
what each saw a part of, because it lies across the edge, becomes one finding from the first
character to the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter

from redaction.detectors.azure_language_chunks import Chunk
from redaction.finding import Span

__all__ = ["joined"]


def joined(found: Iterable[tuple[Chunk, Sequence[Span]]]) -> list[Span]:
    """Give the spans of a text, sorted, from those of its chunks, whose offsets are their own.

    Spans of one type that overlap become one, with the higher score; types stay apart, since which
    one names a place is not decided here.
    """
    moved = [_moved(span, chunk.start) for chunk, spans in found for span in spans]
    spans: list[Span] = []
    for _, alike in groupby(sorted(moved, key=_by_type), key=attrgetter("type")):
        spans.extend(_united(alike))
    return sorted(spans)


def _by_type(span: Span) -> tuple[str, int, int]:
    return (span.type, span.start, span.end)


def _moved(span: Span, by: int) -> Span:
    return Span(span.start + by, span.end + by, span.type, span.score, span.detector)


def _united(spans: Iterable[Span]) -> list[Span]:
    """Unite the overlapping ones of these, which are of one type and in reading order."""
    united: list[Span] = []
    for span in spans:
        last = united[-1] if united else None
        if last is None or span.start >= last.end:
            united.append(span)
            continue
        end, score = max(last.end, span.end), max(last.score, span.score)
        united[-1] = Span(last.start, end, last.type, score, last.detector)
    return united
