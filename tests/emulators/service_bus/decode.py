"""From bytes to AMQP values (OASIS AMQP 1.0 part 1, §1.6).

Nothing but `CodecError` is raised, whatever the bytes are; nothing is read beyond what a size
says, and nesting has a limit because the interpreter's stack has one.
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

__all__ = ["decode", "skip"]

_DEPTH = 32

_U32 = struct.Struct(">I")

# Width in bytes of what follows a constructor, by its high nibble; 0xa to 0xf begin with a size.
_WIDTHS = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}


def _number(form: str, kind: Callable[[Any], Value]) -> Callable[[bytes], Value]:
    unpack = struct.Struct(form).unpack
    return lambda data: kind(unpack(data)[0])


def _constant(value: Value) -> Callable[[bytes], Value]:
    return lambda _: value


def _boolean(data: bytes) -> Value:
    if data not in {b"\0", b"\1"}:
        raise CodecError("a boolean is 0 or 1")
    return data == b"\1"


def _opaque(code: int) -> Callable[[bytes], Value]:
    return lambda data: Opaque(code, data)


_FIXED: dict[int, Callable[[bytes], Value]] = {
    0x40: _constant(None),
    0x41: _constant(True),
    0x42: _constant(False),
    0x43: _constant(UInt(0)),
    0x44: _constant(ULong(0)),
    0x50: _number(">B", UByte),
    0x51: _number(">b", Byte),
    0x52: _number(">B", UInt),
    0x53: _number(">B", ULong),
    0x54: _number(">b", Int),
    0x55: _number(">b", Long),
    0x56: _boolean,
    0x60: _number(">H", UShort),
    0x61: _number(">h", Short),
    0x70: _number(">I", UInt),
    0x71: _number(">i", Int),
    0x72: _number(">f", Float),
    0x73: lambda data: Char(data.decode("utf-32-be")),
    0x74: _opaque(0x74),
    0x80: _number(">Q", ULong),
    0x81: _number(">q", Long),
    0x82: _number(">d", float),
    0x83: _number(">q", Timestamp),
    0x84: _opaque(0x84),
    0x94: _opaque(0x94),
    0x98: lambda data: UUID(bytes=data),
}

_SIZED: dict[int, Callable[[bytes], Value]] = {
    0xA0: bytes,
    0xA1: lambda data: data.decode("utf-8"),
    0xA3: lambda data: Symbol(data.decode("ascii")),
    0xB0: bytes,
    0xB1: lambda data: data.decode("utf-8"),
    0xB3: lambda data: Symbol(data.decode("ascii")),
}

_LISTS, _MAPS, _ARRAYS = {0xC0, 0xD0}, {0xC1, 0xD1}, {0xE0, 0xF0}


def decode(data: bytes, at: int = 0) -> tuple[Value, int]:
    """Read the value that begins at `at`; give it and where it ends."""
    try:
        return _value(data, at, 0)
    except (struct.error, IndexError, UnicodeDecodeError, OverflowError) as error:
        raise CodecError("not an AMQP value") from error


def skip(data: bytes, at: int = 0) -> int:
    """Where the value that begins at `at` ends, without looking at what it holds."""
    try:
        end = _past(data, at, 0)
    except (struct.error, IndexError) as error:
        raise CodecError("not an AMQP value") from error
    return _within(data, end)


def _past(data: bytes, at: int, depth: int) -> int:
    code = data[at]
    if code == 0:
        _limit(depth)
        return _past(data, _past(data, at + 1, depth + 1), depth + 1)
    if code >> 4 in _WIDTHS:
        return at + 1 + _WIDTHS[code >> 4]
    start, size = _size(data, at, code)
    return start + size


def _value(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    code = data[at]
    if code == 0:
        _limit(depth)
        descriptor, at = _value(data, at + 1, depth + 1)
        value, at = _value(data, at, depth + 1)
        return Described(descriptor, value), at
    return _by_code(code, data, at, depth)


def _by_code(code: int, data: bytes, at: int, depth: int) -> tuple[Value, int]:
    """Read what follows the constructor `code`, which stands (or would stand) at `at`."""
    if read := _FIXED.get(code):
        end = _within(data, at + 1 + _WIDTHS[code >> 4])
        return read(data[at + 1 : end]), end
    if code == 0x45:
        return [], at + 1
    if code >> 4 < 0xA:
        raise CodecError(f"unknown constructor {code:#04x}")
    start, size = _size(data, at, code)
    end = _within(data, start + size)
    if read := _SIZED.get(code):
        return read(data[start:end]), end
    _limit(depth)
    return _compound(code, data, start, end, depth + 1), end


def _size(data: bytes, at: int, code: int) -> tuple[int, int]:
    if code & 0x10:  # 0xb, 0xd and 0xf have four bytes of size, 0xa, 0xc and 0xe one
        return at + 5, int(_U32.unpack_from(data, at + 1)[0])
    return at + 2, data[at + 1]


def _compound(code: int, data: bytes, start: int, end: int, depth: int) -> Value:
    wide = 4 if code & 0x10 else 1
    count = int.from_bytes(data[start : _within(data, start + wide, end)], "big")
    if code in _ARRAYS:
        return _array(data, start + wide, end, count, depth)
    if code not in _LISTS | _MAPS:
        raise CodecError(f"unknown constructor {code:#04x}")
    items, at = [], start + wide
    for _ in range(count):
        item, at = _value(data, at, depth)
        _within(data, at, end)
        items.append(item)
    if at != end:
        raise CodecError("a compound value has another size than it says")
    return items if code in _LISTS else _map(items)


def _map(items: list[Value]) -> Value:
    if len(items) % 2:
        raise CodecError("a map has keys without values")
    try:
        return dict(zip(items[::2], items[1::2], strict=True))
    except TypeError as error:
        raise CodecError("a map has a key that cannot be one") from error


def _array(data: bytes, at: int, end: int, count: int, depth: int) -> Value:
    code = data[_within(data, at + 1, end) - 1]
    if code == 0:
        raise CodecError("arrays of described values are not spoken here")
    if count > end - at:
        raise CodecError("an array has more items than bytes")
    items: list[Value] = []
    for _ in range(count):
        # No item has a constructor of its own; `at` stands where it would be.
        item, following = _by_code(code, data, at, depth)
        at = _within(data, following, end) - 1
        items.append(item)
    if at + 1 != end:
        raise CodecError("an array has another size than it says")
    return Array(code, tuple(items))


def _within(data: bytes, end: int, limit: int | None = None) -> int:
    if end > (len(data) if limit is None else limit):
        raise CodecError("a value ends before its end")
    return end


def _limit(depth: int) -> None:
    if depth >= _DEPTH:
        raise CodecError("nested too deeply")
