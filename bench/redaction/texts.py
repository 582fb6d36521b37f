"""The evaluation set: texts with placeholders, and samples drawn from them.

A file of texts is a row of blocks, each under a line `%% <language> <style>`. In a text,
`{{kind}}` stands for a value that is drawn anew in every run, `{{kind|json}}` for one that is
written as its place demands (`json`, `json2` for JSON inside JSON, `url`). A quarter of all texts,
chosen by digest, is held out: they are looked at when the detectors are done, not before. Those of
`families.txt` never are: each was written before its family of detectors, and mended after.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from bench.redaction.kinds import KINDS

__all__ = ["Marked", "Sample", "Template", "negatives", "render", "samples", "templates"]

# Files whose texts the detectors were mended with.
_WORKED_ON = frozenset({"families"})
_HERE = Path(__file__).parent
_SLOT = re.compile(r"\{\{([a-z0-9_]+)(?:\|([a-z0-9]+))?\}\}")
_HEAD = re.compile(r"^%% (\w+) ([\w-]+)\n", re.MULTILINE)

_WRITTEN: dict[str, Callable[[str], str]] = {
    "json": lambda value: json.dumps(value)[1:-1],
    "json2": lambda value: json.dumps(json.dumps(value)[1:-1])[1:-1],
    "url": lambda value: quote(value, safe=""),
}


@dataclass(frozen=True)
class Template:
    """One text with placeholders."""

    text: str = field(repr=False)
    language: str
    style: str
    worked_on: bool = False

    @property
    def held_out(self) -> bool:
        """Whether this text is kept for the end."""
        return not self.worked_on and hashlib.sha256(self.text.encode()).digest()[0] % 4 == 0


@dataclass(frozen=True)
class Marked:
    """One planted value in a sample: `text[start:end]`, its type and its group."""

    start: int
    end: int
    type: str
    group: str


@dataclass(frozen=True)
class Sample:
    """One text as it is judged."""

    text: str = field(repr=False)
    marked: Sequence[Marked]
    language: str
    style: str


def templates(folder: str = "templates") -> list[Template]:
    """Read all texts of a folder beside this module, in the order of their files."""
    return [
        template
        for path in sorted((_HERE / folder).glob("*.txt"))
        for template in _blocks(path.read_text(encoding="utf-8"), path.stem in _WORKED_ON)
    ]


def _blocks(text: str, worked_on: bool) -> Iterator[Template]:
    heads = list(_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    for head, end in zip(heads, ends, strict=True):
        yield Template(text[head.end() : end].strip("\n"), head[1], head[2], worked_on)


def render(template: Template, rng: random.Random) -> Sample:
    """Draw a value for each placeholder."""
    pieces: list[str] = []
    marked: list[Marked] = []
    length = done = 0
    for slot in _SLOT.finditer(template.text):
        kind = KINDS[slot[1]]
        value = kind.draw(rng, template.language)
        written = _WRITTEN[slot[2]](value) if slot[2] else value
        pieces += [template.text[done : slot.start()], written]
        start = length + slot.start() - done
        length, done = start + len(written), slot.end()
        marked.append(Marked(start, length, kind.type, kind.group))
    pieces.append(template.text[done:])
    return Sample("".join(pieces), marked, template.language, template.style)


def samples(seed: int, rounds: int = 1, *, held_out: bool | None = None) -> list[Sample]:
    """Draw the set: every text so many times; only those held out, or only the others, if told."""
    rng = random.Random(seed)
    chosen = [t for t in templates() if held_out is None or t.held_out == held_out]
    return [render(template, rng) for _ in range(rounds) for template in chosen]


def negatives() -> list[Sample]:
    """Give the texts without personal data; their style is `code` or `prose`."""
    return [Sample(t.text, (), t.language, t.style) for t in templates("negatives")]
