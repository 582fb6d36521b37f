"""Keys of a tap, a worker and a stranger, and what they have signed.

Each role has two keys, as after a rotation. Signatures are real; that the same one is asked about
again and again is remembered, since generated worlds repeat themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, lru_cache

import msgspec

from audit.certificate import Certificate
from audit.ids import ExchangeNumber
from audit.ledger import Checkpoint, LedgerEntry
from audit.record import Integrity
from audit.signing import (
    Role,
    certificate_statement,
    checkpoint_statement,
    entry_statement,
    record_statement,
)
from storage.keys import SigningKey, TrustedKey, key_id_of
from storage.signing import Ed25519Signer, TrustedKeys

__all__ = ["TRUST", "Mark", "certified", "entered", "mark", "said"]

DAY = "2026-11-20"


def _key(seed: int) -> SigningKey:
    bare = SigningKey("", bytes([seed]) * 32)
    return SigningKey(key_id_of(bare.public_key), bare.private_key)


_KEYS = {Role.TAP: (_key(1), _key(2)), Role.WORKER: (_key(3), _key(4))}
_STRANGER = _key(5)


class _Trust:
    """The trusted keys, with a memory."""

    def __init__(self) -> None:
        keys = [
            TrustedKey(role, key.key_id, key.public_key)
            for role, both in _KEYS.items()
            for key in both
        ]
        self._bears_out = lru_cache(200_000)(TrustedKeys(keys).bears_out)

    def bears_out(self, role: Role, statement: bytes, signature: str | None) -> bool:
        """As `TrustedKeys` answers."""
        return self._bears_out(role, statement, signature)


TRUST = _Trust()


@dataclass(frozen=True)
class Mark:
    """A stored record as the walk of the store gives it."""

    id: str
    number: ExchangeNumber
    stated_digest: str | None
    actual_digest: str
    integrity: Integrity = field(default_factory=Integrity)
    consumer: str = "demo"
    day: str = DAY


def mark(
    record_id: str,
    number: ExchangeNumber,
    digest: str,
    *,
    stranger: bool = False,
    consumer: str = "demo",
    day: str = DAY,
) -> Mark:
    """A record that is what it says, signed by a worker or by a stranger."""
    bare = Integrity(record_digest=digest, commitment="c", salt="00")
    signature = _sign(Role.WORKER, record_statement(record_id, bare), stranger=stranger)
    signed = msgspec.structs.replace(bare, signature=signature)
    return Mark(record_id, number, digest, digest, signed, consumer, day)


def entered(entry: LedgerEntry, *, stranger: bool = False) -> LedgerEntry:
    """The entry, signed anew by a worker or by a stranger."""
    signature = _sign(Role.WORKER, entry_statement(entry), stranger=stranger)
    return msgspec.structs.replace(entry, signature=signature)


def said(checkpoint: Checkpoint, *, stranger: bool = False, role: Role = Role.TAP) -> Checkpoint:
    """The checkpoint, signed anew by a tap, by a stranger, or by who has another role."""
    signature = _sign(role, checkpoint_statement(checkpoint), stranger=stranger)
    return msgspec.structs.replace(checkpoint, signature=signature)


def certified(certificate: Certificate, *, stranger: bool = False) -> Certificate:
    """The certificate, signed by a worker or by a stranger."""
    signature = _sign(Role.WORKER, certificate_statement(certificate), stranger=stranger)
    return msgspec.structs.replace(certificate, signature=signature)


@cache
def _sign(role: Role, statement: bytes, *, stranger: bool) -> str:
    # Which of the two keys is chosen by the statement, so that both are met everywhere.
    key = _STRANGER if stranger else _KEYS[role][len(statement) % 2]
    return Ed25519Signer(key).sign(statement)
