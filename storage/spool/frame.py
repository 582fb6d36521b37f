"""The spool's framing, format 1: the bytes of a frame, and what its header says.

The law of this module: the layout below is frozen (docs/spool-format.md says what a later version
may add), and nothing here does I/O or knows a key.

Layout, big-endian:

    magic 4 | format 1 | kind 1 | part 1 | flags 1 | tap, boot, id lengths 1+1+1 | 0 | index 4 |
    payload length 4 | counter 8 | seq 8 | tap | boot | id      (the header, authenticated by
                                                                  the seal)
    CRC-32 of the payload 4 | CRC-32 of all before it 4 | payload

The header has a checksum of its own, so that its length field can be trusted when the payload is
damaged, and so that reading finds its feet again after a damaged header.
"""

from __future__ import annotations

import struct
from enum import IntEnum

import msgspec
from isal.isal_zlib import crc32

__all__ = [
    "CRITICAL",
    "FORMAT",
    "LAST",
    "MAX_PAYLOAD",
    "SEALED",
    "SEAL_BYTES",
    "ZSTD",
    "Header",
    "Kind",
    "decode_header",
    "encode_frame",
    "format_notice",
    "other_format",
]

MAGIC = b"\xa5SPL"
FORMAT = 1
# The seal's limit: one frame never holds the interpreter for more than about half a millisecond.
MAX_PAYLOAD = 1 << 20
SEAL_BYTES = 16

SEALED = 1
ZSTD = 2
LAST = 4
# Flags of a later version without which a frame cannot be understood: it is passed over. Those
# below can be.
CRITICAL = 0xF0

FIXED = struct.Struct(">4sBBBBBBBxIIQQ")
CHECKS = struct.Struct(">II")
_WORD = struct.Struct(">I")
_FORMAT_AT = 4
_OURS = bytes([FORMAT])
# Where the three lengths of names stand.
_LENGTHS_AT = 8


class Kind(IntEnum):
    """What a frame says.

    `SEGMENT` is the first frame of a file and carries its wrapped key. `OPENED`, `PIECE` and
    `CLOSED` belong to an exchange and are sealed; `CHECKPOINT`, `SHIPPED` and `UNRECORDED`
    carry no content and are clear, so that a verifier reads them without a key.
    """

    SEGMENT = 1
    OPENED = 2
    PIECE = 3
    CLOSED = 4
    CHECKPOINT = 5
    SHIPPED = 6
    UNRECORDED = 7


class Header(msgspec.Struct, frozen=True, gc=False):
    """The clear part of a frame.

    `kind` may be one that a later version added. `part` says which part of an exchange a piece
    is (1 request body, 2 answer head, 3 answer body, 4 how it ended). `index` counts the pieces of
    an exchange, and separately the frames of its record, from 0: a hole in it is a frame that was
    lost. `length` is the payload's, `counter` the frame's place in its segment and the nonce.
    """

    kind: int
    seq: int
    tap: str
    boot: str
    id: str = ""
    part: int = 0
    flags: int = 0
    index: int = 0
    length: int = 0
    counter: int = 0


def encode_frame(head: bytes, payload: bytes) -> bytes:
    """Join an encoded header and its payload (sealed or clear) into a frame."""
    payload_crc = crc32(payload)
    head_crc = crc32(_WORD.pack(payload_crc), crc32(head))
    return b"".join((head, CHECKS.pack(payload_crc, head_crc), payload))


def head_size(buffer: bytearray | bytes, at: int) -> int | None:
    """How long the header at `at` says it is; None when that cannot be seen yet."""
    if len(buffer) - at < FIXED.size:
        return None
    tap, boot, record_id = buffer[at + _LENGTHS_AT : at + _LENGTHS_AT + 3]
    return FIXED.size + tap + boot + record_id


def decode_header(buffer: bytearray | bytes, at: int, size: int) -> tuple[Header, int] | None:
    """Read the header of `size` bytes at `at`, and the checksum of the payload that follows.

    None when the bytes are no header of this format, or one that was altered.
    """
    end = at + size
    payload_crc, head_crc = CHECKS.unpack_from(buffer, end)
    covered = bytes(buffer[at : end + _WORD.size])
    if covered[_FORMAT_AT] != FORMAT or crc32(covered) != head_crc:
        return None
    return _header(covered[: -_WORD.size]), payload_crc


def other_format(buffer: bytearray | bytes, at: int) -> int | None:
    """The number of another format that a frame at `at` is written in; None where it is not.

    A header of ours whose format byte alone was altered still fits its checksum with the byte set
    right: it is damaged, and of no other format. Zeros behind the magic are a write that never
    finished.
    """
    claimed = buffer[at + _FORMAT_AT : at + _FORMAT_AT + 1]
    if not buffer.startswith(MAGIC, at) or claimed in (b"", _OURS):
        return None
    if not any(buffer[at + _FORMAT_AT : at + FIXED.size]) or _is_ours_altered(buffer, at):
        return None
    return claimed[0]


def _is_ours_altered(buffer: bytearray | bytes, at: int) -> bool:
    size = head_size(buffer, at)
    if size is None or len(buffer) < at + size + CHECKS.size:
        return False
    mended = MAGIC + _OURS + bytes(buffer[at + _FORMAT_AT + 1 : at + size + CHECKS.size])
    return decode_header(mended, 0, size) is not None


def format_notice(number: int) -> str:
    """Say what a format that is not ours means for whoever runs this version."""
    return f"written in spool format {number}, this version reads format {FORMAT}"


def _header(head: bytes) -> Header:
    _, _, kind, part, flags, *lengths, index, length, counter, seq = FIXED.unpack_from(head)
    tap_end = FIXED.size + lengths[0]
    boot_end = tap_end + lengths[1]
    return Header(
        kind=kind,
        seq=seq,
        tap=head[FIXED.size : tap_end].decode(errors="replace"),
        boot=head[tap_end:boot_end].decode(errors="replace"),
        id=head[boot_end:].decode(errors="replace"),
        part=part,
        flags=flags,
        index=index,
        length=length,
        counter=counter,
    )
