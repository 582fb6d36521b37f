"""What a canary plants: one made-up value of each family, said as people say it.

The law: everything is drawn from the `Dice` that are handed in, so that whoever throws the same
dice has the same values. Command and workers may be of different versions: what a family draws is
changed only together with the purpose of the key in `redaction.canaries`, and families are only
added, at the end. Check digits are right. Addresses come from ranges kept for documentation and
fiction, numbers from ones that nobody issues where there are such; the rest is chance.
"""

from __future__ import annotations

import base64
import json
import re
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from redaction.detectors.checksums import luhn, mod11_weighted, mod97

__all__ = ["TYPES", "Dice", "Family", "Planted", "compact", "plant"]

_NO_SIGNS = re.compile(r"[\W_]+")
# A stretch of a long value gives it away too. Shorter ones could stand in a digest by chance.
_LONG = 12
_ALPHANUMERIC = string.ascii_letters + string.digits
_BASE32 = string.ascii_uppercase + "234567"
_BASE64 = _ALPHANUMERIC + "+/"
_NHS_WEIGHTS = (10, 9, 8, 7, 6, 5, 4, 3, 2)
_AREAS = ("202", "212", "303", "312", "415", "503", "617", "713", "808")
_MONTHS = ("January", "February", "April", "August", "September", "October", "November")
_FIRST = ("Henrik", "Margaret", "Tobias", "Charlotte", "Andrew", "Isabella", "Martin", "Sophie")
# Long, and no words: beside nothing else do they stand in a text by chance.
_LAST = ("Lindqvist", "Haverkamp", "Okonkwo", "Winterbourne", "Castellanos", "Bergstrom")
_STREETS = ("Harbour Road", "Chestnut Avenue", "Victoria Street", "Millbrook Lane", "Station Road")
_TOWNS = ("Bristol BS1 5TH", "Leeds LS2 7EW", "York YO1 7HH", "Exeter EX4 3SR", "Oxford OX1 2JD")


class Family(StrEnum):
    """What is planted, by the names that the command line takes."""

    EMAIL = "email"
    PHONE = "phone"
    CARD = "card"
    IBAN = "iban"
    NATIONAL_ID = "national-id"
    CLOUD_KEY = "cloud-key"
    TOKEN = "token"  # noqa: S105 - a family's name
    CONNECTION_STRING = "connection-string"
    IP_ADDRESS = "ip-address"
    BIRTH_DATE = "birth-date"
    PERSON = "person"
    ADDRESS = "address"


class Dice:
    """Chance that can be had again: each throw is a digest of the seed and the throw's number.

    `digest` gives at least 16 hex digits for any bytes.
    """

    def __init__(self, digest: Callable[[bytes], str], seed: str) -> None:
        self._digest = digest
        self._seed = seed
        self._thrown = 0

    def below(self, size: int) -> int:
        """Draw a number from 0 on and below `size`."""
        self._thrown += 1
        return int(self._digest(f"{self._seed}|{self._thrown}".encode()), 16) % size

    def one(self, options: Sequence[str]) -> str:
        """Draw one of them."""
        return options[self.below(len(options))]

    def text(self, alphabet: str, count: int) -> str:
        """Draw so many characters."""
        return "".join(self.one(alphabet) for _ in range(count))


@dataclass(frozen=True, slots=True)
class Planted:
    """One value: of which family, how it is said, and what gives it away.

    Each of `telling` is `compact`; a text that holds one of them tells the value.
    """

    family: Family
    value: str = field(repr=False)
    said: str = field(repr=False)
    telling: tuple[str, ...] = field(repr=False)


class _Kind(NamedTuple):
    """How a family is drawn and said; `part` is what gives a value away besides its stretches."""

    entity: str
    said: str
    draw: Callable[[Dice], str]
    part: Callable[[str], str] | None = None


def compact(text: str) -> str:
    """Write a text without letter case, spaces and signs: what is only spaced out stays the same.

    A letter is `isalnum`; nothing is raised for any text.
    """
    return _NO_SIGNS.sub("", text.lower())


