"""What the stand-in takes for personal data, and how it counts and places it.

The rules are simple and its own, so that a test knows what has to be found: a name is `Planta` with
two more words, which nobody else looks for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import regex  # type: ignore[import-untyped] # it ships no types

__all__ = ["LANGUAGES", "entities_in", "text_elements"]

# Some of those that PII recognition knows.
LANGUAGES = frozenset(
    {"da", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "no", "pl", "pt", "pt-BR", "sv", "zh"}
)

RULES: dict[str, re.Pattern[str]] = {
    "Person": re.compile(r"\bPlanta\s+\w+\s+\w+"),
    "Email": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "PhoneNumber": re.compile(r"\+\d(?:[ -]?\d){7,14}"),
    "USSocialSecurityNumber": re.compile(r"\b\d{3}-\d{2}-\d{4}\b"),
}

_ELEMENT = regex.compile(r"\X")
_CONJUNCT = regex.compile(r"\p{InCB=Linker}\p{InCB=Extend}*\p{InCB=Consonant}")


def text_elements(text: str) -> int:
    """Count as the service may: as today, or without joining conjuncts, whichever is more."""
    return len(_ELEMENT.findall(text)) + len(_CONJUNCT.findall(text))


def entities_in(text: str, index: str) -> Iterator[dict[str, Any]]:
    """Give the entities of a document; `index` says what offsets count."""
    measure = _MEASURES[index]
    for category, rule in RULES.items():
        for found in rule.finditer(text):
            yield {
                "text": found[0],
                "category": category,
                "offset": measure(text[: found.start()]),
                "length": measure(found[0]),
                "confidenceScore": 0.9,
            }


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


_MEASURES: dict[str, Callable[[str], int]] = {
    "UnicodeCodePoint": len,
    "Utf16CodeUnit": _utf16,
    "TextElements_v8": text_elements,
}
