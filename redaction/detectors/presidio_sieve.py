"""The sieve before Presidio: which of its recognisers could find anything in a window at all.

Presidio asks each recogniser about each text. Here one automaton over all their patterns decides
who is asked; who has none of his own patterns (a caller's own code) is always asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from presidio_analyzer import EntityRecognizer, Pattern, PatternRecognizer

from redaction.detectors.prefilter import Prefilter, loosened

__all__ = ["Sieve"]

# Fine stretches, because what is asked about costs far more than finding out what to ask.
_BLOCK, _CONTEXT = 256, 120
_LEADING_FLAG = re.compile(r"\\b\(\?i\)")


class Sieve:
    """Tells the types whose recognisers are worth asking about a text."""

    def __init__(self, recognizers: Sequence[EntityRecognizer]) -> None:
        self._types = [frozenset(recognizer.supported_entities) for recognizer in recognizers]
        self._prefilter = Prefilter([_needs(recognizer) for recognizer in recognizers], _BLOCK)

    def types(self, text: str) -> frozenset[str]:
        """Give the types that can occur in `text`, and perhaps more."""
        asked = self._prefilter.regions(text)
        return frozenset().union(*(self._types[number] for number in asked))

    def stretches(self, text: str) -> list[tuple[int, int, frozenset[str]]]:
        """Give the stretches worth asking about, with their context, and the types to ask for.

        What begins in one of them ends in it, and no two lie within each other's context.
        """
        places = sorted(
            (start, end, number)
            for number, found in self._prefilter.regions(text).items()
            for start, end in found
        )
        merged: list[tuple[int, int, frozenset[str]]] = []
        for start, end, number in places:
            first, last = _with_context(text, start, end)
            types = self._types[number]
            if merged and first < merged[-1][1]:
                known_first, known_last, known = merged.pop()
                first, last, types = known_first, max(last, known_last), types | known
            merged.append((first, last, types))
        return merged


def _with_context(text: str, start: int, end: int) -> tuple[int, int]:
    """Widen a stretch, to the beginning of a word where there is one near."""
    earliest = max(0, start - 2 * _CONTEXT)
    first = text.rfind(" ", earliest, max(0, start - _CONTEXT)) + 1 or earliest
    return first, min(len(text), end + _CONTEXT)


def _needs(recognizer: EntityRecognizer) -> str | None:
    if not isinstance(recognizer, PatternRecognizer) or recognizer.deny_list:
        return None
    own: list[Pattern] = vars(recognizer)["patterns"]
    patterns = [
        loosened(
            _LEADING_FLAG.sub("(?i)", pattern.regex), int(recognizer.global_regex_flags or 0), 24
        )
        for pattern in own
    ]
    if not patterns or None in patterns:
        return None
    return "|".join(f"(?:{pattern})" for pattern in patterns)
