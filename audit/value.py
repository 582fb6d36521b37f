"""Frozen values and their JSON form: the base of everything that crosses a boundary.

The law of this module: a value's `repr` never shows content. Prompts, answers and identities
live in these objects, and `repr` ends up in logs, tracebacks and debuggers; so it names the
class, and only subclasses that carry nothing personal may say more.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

__all__ = ["Json", "Value", "canonical_json", "from_json", "prepare", "to_json"]

# A decoded JSON value of any shape. It is `Any` because JSON is recursive and msgspec resolves
# annotations at run time; the alias says what is meant.
Json = Any

ValueT = TypeVar("ValueT", bound="Value")


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen, typed value with an exact JSON round trip and a silent `repr`.

    Unknown fields are ignored when reading, so that a record written by a later minor version
    can still be read; a field is never renamed or given another meaning within one schema
    version.
    """

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []


def prepare(*kinds: type[Value]) -> None:
    """Make types ready to be decoded, with all that they hold; for the end of their module.

    msgspec does this at a type's first use, and two threads that are first at the same time, for
    types with a part in common, crash the process (seen with 0.22). An import happens once.
    """
    for kind in kinds:
        msgspec.json.Decoder(kind)


def to_json(value: object) -> bytes:
    """Encode a value as UTF-8 JSON, fields in their declared order."""
    return msgspec.json.encode(value)


def from_json(data: bytes | str, kind: type[ValueT]) -> ValueT:
    """Decode UTF-8 JSON into `kind`.

    Raises `msgspec.DecodeError` (bytes that are no JSON) or its subclass
    `msgspec.ValidationError` (JSON of another shape). The message names the path, never a value.
    """
    return msgspec.json.decode(data, type=kind)


def canonical_json(value: object) -> bytes:
    """Encode for digests: keys sorted, no spaces, UTF-8, numbers as msgspec writes them.

    Reading and writing a record again, here or in a store that reorders keys, gives the same
    bytes, so that a digest survives the trip.
    """
    return msgspec.json.encode(value, order="sorted")
