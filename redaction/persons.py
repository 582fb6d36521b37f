"""People under the names that an exchange has for them: whole, in part, reversed, declined.

The law: one person, one name. `Hana`, `Ms Novakova` and `NOVAKOVA, Hana` are Hana Novakova where an
exchange names her once in full, and where nobody else it names has the same name; what two people
share stands for itself. A part of a name is looked for with a capital only, as a word of its own,
unless the name itself was found in small letters: `Will Grant` must not take out every `will`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from redaction.finding import Span

__all__ = ["PERSON", "Parts", "Persons"]

PERSON = "PERSON"

# Shorter ones are initials, and particles of names.
_SHORTEST = 3
_WORD = re.compile(r"[^\W\d_]+(?:[-'\u2019][^\W\d_]+)*")
_TITLES = frozenset({
    "mr", "mrs", "ms", "miss", "dr", "prof", "sir", "lady", "herr", "herrn", "frau", "hr",
    "fr", "monsieur", "madame", "mme", "mlle", "m", "sr", "sra", "señor", "señora", "don",
    "doña", "dott", "dottssa", "sig", "signor", "signora", "senhor", "senhora", "dhr", "mevr",
    "mevrouw", "meneer", "pan", "pani", "panu", "panem", "panią", "mgr", "inż",
})  # fmt: skip
# Parts of names that are words of their own far more often: months, verbs, particles.
_NOT_ALONE = frozenset({
    "will", "may", "mai", "april", "june", "juni", "juin", "july", "juli", "august", "mars",
    "van", "von", "vom", "den", "der", "del", "des", "dos", "das", "the", "and", "los", "las",
    "della", "che", "non", "can", "see", "let", "long", "young", "best", "art", "bin", "ibn",
    "abu", "bint", "ter", "ten", "jan", "sun", "mon", "sat", "don", "mar", "dan", "dem", "sie",
    "you", "her", "his", "she", "per", "por", "para",
})  # fmt: skip
# What a name may have at its end in a sentence, the longest first: genitives, and Polish cases.
_ENDINGS = ("'s", "\u2019s", "iego", "iemu", "iem", "owi", "ego", "emu", "em", "s")
_OF_A = ("iej", "ej", "ie", "y", "i", "ę", "ą")
_LONG = 5
# So many parts are sooner sought one by one than the words of a text looked up.
_FEW = 64


def folded(word: str) -> str:
    """Give a word without case and accents: `Nováková` and `NOVAKOVA` are one."""
    if word.isascii():
        return word.lower()
    apart = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in apart if not unicodedata.combining(c)).replace("ł", "l")


_WITHOUT_A = tuple(map(folded, _OF_A))


class Persons:
    """The people of one exchange, from every value that was found to be one."""

    def __init__(self, values: Iterable[str]) -> None:
        self._names = {value: _words(value) for value in values}
        # Those with most words are whole names; without initials, and without endings.
        whole = sorted(self._names.values(), key=_wholeness)
        self._whole: list[tuple[str, ...]] = []
        self._having: dict[str, list[tuple[str, ...]]] = {}
        for words in whole:
            if words and self._fitting(words) is None:
                self._whole.append(words)
                for word in {*words, *(word[0] for word in words)}:
                    self._having.setdefault(word, []).append(words)

    def known_as(self, value: str) -> str:
        """Give the name that a value stands for; itself where that is nobody's or two people's."""
        words = self._names.get(value) or _words(value)
        found = self._fitting(words) if words else None
        return " ".join(found) if found else value

    def _fitting(self, words: tuple[str, ...]) -> tuple[str, ...] | None:
        first = (words[0], *stems(words[0]))
        having = [each for word in first for each in self._having.get(word, ())]
        known = [each for each in dict.fromkeys(having) if _fits(words, each)]
        exact = [each for each in known if sorted(each) == sorted(words)]
        found = exact or known
        return found[0] if len(found) == 1 else None


def _wholeness(words: tuple[str, ...]) -> tuple[int, int, int, tuple[str, ...]]:
    return -len(words), sum(len(word) == 1 for word in words), sum(map(len, words)), words


def _fits(words: tuple[str, ...], whole: tuple[str, ...]) -> bool:
    """Whether each word is one of the name's, or the first letter of one; not initials alone."""
    initials = {word[0] for word in whole}
    if all(len(word) == 1 for word in words):
        return False
    return all(
        word in whole
        or (len(word) == 1 and word in initials)
        or any(stem in whole for stem in stems(word))
        for word in words
    )


