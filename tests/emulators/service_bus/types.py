"""AMQP 1.0's type system as Python values (OASIS AMQP 1.0 part 1, "Types").

Python has fewer kinds of numbers and strings than the wire, so each wire type that would be lost
is a class of its own: `UInt(7)` is the int 7 that goes out as a uint. What was decoded encodes
again as the same type and value; only the width of the encoding is not kept.

    null None   boolean bool   double float   binary bytes   string str   uuid UUID
    list list   map dict       the others: the classes below
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

__all__ = [
    "Array",
    "Byte",
    "Char",
    "CodecError",
    "Described",
    "Float",
    "Int",
    "Long",
    "Opaque",
    "Short",
    "Symbol",
    "Timestamp",
    "UByte",
    "UInt",
    "ULong",
    "UShort",
    "Value",
]


class CodecError(ValueError):
    """Bytes that are no AMQP value, or a value that AMQP cannot carry."""


class UByte(int):
    """0 to 255."""

    __slots__ = ()


class UShort(int):
    """0 to 2**16 - 1."""

    __slots__ = ()


class UInt(int):
    """0 to 2**32 - 1."""

    __slots__ = ()


class ULong(int):
    """0 to 2**64 - 1."""

    __slots__ = ()


class Byte(int):
    """-128 to 127."""

    __slots__ = ()


class Short(int):
    """-2**15 to 2**15 - 1."""

    __slots__ = ()


class Int(int):
    """-2**31 to 2**31 - 1."""

    __slots__ = ()


class Long(int):
    """-2**63 to 2**63 - 1; what a plain Python int goes out as."""

    __slots__ = ()


class Timestamp(int):
    """Milliseconds since the epoch."""

    __slots__ = ()


class Float(float):
    """A float of 32 bits."""

    __slots__ = ()


class Char(str):
    """One Unicode character."""

    __slots__ = ()


class Symbol(str):
    """An ASCII name of the protocol or of a vendor."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Opaque:
    """A decimal: carried, never computed with. `code` is its constructor."""

    code: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Array:
    """Values of one type. `code` is the constructor that the wire has once for all of them."""

    code: int
    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Described:
    """A value with a descriptor that says what it stands for."""

    descriptor: Value
    value: Value


Value: TypeAlias = (
    "bool | int | float | str | bytes | UUID | Opaque | Array | Described"
    " | list[Value] | dict[Value, Value] | None"
)
