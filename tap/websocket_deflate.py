"""permessage-deflate (RFC 7692): what was negotiated, and messages taken out of it.

The law of this module: a message is inflated from fixed pieces and never past the room it is
given, so that neither how the network cut it nor what it hides changes what comes out. What was
inflated before something broke is kept, and nothing raises.
"""

from __future__ import annotations

import zlib

__all__ = ["Inflater", "negotiated"]

_NAME = "permessage-deflate"
# What a sender leaves off the end of each message (RFC 7692 §7.2.1).
_TAIL = b"\x00\x00\xff\xff"
# Raw DEFLATE in the largest window, which reads what was made with any smaller one.
_RAW = -15
_WINDOW = 32 * 1024
# A piece of this much inflates to some four megabytes at the worst.
_PIECE = 4096
# A sender may close its DEFLATE stream inside a message (RFC 7692 §7.2.3.4), and does so once.
_MOST_RESTARTS = 4


class Inflater:
    """Takes the messages of one direction out of their compression, in their order.

    `keeps_context` says that a message may refer to those before it. `damaged` and `too_large`
    speak of the message inflated last.
    """

    def __init__(self, *, keeps_context: bool) -> None:
        self.damaged = self.too_large = False
        self._keeps_context = keeps_context
        self._engine = zlib.decompressobj(_RAW)
        self._history: list[bytes] = []
        self._remembered = 0

    def inflate(self, payload: bytes, room: int, *, whole: bool = True) -> bytes:
        """Inflate a message into at most `room` bytes; one that is not `whole` as far as it goes.

        Never raises.
        """
        self.damaged = self.too_large = False
        if not self._keeps_context:
            self._begin(b"")
        source = payload + _TAIL if whole else payload
        taken: list[bytes] = []
        self._restarts = 0
        for start in range(0, len(source), _PIECE):
            room = self._take(source[start : start + _PIECE], taken, room)
            if self.damaged or self.too_large:
                # What follows cannot lean on what is lost; a sender that begins anew is read.
                self._begin(b"")
                break
        return b"".join(taken)

    def _take(self, piece: bytes, taken: list[bytes], room: int) -> int:
        """Inflate one piece; give the room that is left."""
        while piece and not self.damaged:
            try:
                out = self._engine.decompress(piece, room + 1)
            except zlib.error:
                self.damaged = True
                break
            if len(out) > room:
                self.too_large = True
                out = out[:room]
            taken.append(out)
            room -= len(out)
            if self.too_large:
                break
            self._remember(out)
            piece = self._engine.unconsumed_tail
            if self._engine.eof:
                piece = self._engine.unused_data
                self._restart()
        return room

    def _restart(self) -> None:
        """Go on behind the end of a DEFLATE stream; what it held may still be referred to."""
        self._restarts += 1
        self.damaged = self._restarts > _MOST_RESTARTS
        self._begin(b"".join(self._history)[-_WINDOW:] if self._keeps_context else b"")

    def _begin(self, window: bytes) -> None:
        self._engine = zlib.decompressobj(_RAW, zdict=window)
        self._history = [window] if window else []
        self._remembered = len(window)

    def _remember(self, out: bytes) -> None:
        """Keep a window's worth; it is cut seldom, so that small messages cost what they are."""
        if not self._keeps_context or not out:
            return
        self._history.append(out)
        self._remembered += len(out)
        if self._remembered > 4 * _WINDOW:
            self._history = [b"".join(self._history)[-_WINDOW:]]
            self._remembered = len(self._history[0])


def negotiated(extensions: str | None) -> tuple[Inflater | None, Inflater | None]:
    """Inflaters of the client's and of the server's messages; None where nothing is compressed.

    `extensions` is the value of the answer's `Sec-WebSocket-Extensions` (RFC 6455 §9.1).
    """
    for extension in (extensions or "").split(","):
        name, *parameters = (word.strip().lower() for word in extension.split(";"))
        if name == _NAME:
            said = {each.partition("=")[0].strip() for each in parameters}
            return (
                Inflater(keeps_context="client_no_context_takeover" not in said),
                Inflater(keeps_context="server_no_context_takeover" not in said),
            )
    return None, None
