"""The prefilter: one pass over a text that decides which recognisers look at it at all.

Each recogniser names what its values cannot do without, as a pattern in RE2's language. A long text
is read in blocks, and a recogniser then looks at those blocks only that hold what it needs. In one
pass the literals of all patterns are looked for; where one of a pattern's own stands, the pattern's
own automaton reads the block. One automaton for all patterns would have a state for each
combination of what they wait for, and spend most of its time on making those.

The prefilter may ask too many recognisers, never too few. A pattern that RE2 cannot be given
asks always, and should an automaton ever fail, everyone is asked: a sentinel that every block
contains tells.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from re import _constants as op  # type: ignore[attr-defined] # the parser's own names
from re import _parser  # type: ignore[attr-defined] # as above
from typing import Any

import re2  # type: ignore[import-untyped] # it ships no types

from redaction.detectors.literals import as_pattern, literals

__all__ = ["SEVEN_DIGITS", "Glance", "Needle", "Prefilter", "loosened"]

# What numbers of people have in common: seven digits, with no more than two signs between them.
SEVEN_DIGITS = r"[0-9](?:[^0-9]{0,2}[0-9]){6}"

# A block, and how much of what follows is read with it: a match that begins in the block may end
# there.
_BLOCK, _AFTER = 1024, 512
# How many bytes a needle is looked for in at one go.
_FOLLOWED = 4096
# Counting makes the automaton large: each place from which it could count is a state of its own.
_MOST = 4
_MEMORY, _LITTLE = 64 << 20, 1 << 20
# Matches where a text begins, and there is always one.
_SENTINEL = r"\A(?s:.?)"
_NO_MATCH = [0]
_WORD, _DIGIT, _SPACE = r"\pL\pN_", r"\p{Nd}", r"\s\p{Z}\x0b\x1c-\x1f\x85"
# Letter case aside, `re` takes these for each other, and RE2 only the first two.
_I = frozenset(map(ord, "iI\u0130\u0131"))
_ALL_I = "".join(rf"\x{{{point:X}}}" for point in sorted(_I))
_SETS = {
    "CATEGORY_DIGIT": _DIGIT, "CATEGORY_WORD": _WORD, "CATEGORY_SPACE": _SPACE,
    "CATEGORY_NOT_DIGIT": r"\P{Nd}", "CATEGORY_NOT_SPACE": r"\S",
}  # fmt: skip


class Prefilter:
    """Tells for each of a row of patterns where in a text it can possibly match.

    `needs` are RE2 patterns; None is for a recogniser that must always be asked, and so is a
    pattern that RE2 does not take. `block` is how finely stretches are told apart, in characters.
    """

    def __init__(self, needs: Sequence[str | None], block: int = _BLOCK) -> None:
        self._block = block
        options = _options(_MEMORY)
        self._always = frozenset(
            number for number, need in enumerate(needs) if need is None or not _takes(need, options)
        )
        # Who is asked when a pattern matches, and which patterns a literal speaks for.
        askers: dict[str, list[int]] = {}
        for number, need in enumerate(needs):
            if need is not None and number not in self._always:
                askers.setdefault(need, []).append(number)
        self._askers = tuple(askers.values())
        self._automata = tuple(map(_automaton, askers))
        speaking: dict[str, list[int]] = {}
        self._anywhere: list[int] = []
        for place, need in enumerate(askers):
            told = literals(need)
            if told is None:
                self._anywhere.append(place)
            for literal in told or ():
                speaking.setdefault(as_pattern(literal), []).append(place)
        self._speaking = tuple(speaking.values())
        self._literals = _compiled([_SENTINEL, *speaking], _MEMORY)

    def regions(self, text: str) -> dict[int, list[tuple[int, int]]]:
        """Give for each pattern that is to be asked the stretches in which its matches begin."""
        asked: dict[int, list[tuple[int, int]]] = {}
        length = len(text)
        step = self._block if length > self._block + _AFTER else max(length, 1)
        for start in range(0, length, step):
            end = min(length, start + step)
            for number in self._asked(text[start : end + _AFTER]):
                places = asked.setdefault(number, [])
                if places and places[-1][1] == start:
                    places[-1] = (places[-1][0], end)
                else:
                    places.append((start, end))
        return asked

    def _asked(self, block: str) -> list[int]:
        data = block.encode("utf-8", "replace")
        asked = set(self._always)
        for place in self._candidates(data):
            if self._automata[place].Match(data) != _NO_MATCH:
                asked.update(self._askers[place])
        return sorted(asked)

    def _candidates(self, data: bytes) -> Iterable[int]:
        """Give the patterns of which a literal stands in a block, or that have none."""
        hits = self._literals.Match(data) or ()
        if 0 not in hits:
            return range(len(self._askers))
        return set(self._anywhere).union(*(self._speaking[hit - 1] for hit in hits if hit))


class Glance:
    """Tells at the automaton's speed that a pattern of `re` stands nowhere in a short text."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        need = loosened(pattern.pattern, pattern.flags)
        takes = need is not None and _takes(need, _options(_MEMORY))
        self._automaton = _automaton(need) if need is not None and takes else None

    def misses(self, text: str) -> bool:
        """Whether the pattern can have no match; it may also have none where this is false."""
        automaton = self._automaton
        return (
            automaton is not None and automaton.Match(text.encode("utf-8", "replace")) == _NO_MATCH
        )