def plant(family: Family, dice: Dice) -> Planted:
    """Draw a family's value."""
    kind = _KINDS[family]
    value = kind.draw(dice)
    told = compact(value)
    parts = [told] if len(told) < _LONG else [told[: -(len(told) // 3)], told[len(told) // 3 :]]
    if kind.part is not None:
        parts.append(compact(kind.part(value)))
    return Planted(family, value, kind.said.format(value), tuple(parts))


def _word(dice: Dice) -> str:
    return "".join(dice.one("bdfgklmnprtvz") + dice.one("aeiou") for _ in range(3))


def _email(dice: Dice) -> str:
    local = f"{_word(dice)}.{_word(dice)}{dice.text(string.digits, 3)}"
    return f"{local}@example.{dice.one(('com', 'org', 'net'))}"


def _phone(dice: Dice) -> str:
    return f"+1 {dice.one(_AREAS)} 555 01{dice.text(string.digits, 2)}"


def _card(dice: Dice) -> str:
    """Begin as the cards that payment services keep for tests do."""
    body = "411111" + dice.text(string.digits, 9)
    number = next(body + digit for digit in string.digits if luhn(body + digit))
    return _by_four(number)


def _iban(dice: Dice) -> str:
    """Name a German bank whose code begins with 0, as none does."""
    account = "0" + dice.text(string.digits, 17)
    check = next(n for n in range(2, 99) if mod97(f"{account}DE{n:02d}"))
    return _by_four(f"DE{check:02d}{account}")


def _nhs(dice: Dice) -> str:
    """Draw a number of the English health service out of 999, which is kept for tests."""
    while True:
        body = "999" + dice.text(string.digits, 6)
        check = (11 - mod11_weighted(body, _NHS_WEIGHTS)) % 11
        if check < 10:
            return f"{body[:3]} {body[3:6]} {body[6:]}{check}"


def _cloud_key(dice: Dice) -> str:
    return "AKIA" + dice.text(_BASE32, 16)


def _token(dice: Dice) -> str:
    """Draw a signed web token (RFC 7519), whose signature is of no key."""
    header, claims = {"alg": "HS256", "typ": "JWT"}, {"jti": dice.text(_ALPHANUMERIC, 16)}
    parts = [json.dumps(each, separators=(",", ":")).encode() for each in (header, claims)]
    return ".".join([*map(_base64url, parts), dice.text(_ALPHANUMERIC, 43)])


def _account_key(dice: Dice) -> str:
    return dice.text(_BASE64, 86) + "=="


def _ip_address(dice: Dice) -> str:
    """Draw out of the networks that are kept for documentation (RFC 5737)."""
    return f"{dice.one(('192.0.2', '198.51.100', '203.0.113'))}.{100 + dice.below(150)}"


def _birth_date(dice: Dice) -> str:
    return f"{10 + dice.below(18)} {dice.one(_MONTHS)} {1950 + dice.below(50)}"


def _person(dice: Dice) -> str:
    return f"{dice.one(_FIRST)} {dice.one(_LAST)}"


def _address(dice: Dice) -> str:
    return f"{11 + dice.below(80)} {dice.one(_STREETS)}, {dice.one(_TOWNS)}"


def _by_four(value: str) -> str:
    return " ".join(value[at : at + 4] for at in range(0, len(value), 4))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _last_name(value: str) -> str:
    return value.rpartition(" ")[2]


def _street(value: str) -> str:
    return value.partition(",")[0]


_STORAGE = (
    "The job reads DefaultEndpointsProtocol=https;AccountName=nightlyjobs;AccountKey={};"
    "EndpointSuffix=core.windows.net"
)
_KINDS = {
    Family.EMAIL: _Kind("EMAIL_ADDRESS", "Please write to {} about it.", _email),
    Family.PHONE: _Kind("PHONE_NUMBER", "Call me on the phone number {} tomorrow.", _phone),
    Family.CARD: _Kind("CREDIT_CARD", "It was paid with credit card {} last week.", _card),
    Family.IBAN: _Kind("IBAN_CODE", "The money goes to IBAN {} on Monday.", _iban),
    Family.NATIONAL_ID: _Kind("UK_NHS", "The NHS number of the patient is {} here.", _nhs),
    Family.CLOUD_KEY: _Kind("API_KEY", "The bucket is opened with {} only.", _cloud_key),
    Family.TOKEN: _Kind("ACCESS_TOKEN", "It sends Authorization: Bearer {}", _token),
    Family.CONNECTION_STRING: _Kind("CONNECTION_STRING", _STORAGE, _account_key),
    Family.IP_ADDRESS: _Kind("IP_ADDRESS", "The login came from {} at noon.", _ip_address),
    Family.BIRTH_DATE: _Kind("DATE_OF_BIRTH", "My date of birth is {}.", _birth_date),
    Family.PERSON: _Kind("PERSON", "My name is {} and I have a question.", _person, _last_name),
    Family.ADDRESS: _Kind("ADDRESS", "My address is {}.", _address, _street),
}

TYPES = {family: kind.entity for family, kind in _KINDS.items()}
