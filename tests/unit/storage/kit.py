"""What the storage tests share: keys made in memory, openings, and spools on any disk."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from audit.exchange import Identity, Level, Opening
from audit.ids import ExchangeNumber
from audit.signing import Role
from storage.keys import (
    SigningKey,
    TapKeys,
    TrustedKey,
    WorkerKeys,
    encoded_key,
    signing_key,
    tap_keys,
    worker_keys,
)
from storage.seal import FrameSealer, Sealer, Wrapped
from storage.sealing import HpkeOpener, HpkeSealer
from storage.signing import Ed25519Signer, TrustedKeys

__all__ = [
    "OPENER",
    "SEALER",
    "SIGNER",
    "TRUST",
    "an_opening",
    "some_keys",
    "some_signing_key",
    "trust_in",
    "wrapped",
]

_FINGERPRINT = base64.b64encode(b"f" * 32).decode()


def some_keys() -> tuple[TapKeys, WorkerKeys]:
    """A fresh pair of what a tap and what a worker holds."""
    private = X25519PrivateKey.generate()
    public = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    raw = base64.b64encode(private.private_bytes_raw()).decode()
    return tap_keys(public, _FINGERPRINT), worker_keys([raw], _FINGERPRINT)


def some_signing_key() -> SigningKey:
    """A fresh key that a tap signs with."""
    return signing_key(encoded_key(Ed25519PrivateKey.generate().private_bytes_raw()))


def trust_in(key: SigningKey) -> TrustedKeys:
    """Belief in this tap and in no other."""
    return TrustedKeys([TrustedKey(Role.TAP, key.key_id, key.public_key)])


def wrapped(frames: FrameSealer, sealer: Sealer, statement: bytes = b"head") -> Wrapped:
    """A data key as it would stand in a segment's head, signed by its sealer."""
    return Wrapped(frames.key_id, frames.wrapped_key, statement, sealer.vouch(statement))


_TAP, _WORKER = some_keys()
_SIGNING = some_signing_key()
SIGNER = Ed25519Signer(_SIGNING)
TRUST = trust_in(_SIGNING)
SEALER = HpkeSealer(_TAP, SIGNER)
OPENER = HpkeOpener(_WORKER, TRUST)


def an_opening(number: ExchangeNumber, record_id: str, path: str = "/chat") -> Opening:
    """An opening with a given number and id."""
    return Opening(
        id=record_id,
        number=number,
        received_at_ns=1,
        consumer="demo",
        day="2026-01-01",
        level=Level.REDACTED,
        method="POST",
        target_path=path,
        query={},
        content_type=None,
        content_encoding=None,
        identity=Identity(),
    )
