"""Documents, births, ages, plates and places on a map, as each country writes them."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

from bench.redaction.values_numbers import digits

__all__ = [
    "age", "birth", "coordinates", "identity_card", "licence", "office_number", "passport", "plate",
]  # fmt: skip

Draw = Callable[[random.Random], str]
_GERMAN = "CFGHJKLMNPRTVWXYZ"


def _shape(pattern: str) -> Draw:
    """Make a drawer of a shape: `A` is a capital, `9` a digit, `G` a letter of German documents."""

    def draw(rng: random.Random) -> str:
        among = {"A": string.ascii_uppercase, "9": string.digits, "G": _GERMAN,
                 "X": string.digits + _GERMAN, "1": "123456789"}  # fmt: skip
        return "".join(rng.choice(among[c]) if c in among else c for c in pattern)

    return draw


def _one_of(*patterns: str) -> Draw:
    drawers = [_shape(pattern) for pattern in patterns]
    return lambda rng: rng.choice(drawers)(rng)


_PASSPORTS = {
    "en": _one_of("A99999999", "199999999", "599999999"), "de": _one_of("C9XX99X99", "G99X9XX99"),
    "fr": _one_of("99AA99999"), "es": _one_of("AAA999999", "AA999999"), "it": _one_of("AA9999999"),
    "pt": _one_of("AA999999", "A999999"), "nl": _one_of("AAX9X9XX9"), "pl": _one_of("AA9999999"),
}  # fmt: skip
_LICENCES = {
    "en": _one_of("A9999999", "199999999", "A999999999999", "AAAAA999999AA9AA", "99AAA9999"),
    "de": _one_of("A999AAA9A99", "G99199X9X99"), "fr": _one_of("199999999999", "99AA99999"),
    "es": _one_of("19999999A", "99999999"), "it": _one_of("AA9999999A", "U1A999999A"),
    "pt": _one_of("AA-999999 9", "P-9999999"), "nl": _one_of("1999999999"),
    "pl": _one_of("99999/99/9999"),
}  # fmt: skip
_CARDS = {
    "en": _one_of("199999999", "A99999999"), "de": _one_of("L9XX99X99", "T99999999"),
    "fr": _one_of("199999999999", "X9AX99AX9"), "es": _one_of("AAA999999"),
    "it": _one_of("CA99999AA", "AA9999999"), "pt": _one_of("19999999 9 AA9"),
    "nl": _one_of("AAX99X9X9"), "pl": _one_of("AAA999999", "AAA 999999"),
}  # fmt: skip
_PLATES = {
    "en": _one_of("AA99 AAA", "9AAA999", "AAA-9999"), "de": _one_of("G-AA 9999", "GG AA 999"),
    "fr": _one_of("AA-999-AA"), "es": _one_of("9999 GGG"), "it": _one_of("AA 999 AA", "AA999AA"),
    "pt": _one_of("AA-99-AA", "99-AA-99"), "nl": _one_of("GG-999-G", "9-GGG-99"),
    "pl": _one_of("AA 99999", "AAA 9999A"),
}  # fmt: skip


_OFFICE = _one_of("199999", "1999999", "19999999", "199999999", "A9999999", "AA-199999", "C-999999")


def office_number(rng: random.Random) -> str:
    """Draw what offices number people and contracts with."""
    return _OFFICE(rng)


def passport(rng: random.Random, language: str) -> str:
    """Draw a passport number of a country of the language."""
    return _PASSPORTS[language](rng)


def licence(rng: random.Random, language: str) -> str:
    """Draw a driving licence's number."""
    return _LICENCES[language](rng)


def identity_card(rng: random.Random, language: str) -> str:
    """Draw the number of an identity card."""
    return _CARDS[language](rng)


def plate(rng: random.Random, language: str) -> str:
    """Draw a vehicle's registration plate."""
    return _PLATES[language](rng)


_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre "
          "noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre "
          "dicembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro "
          "novembro dezembro",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października "
          "listopada grudnia",
}  # fmt: skip
_SPELT = {"en": "{d} {m} {y}", "de": "{d}. {m} {y}", "fr": "{d} {m} {y}", "es": "{d} de {m} de {y}",
          "it": "{d} {m} {y}", "pt": "{d} de {m} de {y}", "nl": "{d} {m} {y}",
          "pl": "{d} {m} {y}"}  # fmt: skip


def birth(rng: random.Random, language: str) -> str:
    """Draw a date of birth as the language writes dates."""
    year, month, day = rng.randint(1935, 2008), rng.randint(1, 12), rng.randint(1, 28)
    name = _MONTHS[language].split()[month - 1]
    spelt = _SPELT[language].format(d=day, m=name, y=year)
    sign = {"en": "/", "de": ".", "nl": "-", "pl": "."}.get(language, "/")
    numeric = f"{day:02d}{sign}{month:02d}{sign}{year}"
    forms = [spelt, numeric, numeric, f"{year}-{month:02d}-{day:02d}"]
    if language == "en":
        forms += [f"{name} {day}, {year}", f"{month}/{day}/{year}", f"{name[:3]} {day} {year}"]
    return rng.choice(forms)


def age(rng: random.Random) -> str:
    """Draw an age in years."""
    return str(rng.randint(18, 94))


def coordinates(rng: random.Random) -> str:
    """Draw a place on the map, in decimal degrees or in degrees, minutes and seconds."""
    north, east = rng.uniform(36, 60), rng.uniform(-9, 24)
    if rng.random() < 0.7:
        return f"{north:.{rng.randint(4, 6)}f}, {east:.{rng.randint(4, 6)}f}"
    minutes, seconds = rng.randint(0, 59), rng.uniform(0, 59)
    side = "E" if east >= 0 else "W"
    return (
        f"{int(north)}°{minutes:02d}'{seconds:.1f}\"N "
        f"{int(abs(east))}°{int(digits(rng, 1, '01234')):02d}'{seconds:.1f}\"{side}"
    )
