"""Telephone numbers as people write them, national and international, of the eight languages."""

from __future__ import annotations

import random
import string

__all__ = ["phone", "phone_international"]

# `#` is a digit, `N` one from 2 to 9, `A` an area code and `X` an exchange of North America.
_NATIONAL = {
    "en": ("(A) X-####", "A-X-####", "A.X.####", "020 7### ####", "07700 9#####", "0161 496 ####",
           "07911 1## ###", "A X ####", "1-A-X-####"),
    "de": ("030 N#######", "0151 N#######", "0176/N#######", "0171-N######", "089 / N## ## ##",
           "(0221) N#####", "0711 N####-##", "0160 N### ####"),
    "fr": ("06 N# ## ## ##", "01 4# ## ## ##", "07.6#.##.##.##", "06N#######", "04-7#-##-##-##"),
    "es": ("61# ### ###", "91 N## ## ##", "65#######", "93 4## ## ##", "62# ## ## ##",
           "63#-###-###"),
    "it": ("347 N######", "02 N#######", "06 N### ####", "333-N######", "348 N## ## ##",
           "055/N#####"),
    "pt": ("91# ### ###", "21 3## ## ##", "96#######", "22 2## ####", "93# ### ###",
           "(11) 9N###-####", "11 9N###-####"),
    "nl": ("06 N#######", "06-N#######", "020 N## ####", "010-N######", "06N#######"),
    "pl": ("60# ### ###", "22 N## ## ##", "51#######", "(12) N## ## ##", "79#-###-###"),
}  # fmt: skip
_INTERNATIONAL = {
    "en": ("+1 A X ####", "+1AX####", "+1 (A) X-####", "+44 7700 9#####", "+44 20 7### ####",
           "+44 (0)161 496 ####", "+1-A-X-####", "001 A X ####"),
    "de": ("+49 151 N#######", "+4930N#######", "+49 (0)89 N######", "0049 171 N######",
           "+49-221-N#####", "+43 664 N######", "+41 79 N## ## ##"),
    "fr": ("+33 6 N# ## ## ##", "+3314#######", "0033 7 6# ## ## ##", "+33 (0)4 7# ## ## ##"),
    "es": ("+34 61# ### ###", "+3491N######", "0034 65# ### ###", "+34-62#-##-##-##"),
    "it": ("+39 347 N######", "+3902N#######", "0039 333 N######", "+39 06 N### ####"),
    "pt": ("+351 91# ### ###", "+351213######", "+55 11 9N###-####", "+55 (21) 9N###-####"),
    "nl": ("+31 6 N#######", "+3120N######", "0031 6 N#######", "+31 (0)6 N#######"),
    "pl": ("+48 60# ### ###", "+4822N######", "0048 51# ### ###", "+48 (22) N##-##-##"),
}  # fmt: skip
_AREAS = ("202", "212", "303", "312", "415", "503", "617", "713", "808", "917")


def _spell(rng: random.Random, shape: str) -> str:
    drawn = {
        "#": lambda: rng.choice(string.digits),
        "N": lambda: rng.choice("23456789"),
        "A": lambda: rng.choice(_AREAS),
        "X": lambda: str(rng.randint(223, 989)),
    }
    return "".join(drawn[c]() if c in drawn else c for c in shape)


def phone(rng: random.Random, language: str) -> str:
    """Draw a number as it is dialled in a country of the language."""
    return _spell(rng, rng.choice(_NATIONAL[language]))


def phone_international(rng: random.Random, language: str) -> str:
    """Draw a number with its country code."""
    return _spell(rng, rng.choice(_INTERNATIONAL[language]))
