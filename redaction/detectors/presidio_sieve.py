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

_LEADING_FLAG = re.compile(r"\\b\(\?i\)")


class Sieve:
    """Tells the types whose recognisers are worth asking about a text."""

    def __init__(self, recognizers: Sequence[EntityRecognizer]) -> None:
        self._types = [frozenset(recognizer.supported_entities) for recognizer in recognizers]
        self._prefilter = Prefilter([_needs(recognizer) for recognizer in recognizers])

    def types(self, text: str) -> frozenset[str]:
        """Give the types that can occur in `text`, and perhaps more."""
        asked = self._prefilter.regions(text)
        return frozenset().union(*(self._types[number] for number in asked))


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
