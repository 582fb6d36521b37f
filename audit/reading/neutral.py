"""Stored text made harmless for whoever looks at it, on a terminal or a page.

What a model or a client wrote may hold escape sequences that clear the screen, overrides that
turn text around, and characters that show nothing. All of these are replaced by something that
can be seen, so that what is shown is what is stored. Nothing shows a string that came out of a
record and has not passed here.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

__all__ = ["neutral", "neutral_line"]

# Joiners have no effect of their own: emoji and several scripts are written with them.
_JOINERS = frozenset("\u200c\u200d")
_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_SPACES = re.compile(r"\s+")


def neutral(text: str) -> str:
    """Replace every character that acts instead of showing; line feeds and tabs stay.

    Control characters become their pictures (ESC: `␛`), the others their number: `⟨U+202E⟩`.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text.replace("\r\n", "\n")))


def neutral_line(text: str) -> str:
    """As `neutral`, on one line: each run of white space becomes one space."""
    return neutral(_SPACES.sub(" ", text))


@cache
def _shown(character: str) -> str:
    if character in "\n\t" or character in _JOINERS:
        return character
    if unicodedata.category(character) not in _HARMFUL:
        return character
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"
