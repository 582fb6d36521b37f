"""What is put into the slots of a template, and the label it carries there, if any.

The law: a slot's name decides its label; the value is drawn anew each time. What carries no label
(an order's number, a month, a product, a public figure who is asked about) is what the model has
to leave alone.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from importlib import resources
from random import Random

from training.addresses import address, street
from training.people import People
from training.polish import declined
from training.words import Plain

__all__ = ["Values"]

_AGES = {
    "en": ["{} years old", "{}-year-old", "{} y/o", "{} year old", "{}yo", "{}"],
    "de": ["{} Jahre alt", "{}-jährige", "{}-jähriger", "{} Jahre", "{}jährige"],
    "fr": ["{} ans"],
    "es": ["{} años"],
    "it": ["{} anni"],
    "pt": ["{} anos"],
    "nl": ["{} jaar", "{}-jarige", "{} jaar oud"],
    "pl": ["{} lat", "{} lata", "{}-letni", "{}-letnia"],
}
_DAYS = {
    "en": ["{m} {d}, {y}", "{d} {m} {y}", "{m} {d}th, {y}", "{d} {ms} {y}", "{mm}/{dd}/{y}"],
    "de": ["{d}. {m} {y}", "{d}. {m} {y}", "{dd}.{mm}.{y}", "{dd}.{mm}.{yy}"],
    "fr": ["{d} {m} {y}", "1er {m} {y}"],
    "es": ["{d} de {m} de {y}", "{d}-{mm}-{y}"],
    "it": ["{d} {m} {y}", "{dd}/{mm}/{y}"],
    "pt": ["{d} de {m} de {y}"],
    "nl": ["{d} {m} {y}", "{dd}-{mm}-{y}"],
    "pl": ["{d} {m} {y} r.", "{d} {m} {y}", "{dd}.{mm}.{y}"],
}
_ANYWHERE = ["{y}-{mm}-{dd}", "{dd}/{mm}/{y}", "{dd}.{mm}.{y}", "{dd}-{mm}-{y}", "{d}/{mm}/{yy}"]


class Values:
    """Draws the value of a slot in a language."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._people = People(random)
        self._places = _toml("places.toml")
        self._plain_words = Plain(random, self._places, self._people.known | self._place_words())
        self._names = _toml("names.toml")
        draw: dict[str, tuple[str | None, Callable[[str], str]]] = {
            "P": ("PERSON", self._people.whole),
            "PF": ("PERSON", self._people.first),
            "PL": ("PERSON", self._people.last),
            "A": ("ADDRESS", self._address),
            "S": ("ADDRESS", self._street),
            "C": ("LOCATION", self._city),
            "CO": ("LOCATION", lambda lang: random.choice(self._places[lang]["countries"])),
            "O": ("ORGANIZATION", self._organisation),
            "N": ("NRP", lambda lang: random.choice(self._places[lang]["nationalities"])),
            "AGE": ("AGE", lambda lang: random.choice(_AGES[lang]).format(self._age())),
            "AG": ("AGE", lambda _: str(self._age())),
            "D": ("DATE_OF_BIRTH", lambda lang: self._day(lang, 1935, 2015)),
            "DT": (None, lambda lang: self._day(lang, 2005, 2029)),
            "T": (None, lambda _: f"{random.randint(0, 23):02}:{random.randint(0, 59):02}"),
            "MO": (None, lambda lang: random.choice(self._places[lang]["months"])),
            "FIG": (None, lambda _: random.choice(self._names["figures"]["names"])),
            "PR": (None, lambda _: random.choice(self._names["products"]["names"])),
            "w": (None, lambda _: self._word()),
            "W": (None, lambda _: self._word().title().replace("_", "")),
            "pw": (None, self._plain_words.word),
            "cw": (None, self._plain_words.also_name),
            "ww": (None, self._twice),
            "nw": (None, lambda _: self._nonsense()),
            "mw": (None, lambda _: random.choice(self._names["words"]["machine"])),
            "EM": (None, self._mail),
            "PH": (None, lambda _: self._phone()),
            "ID": (None, lambda _: self._id()),
            "CARD": (None, lambda _: " ".join(f"{random.randint(0, 9999):04}" for _ in range(4))),
            "IBAN": (None, lambda _: self._iban()),
            "PLATE": (None, lambda _: self._plate()),
            "IP": (None, lambda _: ".".join(str(random.randint(1, 254)) for _ in range(4))),
            "NUM": (None, lambda _: str(random.randint(1, random.choice([9, 99, 999, 99999])))),
            "HEX": (None, lambda _: f"{random.getrandbits(32):08x}"),
            "V": (None, lambda _: ".".join(str(random.randint(0, most)) for most in (24, 12, 9))),
            "MON": (None, lambda _: self._money()),
        }  # fmt: skip
        for case in "gdi":
            for slot, form in (
                ("P", self._plain),
                ("PF", self._people.first),
                ("PL", self._people.last),
            ):
                draw[slot + case] = ("PERSON", lambda lang, f=form, c=case: declined(f(lang), c))  # type: ignore[misc]
        self._draw = draw

    @property
    def slots(self) -> frozenset[str]:
        """The names that may stand in braces."""
        return frozenset(self._draw)

    def draw(self, slot: str, language: str) -> tuple[str, str | None]:
        """A value and its label."""
        label, make = self._draw[slot]
        return make(language), label

    def sentence(self, language: str) -> str:
        """A sentence without anybody in it."""
        return self._plain_words.sentence(language)

    def _place_words(self) -> frozenset[str]:
        lists = (each for language in self._places.values() for each in language.values())
        return frozenset(word for each in lists for name in each for word in name.lower().split())

    def _plain(self, language: str) -> str:
        return " ".join(self._people.name(language))

    def _city(self, language: str) -> str:
        chosen = language if self._random.random() < 0.9 else self._random.choice([*self._places])
        if self._random.random() < 0.35:
            return str(self._people.faker(chosen).city())
        city: str = self._random.choice(self._places[chosen]["cities"])
        return city

    def _address(self, language: str) -> str:
        if self._random.random() < 0.3:
            joint = self._random.choice([", ", ", ", ", ", "\n", " "])
            return (
                str(self._people.faker(language).address())
                .replace(" \n", "\n")
                .replace("\n", joint)
            )
        return address(self._random, language, self._city(language))

    def _street(self, language: str) -> str:
        if self._random.random() < 0.25:
            return " ".join(str(self._people.faker(language).street_address()).split())
        return street(self._random, language)

    def _iban(self) -> str:
        letters = self._random.choice(["DE", "GB", "FR", "ES", "IT", "PT", "NL", "PL", "CZ", "AT"])
        blocks = [f"{self._random.randint(0, 9999):04}" for _ in range(self._random.randint(4, 6))]
        return f"{letters}{self._random.randint(10, 99)}" + self._random.choice(["", " "]).join(
            ["", *blocks]
        )

    def _plate(self) -> str:
        one, two = ("".join(self._random.choices("ABCDEFGHKLMNPRST", k=n)) for n in (1, 2))
        return self._random.choice(
            [f"{one}-{two} {{}}", f"{two}{{}} {one}{two}", f"{{}} {two}{one}"]
        ).format(self._random.randint(10, 9999))

    def _age(self) -> int:
        return self._random.choice([self._random.randint(18, 95), self._random.randint(1, 17)])

    def _organisation(self, language: str) -> str:
        lists, random = self._names["organisations"], self._random
        chance = random.random()
        if chance < 0.45:
            return str(random.choice(lists["known"]))
        last = self._people.last(language)
        if chance < 0.75:
            return f"{last} {random.choice(lists['ends'])}"
        made = random.choice(lists["stems"]) + random.choice(lists["tails"])
        return f"{made} {random.choice(lists['ends'])}" if chance < 0.95 else str(made)

    def _day(self, language: str, first: int, last: int) -> str:
        random = self._random
        month, day, year = random.randint(1, 12), random.randint(1, 28), random.randint(first, last)
        name = self._places[language]["months"][month - 1]
        form = random.choice([random.choice(_DAYS[language]), random.choice(_ANYWHERE)])
        return form.format(
            d=day,
            dd=f"{day:02}",
            mm=f"{month:02}",
            m=name,
            ms=name[:3],
            y=year,
            yy=f"{year % 100:02}",
        )

    def _word(self) -> str:
        count = self._random.choice([1, 1, 1, 2])
        if self._random.random() < 0.5:
            return "_".join(self._plain_words.word("en") for _ in range(count))
        return "_".join(self._random.sample(self._names["words"]["code"], count))

    def _twice(self, language: str) -> str:
        """A word two or three times over."""
        draw = self._random.choice([self._plain_words.word, self._plain_words.also_name])
        return " ".join([draw(language)] * self._random.choice([2, 2, 3]))

    def _nonsense(self) -> str:
        """Letters that nobody is called by: keys struck at random, or a syllable over and over."""
        random = self._random
        if random.random() < 0.4:
            syllable = random.choice("bdfghklmnprstwz") + random.choice("aeiou")
            return syllable * random.randint(3, 4)
        rows = random.choice(["qwertyuiop", "asdfghjkl", "zxcvbnm", "bcdfghjklmnpqrstvwxz"])
        return "".join(random.choices(rows, k=random.randint(3, 9)))

    def _mail(self, language: str) -> str:
        first, last = self._people.name(language)
        user = f"{first}.{last}".lower().replace(" ", "")
        return f"{user}@{self._random.choice(['example.com', 'mail.example', 'post.example'])}"

    def _phone(self) -> str:
        digits = "".join(self._random.choice("0123456789") for _ in range(9))
        form = self._random.choice(
            ["0{} {} {}", "+49 {} {}{}", "({}) {}-{}", "{}-{}-{}", "0{}{}{}"]
        )
        return form.format(digits[:3], digits[3:6], digits[6:])

    def _id(self) -> str:
        letters = "".join(self._random.choice("ABCDEFGHKLMNPRST") for _ in range(2))
        return self._random.choice([letters, letters + "-", "", "#"]) + str(
            self._random.randint(1000, 9_999_999)
        )

    def _money(self) -> str:
        amount = f"{self._random.randint(1, 900)},{self._random.randint(0, 99):02}"
        return self._random.choice(
            [f"{amount} €", f"EUR {amount}", f"${amount}", f"£{amount}", f"{amount} zł"]
        )


def _toml(name: str) -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(resources.files("training.lists").joinpath(name).read_text("utf-8"))
