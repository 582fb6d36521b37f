"""Filters nobody typed: every field in turn, with values that records have and values none has.

The law: what is asked comes from the records given and the seed alone. A filter is text in the
filter language, so that it goes through the parser as a person's does.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from audit.record import RedactedRecord
from storage.records.findable import LABELS, Findable, findable
from storage.records.query import FIELDS, Field, FieldKind

__all__ = ["Asked", "Asker"]

_SIGNS = (":", ">", "<", ">=", "<=")
# What the language reads as its own, and what would need an escape inside quotes.
_SPECIAL = set('*"\\ ():<>=')
_NAMED = [each.name for each in FIELDS.values() if each.kind is FieldKind.WORD]
_SHAPES = ("one", "not", "both", "three", "either", "other than")
_OFTEN = (8, 2, 4, 2, 2, 2)


@dataclass(frozen=True, slots=True)
class Asked:
    """A filter, the field that it is about first, and how it is put together."""

    text: str = field(repr=False)
    about: str
    shape: str


class Asker:
    """Asks of some records."""

    def __init__(self, records: Sequence[RedactedRecord], seed: int = 1) -> None:
        self._found = [findable(each) for each in records]
        self._known = {name: sorted(_known(name, self._found)) for name in _NAMED}
        self._rng = random.Random(seed)

    def ask(self, count: int) -> list[Asked]:
        """So many filters: the fields take turns, shapes and values are drawn."""
        names = list(FIELDS)
        return [self._asked(names[place % len(names)]) for place in range(count)]

    def _asked(self, about: str) -> Asked:
        shape = self._rng.choices(_SHAPES, _OFTEN)[0]
        first = self._one(about)
        rest = [self._one(self._rng.choice(list(FIELDS))) for _ in range(2)]
        text = {
            "one": first,
            "not": f"-{first}",
            "both": f"{first} {rest[0]}",
            "three": f"{first} {rest[0]} {rest[1]}",
            "either": f"{first} OR {rest[0]}",
            "other than": f"{first} -({rest[0]} {rest[1]})",
        }[shape]
        return Asked(text, about, shape)

    def _one(self, name: str) -> str:
        entry = FIELDS[name]
        return self._KINDS[entry.kind](self, entry, self._rng.choice(self._found))

    def _word(self, entry: Field, record: Findable) -> str:
        del record  # A value is drawn from all that there are: rare ones are asked for as well.
        known, drawn = self._known[entry.name], self._rng.random()
        value = self._rng.choice(known) if known else None
        if value is None or drawn < 0.1:
            return f"{entry.name}:2031-01-01" if entry.name == "day" else f"{entry.name}:nobody"
        if drawn < 0.3 and not _SPECIAL & set(value):
            return f"{entry.name}:{self._pattern(value)}"
        return f"{entry.name}:{_quoted(value)}"

    def _pattern(self, value: str) -> str:
        at = self._rng.randint(1, len(value))
        return self._rng.choice((f"{value[:at]}*", f"*{value[-at:]}", f"{value[:1]}*{value[at:]}"))

    def _choice(self, entry: Field, record: Findable) -> str:
        usual = self._rng.random() < 0.6
        known = record.scalars[entry.name] if usual else self._rng.choice(entry.choices)
        return f"{entry.name}:{known}"

    def _number(self, entry: Field, record: Findable) -> str:
        known = record.scalars[entry.name]
        amount = float(known) if isinstance(known, int | float) else 7.0
        unit = "ms" if entry.kind is FieldKind.DURATION else ""
        times = self._rng.choice((1, 1, 0.1, 3, 1000))
        return f"{entry.name}{self._rng.choice(_SIGNS)}{amount * times:.3f}{unit}"

    def _truth(self, entry: Field, record: Findable) -> str:
        del record
        return f"{entry.name}:{self._rng.choice(('true', 'false'))}"

    def _instant(self, entry: Field, record: Findable) -> str:
        return f"{entry.name}:{record.scalars['received_at']}"

    def _text(self, entry: Field, record: Findable) -> str:
        said = (record.answer if entry.name == "answer" else record.prompt).split()
        if not said or self._rng.random() < 0.05:
            return f"{entry.name}:unheard"
        at = self._rng.randrange(len(said))
        words = said[at : at + self._rng.choice((1, 1, 2, 3))]
        if not any(each.isalnum() for each in "".join(words)):
            return f"{entry.name}:unheard"
        going = "*" if self._rng.random() < 0.2 and words[-1][-1].isalnum() else ""
        text = " ".join(words)
        return f"{entry.name}:{_quoted(text[: len(text) - len(going)])}{going}"

    _KINDS: dict[FieldKind, Callable[[Asker, Field, Findable], str]] = {  # noqa: RUF012 - one table, never changed
        FieldKind.WORD: _word,
        FieldKind.CHOICE: _choice,
        FieldKind.NUMBER: _number,
        FieldKind.DURATION: _number,
        FieldKind.TRUTH: _truth,
        FieldKind.INSTANT: _instant,
        FieldKind.TEXT: _text,
    }


def _known(name: str, records: Sequence[Findable]) -> set[str]:
    """Every value of a named field that some record has."""
    if name in LABELS:
        return {label for each in records for label in each.labels[name] if label}
    values = (each.id if name == "id" else each.scalars[name] for each in records)
    return {value for value in values if isinstance(value, str) and value}


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
