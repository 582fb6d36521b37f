"""Cutting a stream of bytes into protocol headers and frames, and the way back (part 2 §2.3).

Push bytes, pull what is complete. Nothing here knows what a frame means.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.emulators.service_bus.decode import decode
from tests.emulators.service_bus.performatives import Performative, from_value, to_bytes
from tests.emulators.service_bus.types import CodecError

__all__ = ["AMQP_HEADER", "EMPTY", "MAX_FRAME", "SASL_HEADER", "Frame", "FrameReader", "pack"]

AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
SASL_HEADER = b"AMQP\x03\x01\x00\x00"

# What Service Bus announces. A larger frame is no frame.
MAX_FRAME = 65_536

_HEAD = struct.Struct(">IBBH")

# Keeps the peer's idle clock from running out (part 2 §2.4.5).
EMPTY = _HEAD.pack(8, 2, 0, 0)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: `body` is None in an empty one, `payload` what follows a transfer's body."""

    channel: int
    body: Performative | None
    payload: bytes = field(default=b"", repr=False)


class FrameReader:
    """Keeps what is not complete yet."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes | Frame]:
        """Yield protocol headers (8 bytes) and frames. Raises `CodecError` on anything else."""
        self._held += data
        while item := self._next():
            yield item

    def _next(self) -> bytes | Frame | None:
        held = self._held
        if len(held) < 8:
            return None
        if held[:4] == b"AMQP":
            header = bytes(held[:8])
            del held[:8]
            return header
        size, offset, _, channel = _HEAD.unpack_from(held)
        if not 8 <= size <= MAX_FRAME or not 8 <= 4 * offset <= size:
            raise CodecError("not a frame")
        if len(held) < size:
            return None
        body = bytes(held[4 * offset : size])
        del held[:size]
        return _frame(channel, body)


def _frame(channel: int, body: bytes) -> Frame:
    if not body:
        return Frame(channel, None)
    value, end = decode(body)
    return Frame(channel, from_value(value), body[end:])


def pack(channel: int, body: Performative, payload: bytes = b"", *, sasl: bool = False) -> bytes:
    """The frame as bytes."""
    encoded = to_bytes(body)
    return b"".join(
        (_HEAD.pack(8 + len(encoded) + len(payload), 2, int(sasl), channel), encoded, payload)
    )
