"""Personal data and secrets that are well-formed and belong to nobody.

Every value is drawn from the `random.Random` that is passed in, so that each run plants others
and a seed plants the same ones. Check digits are right; addresses, phone numbers and host names
come from the ranges that are set aside for documentation and fiction.
"""

from __future__ import annotations

import base64
import json
import random
import string
from dataclasses import dataclass, field

__all__ = ["Person", "Planted", "Planter", "iban_check_digits", "luhn_digit"]

# Area codes whose 555-01xx numbers are kept for fiction.
_AREAS = ("202", "212", "303", "312", "415", "503", "617", "713", "808", "917")
_FIRST = ("Amara", "Bruno", "Chloé", "Dmitri", "Elif", "Farid", "Greta", "Hana", "Ivo", "Jonas")
_LAST = ("Okafor", "Silva", "Lefèvre", "Volkov", "Özdemir", "Haddad", "Lindqvist", "Sato", "Novak")
_MAIL_HOSTS = ("example.com", "example.org", "example.net")
_PLAIN = str.maketrans("éèöüşç", "eeousc")


@dataclass(frozen=True, slots=True)
class Planted:
    """One value that must not be readable afterwards.

    `kind` is the entity type a detector would name; `value` is exactly what was written into
    the conversation.
    """

    kind: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Person:
    """A made-up person: a name, and an e-mail address that goes with it."""

    name: str = field(repr=False)
    email: str = field(repr=False)


class Planter:
    """Makes values and remembers each, so that a search for leaks knows what to look for."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._planted: list[Planted] = []
        self._names: list[str] = []

    @property
    def planted(self) -> tuple[Planted, ...]:
        """Everything made so far that has a form to be found by."""
        return tuple(self._planted)

    @property
    def names(self) -> tuple[str, ...]:
        """The people's names: only a name model finds these, so they are counted apart."""
        return tuple(self._names)

    def person(self) -> Person:
        """Make a name and a matching address; both are meant to be said."""
        name = self._name()
        self._names.append(name)
        return Person(name, self._address(name))

    def email(self) -> str:
        """Make an address of somebody whose name is not said."""
        return self._address(self._name())

    def us_phone(self) -> str:
        """Make a number of the 555-01xx range, in international form."""
        area = self._rng.choice(_AREAS)
        return self._keep("PHONE_NUMBER", f"+1 {area} 555 01{self._digits(2)}")

    def german_phone(self) -> str:
        """Make a Berlin number of the block the regulator keeps for film and television."""
        return self._keep("PHONE_NUMBER", f"+49 30 23125 {self._digits(3)}")

    def french_phone(self) -> str:
        """Make a number of the block the French regulator keeps for fiction."""
        return self._keep("PHONE_NUMBER", f"+33 1 99 00 {self._digits(2)} {self._digits(2)}")

    def card(self, separator: str = " ") -> str:
        """Make a payment card number of 16 digits with a right Luhn digit, grouped by four."""
        body = self._rng.choice(("4", "51", "53", "55"))
        body += self._digits(15 - len(body))
        number = body + luhn_digit(body)
        grouped = separator.join(number[at : at + 4] for at in range(0, 16, 4))
        return self._keep("CREDIT_CARD", grouped)

    def iban(self, country: str = "DE") -> str:
        """Make an account number with right ISO 7064 check digits, grouped by four.

        `country` is one of DE, GB and NL; any other raises `KeyError`.
        """
        account = {
            "DE": lambda: self._digits(18),
            "GB": lambda: self._letters(4) + self._digits(14),
            "NL": lambda: self._letters(4) + self._digits(10),
        }[country]()
        plain = country + iban_check_digits(country, account) + account
        grouped = " ".join(plain[at : at + 4] for at in range(0, len(plain), 4))
        return self._keep("IBAN_CODE", grouped)

    def ssn(self) -> str:
        """Make a US social security number that could have been issued: no 000, 666 or 9xx."""
        area = self._rng.choice([number for number in range(1, 900) if number != 666])
        group, serial = self._rng.randint(1, 99), self._rng.randint(1, 9999)
        return self._keep("US_SSN", f"{area:03d}-{group:02d}-{serial:04d}")

    def ipv4(self) -> str:
        """Make an address of a documentation network (RFC 5737)."""
        network = self._rng.choice(("192.0.2", "198.51.100", "203.0.113"))
        return self._keep("IP_ADDRESS", f"{network}.{self._rng.randint(10, 254)}")

    def ipv6(self) -> str:
        """Make an address of the documentation prefix (RFC 3849)."""
        groups = ":".join(f"{self._rng.randint(0x1000, 0xFFFF):x}" for _ in range(6))
        return self._keep("IP_ADDRESS", f"2001:db8:{groups}")

    def api_key(self) -> str:
        """Make a model provider's key."""
        return self._keep("API_KEY", "sk-" + self._alphanumeric(48))

    def cloud_key(self) -> str:
        """Make a cloud access key id: AKIA and 16 characters of base 32."""
        tail = "".join(self._rng.choices(string.ascii_uppercase + "234567", k=16))
        return self._keep("API_KEY", "AKIA" + tail)

    def bearer(self) -> str:
        """Make a signed web token (RFC 7519): three parts of base64url, the first two JSON."""
        header = _base64url(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
        claims = {"aud": "billing", "jti": self._alphanumeric(16), "exp": 4102444800}
        payload = _base64url(json.dumps(claims).encode())
        token = f"{header}.{payload}.{_base64url(self._rng.randbytes(32))}"
        return self._keep("BEARER_TOKEN", token)

    def _name(self) -> str:
        return f"{self._rng.choice(_FIRST)} {self._rng.choice(_LAST)}"

    def _address(self, name: str) -> str:
        """Put the name before the @, with a number that is new in each run."""
        local = ".".join(name.lower().translate(_PLAIN).split())
        host = self._rng.choice(_MAIL_HOSTS)
        return self._keep("EMAIL_ADDRESS", f"{local}.{self._digits(5)}@{host}")

    def _keep(self, kind: str, value: str) -> str:
        self._planted.append(Planted(kind, value))
        return value

    def _digits(self, count: int) -> str:
        return "".join(self._rng.choices(string.digits, k=count))

    def _letters(self, count: int) -> str:
        return "".join(self._rng.choices(string.ascii_uppercase, k=count))

    def _alphanumeric(self, count: int) -> str:
        return "".join(self._rng.choices(string.ascii_letters + string.digits, k=count))


def luhn_digit(body: str) -> str:
    """Give the digit that makes `body` a number valid by Luhn's formula (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        doubled = int(digit) * 2 if place % 2 == 0 else int(digit)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


def iban_check_digits(country: str, account: str) -> str:
    """Give the two check digits of an account number (ISO 13616: 98 minus the rest mod 97)."""
    spelled = "".join(str(int(character, 36)) for character in f"{account}{country}00")
    return f"{98 - int(spelled) % 97:02d}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
