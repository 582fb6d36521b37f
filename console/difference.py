"""What two exchanges have in common and where they part: facts, and turns word by word.

The law: bounded. Turns are aligned as wholes; within a pair that differs, words are compared only
where there are few enough, else both stand whole. Compared is the neutral text as it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import zip_longest

from audit.reading.words import UNKNOWN
from console.conversation import Block, Conversation, Turn

__all__ = ["Aligned", "Run", "align", "facts_apart"]

# Comparing words is quadratic at worst.
_MOST_WORDS = 3_000
# Of texts that have less in common, the words they share by chance would only confuse.
_ALIKE = 0.5
_WORD = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Run:
    """A run of text and whether it stands on this side only."""

    text: str = field(repr=False)
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Aligned:
    """A turn of the one beside a turn of the other; either may be missing."""

    role: str
    same: bool
    left: tuple[Run, ...] | None = field(repr=False)
    right: tuple[Run, ...] | None = field(repr=False)


def align(one: Conversation, other: Conversation) -> list[Aligned]:
    """Set the turns of two conversations beside each other, answers after prompts."""
    return [*_aligned(one.turns, other.turns), *_aligned(one.answers, other.answers)]


def facts_apart(
    one: dict[str, Sequence[tuple[str, str]]], other: dict[str, Sequence[tuple[str, str]]]
) -> list[tuple[str, str, str]]:
    """The facts in which two records differ: label, value of the one, value of the other."""
    left = {label: value for rows in one.values() for label, value in rows}
    right = {label: value for rows in other.values() for label, value in rows}
    labels = dict.fromkeys([*left, *right])
    return [
        (label, left.get(label, UNKNOWN), right.get(label, UNKNOWN))
        for label in labels
        if left.get(label) != right.get(label)
    ]


def _aligned(left: Sequence[Turn], right: Sequence[Turn]) -> Iterator[Aligned]:
    ours, theirs = [_text(turn) for turn in left], [_text(turn) for turn in right]
    for tag, a, b, c, d in SequenceMatcher(a=ours, b=theirs, autojunk=False).get_opcodes():
        if tag == "equal":
            for turn, text in zip(left[a:b], ours[a:b], strict=True):
                yield Aligned(_role(turn), True, (Run(text),), (Run(text),))
            continue
        for one, other in zip_longest(range(a, b), range(c, d)):
            yield _pair(left, ours, one, right, theirs, other)


def _pair(
    left: Sequence[Turn],
    ours: Sequence[str],
    one: int | None,
    right: Sequence[Turn],
    theirs: Sequence[str],
    other: int | None,
) -> Aligned:
    turn = left[one] if one is not None else right[other or 0]
    if one is None or other is None:
        mine = None if one is None else (Run(ours[one], apart=True),)
        yours = None if other is None else (Run(theirs[other], apart=True),)
        return Aligned(_role(turn), False, mine, yours)
    first, second = _words_apart(ours[one], theirs[other])
    return Aligned(_role(turn), False, first, second)


def _words_apart(one: str, other: str) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
    ours, theirs = _WORD.findall(one), _WORD.findall(other)
    if max(len(ours), len(theirs)) > _MOST_WORDS:
        return (Run(one, apart=True),), (Run(other, apart=True),)
    matcher = SequenceMatcher(a=ours, b=theirs, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return (Run(one, apart=True),), (Run(other, apart=True),)
    left: list[Run] = []
    right: list[Run] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        if a < b:
            left.append(Run("".join(ours[a:b]), tag != "equal"))
        if c < d:
            right.append(Run("".join(theirs[c:d]), tag != "equal"))
    return tuple(left), tuple(right)


def _role(turn: Turn) -> str:
    return "".join(piece.text for piece in turn.role)


def _text(turn: Turn) -> str:
    return "\n".join(_of_block(block) for block in turn.blocks)


def _of_block(block: Block) -> str:
    heading = "".join(piece.text for piece in block.heading)
    body = "".join(piece.text for piece in block.body)
    label = "" if block.kind == "text" else f"{block.kind}: "
    return f"{label}{heading}{chr(10) if heading and body else ''}{body}"
