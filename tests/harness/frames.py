"""WebSocket frames, written by the letter of RFC 6455 and 7692, and wrongly where a test wants it.

A `Writer` is one direction of one connection.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Writer", "close", "frame"]

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_KEY = b"\x01\xf2\x03\xf4"


def frame(
    payload: bytes,
    opcode: int = TEXT,
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = False,
    announced: int | None = None,
) -> bytes:
    """One frame; `announced` is a length other than the payload's."""
    length = len(payload) if announced is None else announced
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    mask = 0x80 if masked else 0
    if length < 126:
        head = bytes((first, mask | length))
    elif length < 65_536:
        head = bytes((first, mask | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, mask | 127)) + length.to_bytes(8, "big")
    if not masked:
        return head + payload
    return head + _KEY + bytes(each ^ _KEY[at % 4] for at, each in enumerate(payload))


def close(code: int = 1000, reason: str = "", *, masked: bool = False) -> bytes:
    """A close frame."""
    return frame(code.to_bytes(2, "big") + reason.encode(), CLOSE, masked=masked)


@dataclass
class Writer:
    """Writes the messages of one direction; `deflate` as the sides agreed."""

    masked: bool = False
    deflate: bool = False
    keeps_context: bool = True
    _engine: Any = field(default_factory=lambda: zlib.compressobj(wbits=-15), repr=False)

    def text(self, text: str, *, pieces: int = 1, between: bytes = b"") -> bytes:
        """A text message in so many fragments, with `between` after each but the last."""
        payload = self.packed(text.encode()) if self.deflate else text.encode()
        step = max(1, -(-len(payload) // pieces))
        cut = [payload[at : at + step] for at in range(0, len(payload), step)] or [b""]
        frames = [
            frame(
                piece,
                CONTINUATION if number else TEXT,
                fin=number == len(cut) - 1,
                rsv=4 if self.deflate and not number else 0,
                masked=self.masked,
            )
            for number, piece in enumerate(cut)
        ]
        return between.join(frames)

    def events(self, *events: dict[str, Any]) -> bytes:
        """JSON events, a message each."""
        return b"".join(self.text(json.dumps(event)) for event in events)

    def packed(self, payload: bytes) -> bytes:
        """A payload as permessage-deflate leaves it."""
        if not self.keeps_context:
            self._engine = zlib.compressobj(wbits=-15)
        flushed = self._engine.compress(payload) + self._engine.flush(zlib.Z_SYNC_FLUSH)
        return bytes(flushed).removesuffix(b"\x00\x00\xff\xff")
