"""Postal addresses in the forms of eight languages, whole, over several lines, or a street alone.

The law: streets and codes are made up, towns are real; an address is one span, from its first
word to its last.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from importlib import resources
from random import Random

__all__ = ["address", "street"]

_STREETS: dict[str, dict[str, list[str]]] = tomllib.loads(
    resources.files("training.lists").joinpath("streets.toml").read_text("utf-8")
)
_WORDS = {language: each["words"] for language, each in _STREETS.items()}
_KINDS = {language: each["kinds"] for language, each in _STREETS.items()}
_STATES = [
    "AL",
    "AK",
    "AZ",
    "CA",
    "CO",
    "CT",
    "FL",
    "GA",
    "IL",
    "IN",
    "MA",
    "MD",
    "MI",
    "MN",
    "MO",
    "NC",
    "NJ",
    "NV",
    "NY",
    "OH",
    "OR",
    "PA",
    "TN",
    "TX",
    "UT",
    "VA",
    "WA",
    "WI",
]
_UF = ["SP", "RJ", "MG", "BA", "PR", "RS", "SC", "PE", "CE", "GO", "DF", "ES"]


# What stands before a town where the address is part of a sentence.
_IN = {
    "en": " in ", "de": " in ", "fr": " à ", "es": " de ", "it": " a ", "pt": " em ", "nl": " in ",
    "pl": " w ",
}  # fmt: skip


def address(random: Random, language: str, city: str) -> str:
    """A whole address with a town, now and then over several lines."""
    joint = random.choices(["\n", ", ", _IN[language], " "], [15, 65, 12, 8])[0]
    return _FORMS[language](random, city, joint)


def street(random: Random, language: str) -> str:
    """A street with a number, or in a few cases without."""
    number = _number(random)
    word, kind = random.choice(_WORDS[language]), random.choice(_KINDS[language])
    bare = random.random() < 0.12
    if language == "en":
        return f"{word} {kind}" if bare else f"{number} {word} {kind}"
    if language in {"de", "nl"}:
        joined = f"{word}{kind}" if word[-2:] != "er" else f"{word} {kind.title()}"
        return joined if bare else f"{joined} {number}"
    if language == "fr":
        comma = random.choice([", ", " "])
        return f"{kind} {word}" if bare else f"{number}{comma}{kind} {word}"
    comma = random.choice([", ", " ", " n.º " if language in {"es", "pt"} else " "])
    named = f"{kind.strip()} {word}"
    return named if bare else f"{named}{comma}{number}"


def _number(random: Random) -> str:
    number = str(random.choice([random.randint(1, 60), random.randint(1, 400)]))
    chance = random.random()
    if chance < 0.1:
        return number + random.choice("abcABC")
    if chance < 0.14:
        return f"{number}-{int(number) + 2}"
    if chance < 0.2:
        return f"{number}/{random.randint(1, 40)}"
    return number


def _digits(random: Random, count: int) -> str:
    return "".join(random.choice("0123456789") for _ in range(count))


def _letters(random: Random, count: int) -> str:
    return "".join(random.choice("ABCDEFGHJKLMNPRSTUWXYZ") for _ in range(count))


def _english(random: Random, city: str, joint: str) -> str:
    line = street(random, "en")
    number = random.randint(1, 40)
    if random.random() < 0.06:
        line = f"PO Box {_digits(random, random.randint(2, 5))}"
    if random.random() < 0.5:
        extra = random.choice(["Apt", "Apt.", "Unit", "Suite", "#", "Floor"])
        inner = f"{joint}{extra} {number}{random.choice(['', 'B', 'C'])}"
        code = f"{random.choice(_STATES)} {_digits(random, 5)}"
        code = code if random.random() < 0.8 else _digits(random, 5)
        return f"{line}{inner if random.random() < 0.25 else ''}{joint}{city}, {code}"
    flat = random.choice([f"Flat {number}{joint}", f"{number} ", ""]) if line[0].isdigit() else ""
    flat = flat if flat.startswith("Flat") else ""
    code = (
        f"{_letters(random, random.randint(1, 2))}{random.randint(1, 29)} "
        f"{random.randint(1, 9)}{_letters(random, 2)}"
    )
    tail = random.choice([f" {code}", f"{joint}{code}", ""])
    return f"{flat}{line}{joint}{city}{tail}"


def _german(random: Random, city: str, joint: str) -> str:
    code = _digits(random, random.choice([5, 5, 5, 4]))
    land = random.choice(["", "", "", "D-", "A-", "CH-"])
    extra = random.choice(["", "", "", f"{joint}{random.randint(1, 5)}. OG", f"{joint}Whg. 7"])
    return f"{street(random, 'de')}{extra}{joint}{land}{code} {city}"


def _french(random: Random, city: str, joint: str) -> str:
    extra = random.choice(["", "", "", f"bât. B{joint}", f"appt {random.randint(1, 60)}{joint}"])
    cedex = random.choice(["", "", "", " Cedex"])
    return f"{extra}{street(random, 'fr')}{joint}{_digits(random, 5)} {city}{cedex}"


def _spanish(random: Random, city: str, joint: str) -> str:
    floor = random.choice(
        [
            "",
            f", {random.randint(1, 9)}.º {random.choice('ABCD')}",
            ", bajo",
            f", {random.randint(1, 9)}º izq.",
            f", Col. {random.choice(_WORDS['es'])}",
        ]
    )
    return f"{street(random, 'es')}{floor}{joint}{_digits(random, 5)} {city}"


def _italian(random: Random, city: str, joint: str) -> str:
    province = random.choice(["", "", f" ({_letters(random, 2)})"])
    return f"{street(random, 'it')}{joint}{_digits(random, 5)} {city}{province}"


def _portuguese(random: Random, city: str, joint: str) -> str:
    line = street(random, "pt")
    if random.random() < 0.5:
        floor = random.choice(
            ["", f", {random.randint(1, 9)}.º Esq.", f", {random.randint(1, 9)}º Dto"]
        )
        return f"{line}{floor}{joint}{_digits(random, 4)}-{_digits(random, 3)} {city}"
    flat = random.choice(
        ["", f", apto {random.randint(1, 200)}", f", bloco {random.choice('ABC')}"]
    )
    code = random.choice([f"{joint}{_digits(random, 5)}-{_digits(random, 3)}", ""])
    state = random.choice([f" - {random.choice(_UF)}", f"/{random.choice(_UF)}", ""])
    return f"{line}{flat}{joint}{city}{state}{code}"


def _dutch(random: Random, city: str, joint: str) -> str:
    code = f"{_digits(random, 4)}{random.choice([' ', ''])}{_letters(random, 2)}"
    code = code if random.random() < 0.8 else _digits(random, 4)
    return f"{street(random, 'nl')}{joint}{code} {city}"


def _polish(random: Random, city: str, joint: str) -> str:
    line = street(random, "pl")
    flat = random.choice(["", "", f" m. {random.randint(1, 90)}"])
    return f"{line}{flat}{joint}{_digits(random, 2)}-{_digits(random, 3)} {city}"


_FORMS: dict[str, Callable[[Random, str, str], str]] = {
    "en": _english,
    "de": _german,
    "fr": _french,
    "es": _spanish,
    "it": _italian,
    "pt": _portuguese,
    "nl": _dutch,
    "pl": _polish,
}
