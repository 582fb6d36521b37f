"""The AMQP codec: what is encoded is decoded, however it is cut, and nothing else is believed."""

from __future__ import annotations

import math
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.emulators.service_bus.decode import decode, skip
from tests.emulators.service_bus.encode import encode
from tests.emulators.service_bus.frames import AMQP_HEADER, EMPTY, Frame, FrameReader, pack
from tests.emulators.service_bus.performatives import Attach, Flow, Transfer, from_value, to_bytes
from tests.emulators.service_bus.types import (
    Array,
    Byte,
    Char,
    CodecError,
    Described,
    Float,
    Int,
    Long,
    Short,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
    Value,
)


def _whole(low: int, high: int, kind: type[int]) -> st.SearchStrategy[Value]:
    return st.integers(low, high).map(kind)


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
_ASCII = st.text(st.characters(max_codepoint=127), max_size=300)
_INTEGERS = st.one_of(
    _whole(0, 2**8 - 1, UByte),
    _whole(0, 2**16 - 1, UShort),
    _whole(0, 2**32 - 1, UInt),
    _whole(0, 2**64 - 1, ULong),
    _whole(-(2**7), 2**7 - 1, Byte),
    _whole(-(2**15), 2**15 - 1, Short),
    _whole(-(2**31), 2**31 - 1, Int),
    _whole(-(2**63), 2**63 - 1, Long),
    _whole(-(2**63), 2**63 - 1, Timestamp),
)
_KEYS = st.one_of(_TEXT, st.uuids(), st.binary(max_size=300))
_ARRAYS = st.one_of(
    st.lists(_ASCII.map(Symbol)).map(lambda items: Array(0xB3, tuple(items))),
    st.lists(_TEXT.filter(lambda text: len(text.encode()) < 256)).map(
        lambda items: Array(0xA1, tuple(items))
    ),
    st.lists(st.uuids()).map(lambda items: Array(0x98, tuple(items))),
    st.lists(_whole(-(2**63), 2**63 - 1, Timestamp)).map(lambda items: Array(0x83, tuple(items))),
    st.lists(_whole(0, 255, UInt)).map(lambda items: Array(0x52, tuple(items))),
)
_SCALARS: st.SearchStrategy[Value] = st.one_of(
    st.none(),
    st.booleans(),
    _INTEGERS,
    st.floats(allow_nan=False),
    st.floats(width=32, allow_nan=False).map(Float),
    st.characters(exclude_categories=["Cs"]).map(Char),
    _ASCII.map(Symbol),
    _KEYS,
    _ARRAYS,
)


