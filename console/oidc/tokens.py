"""ID tokens: whose key signed them, and whether they were issued for us, now, and for this sign-in.

The law: a token is believed when its signature is that of a public key which the provider names,
under an asymmetric algorithm that fits the key, and issuer, audience, nonce and time are those
that are expected (OpenID Connect Core 1.0, section 3.1.3.7; RFC 8725). `none` and every HMAC are
refused before a key is looked for: a public key must never be taken for a shared secret. PyJWT
checks signature, issuer and audience; the time comes in as an argument.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Any

import jwt
import msgspec

from console.oidc.refusal import Refusal, refused

__all__ = ["ALGORITHMS", "LEEWAY", "Expected", "Key", "keys_of", "signed_with", "verified"]

# Which type of key (RFC 7518, section 6.1; RFC 8037) each algorithm takes.
ALGORITHMS = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    **dict.fromkeys(("ES256", "ES384", "ES512"), "EC"),
    "EdDSA": "OKP",
}
# Clocks differ; a provider's is close.
LEEWAY = 60.0
# Whatever a provider sends beyond this is no key set of a provider.
_MOST_KEYS = 100
_MOST_TOKEN = 65_536
_REQUIRED = ["iss", "sub", "aud", "exp", "iat", "nonce"]

_FAILURES: dict[type[jwt.PyJWTError], Refusal] = {
    jwt.InvalidIssuerError: Refusal.ISSUER,
    jwt.InvalidAudienceError: Refusal.AUDIENCE,
    jwt.InvalidAlgorithmError: Refusal.ALGORITHM,
    jwt.InvalidSignatureError: Refusal.SIGNATURE,
    jwt.InvalidKeyError: Refusal.KEY,
}


@dataclass(frozen=True, slots=True)
class Key:
    """A public key of the provider: its id, its type (`RSA`, `EC`, `OKP`), and itself.

    `algorithm` is the only one it is for; None where there are several.
    """

    id: str | None
    kind: str
    algorithm: str | None
    public: jwt.PyJWK = field(repr=False)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say to be ours."""

    issuer: str
    audience: str
    nonce: str = field(repr=False)


class _Jwks(msgspec.Struct):
    keys: list[dict[str, Any]]


def keys_of(document: bytes) -> tuple[Key, ...]:
    """Read a key set (RFC 7517): the public keys that sign; others are passed over.

    Raises `SignInRefused` where it is no key set.
    """
    try:
        listed = msgspec.json.decode(document, type=_Jwks).keys[:_MOST_KEYS]
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise refused(Refusal.STRANGE) from None
    return tuple(key for each in listed if (key := _key(each)) is not None)


def _key(listed: dict[str, Any]) -> Key | None:
    kind, named, kid = listed.get("kty"), listed.get("alg"), listed.get("kid")
    if (
        not isinstance(kind, str)
        or kind not in ALGORITHMS.values()
        or listed.get("use", "sig") != "sig"
    ):
        return None
    if named is not None and ALGORITHMS.get(str(named)) != kind:
        return None
    try:
        public = jwt.PyJWK(listed)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    # An RSA key may sign in several ways; the others' curve leaves one.
    algorithm = named if kind == "RSA" else public.algorithm_name
    return Key(kid if isinstance(kid, str) else None, kind, algorithm, public)


def signed_with(token: str) -> tuple[str, str | None]:
    """Say with which algorithm and with which key's id a token claims to be signed.

    Raises `SignInRefused` for what is no token, and for an algorithm that is not allowed.
    """
    try:
        header = jwt.get_unverified_header(token if len(token) <= _MOST_TOKEN else "")
    except jwt.PyJWTError:
        raise refused(Refusal.MALFORMED) from None
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        raise refused(Refusal.ALGORITHM)
    # An extension that must be understood (RFC 7515, section 4.1.11); none is.
    if "crit" in header:
        raise refused(Refusal.MALFORMED)
    return str(algorithm), kid


def verified(token: str, key: Key, expected: Expected, now: float) -> dict[str, Any]:
    """Give the claims of a token that is believed; `now` is seconds since the epoch.

    Raises `SignInRefused`, whose reason says what is wrong with it.
    """
    algorithm, _ = signed_with(token)
    if ALGORITHMS[algorithm] != key.kind or key.algorithm not in (None, algorithm):
        raise refused(Refusal.ALGORITHM)
    claims = _decoded(token, key, algorithm, expected)
    _meant_for(claims, expected)
    _in_time(claims, now)
    return claims


def _decoded(token: str, key: Key, algorithm: str, expected: Expected) -> dict[str, Any]:
    try:
        return jwt.decode(
            token,
            key.public.key,
            algorithms=[algorithm],
            audience=expected.audience,
            issuer=expected.issuer,
            # The times are held against our own clock, below.
            options={
                "require": _REQUIRED,
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "enforce_minimum_key_length": True,
            },
        )
    except jwt.PyJWTError as error:
        raise refused(_FAILURES.get(type(error), Refusal.MALFORMED)) from None


def _meant_for(claims: dict[str, Any], expected: Expected) -> None:
    audience, party = claims["aud"], claims.get("azp")
    several = isinstance(audience, list) and len(audience) > 1
    if (several or party is not None) and party != expected.audience:
        raise refused(Refusal.AUDIENCE)
    nonce = claims["nonce"]
    if not isinstance(nonce, str) or not hmac.compare_digest(
        nonce.encode("utf-8", "replace"), expected.nonce.encode()
    ):
        raise refused(Refusal.NONCE)


def _in_time(claims: dict[str, Any], now: float) -> None:
    ends, made, begins = claims["exp"], claims["iat"], claims.get("nbf", 0)
    for each in (ends, made, begins):
        if isinstance(each, bool) or not isinstance(each, int | float):
            raise refused(Refusal.MALFORMED)
    if now >= ends + LEEWAY or made > now + LEEWAY or begins > now + LEEWAY:
        raise refused(Refusal.TIME)
