"""Structure: the readable passages inside a text, and the way back to the text.

A text that is JSON (an object or an array) falls into its string and number literals, to any
depth, JSON inside JSON strings included; any other text is one passage. Each passage knows, for
every one of its characters, where that character begins in the outermost text. So a finding in
a decoded passage is taken out of the original bytes, and everything around it stays identical.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from redaction.normalise import normalised
from redaction.unescape import decoded_json, loosely_decoded

__all__ = ["View", "views"]

# JSON inside JSON strings deeper than this is read as text; each level doubles the backslashes,
# so honest documents stay far below.
_DEEPEST = 8

_TOKEN = re.compile(
    r"[ \t\r\n]*+(?:"
    r'"(?P<string>(?:[^"\\]|\\.)*+)"'
    r"|(?P<open>[{\[])|(?P<close>[}\]])|(?P<colon>:)|(?P<comma>,)"
    r"|(?P<number>-?[0-9][0-9.eE+-]*+)"
    r"|(?:true|false|null|NaN|-?Infinity))"
)
# Only whole numbers can be identifiers; 1234567.0 counts as whole.
_WHOLE = re.compile(r"-?[0-9]+(?:\.0+)?")
# In `{"name": "Authorization", "value": "…"}` the sibling says what the value is.
_LABELS = frozenset({"name", "key", "field", "label", "header"})
_VALUES = frozenset({"value", "val", "answer"})


@dataclass(frozen=True, slots=True)
class View:
    """One passage of a text.

    `origin` has one entry more than `text` has characters: where each begins in the outermost
    text, and where the last ends. `quote` is what has to stand on both sides of a replacement
    to keep the syntax: the quotation mark, escaped for its depth, where the passage is a number
    literal, else empty; such a literal can only be replaced as a whole. `coded` says that it is an
    identifier or a word of a vocabulary (`Passage.coded`).
    """

    text: str = field(repr=False)
    key: str | None = field(default=None, repr=False)
    origin: Sequence[int] = field(default=(), repr=False)
    quote: str = ""
    coded: bool = False

    def locate(self, start: int, end: int) -> tuple[int, int]:
        """Translate offsets of this passage into offsets of the outermost text."""
        return self.origin[start], self.origin[end]


@dataclass(slots=True)
class _Container:
    """An open object or array: which member comes next, and what a sibling called it."""

    is_object: bool
    key: str | None
    label: str | None = None
    expects_key: bool = False

    def value_key(self) -> str | None:
        if self.is_object and self.label and self.key and self.key.lower() in _VALUES:
            return self.label
        return self.key


def views(text: str, key: str | None = None) -> Iterator[View]:
    """Read `text` as passages that do not overlap, in reading order.

    Never raises: what is not whole, valid JSON (a cut stream, say) is one plain passage.
    """
    yield from _views(text, key, range(len(text) + 1), 0)


def _views(text: str, key: str | None, origin: Sequence[int], depth: int) -> Iterator[View]:
    if depth < _DEEPEST and _is_json(text):
        yield from _literals(text, key, origin, depth)
    else:
        yield _plain(text, key, origin)


def _plain(text: str, key: str | None, origin: Sequence[int]) -> View:
    """Read a text as one passage, as detectors should see it."""
    decoded, inner = loosely_decoded(text)
    plain, innermost = normalised(decoded)
    return View(plain, key, _through(_through(origin, inner), innermost))


def _is_json(text: str) -> bool:
    stripped = text.strip(" \t\r\n")
    if len(stripped) < 2 or stripped[0] + stripped[-1] not in {"{}", "[]"}:
        return False
    try:
        # Numbers are not converted: a literal of a million digits is valid JSON too.
        json.loads(stripped, parse_int=len, parse_float=len, parse_constant=len)
    except (ValueError, RecursionError):
        return False
    return True


def _literals(text: str, key: str | None, origin: Sequence[int], depth: int) -> Iterator[View]:
    stack: list[_Container] = []
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "open":
            inherited = stack[-1].value_key() if stack else key
            is_object = token["open"] == "{"
            stack.append(_Container(is_object, inherited, expects_key=is_object))
        elif kind == "close":
            stack.pop()
        elif kind in {"colon", "comma"}:
            stack[-1].expects_key = stack[-1].is_object and kind == "comma"
        elif kind == "string":
            yield from _string(text, token, stack[-1], origin, depth)
        elif kind == "number" and _WHOLE.fullmatch(token["number"]):
            yield _number(token, stack[-1], origin, depth)


def _string(
    text: str, token: re.Match[str], container: _Container, origin: Sequence[int], depth: int
) -> Iterator[View]:
    start, end = token.span("string")
    decoded, inner = decoded_json(text, start, end)
    through = _through(origin, inner)
    if container.expects_key:
        container.key, container.expects_key = decoded, False
        yield _plain(decoded, None, through)
        return
    if container.key is not None and container.key.lower() in _LABELS:
        container.label = decoded
    yield from _views(decoded, container.value_key(), through, depth + 1)


def _number(token: re.Match[str], container: _Container, origin: Sequence[int], depth: int) -> View:
    start, end = token.span("number")
    backslashes = "\\" * (2**depth - 1)
    through = _through(origin, range(start, end + 1))
    return View(token["number"], container.value_key(), through, quote=f'{backslashes}"')


def _through(outer: Sequence[int], inner: Sequence[int]) -> Sequence[int]:
    """Chain two maps: where `inner` points, `outer` says where that is."""
    if isinstance(inner, range):
        return outer[inner.start : inner.stop]
    if isinstance(outer, range):
        shift = outer.start
        return inner if shift == 0 else array("L", (shift + place for place in inner))
    return array("L", (outer[place] for place in inner))
