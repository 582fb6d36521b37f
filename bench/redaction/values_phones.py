"""Telephone numbers as people write them, national and international, of the eight languages."""

from __future__ import annotations

import random
import string

__all__ = ["phone", "phone_international"]

# Country: calling code and shapes; `9` is a digit, `1` a digit from 2 to 9, all else stands.
_NATIONAL = {
    "en": ("(2{a}) 1{b}-9999", "2{a}-1{b}-9999", "2{a}.1{b}.9999", "020 7999 9999", "07700 999999",
           "0161 496 9999", "07911 999 999", "2{a} 1{b} 9999", "1-2{a}-1{b}-9999"),
    "de": ("030 19999999", "0151 19999999", "0176/19999999", "0171-1999999", "089 / 199 99 99",
           "(0221) 199999", "0711 19999-99", "0160 1999 9999"),
    "fr": ("06 19 99 99 99", "01 49 99 99 99", "07.69.99.99.99", "0619999999", "04-79-99-99-99"),
    "es": ("612 999 999", "91 199 99 99", "655999999", "93 499 99 99", "622 99 99 99",
           "634-999-999"),
    "it": ("347 1999999", "02 19999999", "06 1999 9999", "333-1999999", "348 199 99 99",
           "055/199999"),
    "pt": ("912 999 999", "21 199 99 99", "966999999", "22 299 9999", "934 999 999",
           "(11) 91999-9999", "11 91999-9999"),
    "nl": ("06 19999999", "06-19999999", "020 199 9999", "010-1999999", "0619999999"),
    "pl": ("601 999 999", "22 199 99 99", "512999999", "(12) 299 99 99", "793-999-999"),
}  # fmt: skip
_INTERNATIONAL = {
    "en": ("+1 2{a} 1{b} 9999", "+12{a}1{b}9999", "+1 (2{a}) 1{b}-9999", "+44 7700 999999",
           "+44 20 7999 9999", "+44 (0)161 496 9999", "+1-2{a}-1{b}-9999", "001 2{a} 1{b} 9999"),
    "de": ("+49 151 19999999", "+4930199999", "+49 (0)89 1999999", "0049 171 1999999",
           "+49-221-199999", "+43 664 1999999", "+41 79 199 99 99"),
    "fr": ("+33 6 19 99 99 99", "+33149999999", "0033 7 69 99 99 99", "+33 (0)4 79 99 99 99"),
    "es": ("+34 612 999 999", "+34911999999", "0034 655 999 999", "+34-622-99-99-99"),
    "it": ("+39 347 1999999", "+390219999999", "0039 333 1999999", "+39 06 1999 9999"),
    "pt": ("+351 912 999 999", "+351211999999", "+55 11 91999-9999", "+55 (21) 92999-9999"),
    "nl": ("+31 6 19999999", "+31201999999", "0031 6 19999999", "+31 (0)6 19999999"),
    "pl": ("+48 601 999 999", "+48221999999", "0048 512 999 999", "+48 (22) 199-99-99"),
}  # fmt: skip


def _spell(rng: random.Random, shape: str) -> str:
    # `2{a}` is an area code of North America, `1{b}` its exchange.
    filled = shape.replace("2{a}", "\0").replace("1{b}", "\1")
    spelt = []
    for place, c in enumerate(filled):
        if c == "9":
            spelt.append(rng.choice(string.digits))
        elif c == "\0":
            spelt.append(rng.choice(("202", "212", "303", "312", "415", "503", "617", "713")))
        elif c == "\1":
            spelt.append(f"{rng.randint(223, 989)}")
        elif c == "1" and place > 3:
            spelt.append(rng.choice("23456789"))
        else:
            spelt.append(c)
    return "".join(spelt)


def phone(rng: random.Random, language: str) -> str:
    """Draw a number as it is dialled in a country of the language."""
    return _spell(rng, rng.choice(_NATIONAL[language]))


def phone_international(rng: random.Random, language: str) -> str:
    """Draw a number with its country code."""
    return _spell(rng, rng.choice(_INTERNATIONAL[language]))
