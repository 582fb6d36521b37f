"""Digests: what ties a record to the exchange it speaks of.

Digests of raw content are keyed or salted, because an unkeyed digest of a short prompt can be
guessed. The digest of a redacted record is plain: it covers nothing that the record hides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from audit.record import AuditRecord, Integrity, RedactedRecord
from audit.value import Json, canonical_json

__all__ = [
    "CHAIN_START",
    "KeyedDigest",
    "chain",
    "commitment",
    "document_digest",
    "keyed_digest",
    "record_digest",
    "sheaf_digest",
]

CHAIN_START = "0" * 64

# So much is digested at a time: within a millisecond other threads get their turn.
_SLICE = 1 << 20


def commitment(
    record: AuditRecord, salt: str, key: bytes, further: Sequence[AuditRecord] = ()
) -> str:
    """Commit to a clear record: HMAC-SHA-256 over the salt and its canonical JSON, hex.

    With `further` records of the same exchange, over the JSON of all of them as one list.

    It is keyed, because the redacted record beside it tells all but what was taken out: without
    a key, whoever reads the store could try values until the commitment fits. The salt (hex)
    goes when the record is erased; then not even the key's holder can try.
    """
    bare = [msgspec.structs.replace(each, integrity=Integrity()) for each in (record, *further)]
    return keyed_digest(key, bytes.fromhex(salt), canonical_json(bare if further else bare[0]))


def record_digest(record: RedactedRecord) -> str:
    """Digest a redacted record without its integrity group: SHA-256 of canonical JSON, hex."""
    document = msgspec.to_builtins(record)
    return document_digest(document)


def sheaf_digest(digests: Sequence[str]) -> str:
    """Digest all records of an exchange by their own digests, in order: of one, its own.

    Of several, SHA-256 over canonical JSON of a name and the list, hex: it differs where one is
    missing, altered, added, or in another's place.
    """
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256(canonical_json(["auditstream sheaf 1", *digests])).hexdigest()


def document_digest(document: dict[str, Json]) -> str:
    """Digest a stored document as read back, with fields this version may not know.

    The integrity group and a store's own fields (leading underscore) are left out. Raises
    nothing for any JSON object.
    """
    covered = {
        name: value
        for name, value in document.items()
        if name != "integrity" and not name.startswith("_")
    }
    return hashlib.sha256(canonical_json(covered)).hexdigest()


def keyed_digest(key: bytes, *content: bytes) -> str:
    """HMAC-SHA-256 of raw content, hex; of several, as if they were joined."""
    digest = _keyed(key).copy()
    for each in content:
        view = memoryview(each)
        for start in range(0, len(view), _SLICE):
            digest.update(view[start : start + _SLICE])
    return digest.finalize().hex()


class KeyedDigest:
    """`keyed_digest` under one key, also of what is never whole."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __call__(self, content: bytes) -> str:
        """HMAC-SHA-256 of raw content, hex."""
        return keyed_digest(self._key, content)

    def of(self, pieces: Iterable[bytes]) -> tuple[int, str]:
        """How many bytes the pieces are, and the digest of all of them together."""
        digest, size = _keyed(self._key).copy(), 0
        for piece in pieces:
            digest.update(piece)
            size += len(piece)
        return size, digest.finalize().hex()

    def apart(self, purpose: str) -> KeyedDigest:
        """Digests under a key of its own, of which no digest under this one tells anything."""
        return KeyedDigest(hashlib.sha256(purpose.encode() + b"\0" + self._key).digest())


# Setting a key up costs more than digesting a short message under it. What the standard library
# offers for this also gives the interpreter up for each message, which costs more than both.
@lru_cache(maxsize=4)
def _keyed(key: bytes) -> HMAC:
    return HMAC(key, SHA256())


def chain(head: str, seq: int, record_id: str) -> str:
    """Append one opening to a boot's chain: SHA-256 over the previous head, number and id."""
    return hashlib.sha256(f"{head}|{seq}|{record_id}".encode()).hexdigest()
