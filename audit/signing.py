"""What is signed, word for word: statements that nobody can make without the key.

The law of this module: a signature speaks of one statement only. Each kind of statement begins
with words of its own, so that a signature over one can never be shown for another; and all of a
statement is covered, but for the signature itself. Signing and checking are ports; the keys are
`storage.signing`'s. A signature's text is `key id:base64` of 64 bytes (Ed25519, RFC 8032).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec

from audit.certificate import Certificate
from audit.ledger import Checkpoint, LedgerEntry
from audit.record import Integrity
from audit.value import Json, canonical_json

__all__ = [
    "Role",
    "Signer",
    "Trust",
    "certificate_statement",
    "checkpoint_statement",
    "entry_statement",
    "record_statement",
]


class Role(StrEnum):
    """Who may say what: a tap how many exchanges there were, a worker what became of them."""

    TAP = "tap"
    WORKER = "worker"


class Signer(Protocol):
    """Holds one private key. Thread-safe, deterministic, takes some 50 µs."""

    def sign(self, statement: bytes) -> str:
        """Sign a statement; gives the signature's text."""


class Trust(Protocol):
    """Knows whose word is to be believed. Holds public keys only."""

    def bears_out(self, role: Role, statement: bytes, signature: str | None) -> bool:
        """Whether a trusted key of this role signed exactly this statement.

        False for a signature that is missing, has another shape, or names an unknown key.
        """


def checkpoint_statement(checkpoint: Checkpoint) -> bytes:
    """What a tap signs: the whole checkpoint."""
    bare = msgspec.structs.replace(checkpoint, signature=None)
    return b"auditstream checkpoint 1\n" + canonical_json(bare)


def entry_statement(entry: LedgerEntry) -> bytes:
    """What a worker signs of a number: the whole entry, its amendments too."""
    bare = msgspec.to_builtins(msgspec.structs.replace(entry, signature=None))
    return b"auditstream ledger entry 1\n" + canonical_json(_of_one(bare))


def record_statement(record_id: str, integrity: Integrity) -> bytes:
    """What a worker signs of a record: its id, digest, commitment and salt.

    The digest covers all of the record but the integrity group, number and consumer included.
    """
    bare = msgspec.structs.replace(integrity, signature=None)
    return b"auditstream record 1\n" + canonical_json([record_id, bare])


def certificate_statement(certificate: Certificate) -> bytes:
    """What is signed of an erasure: the whole certificate."""
    bare = msgspec.to_builtins(msgspec.structs.replace(certificate, signature=None))
    bare["erased"] = [_of_one(each) for each in bare["erased"]]
    return b"auditstream certificate 1\n" + canonical_json(bare)


def _of_one(said: dict[str, Json]) -> dict[str, Json]:
    """Without the number of records where it is one: so it was signed before there were several."""
    return {name: each for name, each in said.items() if name != "records" or each != 1}
