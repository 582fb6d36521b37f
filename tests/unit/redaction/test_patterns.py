"""The patterns detector, as a table: what is found, and what must be left alone."""

from __future__ import annotations

import functools

import pytest

from redaction.detectors.patterns import PatternDetector
from redaction.detectors.phones import PhoneRecogniser
from redaction.finding import Passage

FOUND = [
    ("CREDIT_CARD", "4111 1111 1111 1111", "card {} please"),
    ("CREDIT_CARD", "5555-5555-5555-4444", "mc {}"),
    ("CREDIT_CARD", "378282246310005", "amex {}."),
    ("CREDIT_CARD", "6011111111111117", '{{"n":"{}"}}'),
    ("IBAN_CODE", "GB82 WEST 1234 5698 7654 32", "IBAN {} today"),
    ("IBAN_CODE", "DE89370400440532013000", "iban:{},"),
    ("IBAN_CODE", "nl91abna0417164300", "to {}"),
    ("IBAN_CODE", "FR14 2004 1010 0505 0001 3M02 606", "{} is ours"),
    ("IP_ADDRESS", "203.0.113.77", "from {}:8080"),
    ("IP_ADDRESS", "10.20.30.40", "host={}/24"),
    ("IP_ADDRESS", "84.12.33.90", "from 84.12.33.1-{} on"),
    ("IP_ADDRESS", "2001:db8:85a3::8a2e:370:7334", "at [{}]"),
    ("IP_ADDRESS", "fe80::1ff:fe23:4567:890a", "{}"),
    ("MAC_ADDRESS", "00:1A:2b:3C:4d:5E", "nic {} up"),
    ("MAC_ADDRESS", "00-1a-2b-3c-4d-5e", "nic {} up"),
    ("EMAIL_ADDRESS", "ada.lovelace+x@mail.example.co.uk", "Write to <{}>."),
    ("EMAIL_ADDRESS", "jörg@bücher.example", "an {}, bitte"),
    ("EMAIL_ADDRESS", "a@b.io", "?to={}&x=1"),
    ("EMAIL_ADDRESS", "o'neil@example.org", "mail {}"),
    ("EMAIL_ADDRESS", "ops@[192.0.2.9]", "mail {} now"),
    ("PHONE_NUMBER", "+14155552671", "n {}"),
    ("PHONE_NUMBER", "+1-415-555-2671", "{}x55"),
    ("PHONE_NUMBER", "+33 6 1 2 3 4 5 6 7 8", "{} chiffre par chiffre"),
    ("PHONE_NUMBER", "+44 (0)20 7946 0958", "{} is us"),
    ("PHONE_NUMBER", "(415) 555-2671", "at {} now"),
    ("PHONE_NUMBER", "415.555.2671", "at {} now"),
    ("PHONE_NUMBER", "020 7946 0958", "London: {}"),
    ("PHONE_NUMBER", "0151 23456789", "Nummer {}"),
    ("PHONE_NUMBER", "06 12 34 56 78", "mon numéro {}"),
    ("PHONE_NUMBER", "0049 30 901820", "aus dem Ausland {}"),
    ("PHONE_NUMBER", "4155552671", "please call {} tonight"),
    ("PHONE_NUMBER", "612 345 678", "mi móvil es {}"),
    ("US_SSN", "219-09-9999", "it was {}"),
    ("US_SSN", "219099999", "my social security number is {}"),
    ("MEDICAL_LICENSE", "BB1388568", "DEA number {}"),
    ("UK_NHS", "943 476 5919", "NHS number {}"),
    ("UK_NHS", "9434765919", "nhs: {}"),
    ("UK_NINO", "AB 12 34 56 C", "NINO {}"),
    ("DE_TAX_ID", "86095742719", "Steuer-ID {}"),
    ("ES_NIF", "12345678Z", "DNI {}"),
    ("ES_NIE", "X1234567L", "NIE {}"),
    ("FR_INSEE", "1 85 05 78 006 084 91", "sécu {}"),
    ("IT_FISCAL_CODE", "RSSMRA85T10A562S", "cf {}"),
    ("NL_BSN", "111222333", "BSN {}"),
    ("PL_PESEL", "44051401359", "PESEL {}"),
    ("PT_NIF", "123456789", "contribuinte {}"),
    ("BR_CPF", "529.982.247-25", "o {} dele"),
    ("CH_AHV", "756.9217.0769.85", "AHV {}"),
    ("IN_AADHAAR", "2341 2341 2346", "aadhaar {}"),
    ("SE_PERSONNUMMER", "811218-9876", "personnummer {}"),
    ("BE_NRN", "85.07.30-033.28", "nr {}"),
    ("DATE_OF_BIRTH", "12 March 1985", "She was born on {} in Leeds"),
    ("DATE_OF_BIRTH", "03/12/1985", "DOB: {}"),
    ("DATE_OF_BIRTH", "12. März 1985", "geboren am {}"),
    ("AGE", "34", "I am {} years old"),
    ("AGE", "34-year-old", "a {} woman"),
    ("PASSPORT", "C01X00T47", "passport number: {}"),
    ("DRIVER_LICENSE", "MORGA657054SM9IJ", "driving licence no. {}"),
]