def _words(value: str) -> tuple[str, ...]:
    """Give a name's words as they are compared, each in the form that it has without an ending."""
    words = [folded(word) for word in _WORD.findall(value)]
    named = [word for word in words if word.rstrip(".") not in _TITLES]
    return tuple(_bare(word) for word in named or words)


def _bare(word: str) -> str:
    return word.removesuffix(_possessive(word))


def _possessive(word: str) -> str:
    return word[-2:] if word.endswith(("'s", "\u2019s")) else ""


class Parts:
    """The words that names consist of, to be looked for wherever they stand."""

    def __init__(self) -> None:
        self._parts: dict[str, Span] = {}
        self._small: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._parts)

    def add(self, value: str, span: Span) -> None:
        """Remember the words of a person's name."""
        for word in _WORD.findall(value):
            known = folded(word)
            if len(word) < _SHORTEST or known in _TITLES or known in _NOT_ALONE:
                continue
            if word[0].isupper():
                self._parts.setdefault(known, span)
            elif len(word) > _SHORTEST and not any(c.isupper() for c in value):
                self._parts.setdefault(known, span)
                self._small.add(known)

    def find(self, text: str) -> Iterator[Span]:
        """Give a span for every place where parts of a name stand as words, side by side as one."""
        if not self._may_stand_in(text):
            return
        held: Span | None = None
        for span in self._words(text):
            if held is not None and text[held.end : span.start] == " ":
                held = Span(held.start, span.end, held.type, held.score, held.detector)
                continue
            if held is not None:
                yield held
            held = span
        if held is not None:
            yield held

    def _may_stand_in(self, text: str) -> bool:
        """Tell at a glance that no part does, while there are few; declined, only an `a` may go."""
        if len(self._parts) > _FEW:
            return True
        small = folded(text)
        return any(part.removesuffix("a") in small for part in self._parts)

    def _words(self, text: str) -> Iterator[Span]:
        for match in _WORD.finditer(text):
            word = match[0]
            large = word[0].isupper()
            known = self._known(folded(word)) if large else self._known_small(word)
            if known is not None and not _within_a_longer(text, *match.span()):
                found, end = self._parts[known], match.end() - len(_possessive(word))
                yield Span(match.start(), end, found.type, found.score, found.detector)

    def _known_small(self, word: str) -> str | None:
        """Give the part that a word in small letters is.

        A genitive in small letters is somebody's; a word in small letters may be a word.
        """
        possessive = _possessive(word)
        if not possessive and not self._small:
            return None
        small = folded(word.removesuffix(possessive))
        return small if small in (self._parts if possessive else self._small) else None

    def _known(self, word: str) -> str | None:
        """Give the part that a word is, as it stands or with an ending."""
        if word in self._parts:
            return word
        return next((stem for stem in stems(word) if stem in self._parts), None)


def stems(word: str) -> Iterator[str]:
    """Give what a word may be without an ending."""
    for ending in _ENDINGS:
        if word.endswith(ending) and (
            ending[0] in "'\u2019" or len(word) - len(ending) >= _LONG - 1
        ):
            yield word[: -len(ending)]
    for plain in _WITHOUT_A:
        if word.endswith(plain) and len(word) - len(plain) >= _SHORTEST:
            yield f"{word[: -len(plain)]}a"


def _within_a_longer(text: str, start: int, end: int) -> bool:
    """Whether it is a piece of an identifier, an address of mail or a number."""
    before = text[start - 1] if start else " "
    after = text[end] if end < len(text) else " "
    return before in "_@\\$" or after in "_@" or before.isdigit() or after.isdigit()