def _deeper(inner: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    return st.one_of(
        st.lists(inner, max_size=6),
        st.dictionaries(_KEYS, inner, max_size=6),
        st.builds(Described, _whole(0, 255, ULong), inner),
    )


_VALUES: st.SearchStrategy[Value] = st.recursive(_SCALARS, _deeper, max_leaves=12)


def _typed(value: Value) -> object:
    """The value with its types, which Python's equality does not compare."""
    if isinstance(value, list):
        return [_typed(item) for item in value]
    if isinstance(value, dict):
        return [(_typed(key), _typed(item)) for key, item in value.items()]
    if isinstance(value, Described):
        return ("described", _typed(value.descriptor), _typed(value.value))
    if isinstance(value, Array):
        return ("array", value.code, [_typed(item) for item in value.items])
    if isinstance(value, float):
        return (type(value), value, math.copysign(1.0, value))
    return (type(value), value)


@settings(deadline=None)  # another process may have the machine
@given(_VALUES)
def test_a_value_survives_the_wire_with_its_type(value: Value) -> None:
    """What is encoded decodes to the same value of the same type, to its last byte."""
    data = encode(value)

    decoded, end = decode(data)

    assert _typed(decoded) == _typed(value)
    assert end == skip(data) == len(data)


@settings(deadline=None)  # another process may have the machine
@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_a_codec_error(data: bytes) -> None:
    """Bytes from anywhere raise nothing but `CodecError`."""
    for read in (decode, skip):
        try:
            read(data)
        except CodecError:
            continue


@settings(deadline=None)  # another process may have the machine
@given(_VALUES, st.data())
def test_a_value_that_is_cut_short_is_none(value: Value, data: st.DataObject) -> None:
    """No beginning of a value is taken for a value."""
    encoded = encode(value)
    cut = encoded[: data.draw(st.integers(0, len(encoded) - 1))]

    with pytest.raises(CodecError):
        decode(cut)
    with pytest.raises(CodecError):
        skip(cut)


@pytest.mark.parametrize(
    "data",
    [
        b"\xc0\x03\x01\x40\x40",  # a list with more bytes than items
        b"\xc0\x02\x02\x40\x40",  # and one with fewer
        b"\xc1\x02\x01\x40",  # a map with a key alone
        b"\xc1\x03\x02\x45\x40",  # and one with a list for a key
        b"\xe0\x05\x02\x50\x01\x02\x03",  # an array with an item too many
        b"\xf0\x00\x00\x00\x05\xff\xff\xff\xff\x40",  # and one of four thousand million nulls
        b"\x56\x02",  # a boolean that is neither
        b"\x3f",  # no constructor
    ],
)
def test_a_value_that_contradicts_itself_is_refused(data: bytes) -> None:
    """Counts and sizes must agree, and a map's keys must be ones."""
    with pytest.raises(CodecError):
        decode(data)


def test_nesting_has_a_limit() -> None:
    """Bytes that nest without end are refused before the interpreter's stack is spent."""
    with pytest.raises(CodecError):
        decode(b"\xc0\xff\x01" * 100_000)
    with pytest.raises(CodecError):
        skip(b"\x00" * 100_000)


@pytest.mark.parametrize("value", [UByte(256), Int(2**31), ULong(-1), Symbol("ä"), object()])
def test_what_a_type_cannot_hold_is_refused(value: Value) -> None:
    """A value out of its type's range, or of no type, raises `CodecError` and is not cut to fit."""
    with pytest.raises(CodecError):
        encode(value)


def test_the_wire_is_that_of_the_specification() -> None:
    """Encodings are those that OASIS AMQP 1.0 gives, not only ones that we read ourselves."""
    assert encode(ULong(0x24)) == b"\x53\x24"
    assert encode(Described(ULong(0x24), [])) == b"\x00\x53\x24\x45"
    assert encode(UUID(int=1)) == b"\x98" + bytes(15) + b"\x01"
    assert encode("ä") == b"\xa1\x02\xc3\xa4"
    assert encode({"a": True}) == b"\xc1\x05\x02\xa1\x01a\x41"
    assert encode(Array(0xA3, (Symbol("a"), Symbol("b")))) == b"\xe0\x06\x02\xa3\x01a\x01b"
    assert decode(b"\x70\x00\x00\x01\x00")[0] == UInt(256)


def test_a_performative_leaves_out_the_nulls_at_its_end() -> None:
    """A field that is not there is its default when it is read."""
    attach = Attach("link", 3, True, initial_delivery_count=0)

    value = decode(to_bytes(attach))[0]

    assert isinstance(value, Described)
    assert isinstance(value.value, list)
    assert len(value.value) == 10
    assert from_value(value) == attach


@settings(deadline=None)  # another process may have the machine
@given(st.lists(st.binary(max_size=2000), max_size=5), st.data())
def test_frames_are_the_same_however_they_are_cut(
    payloads: list[bytes], data: st.DataObject
) -> None:
    """A stream gives the same headers and frames, cut anywhere."""
    stream = AMQP_HEADER + EMPTY
    stream += b"".join(pack(5, Transfer(1, more=False), payload) for payload in payloads)
    stream += pack(2, Flow(handle=1, link_credit=9))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    reader = FrameReader()

    got = [
        item
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        for item in reader.feed(stream[start:end])
    ]

    assert got[:2] == [AMQP_HEADER, Frame(0, None)]
    assert [item.payload for item in got[2:-1] if isinstance(item, Frame)] == payloads
    assert got[-1] == Frame(2, Flow(handle=1, link_credit=9))


@pytest.mark.parametrize(
    "stream", [b"GET / HTTP/1.1\r\n\r\n", b"\x00\x00\x00\x07\x02\x00\x00\x00", b"\xff" * 8]
)
def test_what_is_no_frame_is_refused(stream: bytes) -> None:
    """Another protocol, or a size that no frame has, raises `CodecError`."""
    with pytest.raises(CodecError):
        list(FrameReader().feed(stream))
