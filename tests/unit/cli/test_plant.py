"""Planted values are what detectors will meet: well-formed, and new in each run."""

from __future__ import annotations

import base64
import ipaddress
import json
import random
import re

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.demo.conversations import demo_traffic
from cli.demo.plant import Planter, iban_check_digits, luhn_digit

seeds = st.integers(min_value=0, max_value=2**32)


def planter(seed: int) -> Planter:
    """Give a planter of its own."""
    return Planter(random.Random(seed))


def test_the_luhn_digit_is_the_one_of_known_cards() -> None:
    """Published test card numbers have the digit that the function gives."""
    for card in ("4111111111111111", "5555555555554444", "378282246310005"):
        assert luhn_digit(card[:-1]) == card[-1]


def test_the_iban_check_digits_are_those_of_known_accounts() -> None:
    """The example accounts of the registry have the digits that the function gives."""
    for iban in ("DE89370400440532013000", "GB29NWBK60161331926819", "NL91ABNA0417164300"):
        assert iban_check_digits(iban[:2], iban[4:]) == iban[2:4]


@given(seeds)
def test_every_card_passes_luhn(seed: int) -> None:
    """Sixteen digits, summed from the right with every second one doubled, give a ten."""
    digits = [int(digit) for digit in planter(seed).card("-").replace("-", "")]
    assert len(digits) == 16
    doubled = (sum(divmod(digit * 2, 10)) for digit in digits[-2::-2])
    assert (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


@given(seeds, st.sampled_from([("DE", 22), ("GB", 22), ("NL", 18)]))
def test_every_iban_is_one_modulo_97(seed: int, country: tuple[str, int]) -> None:
    """Moved and spelled out as ISO 13616 says, the number leaves 1."""
    iban = planter(seed).iban(country[0]).replace(" ", "")
    assert len(iban) == country[1]
    assert int("".join(str(int(mark, 36)) for mark in iban[4:] + iban[:4])) % 97 == 1


@given(seeds)
def test_every_social_security_number_could_have_been_issued(seed: int) -> None:
    """No area of 000, 666 or above 899, no group 00, no serial 0000."""
    area, group, serial = map(int, planter(seed).ssn().split("-"))
    assert 1 <= area <= 899
    assert area != 666
    assert group >= 1
    assert serial >= 1


@given(seeds)
def test_every_phone_number_is_valid_in_its_country(seed: int) -> None:
    """The library that detectors use takes each form for a real number."""
    plant = planter(seed)
    for number in (plant.us_phone(), plant.german_phone(), plant.french_phone()):
        assert phonenumbers.is_valid_number(phonenumbers.parse(number, None))


@given(seeds)
def test_every_address_and_key_has_its_form(seed: int) -> None:
    """Addresses parse as addresses of documentation networks, keys have their prefixes."""
    plant = planter(seed)
    assert not ipaddress.IPv4Address(plant.ipv4()).is_global
    assert ipaddress.IPv6Address(plant.ipv6()) in ipaddress.IPv6Network("2001:db8::/32")
    assert re.fullmatch(r"sk-[A-Za-z0-9]{48}", plant.api_key())
    assert re.fullmatch(r"AKIA[A-Z2-7]{16}", plant.cloud_key())
    assert re.fullmatch(r"[a-z]+\.[a-z]+\.\d{5}@example\.(com|org|net)", plant.person().email)


@given(seeds)
def test_a_bearer_token_is_a_web_token(seed: int) -> None:
    """Header and claims are JSON under base64url, and a signature follows."""
    parts = planter(seed).bearer().split(".")
    header, claims = (
        json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts[:2]
    )
    assert header["alg"] == "HS256"
    assert "exp" in claims
    assert len(parts[2]) == 43


def test_an_unknown_country_has_no_account() -> None:
    """A country whose form is not known raises instead of making something up."""
    with pytest.raises(KeyError):
        planter(1).iban("XX")


@given(seeds)
def test_everything_planted_stands_in_a_conversation(seed: int) -> None:
    """The list of what to look for is exactly what was said: nothing is on it for nothing."""
    traffic = demo_traffic(random.Random(seed))
    said = "\n".join(_texts([conversation.body for conversation in traffic.conversations]))
    for planted in traffic.planted:
        assert planted.value in said
    for name in traffic.names:
        assert name in said


def test_two_runs_plant_different_values_and_one_seed_the_same() -> None:
    """Values are drawn from the generator alone."""
    first, second = demo_traffic(random.Random(1)), demo_traffic(random.Random(2))
    assert not {p.value for p in first.planted} & {p.value for p in second.planted}
    assert first == demo_traffic(random.Random(1))


def test_the_traffic_is_varied() -> None:
    """At least a dozen conversations, every kind of value, streamed and not, one that leaves."""
    traffic = demo_traffic(random.Random(1))
    assert len(traffic.conversations) >= 12
    kinds = {planted.kind for planted in traffic.planted}
    assert kinds >= {"EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "US_SSN"}
    assert kinds >= {"IP_ADDRESS", "API_KEY", "BEARER_TOKEN"}
    assert {conversation.streamed for conversation in traffic.conversations} == {True, False}
    assert any(conversation.leaves_after for conversation in traffic.conversations)
    assert len({conversation.name for conversation in traffic.conversations}) == len(
        traffic.conversations
    )


def test_no_planted_value_shows_in_a_repr() -> None:
    """A conversation or the whole traffic can be printed in a log without telling anything."""
    traffic = demo_traffic(random.Random(1))
    shown = repr(traffic)
    assert not [planted.kind for planted in traffic.planted if planted.value in shown]
    assert not [name for name in traffic.names if name in shown]


def _texts(value: object) -> list[str]:
    """Give every text inside JSON, to any depth."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for member in value.values() for text in _texts(member)]
    if isinstance(value, list):
        return [text for member in value for text in _texts(member)]
    return []
