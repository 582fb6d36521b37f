"""Media that arrive as base64 in pieces, decoded piece by piece.

The law of this module: the digest is over the bytes the pieces stand for, however the base64
was cut. Some senders pad each piece by itself, some cut one long text anywhere; both are read,
and the base64 is not kept beside its bytes.
"""

from __future__ import annotations

from typing import cast

from audit.flags import Flag
from audit.parts import Media
from tap.dialects.keeping import Keeper, decode_base64
from tap.wire_json import clean_text

__all__ = ["StreamedMedia"]

_SPACES = " \t\r\n"
_WITHOUT_SPACES = str.maketrans("", "", _SPACES)


class StreamedMedia:
    """Gathers the pieces of one sound or picture. `take` never raises."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._carried = ""
        self._damaged = False

    def __bool__(self) -> bool:
        """Whether anything came."""
        return bool(self._bytes or self._carried)

    def take(self, text: str) -> None:
        """Take the next piece of base64."""
        if any(mark in text for mark in _SPACES):
            text = text.translate(_WITHOUT_SPACES)
        text = self._carried + text
        # What is padded is a whole; of anything else, four characters are three bytes.
        whole = len(text) if text.endswith("=") else len(text) - len(text) % 4
        self._carried = text[whole:]
        self._decode(text[:whole])

    def _decode(self, text: str) -> None:
        if not text:
            return
        data = decode_base64(text)
        if data is None:
            self._damaged = True
            data = clean_text(text).encode()
        self._bytes += data

    def media(self, keeper: Keeper, mime: str | None) -> Media:
        """Describe the bytes that came; a piece that is no base64 counts as its characters."""
        self._decode(self._carried)
        self._carried = ""
        if self._damaged:
            keeper.flags.add(Flag.MEDIA_UNDECODABLE)
        # A digest reads any buffer; a copy would be as large as the sound.
        return keeper.bytes_as_media(cast("bytes", self._bytes), mime)
