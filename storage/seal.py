"""The two ports of the seal: who can close an envelope, and who can open one.

They are two, because a tap holds no key that opens. What implements them is in
`storage.sealing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["SUITE", "FrameOpener", "FrameSealer", "Opener", "Sealer", "Wrapped"]

# What this version seals with: the HPKE suite that wraps data keys, and the cipher of frames.
SUITE = "x25519-hkdf-sha256-aes256gcm/aes256gcm"


class FrameSealer(Protocol):
    """Seals frames of one segment under one fresh data key. Not thread-safe."""

    @property
    def key_id(self) -> str:
        """The id of the public key the data key was wrapped for."""

    @property
    def wrapped_key(self) -> bytes:
        """The data key, wrapped; it stands in the segment's first frame."""

    def seal_into(
        self,
        counter: int,
        payload: bytes | memoryview,
        header: bytes | memoryview,
        sealed: memoryview,
    ) -> None:
        """Seal at most 1 MiB; `counter` is the nonce and is never used twice under one key.

        `header` is authenticated, not hidden. `sealed` is filled and must be 16 bytes longer than
        the payload.
        """


class Sealer(Protocol):
    """Makes frame sealers, and says that they are a tap's. Holds no key that opens."""

    def new_segment(self) -> FrameSealer:
        """Draw a data key, wrap it for the workers."""

    def vouch(self, statement: bytes) -> str:
        """Sign the head of a segment: the public key is no secret, and anyone could seal."""


class FrameOpener(Protocol):
    """Opens frames of one segment."""

    def open(self, counter: int, sealed: bytes, header: bytes) -> bytes:
        """Give the payload. Raises `EnvelopeDamaged` when it was altered or is not ours."""


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A wrapped data key, and whose it is: `signature` is a tap's, over `statement`."""

    key_id: str
    wrapped_key: bytes
    statement: bytes
    signature: str | None


class Opener(Protocol):
    """Unwraps data keys. Only workers, and those who act for them, hold one."""

    def segment(self, wrapped: Wrapped) -> FrameOpener:
        """Unwrap a data key.

        Raises `SignatureInvalid` when no trusted tap has signed the statement, `KeyMissing` when
        no private key of that id is held, `EnvelopeDamaged` when the wrapping is damaged.
        """
