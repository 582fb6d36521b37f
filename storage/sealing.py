"""The seal: AES-256-GCM under a data key per segment, wrapped by HPKE to the workers' key.

The law of this module: a nonce is used once, so counters only rise; what is sealed is bound to
its header; and nothing that was altered is ever given out. HPKE is RFC 9180 with X25519,
HKDF-SHA256 and AES-256-GCM; its 78 µs are paid once per segment, not once per frame.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from audit.errors import EnvelopeDamaged, KeyMissing
from storage.keys import TapKeys, WorkerKeys

__all__ = ["MAX_SEALED", "HpkeOpener", "HpkeSealer"]

# One call keeps the interpreter for about half a millisecond at this size; more would be felt
# by the streams that pass through the same process.
MAX_SEALED = 1 << 20

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_INFO = b"auditstream segment key 0"
_KEPT_KEYS = 64


def _nonce(counter: int) -> bytes:
    return counter.to_bytes(12, "big")


class HpkeSealer:
    """A `Sealer` that holds only a public key."""

    def __init__(self, keys: TapKeys) -> None:
        self._key_id = keys.key_id
        self._public_key = X25519PublicKey.from_public_bytes(keys.public_key)

    def new_segment(self) -> AesFrameSealer:
        """Draw a data key and wrap it for the workers."""
        data_key = AESGCM.generate_key(256)
        wrapped = _SUITE.encrypt(data_key, self._public_key, _INFO)
        return AesFrameSealer(self._key_id, wrapped, data_key)


class AesFrameSealer:
    """A `FrameSealer`; the data key is forgotten with it."""

    def __init__(self, key_id: str, wrapped_key: bytes, data_key: bytes) -> None:
        self._key_id = key_id
        self._wrapped_key = wrapped_key
        self._cipher = AESGCM(data_key)
        self._highest = -1

    @property
    def key_id(self) -> str:
        """The id of the public key the data key was wrapped for."""
        return self._key_id

    @property
    def wrapped_key(self) -> bytes:
        """The wrapped data key."""
        return self._wrapped_key

    def seal(self, counter: int, payload: bytes, header: bytes) -> bytes:
        """Seal a payload.

        Raises `ValueError` for one over 1 MiB, and for a counter that does not rise: a nonce
        used twice would give away both payloads.
        """
        if len(payload) > MAX_SEALED:
            raise ValueError("a sealed payload is at most 1 MiB")
        if counter <= self._highest:
            raise ValueError("a seal's counter must rise")
        self._highest = counter
        return self._cipher.encrypt(_nonce(counter), payload, header)


class AesFrameOpener:
    """A `FrameOpener` for one segment."""

    def __init__(self, data_key: bytes) -> None:
        self._cipher = AESGCM(data_key)

    def open(self, counter: int, sealed: bytes, header: bytes) -> bytes:
        """Give the payload, or raise `EnvelopeDamaged`."""
        try:
            return self._cipher.decrypt(_nonce(counter), sealed, header)
        except (InvalidTag, ValueError, OverflowError):
            raise EnvelopeDamaged from None


class HpkeOpener:
    """An `Opener` for every private key the worker holds. Thread-safe for opening only."""

    def __init__(self, keys: WorkerKeys) -> None:
        self._private_keys: Mapping[str, X25519PrivateKey] = {
            key_id: X25519PrivateKey.from_private_bytes(raw)
            for key_id, raw in keys.private_keys.items()
        }
        self._kept: OrderedDict[tuple[str, bytes], AesFrameOpener] = OrderedDict()

    def segment(self, key_id: str, wrapped_key: bytes) -> AesFrameOpener:
        """Unwrap a data key; those used lately are kept, as many deliveries share a segment."""
        kept = self._kept.get((key_id, wrapped_key))
        if kept is None:
            kept = self._kept[key_id, wrapped_key] = self._unwrap(key_id, wrapped_key)
            if len(self._kept) > _KEPT_KEYS:
                self._kept.popitem(last=False)
        return kept

    def _unwrap(self, key_id: str, wrapped_key: bytes) -> AesFrameOpener:
        private_key = self._private_keys.get(key_id)
        if private_key is None:
            raise KeyMissing(f"no private key with the id {key_id!r} is held")
        try:
            return AesFrameOpener(_SUITE.decrypt(wrapped_key, private_key, _INFO))
        except (InvalidTag, ValueError):
            raise EnvelopeDamaged from None
