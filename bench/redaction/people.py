"""Texts about people: names, homes, towns, ages, dates of birth, in eight languages.

The files of `people/` are blocks as in `texts`; a slot is `{{who}}`, and `{{who|lower}}` for a
value that is written carelessly. The law: none of these texts is taught, none of these names is on
a list of training's own, and no phrase of five words stands in both. Faker, of which training
draws, has some of the names: `docs/redaction-quality.md` says how many.
"""

from __future__ import annotations

import functools
import random
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

from bench.redaction.texts import Marked, Sample, Template, templates

__all__ = ["PERSONAL", "people", "values"]

# The types that are scored, all of one group.
PERSONAL = ("PERSON", "ADDRESS", "LOCATION", "AGE", "DATE_OF_BIRTH")
_SLOT = re.compile(r"\{\{([a-z]+)(?:\|(lower|upper))?\}\}")
_PARTICLES = re.compile(r"\b(van der|van 't|ten|de|van) ")
_MONTHS = {
    "en": "January March May August December", "de": "Januar März Mai August Dezember",
    "fr": "janvier mars mai août décembre", "es": "enero marzo mayo agosto diciembre",
    "it": "gennaio marzo maggio agosto dicembre", "pt": "janeiro março maio agosto dezembro",
    "nl": "januari maart mei augustus december", "pl": "stycznia marca maja sierpnia grudnia",
}  # fmt: skip
_DATES = ("{d} {m} {y}", "{dd}/{mm}/{y}", "{y}-{mm}-{dd}", "{dd}.{mm}.{y}")


@functools.cache
def values() -> dict[str, dict[str, list[str]]]:
    """The lists of `people/values.toml`, by language and kind."""
    path = Path(__file__).parent / "people" / "values.toml"
    return {
        language: {kind: _listed(kind, line) for kind, line in kinds.items()}
        for language, kinds in tomllib.loads(path.read_text("utf-8")).items()
    }


def people(seed: int, rounds: int = 1) -> list[Sample]:
    """Draw every text so many times."""
    rng = random.Random(seed)
    return [_drawn(each, rng) for _ in range(rounds) for each in templates("people")]


def _listed(kind: str, line: str) -> list[str]:
    if kind not in {"given", "family"}:
        return line.split("|")
    bound = _PARTICLES.sub(lambda found: found[0].replace(" ", "_"), line)
    return [word.replace("_", " ") for word in bound.split()]


def _drawn(template: Template, rng: random.Random) -> Sample:
    pieces: list[str] = []
    marked: list[Marked] = []
    length = done = 0
    for slot in _SLOT.finditer(template.text):
        label, draw = _KINDS[slot[1]]
        value = draw(rng, template.language)
        value = getattr(value, slot[2])() if slot[2] else value
        pieces += [template.text[done : slot.start()], value]
        start = length + slot.start() - done
        length, done = start + len(value), slot.end()
        marked.append(Marked(start, length, label, label))
    return Sample(
        "".join([*pieces, template.text[done:]]), marked, template.language, template.style
    )


def _one(kind: str) -> Callable[[random.Random, str], str]:
    return lambda rng, language: rng.choice(values()[language][kind])


def _who(rng: random.Random, language: str) -> str:
    # One in six comes from elsewhere, as people do.
    home = rng.choice([language] * 5 + [*values()])
    return f"{_one('given')(rng, home)} {_one('family')(rng, home)}"


def _home(rng: random.Random, language: str) -> str:
    digits = str(rng.randint(10_000, 98_999))
    street = _one("streets")(rng, language).format(n=rng.randint(1, 180), k=rng.randint(1, 40))
    return _one("homes")(rng, language).format(
        s=street, t=_one("towns")(rng, language), k=rng.randint(1, 9), z=digits,
        zu=f"{rng.choice('BLMSW')}{rng.choice('ABDT')}{digits[0]} {digits[1]}{rng.choice('ABD')}X",
        p=f"{digits[:4]}-{digits[2:]}", d=f"{digits[:4]} {rng.choice('ABK')}{rng.choice('LPT')}",
        o=f"{digits[:2]}-{digits[2:]}",
    )  # fmt: skip


def _born(rng: random.Random, language: str) -> str:
    month = rng.randrange(5)
    name = _MONTHS[language].split()[month]
    number = (1, 3, 5, 8, 12)[month]
    day, year = rng.randint(1, 28), rng.randint(1931, 2012)
    form = rng.choice(_DATES)
    return form.format(d=day, dd=f"{day:02}", m=name, mm=f"{number:02}", y=year)


_KINDS: dict[str, tuple[str, Callable[[random.Random, str], str]]] = {
    "who": ("PERSON", _who),
    "given": ("PERSON", _one("given")),
    "family": ("PERSON", _one("family")),
    "home": ("ADDRESS", _home),
    "town": ("LOCATION", _one("towns")),
    "years": ("AGE", lambda rng, _: str(rng.randint(19, 96))),
    "born": ("DATE_OF_BIRTH", _born),
}
