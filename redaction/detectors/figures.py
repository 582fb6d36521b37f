"""Figures: people whom everybody asks about, whose names a model is not to take out.

The law: a name is left only where the text has it in full, or is a part of one that it has. A list
can do no harm beyond its own names: whoever is called as one of them is, is not told apart.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

__all__ = ["is_a_figures"]

# How far from a part of a name its whole may begin.
_FAR = 60


def is_a_figures(text: str, start: int, end: int) -> bool:
    """Whether `text[start:end]` is the name of a figure, or a part of one that the text has."""
    value = text[start:end].casefold().strip(" .,'\u2019")
    value = value.removesuffix("'s").removesuffix("\u2019s")
    words = value.split()
    if not words:
        return False
    near = text[max(0, start - _FAR) : end + _FAR].casefold()
    names = (*_by_word().get(words[-1], ()), *_by_word().get(words[0], ()))
    return any(value == name or (value in name and name in near) for name in names)


@cache
def _by_word() -> dict[str, tuple[str, ...]]:
    text = resources.files("redaction.detectors").joinpath("figures.toml").read_text("utf-8")
    found: dict[str, tuple[str, ...]] = {}
    for names in tomllib.loads(text).values():
        for name in map(str.casefold, names):
            for word in {name.split()[0], name.split()[-1]}:
                found[word] = (*found.get(word, ()), name)
    return found