LEFT_ALONE = [
    "call_demo00000001 answered call_demo00000002",
    "part AB1234563 of the list",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8 (HEAD -> main)",
    "trace 4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
    "id 550e8400-e29b-41d4-a716-446655440000 created",
    "2026-03-01T10:15:30.123456Z took 1234567 ns",
    "at 10:15:30 on 2026-03-01, and 01/03/2026",
    "Python 3.11.7, numpy==1.26.4.1 and v10.2.3.4, pip>=23.0.1.2",
    "section 8.2.4.44 of the standard",
    '{"x": 0.4111111111111111, "y": -12.3456789012, "z": 1.7e308}',
    '{"total_tokens": 1234567, "created": 1709287530, "n": 100000000}',
    "unix time 1709287530 and 1709287530123 and 1709287530123456789",
    "std::vector<int> a; foo::bar::baz(); x = a::b; dead::beef",
    "git clone git@github.com:org/repo.git",
    "icons/logo@2x.png and @media print and user@host",
    "@app.route('/a.b.c') def f(x: int) -> str: ...",
    "1 000 000 and 12 345 678 and 3,141,592.65",
    "for i in range(1000000000): x[i] = 0x7fffffffffff",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/119.0.0.0 Safari/537.36",
    "Cache-Control: max-age=30, s-max-age=60",
    "listening on 127.0.0.1:8080, mask 255.255.255.0, any 0.0.0.0",
    "RFC 9110 section 7.6.3, ISO 8601-1:2019, IEEE 802.11",
    "order 12345678, invoice 2026-000123, SKU 4006381333931, line 1234",
    "the library is 12 years old and 34 of its files are new",
    "chatcmpl-9xT4kQ2mB7vN1cR8sL5pW3yZ6aE0 fp_a1b2c3d4e5 call_Zk3vR8q1",
    "[[0, 1, 0], [1024, 2048, 4096], [65536, 131072, 262144]]",
    "4111 1111 1111 1112 is not a card, DE89370400440532013001 not an IBAN",
]

BY_KEY = [
    ("US_SSN", "ssn", "219099999"),
    ("PHONE_NUMBER", "phoneNumber", "5552671234"),
    ("PERSON", "last_name", "Lovelace"),
    ("PERSON", "patientName", "Ada Lovelace"),
    ("DATE_OF_BIRTH", "dob", "1985-03-12"),
    ("ADDRESS", "street_address", "12 Analytical Row"),
    ("ID_DOCUMENT", "national_id", "AB-1234-99"),
    ("NL_BSN", "bsn", "111222333"),
]


@functools.cache
def _patterns() -> PatternDetector:
    return PatternDetector()


async def _found(text: str, key: str | None = None) -> list[tuple[str, str]]:
    (spans,) = await _patterns().detect([Passage(text, key)])
    return [(s.type, text[s.start : s.end]) for s in spans if s.score >= 0.5]


@pytest.mark.parametrize(("entity", "value", "carrier"), FOUND, ids=lambda v: str(v)[:24])
async def test_an_identifier_is_found_whole(entity: str, value: str, carrier: str) -> None:
    """Each kind is found, from its first character to its last."""
    assert (entity, value) in await _found(carrier.format(value))


@pytest.mark.parametrize("text", LEFT_ALONE)
async def test_what_is_no_identifier_is_left_alone(text: str) -> None:
    """Code, versions, times, hashes and plain numbers stay readable."""
    assert await _found(text) == []


@pytest.mark.parametrize(("entity", "key", "value"), BY_KEY)
async def test_a_key_tells_about_its_value(entity: str, key: str, value: str) -> None:
    """What would not be believed alone is believed at a key that announces it."""
    assert (entity, value) in await _found(value, key)
    assert (entity, value) not in await _found(value, "note")


@pytest.mark.parametrize("value", ["string", "", "required", "null", "object"])
async def test_a_schema_is_not_a_person(value: str) -> None:
    """A key in a schema has a type name for a value, which stays."""
    assert await _found(value, "last_name") == []


async def test_digits_behind_a_plus_are_not_tried_in_every_grouping() -> None:
    """Five thousand endless numbers are read to the end, and the telephone behind them found."""
    text = ("+" + 42 * "1" + "a ") * 5_000 + "+14155552671"
    spans = [
        span for span in PhoneRecogniser().find(Passage(text), 0, len(text)) if span.score == 0.9
    ]
    assert [text[span.start : span.end] for span in spans] == ["+14155552671"]
