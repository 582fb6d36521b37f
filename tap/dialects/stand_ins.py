"""Long runs of base64 taken out of a body before it is decoded, and a short run left for each.

The law of this module: nothing that is made of the shortened body differs from what the whole one
would have given. So a run keeps its first and last characters, and what stands in for the rest is
base64 itself, which every pattern takes for what it was; the same stands in for the same. It is a
keyed digest that is never told to anyone: nobody can write it into a body. What stands in is
resolved where bytes are counted or digested, and what else has it is given the whole run back.

A run may have its slashes escaped, as some writers of JSON do. One that could be a number is left.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import TypeAlias, TypeVar

import msgspec

from audit.digest import KeyedDigest
from audit.value import Json
from tap.dialects.base64_text import DATA_URL, is_base64
from tap.held import PIECE, Held
from tap.wire_json import clean_text

__all__ = ["LONG_RUN", "StandIns", "shortened"]

ValueT = TypeVar("ValueT")
_Place: TypeAlias = tuple[int, int]

# A run within one window is no long one, so that only those are looked for that reach over its end.
LONG_RUN = PIECE
# More than any pattern asks of base64 before it believes it, and than a broken body is cut back by.
_KEPT = 1024

_PURPOSE = "what stands in for a long run of base64"
_DIGITS = 32

_RUN = re.compile(rb"(?:[A-Za-z0-9+/_-]++|\\/)*+")
_SOME = re.compile(rb"(?:[A-Za-z0-9+/_-]++|\\/)++")
_LOOSE = re.compile(rb"[A-Za-z0-9+/_\\-]*+")
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-"
# What decides in nearly every window that it is not all of a run.
_LOOK = 256
# By which runs that are alike are noticed.
_SAMPLE = 4096
_NUMBER = b"0123456789eE+-"


class StandIns:
    """What stands in for which bytes of a body; `runs` are their places, by what stands there."""

    def __init__(self, held: Held, tag: str, runs: dict[str, _Place]) -> None:
        self._held = held
        self._tag = tag
        self._tag_bytes = tag.encode()
        self._runs = runs
        self._one = re.compile(f"({tag}[0-9a-f]{{{_DIGITS}}})")

    def within(self, text: str) -> bool:
        """Whether any stands in the text."""
        return self._tag in text

    def pieces(self, text: str) -> Iterator[bytes]:
        """Give the text with the runs in it, as UTF-8, in pieces."""
        for part in self._one.split(text):
            if part in self._runs:
                yield from self._run(part)
            else:
                yield clean_text(part).encode()

    def whole(self, text: str) -> str:
        """Give the text with the runs in it."""
        return self._one.sub(lambda found: self._joined(found[0]), text)

    def whole_bytes(self, data: bytes) -> bytes:
        """Give what was encoded with the runs in it."""
        if self._tag_bytes not in data:
            return data
        return self.whole(data.decode("utf-8", "surrogateescape")).encode(
            "utf-8", "surrogateescape"
        )

    def settled(self, value: Json) -> Json:
        """Give a decoded value in which nothing stands in but for media, and in no name."""
        if isinstance(value, str):
            return value if self._tag not in value or self._all_media(value) else self.whole(value)
        if isinstance(value, list):
            return [self.settled(item) for item in value]
        if isinstance(value, dict):
            return {self.whole(name): self.settled(inner) for name, inner in value.items()}
        return value

    def _all_media(self, text: str) -> bool:
        return is_base64(text) or self._tag not in DATA_URL.sub(_head, text)

    def restored(self, value: ValueT) -> ValueT:
        """Give a value, and all that it holds, with the runs in its texts."""
        restored: ValueT = self._restored(value)
        return restored

    def _restored(self, value: Json) -> Json:
        if isinstance(value, str):
            return self.whole(value) if self._tag in value else value
        if isinstance(value, list | tuple):
            return type(value)(map(self._restored, value))
        if isinstance(value, dict):
            return {self._restored(name): self._restored(inner) for name, inner in value.items()}
        if isinstance(value, msgspec.Struct):
            fields = {name: getattr(value, name) for name in value.__struct_fields__}
            return msgspec.structs.replace(value, **self._restored(fields))
        return value

    def _joined(self, name: str) -> str:
        return b"".join(self._run(name)).decode() if name in self._runs else name

    def _run(self, name: str) -> Iterator[bytes]:
        return _characters(self._held, *self._runs[name])


def _head(found: re.Match[str]) -> str:
    return found[0][: found.start(2) - found.start()]


def shortened(held: Held, digest: KeyedDigest) -> tuple[bytes, StandIns | None]:
    """Give the body without its long runs, and what stands in for them; None where it has none.

    Reads the body up to three times, and holds of it what it gives.
    """
    runs = list(_middles(held))
    if not runs:
        return bytes(held), None
    secret = digest.apart(_PURPOSE)
    tag = secret(b"")[:_DIGITS]
    parts: list[bytes] = []
    places: dict[str, _Place] = {}
    at = 0
    for (start, end), told in zip(runs, _told_apart(held, runs, secret), strict=True):
        name = tag + told[:_DIGITS]
        places[name] = (start, end)
        parts += [*held.windows(at, start), name.encode()]
        at = end
    parts += held.windows(at)
    return b"".join(parts), StandIns(held, tag, places)


def _told_apart(held: Held, runs: list[_Place], secret: KeyedDigest) -> Iterator[str]:
    """Name each run: the same for the same. Only one that begins like another is read for that."""
    samples = [b"".join(held.windows(start, start + _SAMPLE)) for start, _ in runs]
    seen = Counter(samples)
    for sample, place in zip(samples, runs, strict=True):
        alone = seen[sample] == 1
        yield secret(sample) if alone else secret.of(_characters(held, *place))[1]


def _characters(held: Held, start: int, end: int) -> Iterator[bytes]:
    """A run as JSON means it: each backslash in it is that of an escaped slash."""
    for window in held.windows(start, end):
        yield window.replace(b"\\", b"")


def _middles(held: Held) -> Iterator[_Place]:
    """Where the runs are, without what is kept of them; no escape is cut in two."""
    for start, end in _long_runs(held):
        middle = _after_escape(held, start + _KEPT), _after_escape(held, end - _KEPT)
        if any(window.translate(None, _NUMBER) for window in held.windows(*middle)):
            yield middle


def _after_escape(held: Held, at: int) -> int:
    return at + (b"".join(held.windows(at - 1, at)) == b"\\")


def _long_runs(held: Held) -> Iterator[_Place]:
    """Find all runs that are long, each as long as it can be. Linear in the body."""
    at = begun = 0
    carried = b""
    for window in held.windows():
        text = carried + window
        # What follows a backslash decides what it is.
        carried = b"\\" if text.endswith(b"\\") else b""
        text = text[: len(text) - len(carried)]
        lead = _lead(text)
        if lead < len(text):
            if at + lead - begun >= LONG_RUN:
                yield begun, at + lead
            begun = at + _last_run(text)
        at += len(text)
    if at - begun >= LONG_RUN:
        yield begun, at


def _lead(text: bytes) -> int:
    """How far the run goes with which the text begins."""
    found = _RUN.match(text, 0, _LOOK)
    lead = found.end() if found else 0
    # Whether a backslash is part of it, what is beyond the look may decide.
    if lead < min(_LOOK, len(text)) - 1:
        return lead
    rest = text.translate(None, _BASE64)
    if not rest or (not rest.strip(b"\\") and text.count(b"\\/") == len(rest)):
        return len(text)
    found = _RUN.match(text)
    return found.end() if found else 0


def _last_run(text: bytes) -> int:
    """Where the run begins with which the text ends; its length where it ends with none."""
    for looked in (text[-_LOOK:], text):
        begun = len(looked)
        for found in _SOME.finditer(looked, len(looked) - _loose_at_end(looked)):
            begun = found.start() if found.end() == len(looked) else len(looked)
        if begun:
            return len(text) - len(looked) + begun
    return 0


def _loose_at_end(text: bytes) -> int:
    """How many bytes at the end of a text could be of a run, or of several."""
    found = _LOOSE.match(text[::-1])
    return found.end() if found else 0
