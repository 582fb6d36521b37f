"""Names of people as they are written: whole, in part, reversed, with initials, declined.

The law: every choice comes from the generator handed in, so that one seed gives one training set.
Titles stand in the templates and are no part of a name.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from random import Random
from typing import Any

from faker import Faker

__all__ = ["People"]

_LOCALES = {
    "en": ["en_US", "en_GB", "en_AU", "en_CA", "en_IE", "en_NZ", "en_IN"],
    "de": ["de_DE", "de_AT", "de_CH"],
    "fr": ["fr_FR", "fr_CA", "fr_CH", "fr_BE"],
    "es": ["es_ES", "es_MX", "es_AR", "es_CO", "es_CL"],
    "it": ["it_IT"],
    "pt": ["pt_BR", "pt_PT"],
    "nl": ["nl_NL", "nl_BE"],
    "pl": ["pl_PL"],
    "other": [
        "tr_TR",
        "sv_SE",
        "da_DK",
        "no_NO",
        "fi_FI",
        "cs_CZ",
        "hu_HU",
        "ro_RO",
        "hr_HR",
        "sk_SK",
        "sl_SI",
        "et_EE",
        "lt_LT",
        "lv_LV",
        "sq_AL",
        "ga_IE",
        "is_IS",
        "id_ID",
        "tl_PH",
        "en_NG",
        "en_KE",
        "en_PK",
        "yo_NG",
        "zu_ZA",
        "tw_GH",
        "az_AZ",
        "uz_UZ",
        "es_CA",
        "fr_DZ",
        "la",
    ],
}
_GROUPS = (
    "chinese",
    "japanese",
    "korean",
    "vietnamese",
    "arabic",
    "indian",
    "african",
    "nordic",
    "slavic",
)
_PARTICLES = {
    "nl": ["van", "de", "van der", "van den", "van de", "ten", "ter", "den", "in 't", "op den"],
    "de": ["von", "zu", "von der"],
    "fr": ["de", "du", "de la", "Le"],
    "es": ["de", "de la", "del"],
    "pt": ["da", "dos", "de", "e"],
    "it": ["De", "Di", "Della", "Lo"],
    "en": ["O'", "Mc", "Mac", "Fitz", "St. ", "de ", "Van ", "ap "],
}
# How many of a hundred last names have a particle before them.
_WITH_PARTICLE = {"nl": 25}
Name = tuple[str, str]


class People:
    """Draws first and last names; mostly those of the language, a quarter from elsewhere."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._fakers = {
            language: [_seeded(locale, random) for locale in locales]
            for language, locales in _LOCALES.items()
        }
        self._lists = _toml("names.toml")
        self._english: dict[str, list[str]] = _toml("english.toml")

    def name(self, language: str) -> Name:
        """A first and a last name."""
        chance = self._random.random()
        if chance < 0.22:
            # Coined of two, since nobody's list has everybody in it.
            one, other = self._listed(language), self._listed(language)
            return self._coined(one[0], other[0]), self._coined(one[1], other[1])
        return self._listed(language)

    def faker(self, language: str) -> Faker:
        """Where values of the language's countries can be had."""
        return self._random.choice(self._fakers[language])

    def _listed(self, language: str) -> Name:
        chance = self._random.random()
        if chance < 0.16:
            group = self._lists[self._random.choice(_GROUPS)]
            return self._random.choice(group["first"]), self._random.choice(group["last"])
        if chance < 0.3:
            language = self._random.choice([*_LOCALES, "other", "other", "other"])
        if language == "en" and self._random.random() < 0.35:
            return self._uncommon()
        faker = self._random.choice(self._fakers[language])
        first, last = faker.first_name(), faker.last_name()
        return self._first(first, faker), self._last(last, faker, language)

    def _uncommon(self) -> Name:
        """An English name that no list of frequent ones has; a surname may be built of parts."""
        names, random = self._english, self._random
        last = random.choice(names["last"])
        if random.random() < 0.35:
            last = random.choice(names["heads"]) + random.choice(names["tails"])
        return random.choice(names["first"]), last

    @property
    def known(self) -> frozenset[str]:
        """Every word that a name may consist of, in lower case."""
        drawn: set[str] = set()
        for faker in (each for fakers in self._fakers.values() for each in fakers):
            for _ in range(1500):
                drawn.update(f"{faker.first_name()} {faker.last_name()}".lower().split())
        for group in _GROUPS:
            for part in (*self._lists[group]["first"], *self._lists[group]["last"]):
                drawn.update(part.lower().replace("-", " ").split())
        for part in (*self._english["first"], *self._english["last"]):
            drawn.update(part.lower().split())
        return frozenset(drawn)

    def whole(self, language: str) -> str:
        """A name as people write it out."""
        first, last = self.name(language)
        chance = self._random.random()
        initial = self._random.choice("ABCDEFGHJKLMNPRSTW")
        middle = self.name(language)[0]
        forms = [
            (0.66, f"{first} {last}"),
            (0.71, f"{first} {initial}. {last}"),
            (0.76, f"{last}, {first}"),
            (0.78, f"{last}, {first} {initial}."),
            (0.82, f"{first[0]}. {last}"),
            (0.84, f"{first[0]}. {initial}. {last}"),
            (0.85, f"{first[0]}{initial} {last}"),
            (0.88, f"{first} {middle} {last}"),
            (0.89, f'{first} "{middle}" {last}'),
            (0.9, f"{first} {last[0]}."),
            (0.93, f"{first} {last.upper()}"),
            (0.94, f"{first.upper()} {last.upper()}"),
            (0.97, first),
            (1.0, last),
        ]
        return next(form for bound, form in forms if chance < bound)

    def first(self, language: str) -> str:
        """A first name."""
        return self.name(language)[0]

    def last(self, language: str) -> str:
        """A last name."""
        return self.name(language)[1]

    def _coined(self, one: str, other: str) -> str:
        if self._random.random() < 0.3 or min(len(one), len(other)) < 5 or " " in one + other:
            return one
        head, tail = self._random.randint(2, len(one) - 2), self._random.randint(2, len(other) - 2)
        return one[:head].capitalize() + other[tail:].lower()

    def _first(self, first: str, faker: Faker) -> str:
        return f"{first}-{faker.first_name()}" if self._random.random() < 0.03 else first

    def _last(self, last: str, faker: Faker, language: str) -> str:
        chance = self._random.random()
        if chance < 0.05:
            return f"{last}-{faker.last_name()}"
        if last[0].islower():
            return last
        if chance < 0.05 + _WITH_PARTICLE.get(language, 4) / 100 and language in _PARTICLES:
            particle = self._random.choice(_PARTICLES[language])
            # What ends in a letter of its own stands apart: `O'`, `Mc`, `Mac` and `Fitz` do not.
            return f"{particle}{last}" if particle[-1] in "'cz " else f"{particle} {last}"
        if chance < 0.4 and language in {"es", "pt"}:
            return f"{last} {faker.last_name()}"
        return last


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("training.lists").joinpath(name).read_text("utf-8"))


def _seeded(locale: str, random: Random) -> Faker:
    faker = Faker(locale)
    faker.seed_instance(random.getrandbits(32))
    return faker
