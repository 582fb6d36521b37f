"""Replacing: every cover of a text taken out in one pass by presidio-anonymizer's operators.

What was decided for each cover (its token, its mask) comes in as a value; here it is carried out
and located. Whatever is not covered stays as it is, to the byte.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from presidio_anonymizer import AnonymizerEngine
from presidio_anonymizer.entities import OperatorConfig, RecognizerResult
from presidio_anonymizer.operators import Operator, OperatorType

from redaction.policy import Action

__all__ = ["Cut", "Placed", "Replacer"]

# The engine copies the text once per replacement; in slices of this many the cost stays linear.
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Cut:
    """One cover of a text, `[start, end)` in code points, and what becomes of it.

    `value` is what stood there as a person would read it, `token` its token where the action
    gives one; `quote` goes on both sides, where a number literal becomes a string.
    """

    start: int
    end: int
    action: Action
    value: str = field(repr=False)
    token: str = ""
    keeps: int = 0
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a cut's replacement now stands: `text[start:end] == token`."""

    start: int
    end: int
    token: str


class _CutOperator(Operator):
    """An operator that carries out one action on the cut it is given."""

    action: ClassVar[Action]

    @abstractmethod
    def replacement(self, cut: Cut) -> str:
        """Give what stands in the value's place."""

    def operate(self, text: str = "", params: dict[str, Any] | None = None) -> str:  # noqa: ARG002 - the cut knows its value as read, `text` is as written
        """Give the replacement between its quotation marks."""
        cut: Cut = (params or {})["cut"]
        return f"{cut.quote}{self.replacement(cut)}{cut.quote}"

    def validate(self, params: dict[str, Any] | None = None) -> None:
        """Accept what `Replacer` hands in."""

    def operator_name(self) -> str:
        """Give the name this operator is registered under."""
        return f"auditstream_{self.action.value}"

    def operator_type(self) -> OperatorType:
        """Tell the engine that this one takes out."""
        return OperatorType.Anonymize


class _TokenOperator(_CutOperator):
    """Puts the numbered token."""

    action = Action.TOKEN

    def replacement(self, cut: Cut) -> str:
        return cut.token


class _PseudonymOperator(_TokenOperator):
    """Puts the keyed pseudonym."""

    action = Action.PSEUDONYM


class _MaskOperator(_CutOperator):
    """Puts stars, and the last letters and digits where the policy leaves some."""

    action = Action.MASK

    def replacement(self, cut: Cut) -> str:
        kept = cut.value[-cut.keeps :] if 0 < cut.keeps < len(cut.value) else ""
        if not (kept.isascii() and kept.isalnum()):
            kept = ""
        return "*" * (len(cut.value) - len(kept)) + kept


class _DropOperator(_CutOperator):
    """Puts nothing."""

    action = Action.DROP

    def replacement(self, cut: Cut) -> str:  # noqa: ARG002 - every value goes the same way
        return ""


class Replacer:
    """Carries out cuts. Holds no state of any text."""

    def __init__(self) -> None:
        self._engine = AnonymizerEngine()  # type: ignore[no-untyped-call] # its constructor is not typed
        for operator in (_TokenOperator, _PseudonymOperator, _MaskOperator, _DropOperator):
            self._engine.add_anonymizer(operator)

    def replace(self, text: str, cuts: Sequence[Cut]) -> tuple[str, list[Placed]]:
        """Give the text without what the cuts cover, and where each replacement stands.

        `cuts` are disjoint and in reading order; the places come in the same order.
        """
        pieces: list[str] = []
        placed: list[Placed] = []
        length = done = 0
        for batch, end in _slices(cuts, len(text)):
            piece, places = self._slice(text[done:end], batch, done)
            placed.extend(Placed(length + p.start, length + p.end, p.token) for p in places)
            pieces.append(piece)
            length, done = length + len(piece), end
        return "".join(pieces), placed

    def _slice(self, text: str, cuts: Sequence[Cut], offset: int) -> tuple[str, list[Placed]]:
        # To the engine each cut is a type of its own, because what becomes of it depends on its
        # value and its place, not on its type alone.
        found = [
            RecognizerResult(str(index), cut.start - offset, cut.end - offset, 1.0)
            for index, cut in enumerate(cuts)
        ]
        operators = {
            str(index): OperatorConfig(f"auditstream_{cut.action.value}", {"cut": cut})
            for index, cut in enumerate(cuts)
        }
        result = self._engine.anonymize(text, found, operators, merge_entities_with_spaces=False)
        items = sorted(result.items, key=lambda item: int(item.entity_type))
        places = [
            _inside(item.start, item.text, cut.quote) for item, cut in zip(items, cuts, strict=True)
        ]
        return result.text, places


def _slices(cuts: Sequence[Cut], length: int) -> Iterator[tuple[Sequence[Cut], int]]:
    """Give the cuts a few at a time, with the end of the text slice that holds them."""
    for first in range(0, max(len(cuts), 1), _AT_ONCE):
        batch = cuts[first : first + _AT_ONCE]
        last = first + _AT_ONCE >= len(cuts)
        yield batch, length if last else batch[-1].end


def _inside(start: int, written: str, quote: str) -> Placed:
    token = written[len(quote) : len(written) - len(quote)]
    return Placed(start + len(quote), start + len(quote) + len(token), token)
