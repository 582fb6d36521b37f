"""What of the Messages API only the provider can read: signatures and encrypted contents.

The law of this module: none of it becomes text, since it would fill a record with what nobody
can inspect. Its size and keyed digest stay, so that it can be recognised when a client sends it
back with the next turn.
"""

from __future__ import annotations

from audit.parts import Media
from audit.value import Json
from tap.dialects.keeping import Keeper, decode_base64
from tap.wire_json import clean_text

__all__ = ["sealed_media", "without_sealed"]

# A name that begins so holds what the provider encrypted (`encrypted_content`, `_index`, …).
_ENCRYPTED = "encrypted_"
_OPAQUE = frozenset(("signature", "redacted_content"))


def sealed_media(text: str, name: str, keeper: Keeper) -> Media:
    """Describe an opaque value by the bytes it stands for, or else by its characters."""
    return keeper.bytes_as_media(_bytes_of(keeper.whole(text)), None, name)


def without_sealed(value: Json, keeper: Keeper) -> Json:
    """A JSON value in which opaque values are replaced by their size and digest."""
    if isinstance(value, list):
        return [without_sealed(inner, keeper) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _mark(inner, keeper)
        if isinstance(inner, str) and inner and _is_opaque(name)
        else without_sealed(inner, keeper)
        for name, inner in value.items()
    }


def _is_opaque(name: str) -> bool:
    return name.startswith(_ENCRYPTED) or name in _OPAQUE


def _mark(text: str, keeper: Keeper) -> str:
    data = _bytes_of(keeper.whole(text))
    return f"[sealed:{len(data)}:{keeper.digest(data)[:16]}]"


def _bytes_of(text: str) -> bytes:
    data = decode_base64(text)
    return clean_text(text).encode() if data is None else data
