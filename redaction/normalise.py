"""Normalisation: one spelling for what looks the same, with a map back.

Full-width and other foreign digits, letters from the mathematical alphabets, signs for hyphens and
spaces, look-alike letters of other scripts inside Latin words, accents written apart, and
characters without width must not hide a value from a pattern. The reading is for detectors only:
the map leads every find back to the text as it was written.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Sequence

__all__ = ["normalised"]

_HYPHENS = "\u2010\u2011\u2012\u2013\u2212\ufe58\ufe63\uff0d"
_SPACES = (
    "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f"
    "\u205f\u3000"
)
# Ranges, as they stand in a pattern's brackets.
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e007f"
)
# Letters that are drawn like Latin ones (a selection of Unicode's confusables).
_PAIRS = (
    "АAВBЕEЅSІIЈJКKМMНHОOРPСCТTУYХXаaеeіiјjоoрpсcѕsуyхxԁdӏlԛqԝwһhѵv"
    "ΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧXοoνvιiρpυuαaɡgɑaıiӀI"
)
_ALIKE = dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True))
_LATIN = re.compile(r"[A-Za-z0-9@]")
_WORD = re.compile(r"[\w.@+\-]*[^\x00-\x7f][\w.@+\-]*")
# Taken out inside a word or a number, beside the spaces and brackets of its groups too: elsewhere
# they hide nothing.
_HIDDEN = re.compile(rf"(?<=[\w@.+\-/: ()])[{_INVISIBLE}]+(?=[\w@.+\-/: ()])")
_MARKED = re.compile(r"[^\W\d_][\u0300-\u036f]+")


def _single(character: str) -> str:
    """Give the plain form of one character, of the same length."""
    if character in _SPACES:
        return " "
    if character in _HYPHENS:
        return "-"
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    plain = unicodedata.normalize("NFKC", character)
    # Only letters and signs of ASCII: `ª` and `²` are no evasion, and `ﬁ` would become longer.
    known = len(plain) == 1 and plain.isascii() and plain.isprintable() and character not in "ªº¹²³"
    return plain if known else character


class _Table(dict[int, str]):
    """Plain forms by code point, worked out when first met; bounded by Unicode itself."""

    def __missing__(self, point: int) -> str:
        self[point] = plain = _single(chr(point)) if point > 127 else chr(point)
        return plain


_TABLE = _Table()


def normalised(text: str) -> tuple[str, Sequence[int]]:
    """Give the text as detectors should read it, and for each of its characters where it began.

    The map has one entry more than the text has characters; it is a `range` where nothing moved.
    """
    if text.isascii():
        return text, range(len(text) + 1)
    plain = _latinised(text.translate(_TABLE))
    return _closed(plain)


def _latinised(text: str) -> str:
    """Replace look-alikes in words that have Latin letters or digits too."""
    if not any(c in _ALIKE for c in set(text)):
        return text
    return _WORD.sub(_one_script, text)


def _one_script(match: re.Match[str]) -> str:
    word = match[0]
    foreign = [c for c in word if c.isalpha() and not c.isascii() and "LATIN" not in _name(c)]
    if not _LATIN.search(word) or not foreign or any(c not in _ALIKE for c in foreign):
        return word
    return "".join(_ALIKE.get(c, c) for c in word)


def _name(character: str) -> str:
    return unicodedata.name(character, "")


def _closed(text: str) -> tuple[str, Sequence[int]]:
    """Take out what has no width and put accents onto their letters; here offsets move."""
    changes = sorted([*_HIDDEN.finditer(text), *_MARKED.finditer(text)], key=re.Match.start)
    if not changes:
        return text, range(len(text) + 1)
    pieces: list[str] = []
    origin = array("L")
    done = 0
    for change in changes:
        if change.start() < done:
            continue
        pieces.append(text[done : change.start()])
        origin.extend(range(done, change.start()))
        composed = unicodedata.normalize("NFC", change[0]) if change[0][0].isalpha() else ""
        pieces.append(composed)
        origin.extend([change.start()] * len(composed))
        done = change.end()
    pieces.append(text[done:])
    origin.extend(range(done, len(text) + 1))
    return "".join(pieces), origin
