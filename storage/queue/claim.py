"""Claims: what travels in a message in place of a body that is too large for it.

The law: a claim is small, says which version wrote it, and is mistaken for nothing else: an
envelope begins with a frame's magic, a checkpoint with a brace. It names one blob, under the name
that belongs to its own message, so that nobody who can write to the queue can have another
exchange's body fetched, or removed. What the blob holds is held against size and digest.

Layout, big-endian:

    magic 4 | version 1 | size of the body 8 | SHA-256 of the body 32 | length of the name 2 | name

A blob is named `claims.<tap>/<boot>/<seq>.<id>.<digest>`, with the first 32 hex digits of the
body's digest: a tap that sends an exchange again may have sealed it again, and the first body must
not pass for the second. Of a checkpoint, whose number has `seq` 0, the id is its index.
"""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass

from audit.errors import EnvelopeDamaged, FormatUnknown
from audit.ids import ExchangeNumber
from storage.queue.port import Message

__all__ = ["CLAIMS", "Claim", "ClaimedBody", "claim_for", "claim_in", "claim_of", "claimed_body"]

# What all names of claimed bodies begin with.
CLAIMS = "claims."

MAGIC = b"\xa5CLM"
VERSION = 1
_FIXED = struct.Struct(">4sBQ32sH")
_VERSION_AT = len(MAGIC)
_DIGEST_DIGITS = 32

_NAME = re.compile(
    r"claims\.(?P<tap>[A-Za-z0-9._-]{1,64})/(?P<boot>[A-Za-z0-9_-]{1,64})"
    r"/(?P<seq>0|[1-9][0-9]{0,18})\.(?P<id>[A-Za-z0-9_-]{1,64})\.(?P<digest>[0-9a-f]{32})"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A blob's name, and what its body must be: `size` in bytes, `digest` its SHA-256."""

    name: str
    size: int
    digest: bytes

    def encoded(self) -> bytes:
        """The claim as a message's body."""
        name = self.name.encode("ascii")
        return _FIXED.pack(MAGIC, VERSION, self.size, self.digest, len(name)) + name

    def is_met_by(self, body: bytes) -> bool:
        """Whether this is the body; hashes all of it."""
        return len(body) == self.size and hashlib.sha256(body).digest() == self.digest


@dataclass(frozen=True, slots=True)
class ClaimedBody:
    """What a blob's name says: which message's body it holds."""

    number: ExchangeNumber
    id: str


def claim_for(message: Message) -> Claim:
    """Draw up the claim for a message's body; hashes all of it.

    Raises `ValueError` for a message whose names no tap of ours gives.
    """
    digest = hashlib.sha256(message.body).digest()
    return Claim(_name(message, digest), len(message.body), digest)


def claim_in(body: bytes) -> Claim | None:
    """Read the claim that a message's body is; None where it is the body itself.

    Raises `EnvelopeDamaged` for a claim that is cut or altered, `FormatUnknown` for one of
    another version.
    """
    if not body.startswith(MAGIC):
        return None
    if len(body) > _VERSION_AT and body[_VERSION_AT] != VERSION:
        raise FormatUnknown("the claim of a large body was written by another version")
    try:
        _, _, size, digest, length = _FIXED.unpack_from(body)
        name = body[_FIXED.size :].decode("ascii")
    except (struct.error, UnicodeDecodeError):
        raise EnvelopeDamaged("the claim of a large body is damaged") from None
    if len(name) != length:
        raise EnvelopeDamaged("the claim of a large body is damaged")
    return Claim(name, size, digest)


def claim_of(message: Message) -> Claim | None:
    """Read the claim of a message; None where it carries its body itself.

    Raises as `claim_in` does, and `EnvelopeDamaged` where the claim names another's blob.
    """
    claim = claim_in(message.body)
    if claim is None:
        return None
    try:
        expected = _name(message, claim.digest)
    except ValueError:
        expected = ""
    if claim.name != expected:
        raise EnvelopeDamaged("the claim of a large body is not that of its message")
    return claim


def claimed_body(name: str) -> ClaimedBody | None:
    """Read a blob's name; None where it is not that of a claimed body."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    tap, boot, seq = found["tap"], found["boot"], int(found["seq"])
    record_id = found["id"] if seq else f"{tap}/{boot}#{found['id']}"
    return ClaimedBody(ExchangeNumber(tap=tap, boot=boot, seq=seq), record_id)


def _name(message: Message, digest: bytes) -> str:
    number, record_id = message.number, message.id
    if not number.seq:
        record_id = record_id.removeprefix(f"{number.tap}/{number.boot}#")
    short = digest.hex()[:_DIGEST_DIGITS]
    name = f"{CLAIMS}{number.tap}/{number.boot}/{number.seq}.{record_id}.{short}"
    if not _NAME.fullmatch(name):
        raise ValueError("the message has no names of which a blob's can be made")
    return name
