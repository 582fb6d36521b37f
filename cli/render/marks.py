"""Text with what was taken out marked in colour.

A finding says where its token stands: a JSON Pointer to a string of the record, and offsets
into it. A mark is painted only where exactly that token stands; a finding that does not fit
its text, because someone altered either, paints nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from rich.text import Text

from audit.reading.indent import indented
from audit.reading.neutral import neutral, neutral_line
from audit.record import Finding
from cli.render.styles import entity_style

__all__ = ["Marks"]


class Marks:
    """The findings of one record, by the string they are in."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self._by_path: dict[str, list[Finding]] = defaultdict(list)
        for finding in sorted(findings, key=lambda found: found.start):
            self._by_path[finding.path].append(finding)

    def block(self, text: str, path: str, style: str = "") -> Text:
        """Paint a text of several lines as it stands."""
        return self._painted(text, path, iter([(text, 0)]), neutral, style)

    def json(self, text: str, path: str, style: str = "") -> Text:
        """Paint JSON laid out for reading; nothing but white space is added or left out."""
        return self._painted(text, path, indented(text), neutral, style)

    def line(self, text: str, path: str, style: str = "") -> Text:
        """Paint a text as one line."""
        return self._painted(text, path, iter([(text, 0)]), neutral_line, style)

    def _painted(
        self,
        text: str,
        path: str,
        pieces: Iterable[tuple[str, int | None]],
        harmless: Callable[[str], str],
        style: str,
    ) -> Text:
        painted = Text(style=style)
        spans = list(self._spans(text, path))
        for piece, at in pieces:
            if at is None:
                painted.append(piece)
                continue
            for part, mark in _cut(piece, at, spans):
                painted.append(harmless(part), mark)
        return painted

    def _spans(self, text: str, path: str) -> Iterator[tuple[int, int, str]]:
        end = 0
        for found in self._by_path.get(path, ()):
            fits = text[max(found.start, 0) : found.end] == found.token
            if fits and found.start >= end:
                yield found.start, found.end, entity_style(found.type)
                end = found.end


def _cut(
    piece: str, at: int, spans: list[tuple[int, int, str]]
) -> Iterator[tuple[str, str | None]]:
    """Cut a piece that begins at `at` where marks begin and end; the spans are in order."""
    done = 0
    for start, end, style in spans:
        first, last = max(start - at, done), min(end - at, len(piece))
        if first < last:
            yield piece[done:first], None
            yield piece[first:last], style
            done = last
    yield piece[done:], None
