"""The two ports of the seal: who can close an envelope, and who can open one.

They are two, because a tap holds no key that opens. What implements them is in
`storage.sealing`.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["FrameOpener", "FrameSealer", "Opener", "Sealer"]


class FrameSealer(Protocol):
    """Seals frames of one segment under one fresh data key. Not thread-safe."""

    @property
    def key_id(self) -> str:
        """The id of the public key the data key was wrapped for."""

    @property
    def wrapped_key(self) -> bytes:
        """The data key, wrapped; it stands in the segment's first frame."""

    def seal(self, counter: int, payload: bytes, header: bytes) -> bytes:
        """Seal at most 1 MiB; `counter` is the nonce and is never used twice under one key.

        `header` is authenticated, not hidden. The result is 16 bytes longer than the payload.
        """


class Sealer(Protocol):
    """Makes frame sealers. Holds only a public key."""

    def new_segment(self) -> FrameSealer:
        """Draw a data key, wrap it for the workers."""


class FrameOpener(Protocol):
    """Opens frames of one segment."""

    def open(self, counter: int, sealed: bytes, header: bytes) -> bytes:
        """Give the payload. Raises `EnvelopeDamaged` when it was altered or is not ours."""


class Opener(Protocol):
    """Unwraps data keys. Only workers, and those who act for them, hold one."""

    def segment(self, key_id: str, wrapped_key: bytes) -> FrameOpener:
        """Unwrap a data key.

        Raises `KeyMissing` when no private key of that id is held, `EnvelopeDamaged` when the
        wrapping is damaged.
        """
