"""What the storage tests share: keys made in memory, openings, and spools on any disk."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from audit.exchange import Identity, Level, Opening
from audit.ids import ExchangeNumber
from storage.keys import TapKeys, WorkerKeys, tap_keys, worker_keys
from storage.sealing import HpkeOpener, HpkeSealer

__all__ = ["OPENER", "SEALER", "an_opening", "some_keys"]

_FINGERPRINT = base64.b64encode(b"f" * 32).decode()


def some_keys() -> tuple[TapKeys, WorkerKeys]:
    """A fresh pair of what a tap and what a worker holds."""
    private = X25519PrivateKey.generate()
    public = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    raw = base64.b64encode(private.private_bytes_raw()).decode()
    return tap_keys(public, _FINGERPRINT), worker_keys([raw], _FINGERPRINT)


_TAP, _WORKER = some_keys()
SEALER = HpkeSealer(_TAP)
OPENER = HpkeOpener(_WORKER)


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
