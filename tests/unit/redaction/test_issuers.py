"""Keys of issuers by their form: found whole, without a word that announces them."""

from __future__ import annotations

import functools
import random
import string

import pytest

from redaction.detectors.secrets import SecretDetector
from redaction.finding import Passage

_AMONG = {
    "h": "0123456789abcdef",
    "a": string.ascii_letters + string.digits,
    "l": string.ascii_lowercase + string.digits,
    "U": string.ascii_uppercase + string.digits,
    "d": string.digits,
    "b": string.ascii_lowercase + "234567",
}
_UUID = ["", "h8", "-", "h4", "-", "h4", "-", "h4", "-", "h12"]

# Pieces in turn as they stand and drawn: a letter for the alphabet, a number for the length.
FORMS: dict[str, list[str]] = {
    "airtable": ["pat", "a14", ".", "h64"],
    "alibaba": ["LTAI5t", "a18"],
    "asana": ["1/", "d16", ":", "h32"],
    "atlassian": ["ATATT3xFfGF0", "a170", "=", "U8"],
    "bitbucket": ["ATBB", "a32"],
    "braintree": ["access_token$production$", "l16", "$", "h32"],
    "brevo": ["xkeysib-", "h64", "-", "a16"],
    "circleci": ["CCIPAT_", "a22", "_", "h40"],
    "digitalocean": ["dor_v1_", "h64"],
    "docker": ["dckr_oat_", "a27"],
    "doppler": ["dp.st.prod.", "a43"],
    "elevenlabs": ["sk_", "h48"],
    "gitlab with a route": ["glpat-", "a27", ".01.", "l9"],
    "heroku": ["HRKU-AA", "a58"],
    "hubspot": ["pat-na1-", *_UUID[1:]],
    "mailgun": ["", "h32", "-", "h8", "-", "h8"],
    "new relic": ["", "h36", "NRAL"],
    "nuget": ["oy2", "l43"],
    "pinecone": ["pcsk_", "a6", "_", "a60"],
    "plaid": ["access-production-", *_UUID[1:]],
    "razorpay": ["rzp_live_", "a14"],
    "resend": ["re_", "a8", "_", "a24"],
    "shopify": ["shppa_", "h32"],
    "sonarqube": ["squ_", "h40"],
    "supabase": ["sb_secret_", "a31"],
    "azure devops": ["", "a76", "AZDO", "a4"],
    "a kubeconfig's key": ["LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQ", "a400"],
}
NAMED: dict[str, tuple[str, list[str]]] = {
    "okta": ("Authorization: SSWS {}", ["00", "a40"]),
    "azure devops": ("AZURE_DEVOPS_PAT: {}", ["", "b52"]),
    "a vendor's hexadecimal": ("Datadog keys: api {} for now", ["", "h32"]),
    "a vendor's UUID": ("heroku key for ci: {}", _UUID),
    "licence": ("Lizenzschlüssel: {}", ["", "U5", "-", "U5", "-", "U5", "-", "U5", "-", "U5"]),
    "storage account": ("here it is: {}", ["", "a86", "=="]),
    "a token said": ("token dostępu {} na dziś", ["", "a40"]),
}


def _drawn(pieces: list[str], rng: random.Random) -> str:
    """Draw a value that has a digit: one in some hundreds without any can be read as words."""
    drawn = ""
    while not any(map(str.isdigit, drawn)):
        drawn = "".join(
            "".join(rng.choices(_AMONG[piece[0]], k=int(piece[1:]))) if number % 2 else piece
            for number, piece in enumerate(pieces)
        )
    return drawn


@functools.cache
def _secrets() -> SecretDetector:
    return SecretDetector()


async def _hidden(text: str) -> set[str]:
    (spans,) = await _secrets().detect([Passage(text)])
    return {text[span.start : span.end] for span in spans if span.score >= 0.5}


@pytest.mark.parametrize("issuer", FORMS)
async def test_a_key_is_known_by_its_form(issuer: str) -> None:
    """What an issuer made recognisable is found whole, with nothing said about it."""
    value = _drawn(FORMS[issuer], random.Random())
    assert value in await _hidden(f"we saw {value} there")


async def test_a_drawn_key_may_have_no_digit() -> None:
    """Behind a form of its own, letters of both cases are a key; words joined are a name."""
    assert await _hidden("use rzp_live_kQvTbXnYzRwLpM or rzp_live_getPaymentLink") == {
        "rzp_live_kQvTbXnYzRwLpM"
    }


@pytest.mark.parametrize("what", NAMED)
async def test_a_common_form_counts_where_it_is_named(what: str) -> None:
    """A shape that much else has is found next to its name."""
    carrier, pieces = NAMED[what]
    value = _drawn(pieces, random.Random())
    assert value in await _hidden(carrier.format(value))


@pytest.mark.parametrize(
    "text",
    [
        "integrity sha512-" + "aB3d" * 21 + "Qw==",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8 re_export pat_a",
        "request 550e8400-e29b-41d4-a716-446655440000 took 12 ms",
        "class RSAPrivateKeyTypes(DHPrivateKey, ed25519.Ed25519PrivateKey): ...",
        "key: rsa.RSAPrivateKey | dsa.DSAPrivateKey",
        "the API-1234 ticket, s.foo and 00000000000000000000000000000000000000000000",
    ],
)
async def test_what_only_resembles_a_key_is_left_alone(text: str) -> None:
    """Digests, identifiers and names of classes stay readable."""
    assert await _hidden(text) == set()
