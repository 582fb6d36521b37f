"""Chosen and drawn: what passwords and keys look like, told from words, numbers and names.

Pure judgement over single values; what they stand next to is for the recognisers.
"""

from __future__ import annotations

import math
import re
from collections import Counter

__all__ = [
    "entropy", "has_code", "has_odd_capitals", "looks_chosen", "looks_contrived", "looks_drawn",
    "looks_mingled", "looks_mixed",
]  # fmt: skip

# Capitals where neither `CamelCase` nor `UPPER_CASE` would put them.
_ODD_CAPITALS = re.compile(r"[a-z][A-Z]+[a-z]?[A-Z][a-z]|[a-z][A-Z]{2,}|[A-Z]{2}[a-z]+[A-Z]")
# A stretch of letters as long as a part of a word, or capitals mixed with small letters.
_WORDY = re.compile(r"[^\W\d_]{3,}|[a-z]\d*[A-Z]|[A-Z]\d*[a-z]")
# Words as names hold them; drawn characters seldom have one, and never two.
_WORDS = re.compile(r"(?<![a-z])(?:[A-Z][a-z]{2,}|[a-z]{3,})(?![a-z])")
_SWAPPED = re.compile(
    r"[A-Za-z]{1,6}[0134578@$][a-z]{1,8}(?:[0134578@$][a-z]{0,8}){0,3}\d{1,4}[!?*#$]?"
)
_SEGMENT = re.compile(r"[A-Za-z0-9]{8,}")
_KEY = re.compile(r"[\w+/\-.~|:%!@#$^&*=;]+", re.ASCII)
_CHANGE = re.compile(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")
_SIGNS = "!@#$%^&*+?~"
# What has letters and digits and is no password: versions, units, standards, ordinals, dates.
_NAMED = re.compile(
    r"v?\d+(?:[.\-x]\d+)*(?:[a-z]{1,3}|st|nd|rd|th)?|(?-i:[A-Z]{1,6}[-_ ]?\d{1,6}(?:[-:.]\d+)*)"
    r"|(?:sha|md|utf|base|aes|rsa|win|x|ipv|http|oauth|tls|bcrypt|argon|scrypt|pbkdf|totp|web|log)"
    r"[-_]?\d+\w{0,3}|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|[a-z]+\d?\.[a-z]{1,4}",
    re.IGNORECASE,
)

_CODE = re.compile(r"\w[(\[]|[)\]]$|\]\(|==|->|::|\$\{")


def has_odd_capitals(value: str) -> bool:
    """Tell letters drawn of both cases from words, whatever their case."""
    return _ODD_CAPITALS.search(value) is not None


def has_code(value: str) -> bool:
    """Tell an expression, a call or a link from a value."""
    return _CODE.search(value) is not None


def looks_chosen(value: str) -> bool:
    """Tell a password from a word: a digit or a sign among letters, or odd capitals."""
    letters = any(map(str.isalpha, value))
    mixed = any(c.isdigit() or c in _SIGNS for c in value[1:])
    return (letters and mixed) or bool(_ODD_CAPITALS.search(value)) or value.isdigit()


def looks_mixed(value: str) -> bool:
    """Tell a password where nothing but a word before it says so: mixed, and no name or measure.

    At least six characters, a letter, and a digit or two signs; neither a version, a unit, a
    standard nor a path.
    """
    if len(value) < 6 or _NAMED.fullmatch(value) or "/" in value or "://" in value:
        return False
    if not any(map(str.isalpha, value)):
        return False
    mixed = any(map(str.isdigit, value)) or any(map(_SIGNS.__contains__, value[1:-1]))
    odd = mixed or (len(value) >= 8 and _ODD_CAPITALS.search(value) is not None)
    return odd and not has_code(value)


def looks_contrived(value: str) -> bool:
    """Tell a password where nothing announces it: letters, digits and a sign that no word has.

    Or digits among the letters of a word (`b3rlin41`), which neither versions nor names have.
    """
    if not looks_mixed(value) or not 7 <= len(value) <= 40 or value[0] in "$#@&%+~=":
        return False
    letters = sum(map(str.isalpha, value))
    digits = sum(map(str.isdigit, value))
    signs = sum(map(_SIGNS.__contains__, value))
    drawn = digits >= 1 or (signs >= 2 and not value.islower() and not value.isupper())
    signed = letters >= 3 and drawn and 1 <= signs <= 3 and _WORDY.search(value) is not None
    return signed or _SWAPPED.fullmatch(value) is not None


def looks_drawn(value: str) -> bool:
    """Tell a random value from words, numbers, dates and identifiers.

    It must be written in an alphabet of keys and hold a run of eight or more letters and digits
    that are mixed as words do not mix them.
    """
    plain = value.strip("=")
    if len(plain) < 8 or plain.startswith("0x") or not _KEY.fullmatch(plain) or _is_name(plain):
        return False
    return any(_is_drawn(segment[0]) for segment in _SEGMENT.finditer(plain)) or _is_mingled(plain)


def looks_mingled(value: str) -> bool:
    """Tell a key of capitals, small letters and digits from a digest and from words."""
    classes = (str.isupper, str.islower, str.isdigit)
    return all(any(map(each, value)) for each in classes) and entropy(value) >= 3.5


def _is_name(value: str) -> bool:
    """Tell names of classes and modules, acronyms included: `rsa.RSAPrivateKeyTypes`."""
    if len(_CHANGE.findall(value)) > 2:
        return False
    parts = _WORDS.findall(value)
    return len(parts) >= 2 and sum(map(len, parts)) * 2 >= len(value)


def _is_mingled(value: str) -> bool:
    """Tell drawn characters with signs among them: capitals, small letters, digits and a sign."""
    classes = (str.isupper, str.islower, str.isdigit, _SIGNS.__contains__)
    return len(value) >= 10 and all(any(map(each, value)) for each in classes)


def _is_drawn(segment: str) -> bool:
    changes = len(_CHANGE.findall(segment))
    mixed = changes >= 2 or (changes == 1 and entropy(segment) > 2.8)
    return (mixed or bool(_ODD_CAPITALS.search(segment))) and entropy(segment) >= 2.2


def entropy(value: str) -> float:
    """Give the information per character in bits, by the value's own letter counts."""
    total = len(value)
    return -sum(n / total * math.log2(n / total) for n in Counter(value).values())
