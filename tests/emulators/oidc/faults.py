"""What the provider can do wrong, each by its name."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from tests.emulators.oidc.signing import (
    SigningKey,
    compact,
    key_number,
    unsigned,
    with_public_key_as_secret,
)

__all__ = ["Fault", "token_with"]

Claims = dict[str, Any]


class Fault(StrEnum):
    """One thing that is wrong: with the token, or with the answer that should hold it."""

    ISSUER = "wrong issuer"
    AUDIENCE = "wrong audience"
    OTHER_PARTY = "for two audiences, given to the other one"
    NONCE = "wrong nonce"
    NO_NONCE = "no nonce"
    EXPIRED = "expired"
    FUTURE = "not valid yet"
    FOR_EVER = "no expiry"
    TIME_AS_TEXT = "expiry is no number"
    NONE = "alg none"
    NONE_SPELT = "alg nOnE"
    HMAC = "HS256 with the public key"
    KID = "unknown kid"
    FOREIGN = "the right kid, signed with another key"
    CUT = "signature cut off"
    CRITICAL = "an extension that must be understood"
    NO_SUBJECT = "no subject"
    GARBAGE = "no token but garbage"
    NO_TOKEN = "no token at all"
    CODE = "the code is refused"
    BROKEN = "the token endpoint fails"
    HUGE = "an answer without end"
    REDIRECT = "the token endpoint redirects"


_CLAIMS: dict[Fault, Callable[[Claims], Claims]] = {
    Fault.ISSUER: lambda claims: {**claims, "iss": "https://login.example.org/other"},
    Fault.AUDIENCE: lambda claims: {**claims, "aud": "another-application"},
    Fault.OTHER_PARTY: lambda claims: {**claims, "aud": [claims["aud"], "x"], "azp": "x"},
    Fault.NONCE: lambda claims: {**claims, "nonce": "of-another-sign-in"},
    Fault.NO_NONCE: lambda claims: _without(claims, "nonce"),
    Fault.EXPIRED: lambda claims: {**claims, "exp": claims["iat"] - 3600},
    Fault.FUTURE: lambda claims: {**claims, "nbf": claims["iat"] + 3600},
    Fault.FOR_EVER: lambda claims: _without(claims, "exp"),
    Fault.TIME_AS_TEXT: lambda claims: {**claims, "exp": "never"},
    Fault.NO_SUBJECT: lambda claims: _without(claims, "sub"),
}
_SIGNATURES: dict[Fault, Callable[[Claims, SigningKey], str]] = {
    Fault.NONE: lambda claims, _: unsigned(claims),
    Fault.NONE_SPELT: lambda claims, _: unsigned(claims, "nOnE"),
    Fault.HMAC: with_public_key_as_secret,
    Fault.KID: lambda claims, key: compact(claims, key, kid="never-listed"),
    Fault.FOREIGN: lambda claims, key: compact(claims, key_number(9), kid=key.id),
    Fault.CUT: lambda claims, key: compact(claims, key).rpartition(".")[0] + ".",
    Fault.CRITICAL: lambda claims, key: compact(claims, key, crit=["exp"]),
    Fault.GARBAGE: lambda _, __: "a.b",
}


def token_with(fault: Fault | None, claims: Claims, key: SigningKey) -> str:
    """Sign claims as a good provider does, but for the fault."""
    changed = _CLAIMS[fault](claims) if fault in _CLAIMS else claims
    return _SIGNATURES[fault](changed, key) if fault in _SIGNATURES else compact(changed, key)


def _without(claims: Claims, name: str) -> Claims:
    return {key: value for key, value in claims.items() if key != name}
