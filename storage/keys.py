"""Key material as values: what a tap, a worker and a verifier may each hold.

The law of this module: who may not open gets no key that opens, and who only verifies gets no
secret at all. Keys are raw 32 bytes and are given as base64; the text of one is never shown, not
even where it is no key. Where keys come from is `storage.key_provider`'s.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from audit.errors import SettingInvalid
from audit.signing import Role

__all__ = [
    "KEY_BYTES",
    "KeyKind",
    "SigningKey",
    "TapKeys",
    "TrustedKey",
    "WorkerKeys",
    "decoded_key",
    "encoded_key",
    "fingerprint_id_of",
    "key_id_of",
    "signing_key",
    "tap_keys",
    "trusted_key",
    "worker_keys",
]

KEY_BYTES = 32


class KeyKind(StrEnum):
    """The pairs that can be rotated: one for the seal, one for each role that signs."""

    SEAL = "seal"
    SIGN_TAP = "sign-tap"
    SIGN_WORKER = "sign-worker"

    @classmethod
    def of(cls, role: Role) -> KeyKind:
        """The pair that a role signs with."""
        return cls.SIGN_TAP if role is Role.TAP else cls.SIGN_WORKER

    def public_of(self, private_key: bytes) -> bytes:
        """The public half: X25519 (RFC 7748) for the seal, Ed25519 (RFC 8032) for signatures."""
        if self is KeyKind.SEAL:
            return X25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()
        return Ed25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()


@dataclass(frozen=True, slots=True)
class TapKeys:
    """What a tap seals and recognises with; it cannot open.

    `earlier` are the ids of public keys that were sealed for before a rotation.
    """

    key_id: str
    public_key: bytes = field(repr=False)
    fingerprint_key: bytes = field(repr=False)
    earlier: frozenset[str] = frozenset()

    @property
    def fingerprint_id(self) -> str:
        """The name of the fingerprint key."""
        return fingerprint_id_of(self.fingerprint_key)


@dataclass(frozen=True, slots=True)
class WorkerKeys:
    """What a worker opens with: private keys by key id, old ones too, raw 32 bytes each."""

    private_keys: Mapping[str, bytes] = field(repr=False)
    fingerprint_key: bytes = field(repr=False)

    @property
    def key_ids(self) -> frozenset[str]:
        """The ids of the keys whose data can be opened."""
        return frozenset(self.private_keys)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The private key that one part signs with."""

    key_id: str
    private_key: bytes = field(repr=False)

    @property
    def public_key(self) -> bytes:
        """The half that verifiers are given."""
        return (
            Ed25519PrivateKey.from_private_bytes(self.private_key).public_key().public_bytes_raw()
        )


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key and the role in which its signatures are believed."""

    role: Role
    key_id: str
    public_key: bytes = field(repr=False)


def key_id_of(public_key: bytes) -> str:
    """Name a key: the first 16 hex digits of the SHA-256 of the raw public key."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def fingerprint_id_of(fingerprint_key: bytes) -> str:
    """Name a fingerprint key: 16 hex digits of SHA-256 over `fingerprint` and the key."""
    return hashlib.sha256(b"fingerprint" + fingerprint_key).hexdigest()[:16]


def tap_keys(public_key: str, fingerprint_key: str, earlier: Sequence[str] = ()) -> TapKeys:
    """Take a tap's keys as base64 text; `earlier` are public keys too.

    Raises `SettingInvalid` naming which one is no key; the text itself is never shown.
    """
    public, *others = (decoded_key(each, "the public key") for each in (public_key, *earlier))
    secret = decoded_key(fingerprint_key, "the fingerprint key")
    return TapKeys(key_id_of(public), public, secret, frozenset(map(key_id_of, others)))


def worker_keys(private_keys: Sequence[str], fingerprint_key: str) -> WorkerKeys:
    """Take a worker's keys as base64 text. Raises `SettingInvalid` as `tap_keys` does."""
    raws = [decoded_key(each, "a private key") for each in private_keys]
    return WorkerKeys(
        {key_id_of(KeyKind.SEAL.public_of(raw)): raw for raw in raws},
        decoded_key(fingerprint_key, "the fingerprint key"),
    )


def signing_key(private_key: str) -> SigningKey:
    """Take a private signing key as base64 text. Raises `SettingInvalid` as `tap_keys` does."""
    raw = decoded_key(private_key, "the signing key")
    return SigningKey(key_id_of(KeyKind.SIGN_TAP.public_of(raw)), raw)


def trusted_key(role: Role, public_key: str) -> TrustedKey:
    """Take a public signing key as base64 text. Raises `SettingInvalid` as `tap_keys` does."""
    raw = decoded_key(public_key, f"a trusted key of the {role}")
    return TrustedKey(role, key_id_of(raw), raw)


def encoded_key(raw: bytes) -> str:
    """Write a key as base64 text."""
    return base64.b64encode(raw).decode()


def decoded_key(text: str, what: str) -> bytes:
    """Read a key from base64 text. Raises `SettingInvalid` that names `what` it should be."""
    try:
        raw = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != KEY_BYTES:
        raise SettingInvalid(f"keys: {what} is not {KEY_BYTES} bytes of base64")
    return raw
