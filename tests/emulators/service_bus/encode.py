"""From AMQP values to bytes (OASIS AMQP 1.0 part 1, §1.6): the shortest form that the client reads.

Descriptors of the protocol's own types always go out as `smallulong`, which the SDK's decoder
takes for granted.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any
from uuid import UUID

from tests.emulators.service_bus.types import (
    Array,
    Byte,
    Char,
    CodecError,
    Described,
    Float,
    Int,
    Long,
    Opaque,
    Short,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
    Value,
)

__all__ = ["encode", "symbols"]

_PACKED: dict[int, Callable[[Any], bytes]] = {
    code: struct.Struct(form).pack
    for code, form in {
        0x50: ">B", 0x51: ">b", 0x52: ">B", 0x53: ">B", 0x54: ">b", 0x55: ">b", 0x56: ">?",
        0x60: ">H", 0x61: ">h", 0x70: ">I", 0x71: ">i", 0x72: ">f",
        0x80: ">Q", 0x81: ">q", 0x82: ">d", 0x83: ">q",
    }.items()
}  # fmt: skip


def encode(value: Value) -> bytes:
    """The bytes of `value`, its constructor first. Raises `CodecError` if AMQP cannot carry it."""
    out = bytearray()
    try:
        _put(out, value)
    except (struct.error, UnicodeEncodeError) as error:
        raise CodecError("out of the type's range") from error
    return bytes(out)


def symbols(*names: str) -> Array:
    """An array of symbols."""
    return Array(0xB3, tuple(Symbol(name) for name in names))


def _put(out: bytearray, value: Value) -> None:
    put = _PUTS.get(type(value))
    if put is None:
        raise CodecError(f"{type(value).__name__} has no AMQP type")
    put(out, value)


def _fixed(code: int, form: str) -> Callable[[bytearray, Any], None]:
    """A type with one form."""
    pack = struct.Struct(">B" + form).pack
    return lambda out, value: out.extend(pack(code, value))


def _integer(short: int, few: range, wide: int, form: str) -> Callable[[bytearray, Any], None]:
    """A type with a form of one byte for what is in `few`."""
    pack = struct.Struct(">B" + form).pack

    def put(out: bytearray, value: int) -> None:
        if value in few:
            out.append(short)
            out.append(value & 0xFF)
        else:
            out += pack(wide, value)

    return put


def _put_constant(out: bytearray, value: Value) -> None:
    out.append(0x40 if value is None else 0x41 if value else 0x42)


def _put_sized(out: bytearray, code: int, data: bytes) -> None:
    """`code` is the form with one byte of size; the form with four is 0x10 above it."""
    if len(data) < 256:
        out += bytes((code, len(data)))
    else:
        out += struct.pack(">BI", code + 0x10, len(data))
    out += data


def _put_counted(out: bytearray, code: int, count: int, items: bytearray) -> None:
    if len(items) < 255 and count < 256:
        out += bytes((code, len(items) + 1, count))
    else:
        out += struct.pack(">BII", code + 0x10, len(items) + 4, count)
    out += items


def _put_list(out: bytearray, value: list[Value]) -> None:
    if not value:
        out.append(0x45)
        return
    items = bytearray()
    for item in value:
        _put(items, item)
    _put_counted(out, 0xC0, len(value), items)


def _put_map(out: bytearray, value: dict[Value, Value]) -> None:
    items = bytearray()
    for key, item in value.items():
        _put(items, key)
        _put(items, item)
    _put_counted(out, 0xC1, 2 * len(value), items)


def _put_described(out: bytearray, value: Described) -> None:
    out.append(0)
    _put(out, value.descriptor)
    _put(out, value.value)


def _put_opaque(out: bytearray, value: Opaque) -> None:
    out.append(value.code)
    out += value.data


def _put_array(out: bytearray, value: Array) -> None:
    items = bytearray((value.code,))
    for item in value.items:
        items += _bare(value.code, item)
    _put_counted(out, 0xE0, len(value.items), items)


def _bare(code: int, item: Value) -> bytes:
    """`item` without a constructor, as the items of an array are."""
    if code in _PACKED:
        return _PACKED[code](item)
    if isinstance(item, UUID) and code == 0x98:
        return item.bytes
    if isinstance(item, str | bytes) and code in {0xA0, 0xA1, 0xA3, 0xB0, 0xB1, 0xB3}:
        data = item.encode() if isinstance(item, str) else item
        return struct.pack(">I" if code & 0x10 else ">B", len(data)) + data
    raise CodecError(f"no arrays of {code:#04x} are spoken here")


_SIGNED = range(-128, 128)

_PUTS: dict[type, Callable[[bytearray, Any], None]] = {
    UByte: _fixed(0x50, "B"),
    UShort: _fixed(0x60, "H"),
    UInt: _integer(0x52, range(256), 0x70, "I"),
    ULong: _integer(0x53, range(256), 0x80, "Q"),
    Byte: _fixed(0x51, "b"),
    Short: _fixed(0x61, "h"),
    Int: _integer(0x54, _SIGNED, 0x71, "i"),
    Long: _integer(0x55, _SIGNED, 0x81, "q"),
    int: _integer(0x55, _SIGNED, 0x81, "q"),
    Timestamp: _fixed(0x83, "q"),
    Float: _fixed(0x72, "f"),
    float: _fixed(0x82, "d"),
    type(None): _put_constant,
    bool: _put_constant,
    bytes: lambda out, value: _put_sized(out, 0xA0, value),
    str: lambda out, value: _put_sized(out, 0xA1, value.encode()),
    Symbol: lambda out, value: _put_sized(out, 0xA3, value.encode("ascii")),
    Char: lambda out, value: out.extend(b"\x73" + value.encode("utf-32-be")),
    UUID: lambda out, value: out.extend(b"\x98" + value.bytes),
    Opaque: _put_opaque,
    Array: _put_array,
    Described: _put_described,
    list: _put_list,
    dict: _put_map,
}