class Needle:
    """Finds where words of a long list stand, at the automaton's speed.

    `pattern` is one of `re`, letter case aside; where each find ends is left to who asked.
    """

    def __init__(self, pattern: str) -> None:
        options = _options(_MEMORY)
        options.never_capture = True
        self._pattern = re2.compile(loosened(pattern, re.IGNORECASE), options)

    def starts(self, text: str, start: int, end: int) -> Iterator[int]:
        """Give every place in `[start, end)` where a find begins, be it inside another one.

        A find may be none to who looks closer, and must not hide the one that begins inside it.
        """
        stretch = text[start : end + _AFTER]
        data = stretch.encode("utf-8", "replace")
        # Where each character is one byte, places need not be translated.
        plain = stretch.isascii()
        finds, size = self._pattern.finditer, len(data)
        read, place, position = 0, start, 0
        while position < size:
            # No find is followed further than this, or a run of finds would be read once for each.
            match = next(finds(data, position, position + _FOLLOWED + _AFTER), None)
            first = match.start() if match else size
            if first >= position + _FOLLOWED:
                position += _FOLLOWED
                continue
            if match is None:
                return
            place += first - read if plain else len(data[read:first].decode())
            if place >= end:
                return
            yield place
            read, position = first, first + 1


def _options(memory: int) -> Any:
    options = re2.Options()
    options.max_mem = memory
    options.log_errors = False
    return options


def _automaton(pattern: str) -> Any:
    """Make an automaton of one pattern, with as little memory for its states as it can do with."""
    memory = _LITTLE
    while memory < _MEMORY:
        try:
            return _compiled([_SENTINEL, pattern], memory)
        except re2.error:
            memory *= 2
    return _compiled([_SENTINEL, pattern], _MEMORY)


def _compiled(patterns: Iterable[str], memory: int) -> Any:
    made = re2.Set.SearchSet(_options(memory))
    for pattern in patterns:
        made.Add(pattern)
    made.Compile()
    return made


def _takes(pattern: str, options: Any) -> bool:
    try:
        re2.compile(pattern, options)
    except re2.error:
        return False
    return True


@functools.cache
def loosened(pattern: str, flags: int = 0, most: int = _MOST) -> str | None:
    """Translate a pattern of `re` for RE2, so that it matches wherever the original does.

    What RE2 does not have is left out (looking around, word boundaries) or widened (references,
    repetitions of more than `most`). Gives None for what cannot be parsed.
    """
    try:
        tree = _parser.parse(pattern, flags)
    except re.error:
        return None
    folds = bool(tree.state.flags & re.IGNORECASE)
    written = _Loosening(most, folds=folds).all(tree)
    return f"(?i:{written})" if folds else written


class _Loosening:
    """Writes a parsed pattern in RE2's language; knows what its groups were."""

    def __init__(self, most: int, *, folds: bool) -> None:
        self._most = most
        self._folds = folds
        self._groups: dict[int, str] = {}

    def all(self, tree: Any) -> str:
        """Write a row of nodes."""
        return "".join(self._one(kind, argument) for kind, argument in tree)

    def _one(self, kind: Any, argument: Any) -> str:  # noqa: PLR0911 - one line for each kind of node
        if kind is op.LITERAL:
            return f"[{_ALL_I}]" if self._folds and argument in _I else rf"\x{{{argument:X}}}"
        if kind is op.IN:
            return _set(argument, self._folds)
        if kind in {op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT}:
            return self._repeated(*argument)
        if kind is op.BRANCH:
            return "(?:" + "|".join(self.all(branch) for branch in argument[1]) + ")"
        if kind is op.SUBPATTERN:
            return self._group(*argument)
        if kind is op.ATOMIC_GROUP:
            return self._group(None, 0, 0, argument)
        if kind in {op.ASSERT, op.ASSERT_NOT, op.AT}:
            return ""
        if kind is op.GROUPREF:
            return self._groups[argument]
        return "(?s:.)" if kind in {op.ANY, op.NOT_LITERAL} else "(?s:.*)"

    def _group(self, number: int | None, added: int, removed: int, inner: Any) -> str:
        sign = "i" if added & re.IGNORECASE else "-i" if removed & re.IGNORECASE else ""
        outside, self._folds = self._folds, sign == "i" or (self._folds and not sign)
        written = f"(?{sign}:{self.all(inner)})"
        self._folds = outside
        if number is not None:
            self._groups[number] = written
        return written

    def _repeated(self, least: int, most: int, inner: Any) -> str:
        least = min(int(least), self._most)
        upper = "" if int(most) > self._most else str(int(most))
        return f"(?:{self.all(inner)}){{{least},{upper}}}"


def _set(members: Any, folds: bool) -> str:
    written, negated = "", False
    for kind, argument in members:
        if kind is op.NEGATE:
            negated = True
        elif kind is op.LITERAL:
            written += _ALL_I if folds and argument in _I else rf"\x{{{argument:X}}}"
        elif kind is op.RANGE:
            first, last = argument
            written += rf"\x{{{first:X}}}-\x{{{last:X}}}"
            written += _ALL_I if folds and any(first <= point <= last for point in _I) else ""
        elif str(argument) in _SETS:
            written += _SETS[str(argument)]
        else:
            return "(?s:.)"
    return f"[{'^' if negated else ''}{written}]"
