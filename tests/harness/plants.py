"""Personal data and secrets to plant, drawn anew in every run, each said as people say it.

Whoever plants draws a fresh set for each place, so that a value that is found again tells where
it had been put.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from dataclasses import dataclass, field

from cli.demo.plant import Planter

__all__ = ["Plant", "a_marker", "plants"]

_ALPHANUMERIC = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Plant:
    """One value: what it is, how it is spelt, and the words around it."""

    kind: str
    value: str
    before: str
    after: str = field(default=" and thank you")

    @property
    def said(self) -> str:
        """The value in its sentence."""
        return f"{self.before} {self.value}{self.after}"


def a_marker(rng: random.Random) -> str:
    """Give a word that is personal to nobody, to be found again: consonants and vowels."""
    return "".join(rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(6))


def plants(rng: random.Random) -> list[Plant]:
    """Draw one value of each kind and spelling."""
    drawn = Planter(rng)
    mail = drawn.email()
    sayings: list[tuple[str, str, str]] = [
        ("mail", mail, "please write to"),
        ("mail, tagged", _tagged(drawn.email(), rng), "the receipt goes to"),
        ("mail, capitals", drawn.email().upper(), "or write to"),
        ("card, spaced", drawn.card(" "), "it was paid with card"),
        ("card, dashed", drawn.card("-"), "it was paid with card"),
        ("card, bare", drawn.card(""), "it was paid with card"),
        ("iban, spaced", drawn.iban("DE"), "the money goes to"),
        ("iban, bare", drawn.iban("GB").replace(" ", ""), "the money goes to IBAN"),
        ("ssn", drawn.ssn(), "her social security number is"),
        ("ipv4", drawn.ipv4(), "the login came from"),
        ("ipv6", drawn.ipv6(), "and then from"),
        ("api key", drawn.api_key(), "the script uses"),
        ("project key", "sk-proj-" + _alphanumeric(rng, 60), "the other script uses"),
        ("cloud key", drawn.cloud_key(), "the bucket is opened with"),
        ("cloud secret", _alphanumeric(rng, 40), "AWS_SECRET_ACCESS_KEY ="),
        ("web token", drawn.bearer(), "it sends Authorization: Bearer"),
        ("bearer token", _alphanumeric(rng, 40), "the header is Bearer"),
        ("gateway key", rng.randbytes(16).hex(), "the field api-key:"),
    ]
    sayings += [("phone", spelt, "call me on the phone number") for spelt in _phones(rng)]
    return [Plant(kind, value, before) for kind, value, before in sayings]


def _phones(rng: random.Random) -> list[str]:
    """Spell numbers of the ranges kept for fiction as people of several countries do."""

    def two() -> str:
        return f"{rng.randrange(10, 100)}"

    area = rng.choice(("212", "303", "415", "617", "808"))
    spellings: tuple[Callable[[], str], ...] = (
        lambda: f"+1 {area} 555 01{two()}",
        lambda: f"+1{area}55501{two()}",
        lambda: f"({area}) 555-01{two()}",
        lambda: f"{area}-555-01{two()}",
        lambda: f"{area}.555.01{two()}",
        lambda: f"+49 30 23125 1{two()}",
        lambda: f"0049 30 23125-2{two()}",
        lambda: f"020 7946 09{two()}",
        lambda: f"+33 1 99 00 {two()} {two()}",
    )
    return [spell() for spell in spellings]


def _tagged(mail: str, rng: random.Random) -> str:
    local, _, host = mail.partition("@")
    return f"{local}+orders{rng.randrange(100, 1000)}@mail.{host}"


def _alphanumeric(rng: random.Random, count: int) -> str:
    """Draw letters and digits; as in every real key of that length, some of each."""
    return "".join(rng.choices(_ALPHANUMERIC, k=count - 3)) + "a7Q"
