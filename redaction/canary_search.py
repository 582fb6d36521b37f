"""The texts of a stored record as whoever wants to read what was taken out would read them.

The law: a form that could be turned back counts as the text itself. Each string, number and member
name is read through JSON, escapes, percent-encoding, look-alikes, base 64 and hexadecimal
digits, as redaction reads a record, and then written without spaces and signs. Nothing is raised
for any document.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from audit.value import Json
from redaction.canary_values import compact
from redaction.encoded import runs
from redaction.structure import views

__all__ = ["Place", "places"]

# Base 64 in base 64 is read; nobody who writes a record by accident goes deeper.
_DEEPEST = 2


@dataclass(frozen=True, slots=True)
class Place:
    """One text of a document: a JSON Pointer (RFC 6901) to it, and its readings, `compact`.

    `group` is the first two steps to it, with a dot between them. For the name of a member the
    path leads to the member.
    """

    path: str = field(repr=False)
    group: str
    readings: tuple[str, ...] = field(repr=False)


def places(document: Json, most_chars: int) -> list[Place] | None:
    """Give every text of a document in order; None where all of them together are too long."""
    texts = list(_texts(document, ()))
    if sum(len(text) for _, text in texts) > most_chars:
        return None
    return [_place(steps, text) for steps, text in texts]


def _place(steps: tuple[str, ...], text: str) -> Place:
    path = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
    return Place(path, ".".join(steps[:2]), tuple(dict.fromkeys(_readings(text, _DEEPEST))))


def _texts(value: Json, steps: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield (*steps, name), name
            yield from _texts(member, (*steps, name))
    elif isinstance(value, list | tuple):
        for index, element in enumerate(value):
            yield from _texts(element, (*steps, str(index)))
    elif isinstance(value, str):
        yield steps, value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        # A whole number may have come back from a store with a fraction of none.
        yield steps, str(value).removesuffix(".0")


def _readings(text: str, depth: int) -> Iterator[str]:
    """Read a text as it stands, and each passage of it as what it says."""
    yield compact(text)
    for view in views(text):
        yield compact(view.text)
        for run in runs(view.text, 0, len(view.text)) if depth else ():
            yield from _readings(run.text, depth - 1)
