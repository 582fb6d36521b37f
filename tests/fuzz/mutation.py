"""Changing a body as its format is made: one place of one JSON document, or one line of many.

Bytes changed at random rarely leave a document a document. The law of this module: the same seed
changes the same body in the same way, and a body without JSON is left as it is.
"""

from __future__ import annotations

import json
import random
from typing import Any

from tests.harness.hostile_json import ODD, places, written

__all__ = ["changed"]

Json = Any


def changed(body: bytes, words: list[str], seed: int) -> bytes:
    """The body with a place of a document, or one of its lines, exchanged for something else."""
    chance = random.Random(seed)
    whole = _read(body)
    if whole is not None:
        return _damaged(whole, words, chance)
    lines = body.split(b"\n")
    documents = [number for number, line in enumerate(lines) if _read(_text(line)) is not None]
    if not documents:
        return body
    at = chance.choice(documents)
    if chance.random() < 0.2:
        other = chance.choice(documents)
        lines[at], lines[other] = lines[other], lines[at]
    elif chance.random() < 0.2:
        lines[at:at] = [lines[chance.choice(documents)], b""]
    else:
        text = _text(lines[at])
        lines[at] = lines[at][: -len(text)] + _damaged(_read(text), words, chance)
    return b"\n".join(lines)


def _text(line: bytes) -> bytes:
    return line.removeprefix(b"data:").removeprefix(b">").strip(b" ")


def _read(text: bytes) -> Json:
    """The object or list that a text is; None for anything else."""
    if text.lstrip()[:1] not in (b"{", b"["):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _damaged(document: Json, words: list[str], chance: random.Random) -> bytes:
    """A document with one place holding an odd value, a word, or what another place holds."""
    found = list(places(document))
    if not found:
        return written(chance.choice(ODD))
    holder, key = chance.choice(found)
    other, name = chance.choice(found)
    value = chance.choice([chance.choice(ODD), chance.choice(words), chance.randint(-2, 40)])
    if chance.random() < 0.3:
        value = json.loads(written(other[name]))
    if isinstance(holder, dict) and chance.random() < 0.3:
        key = chance.choice(words)
    holder[key] = value
    return written(document)
