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

from audit.errors import EnvelopeDamaged, KeyMissing, SignatureInvalid
from audit.signing import Role, Signer, Trust
from storage.keys import TapKeys, WorkerKeys
from storage.seal import Wrapped

__all__ = ["MAX_SEALED", "HpkeOpener", "HpkeSealer"]

# One call keeps the interpreter for about half a millisecond at this size; more would be felt
# by the streams that pass through the same process.
MAX_SEALED = 1 << 20

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_INFO = b"auditstream segment key 1"
_KEPT_KEYS = 64


def _nonce(counter: int) -> bytes:
    return counter.to_bytes(12, "big")


class HpkeSealer:
    """A `Sealer` that holds a public key to seal for, and the tap's own to sign with."""

    def __init__(self, keys: TapKeys, signer: Signer) -> None:
        self._signer = signer
        self._key_id = keys.key_id
        self._public_key = X25519PublicKey.from_public_bytes(keys.public_key)

    def new_segment(self) -> AesFrameSealer:
        """Draw a data key and wrap it for the workers."""
        data_key = AESGCM.generate_key(256)
        wrapped = _SUITE.encrypt(data_key, self._public_key, _INFO)
        return AesFrameSealer(self._key_id, wrapped, data_key)

    def vouch(self, statement: bytes) -> str:
        """Sign the head of a segment."""
        return self._signer.sign(statement)


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

    def seal_into(
        self,
        counter: int,
        payload: bytes | memoryview,
        header: bytes | memoryview,
        sealed: memoryview,
    ) -> None:
        """Seal a payload where it is to stand.

        Raises `ValueError` for one over 1 MiB, and for a counter that does not rise: a nonce
        used twice would give away both payloads.
        """
        if len(payload) > MAX_SEALED:
            raise ValueError("a sealed payload is at most 1 MiB")
        if counter <= self._highest:
            raise ValueError("a seal's counter must rise")
        self._highest = counter
        self._cipher.encrypt_into(_nonce(counter), payload, header, sealed)


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
    """An `Opener` for every private key the worker holds, of what trusted taps have sealed.

    Thread-safe for opening only.
    """

    def __init__(self, keys: WorkerKeys, trust: Trust) -> None:
        self._trust = trust
        self._private_keys: Mapping[str, X25519PrivateKey] = {
            key_id: X25519PrivateKey.from_private_bytes(raw)
            for key_id, raw in keys.private_keys.items()
        }
        self._kept: OrderedDict[Wrapped, AesFrameOpener] = OrderedDict()

    def segment(self, wrapped: Wrapped) -> AesFrameOpener:
        """Unwrap a data key; those used lately are kept, as many deliveries share a segment."""
        kept = self._kept.get(wrapped)
        if kept is None:
            kept = self._kept[wrapped] = self._unwrap(wrapped)
            if len(self._kept) > _KEPT_KEYS:
                self._kept.popitem(last=False)
        return kept

    def _unwrap(self, wrapped: Wrapped) -> AesFrameOpener:
        private_key = self._private_keys.get(wrapped.key_id)
        if private_key is None:
            raise KeyMissing(f"no private key with the id {wrapped.key_id!r} is held")
        if not self._trust.bears_out(Role.TAP, wrapped.statement, wrapped.signature):
            raise SignatureInvalid("no trusted tap has signed the segment it was sealed in")
        try:
            return AesFrameOpener(_SUITE.decrypt(wrapped.wrapped_key, private_key, _INFO))
        except (InvalidTag, ValueError):
            raise EnvelopeDamaged from None
