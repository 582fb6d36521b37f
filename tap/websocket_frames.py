"""One WebSocket frame: its header and its mask, by the letter of RFC 6455 §5.2 and §5.3.

The law of this module: a length is a number and nothing more; nobody sets memory aside for it.
"""

from __future__ import annotations

from audit.value import Value

__all__ = [
    "BINARY",
    "CLOSE",
    "COMPRESSED",
    "CONTINUATION",
    "FIN",
    "RESERVED",
    "TEXT",
    "Frame",
    "read_header",
    "unmasked",
]

CONTINUATION, TEXT, BINARY, CLOSE = 0x0, 0x1, 0x2, 0x8
FIN, COMPRESSED, RESERVED = 0x80, 0x40, 0x30

_OPCODES = frozenset((CONTINUATION, TEXT, BINARY, CLOSE, 0x9, 0xA))
_CONTROL, _MASKED = 0x08, 0x80
_MOST_CONTROL = 125  # RFC 6455 §5.5


class Frame(Value, frozen=True):
    """A frame's header: `first` is its first byte, `key` its mask, empty where there is none.

    `size` is the header's own length in bytes, `length` the payload's.
    """

    first: int
    size: int
    length: int
    key: bytes

    @property
    def opcode(self) -> int:
        """What the frame is."""
        return self.first & 0x0F

    @property
    def control(self) -> bool:
        """Whether it is about the connection, and no part of a message."""
        return bool(self.first & _CONTROL)

    @property
    def final(self) -> bool:
        """Whether its message ends with it."""
        return bool(self.first & FIN)

    @property
    def readable(self) -> bool:
        """Whether anything is known of where the frame ends and what it would mean."""
        if self.opcode not in _OPCODES or self.length >> 63:
            return False
        return not self.control or (self.final and self.length <= _MOST_CONTROL)


def read_header(data: bytes, at: int) -> Frame | None:
    """Read the header that begins at `at`; None where it is not all there (RFC 6455 §5.2)."""
    if len(data) < at + 2:
        return None
    short = data[at + 1] & 0x7F
    wide = {126: 2, 127: 8}.get(short, 0)
    masked = 4 if data[at + 1] & _MASKED else 0
    size = 2 + wide + masked
    if len(data) < at + size:
        return None
    length = int.from_bytes(data[at + 2 : at + 2 + wide], "big") if wide else short
    return Frame(first=data[at], size=size, length=length, key=data[at + 2 + wide : at + size])


def unmasked(data: bytes, key: bytes, at: int) -> bytes:
    """Take the mask off a piece that begins `at` bytes behind its frame's header."""
    turned = key[at % 4 :] + key[: at % 4]
    mask = (turned * (len(data) // 4 + 1))[: len(data)]
    plain = int.from_bytes(data, "little") ^ int.from_bytes(mask, "little")
    return plain.to_bytes(len(data), "little")
