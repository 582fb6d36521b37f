"""JSON Lines to try a policy on: one object a line, whose `text` is the text.

The law: what is wrong with a line is said without a word of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from audit.value import Value, from_json, prepare
from cli.lines import Line

__all__ = ["Asked", "NotReadable", "asked_of", "says_text"]

_MARK = b"\xef\xbb\xbf"


class NotReadable(Exception):
    """A line, or the whole input, is not what it should be."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A text to redact, and the number of its line."""

    number: int
    text: str = field(repr=False)


class _Object(Value, frozen=True):
    """What is read of a line; its other members are not."""

    text: str


def asked_of(line: Line) -> Iterator[Asked]:
    """Read a line; a blank one asks nothing. Raises `NotReadable`."""
    if line.data is None:
        raise NotReadable("it is longer than the policy allows a text to be")
    # Windows' programs begin a file with a byte order mark.
    data = line.data.removeprefix(_MARK) if line.number == 1 else line.data
    if data.strip():
        yield Asked(line.number, _text(data))


def says_text(line: bytes) -> bool:
    """Whether a line is a whole object with a `text`: then all of them should be."""
    try:
        _text(line.removeprefix(_MARK))
    except NotReadable:
        return False
    return True


def _text(data: bytes) -> str:
    try:
        return from_json(data, _Object).text
    except msgspec.ValidationError:
        raise NotReadable("it is no JSON object with a string `text`") from None
    except msgspec.DecodeError as error:
        raise NotReadable(f"it is no JSON ({error})") from None
    except UnicodeDecodeError:
        raise NotReadable("it is no UTF-8") from None
    except RecursionError:
        raise NotReadable("its JSON is nested too deeply") from None


prepare(_Object)
