"""Ed25519 signatures: who signs, and whose word is believed.

The law of this module: a signature has one text, its key has one role, and whatever was altered,
moved or made up is refused without an exception, since all of it may come from an attacker. A
signature's text is `key id:base64` of the 64 bytes of RFC 8032; another spelling of the same
bytes is refused too, so that nobody can alter a signed document unnoticed by respelling it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.ledger import Checkpoint
from audit.signing import Role, Signer, checkpoint_statement
from storage.keys import SigningKey, TrustedKey

__all__ = ["Ed25519Signer", "TrustedKeys", "signed_checkpoint"]

# 16 hex digits of the key's id; 64 bytes are 86 characters of base64 and two of padding.
_SHAPE = re.compile(r"([0-9a-f]{16}):([A-Za-z0-9+/]{86}==)")


class Ed25519Signer:
    """A `Signer`: holds one private key, does not show it."""

    def __init__(self, key: SigningKey) -> None:
        self._key_id = key.key_id
        self._private_key = Ed25519PrivateKey.from_private_bytes(key.private_key)

    @property
    def key_id(self) -> str:
        """The id that stands in front of its signatures."""
        return self._key_id

    def sign(self, statement: bytes) -> str:
        """Sign a statement; gives the signature's text."""
        return f"{self._key_id}:{base64.b64encode(self._private_key.sign(statement)).decode()}"


class TrustedKeys:
    """A `Trust`: public keys, each for one role; several a role, so that old ones stay trusted."""

    def __init__(self, keys: Iterable[TrustedKey]) -> None:
        self._keys = {
            (key.role, key.key_id): Ed25519PublicKey.from_public_bytes(key.public_key)
            for key in keys
        }

    def knows(self, role: Role) -> bool:
        """Whether any key of this role is trusted."""
        return any(known is role for known, _ in self._keys)

    def bears_out(self, role: Role, statement: bytes, signature: str | None) -> bool:
        """Whether a trusted key of this role signed exactly this statement; never raises."""
        shaped = _SHAPE.fullmatch(signature or "")
        key = self._keys.get((role, shaped[1])) if shaped else None
        if shaped is None or key is None:
            return False
        raw = base64.b64decode(shaped[2])
        # The last character holds four bits that decoding drops.
        if base64.b64encode(raw).decode() != shaped[2]:
            return False
        try:
            key.verify(raw, statement)
        except InvalidSignature:
            return False
        return True


def signed_checkpoint(checkpoint: Checkpoint, signer: Signer) -> Checkpoint:
    """Give the checkpoint with a tap's signature, in place of any that it had."""
    signature = signer.sign(checkpoint_statement(checkpoint))
    return msgspec.structs.replace(checkpoint, signature=signature)
