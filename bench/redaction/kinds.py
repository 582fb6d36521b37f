"""The kinds of value that texts plant: their type, how they are scored, and who draws them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from bench.redaction import values_documents as documents
from bench.redaction import values_network as network
from bench.redaction import values_people as people
from bench.redaction import values_phones as phones
from bench.redaction.values_credentials import CREDENTIALS
from bench.redaction.values_numbers import NUMBERS

__all__ = ["FLOORS", "KINDS", "LATER", "Kind"]


@dataclass(frozen=True)
class Kind:
    """One placeholder: the type it is marked with, the group it is scored in, its drawer."""

    type: str
    group: str
    draw: Callable[[random.Random, str], str]


# The least span recall of each group.
FLOORS = {
    "credential": 0.98, "checksummed": 0.98, "email": 0.98, "network": 0.98,
    "identity": 0.90, "phone": 0.90, "birth": 0.90,
}  # fmt: skip
# Found by a name model only: marked, and not counted as misses of patterns.
LATER = "name"


def _plain(draw: Callable[[random.Random], str]) -> Callable[[random.Random, str], str]:
    return lambda rng, _: draw(rng)


_IDENTITY = {"ssn", "nino"}
_TYPED = {"card": "CREDIT_CARD", "iban": "IBAN_CODE"}

KINDS: dict[str, Kind] = {
    **{name: Kind(name.upper(), "credential", _plain(draw)) for name, draw in CREDENTIALS.items()},
    **{
        name: Kind(
            _TYPED.get(name, name.upper()),
            "identity" if name in _IDENTITY else "checksummed",
            _plain(draw),
        )
        for name, draw in NUMBERS.items()
    },
    "email": Kind("EMAIL_ADDRESS", "email", _plain(network.email)),
    "email_obf": Kind("EMAIL_OBFUSCATED", "email", network.email_obfuscated),
    "ipv4": Kind("IP_ADDRESS", "network", _plain(network.ipv4)),
    "ipv6": Kind("IP_ADDRESS", "network", _plain(network.ipv6)),
    "mac": Kind("MAC_ADDRESS", "network", _plain(network.mac)),
    "phone": Kind("PHONE_NUMBER", "phone", phones.phone),
    "phone_intl": Kind("PHONE_NUMBER", "phone", phones.phone_international),
    "passport": Kind("PASSPORT", "identity", documents.passport),
    "licence": Kind("DRIVER_LICENSE", "identity", documents.licence),
    "id_card": Kind("ID_CARD", "identity", documents.identity_card),
    "number": Kind("OFFICE_NUMBER", "identity", _plain(documents.office_number)),
    "birth": Kind("DATE_OF_BIRTH", "birth", documents.birth),
    "age": Kind("AGE", "other", _plain(documents.age)),
    "plate": Kind("LICENSE_PLATE", "other", documents.plate),
    "coordinates": Kind("COORDINATES", "other", _plain(documents.coordinates)),
    "user": Kind("USERNAME", "other", _plain(network.handle)),
    "person": Kind("PERSON", LATER, people.person),
    "first": Kind("PERSON", LATER, people.first_name),
    "city": Kind("LOCATION", LATER, people.city),
    "address": Kind("ADDRESS", LATER, people.address),
    "company": Kind("ORGANIZATION", LATER, people.company),
}
