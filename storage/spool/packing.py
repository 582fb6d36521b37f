"""Packing frames: headed, sealed and checked in place, one behind the other.

The law of this module: a frame's bytes are put together once, where the disk will take them from,
in memory that is used again and again. Fresh memory for each frame, and joining it, would cost
more than the seal: the kernel hands out and clears each page of it.
"""

from __future__ import annotations

import struct

from isal.isal_zlib import crc32

from storage.seal import FrameSealer
from storage.spool.frame import CHECKS, FIXED, FORMAT, MAGIC, MAX_PAYLOAD, SEAL_BYTES, SEALED

__all__ = ["Packer"]

_WORD = struct.Struct(">I")
# Where the largest frame always finds room: its names are at most 255 bytes each.
_CAPACITY = FIXED.size + 3 * 255 + CHECKS.size + MAX_PAYLOAD + SEAL_BYTES


class Packer:
    """Frames of one boot in one buffer; `filled` bytes of it are taken.

    Raises `ValueError` for a name over 255 bytes.
    """

    def __init__(self, tap: str, boot: str) -> None:
        names = tap.encode(), boot.encode()
        self._tap_length, self._boot_length = map(_checked, names)
        self._names = b"".join(names)
        self._view = memoryview(bytearray(_CAPACITY))
        self.filled = 0

    def has_room(self, payload_length: int) -> bool:
        """Whether a payload of so many bytes fits; one of 1 MiB always fits an empty packer."""
        overhead = FIXED.size + len(self._names) + 255 + CHECKS.size + SEAL_BYTES
        return self.filled + overhead + payload_length <= _CAPACITY

    def pack(
        self,
        sealer: FrameSealer,
        counter: int,
        payload: bytes | memoryview,
        *,
        kind: int,
        seq: int = 0,
        record_id: str = "",
        part: int = 0,
        flags: int = 0,
        index: int = 0,
    ) -> memoryview:
        """Add one frame, sealed where its flags say so; gives its bytes until the next `clear`.

        The layout is that of `storage.spool.frame`.
        """
        view, at = self._view, self.filled
        own = record_id.encode()
        sealed = flags & SEALED
        length = len(payload) + SEAL_BYTES if sealed else len(payload)
        FIXED.pack_into(
            view,
            at,
            MAGIC,
            FORMAT,
            kind,
            part,
            flags,
            self._tap_length,
            self._boot_length,
            _checked(own),
            index,
            length,
            counter,
            seq,
        )
        head_end = at + FIXED.size + len(self._names) + len(own)
        view[at + FIXED.size : head_end] = self._names + own
        start = head_end + CHECKS.size
        self.filled = end = start + length
        body = view[start:end]
        if sealed:
            sealer.seal_into(counter, payload, view[at:head_end], body)
        else:
            body[:] = payload
        _WORD.pack_into(view, head_end, crc32(body))
        _WORD.pack_into(view, head_end + 4, crc32(view[at : head_end + 4]))
        return view[at:end]

    def packed(self) -> memoryview:
        """All frames since the last `clear`; overwritten by what is packed after the next."""
        return self._view[: self.filled]

    def clear(self) -> None:
        """Begin again at the front."""
        self.filled = 0


def _checked(name: bytes) -> int:
    if len(name) > 255:
        raise ValueError("a name in a frame's header is at most 255 bytes long")
    return len(name)
