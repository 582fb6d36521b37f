"""Literals: strings of which a pattern's match must hold one.

An automaton over many patterns has a state for each combination of what they wait for; one over
strings has as many states as the strings have letters. So the strings are looked for in every
text, and a pattern where one of its own was found. The law: a text that holds none of a pattern's
literals, letter case aside, has no match. Where that cannot be had for certain there are none.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from re import _constants as op  # type: ignore[attr-defined] # the parser's own names
from re import _parser  # type: ignore[attr-defined] # as above
from typing import Any, TypeAlias

__all__ = ["as_pattern", "literals"]

_Strings: TypeAlias = frozenset[str]

# Stands for any digit, which tells half as much as a letter does. More strings than these are not
# worth telling apart.
_DIGIT = "\ue000"
_FEW, _MANY = 64, 4000
_EMPTY: _Strings = frozenset({""})
_DIGITS = frozenset(map(ord, string.digits))
# Letter case aside, `re` takes all of these for one.
_I = frozenset(map(ord, "iI\u0130\u0131"))
# What RE2 writes otherwise than `re`. Classes only have to be parsed: nothing is concluded from
# them, but that a digit is one.
_CODE_POINT = re.compile(r"\\x\{([0-9A-Fa-f]+)\}")
_CLASS = re.compile(r"\\[pP](?:\{\w+\}|\w)")


@dataclass(frozen=True, slots=True)
class _Said:
    """All that a node can match, where that is few strings; and strings of which it holds one."""

    exact: _Strings | None = None
    holds: _Strings | None = None

    @property
    def best(self) -> _Strings | None:
        """The strings of which a match holds one, if anything is known."""
        return _better(self.exact, self.holds)


def literals(pattern: str) -> _Strings | None:
    """Give strings one of which is in any text where an RE2 pattern matches; None for unknown."""
    try:
        tree = _parser.parse(_CLASS.sub(_as_class, _CODE_POINT.sub(_as_escape, pattern)))
    except re.error:
        return None
    return _row(tree).best


def as_pattern(literal: str) -> str:
    """Write a literal in RE2's language."""
    return f"(?i:{''.join(map(_written, literal))})"


def _written(character: str) -> str:
    if ord(character) in _I:
        return r"[iI\x{130}\x{131}]"
    return r"\p{Nd}" if character == _DIGIT else rf"\x{{{ord(character):X}}}"


def _as_escape(match: re.Match[str]) -> str:
    return rf"\U{int(match[1], 16):08x}"


def _as_class(match: re.Match[str]) -> str:
    return r"\d" if match[0] == r"\p{Nd}" else r"\w"


def _row(nodes: Iterable[tuple[Any, Any]]) -> _Said:
    """Join what stands side by side, as far as it is known; of all such runs the best is taken."""
    holds: _Strings | None = None
    run, whole = _EMPTY, True
    for kind, argument in nodes:
        said = _node(kind, argument)
        joined = _joined(run, said.exact)
        if joined is None:
            holds, whole = _better(_better(holds, run), said.best), False
        run = joined or said.exact or _EMPTY
    return _Said(run if whole else None, _better(holds, run))


def _node(kind: Any, argument: Any) -> _Said:
    if kind is op.LITERAL and chr(argument) != _DIGIT:
        return _Said(frozenset({chr(argument)}))
    if kind is op.IN:
        return _Said(_members(argument))
    if kind is op.SUBPATTERN:
        return _row(argument[-1])
    if kind is op.BRANCH:
        return _branches([_row(branch) for branch in argument[1]])
    if kind is op.MAX_REPEAT:
        return _repeated(*argument)
    return _Said(_EMPTY) if kind is op.AT else _Said()


def _members(members: Sequence[tuple[Any, Any]]) -> _Strings | None:
    """Give the characters of a class, where they are few, or digits."""
    points: set[int] = set()
    for kind, argument in members:
        if kind is op.LITERAL:
            points.add(argument)
        elif kind is op.RANGE and argument[1] - argument[0] < _FEW:
            points.update(range(argument[0], argument[1] + 1))
        elif kind is op.CATEGORY and argument is op.CATEGORY_DIGIT:
            points.update(_DIGITS)
        else:
            return None
    points = points - _I | {ord("i")} if points & _I else points
    digits = frozenset({_DIGIT}) if points & _DIGITS else frozenset()
    others = frozenset(map(chr, points - _DIGITS))
    return digits | others if len(others) < _FEW // 8 else None


def _branches(ways: Sequence[_Said]) -> _Said:
    exact: set[str] | None = set()
    holds: set[str] | None = set()
    for way in ways:
        exact = None if exact is None or way.exact is None else exact | way.exact
        holds = None if holds is None or way.best is None else holds | way.best
    few = exact is not None and len(exact) <= _FEW
    known = holds is not None and len(holds) <= _MANY
    return _Said(
        frozenset(exact) if few and exact is not None else None,
        frozenset(holds) if known and holds is not None else None,
    )


def _repeated(least: int, most: int, inner: Iterable[tuple[Any, Any]]) -> _Said:
    said = _row(inner)
    if least == 0:
        return _Said(said.exact | _EMPTY if most == 1 and said.exact is not None else None)
    run = said.exact
    for _ in range(1, least):
        longer = _joined(run, said.exact)
        if longer is None:
            return _Said(None, _better(run, said.holds))
        run = longer
    return _Said(run if least == most else None, _better(run, said.holds))


def _joined(before: _Strings | None, after: _Strings | None) -> _Strings | None:
    """Give every way to put one behind the other; None where that is too many, or unknown."""
    if before is None or after is None or len(before) * len(after) > _FEW:
        return None
    return frozenset(one + other for one in before for other in after)


def _better(one: _Strings | None, other: _Strings | None) -> _Strings | None:
    """Give the one whose least string tells more; a set with an empty one says nothing."""
    return max(one, other, key=_worth) if (_worth(one), _worth(other)) != ((0, 0),) * 2 else None


def _worth(strings: _Strings | None) -> tuple[int, int]:
    """How telling strings are: by the least of them, then by their number."""
    least = min((2 * len(each) - each.count(_DIGIT) for each in strings or ()), default=0)
    return (least, -len(strings)) if strings and least else (0, 0)
