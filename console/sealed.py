"""What a browser keeps for us: sealed, so that it can be neither read nor made up nor moved about.

The law: AES-256-GCM under a key that all query sides behind one address share. What was sealed
opens only as what it was sealed for: its kind and what it belongs to are authenticated with it, and
the key is derived for one site and one provider of accounts, so that a cookie of another
installation, or of the time before there were accounts, opens nothing. The first key seals and all
of them open, so that a key can be replaced while sessions last. What does not open is nothing; why
is not told.

A nonce is 96 bits, drawn at random: good for 2**32 seals under one key (NIST SP 800-38D, 8.3),
which is thirteen years at ten a second.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable, Sequence
from enum import StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

__all__ = ["KEY_BYTES", "LONGEST", "NONCE_BYTES", "BrowserSeal", "Kind"]

KEY_BYTES = 32
NONCE_BYTES = 12
# Browsers keep 4,096 bytes of name and value. All cookies come in one field of a request, of which
# servers take 8,190 bytes: session and search have 3,500 and 3,000 of them, the others some 1,500.
LONGEST = 3_500
_TAG_BYTES = 16
_MOST_UNPACKED = 65_536
_PURPOSE = b"auditstream reading room 1\n"


class Kind(StrEnum):
    """What a browser keeps."""

    SESSION = "session"
    PURPOSE = "purpose"
    SEARCH = "search"
    SIGN_IN = "sign_in"


class BrowserSeal:
    """Seals and opens. `keys` have 32 bytes each; `nonce` draws 12 bytes at random.

    `site` names what the cookies are for: the address, and who vouches for people there.
    """

    def __init__(self, keys: Sequence[bytes], site: str, nonce: Callable[[], bytes]) -> None:
        self._ciphers = [AESGCM(_derived(key, site)) for key in keys]
        self._nonce = nonce

    def seal(self, kind: Kind, bound: str, data: bytes) -> str:
        """Seal it for this kind and what it belongs to; gives text that a cookie may hold."""
        nonce = self._nonce()
        sealed = self._ciphers[0].encrypt(nonce, zlib.compress(data, 9), _beside(kind, bound))
        return base64.urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()

    def open(self, kind: Kind, bound: str, text: str) -> bytes | None:
        """What was sealed so; None for any other text."""
        if not (text.isascii() and len(text) <= LONGEST):
            return None
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        if len(raw) < NONCE_BYTES + _TAG_BYTES:
            return None
        return self._opened(raw, _beside(kind, bound))

    def _opened(self, raw: bytes, beside: bytes) -> bytes | None:
        for cipher in self._ciphers:
            try:
                packed = cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], beside)
            except InvalidTag:
                continue
            return zlib.decompressobj().decompress(packed, _MOST_UNPACKED)
        return None


def _derived(key: bytes, site: str) -> bytes:
    info = _PURPOSE + site.encode("utf-8", "surrogatepass")
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(key)


def _beside(kind: Kind, bound: str) -> bytes:
    return f"{kind.value}\n{bound}".encode()
