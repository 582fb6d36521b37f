"""Keys and compact JWS (RFC 7515) by hand: what a library refuses to write is wanted too."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

__all__ = ["SigningKey", "compact", "key_number", "unsigned", "with_public_key_as_secret"]


@dataclass(frozen=True)
class SigningKey:
    """An RSA key under an id."""

    id: str
    private: rsa.RSAPrivateKey

    def jwk(self, **more: Any) -> dict[str, Any]:
        """Its public half as providers list it."""
        numbers = self.private.public_key().public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "kid": self.id,
            "n": _b64(_bytes(numbers.n)),
            "e": _b64(_bytes(numbers.e)),
            **more,
        }

    def pem(self) -> bytes:
        """Its public half as a file."""
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )


@cache
def key_number(number: int) -> SigningKey:
    """One of a few keys, made once in a process: making one takes a tenth of a second."""
    return SigningKey(f"key-{number}", rsa.generate_private_key(65537, 2048))


def compact(
    claims: dict[str, Any], key: SigningKey, *, kid: str | None = None, **header: Any
) -> str:
    """Sign claims with RS256."""
    head = {"alg": "RS256", "typ": "JWT", "kid": key.id if kid is None else kid, **header}
    signing = _signing(head, claims)
    return (
        f"{signing}.{_b64(key.private.sign(signing.encode(), padding.PKCS1v15(), hashes.SHA256()))}"
    )


def unsigned(claims: dict[str, Any], spelling: str = "none") -> str:
    """Claims that nobody signed."""
    return f"{_signing({'alg': spelling, 'typ': 'JWT'}, claims)}."


def with_public_key_as_secret(claims: dict[str, Any], key: SigningKey) -> str:
    """Claims with an HMAC whose secret is what everybody knows: the public key."""
    signing = _signing({"alg": "HS256", "typ": "JWT", "kid": key.id}, claims)
    return f"{signing}.{_b64(hmac.digest(key.pem(), signing.encode(), hashlib.sha256))}"


def _signing(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return ".".join(_b64(json.dumps(each).encode()) for each in (header, claims))


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
