"""Content codings: taken off in pieces, kept as far as they go, never believed blindly."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]  # the package carries no types
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from audit.flags import Flag
from tap.encodings import PIECE, decoded

BODY = b"".join(b'data: {"number": %d}\n\n' % number for number in range(9000))


def raw_deflate(data: bytes) -> bytes:
    """Deflate without the zlib wrapper, as some senders do."""
    squeezer = zlib.compressobj(wbits=-15)
    return squeezer.compress(data) + squeezer.flush()


def zstd(data: bytes) -> bytes:
    """One zstd frame."""
    return zstandard.ZstdCompressor().compress(data)


def squeezed(data: bytes) -> bytes:
    """One brotli stream."""
    packed: bytes = brotli.compress(data)
    return packed


CODINGS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("Deflate", raw_deflate),
    ("br", squeezed),
    ("zstd", zstd),
    ("gzip, br", lambda data: squeezed(gzip.compress(data))),
    ("x-gzip", lambda data: gzip.compress(data[:99]) + gzip.compress(data[99:]) + b"\0\0\0"),
    ("zstd", lambda data: zstd(data[:99]) + zstd(data[99:])),
    ("identity", bytes),
]


def read(data: bytes, coding: str | None, limit: int = 1 << 24) -> tuple[bytes, set[Flag]]:
    """The decoded body and what was flagged."""
    flags: set[Flag] = set()
    return b"".join(decoded(data, coding, flags, limit)), flags


@pytest.mark.parametrize(("coding", "encode"), CODINGS)
def test_every_coding_is_taken_off(coding: str, encode: Callable[[bytes], bytes]) -> None:
    """Each coding, stacked ones and several members included, gives the body without a flag."""
    assert read(encode(BODY), coding) == (BODY, set())
    assert read(encode(b""), coding) == (b"", set())


@pytest.mark.parametrize(("coding", "encode"), CODINGS[:6])
def test_a_body_that_ends_early_keeps_what_was_decoded(
    coding: str, encode: Callable[[bytes], bytes]
) -> None:
    """Of a truncated body the decoded prefix remains, and the record says so."""
    packed = encode(BODY)
    prefix, flags = read(packed[: len(packed) * 3 // 4], coding)
    assert prefix
    assert BODY.startswith(prefix)
    assert flags == {Flag.ENCODING_TRUNCATED}


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, br"])
@pytest.mark.parametrize(
    "body", [BODY, b'{"error":"x"}', b"\xff\xfe\xfd" * 30], ids=["events", "json", "bytes"]
)
def test_a_body_that_was_never_encoded_comes_out_as_it_is(coding: str, body: bytes) -> None:
    """A lying header costs nothing but a flag."""
    assert read(body, coding) == (body, {Flag.ENCODING_ABSENT})


def test_members_that_end_anywhere_in_a_piece_are_all_read() -> None:
    """What follows a member is read on, wherever a piece of the body ends."""
    body = random.Random(1).randbytes(PIECE // 3)
    assert read(gzip.compress(body) * 20, "gzip") == (body * 20, set())


@pytest.mark.parametrize("beyond", range(6))
def test_an_end_that_comes_with_the_last_of_the_output_is_an_end(beyond: int) -> None:
    """A body a few bytes longer than a piece is whole, though its last bytes come late."""
    body = b"0" * (PIECE + beyond)
    assert read(raw_deflate(body), "deflate") == (body, set())


def test_damage_in_the_middle_keeps_what_stood_before_it() -> None:
    """A broken checksum or block ends the body there."""
    packed = bytearray(gzip.compress(BODY))
    packed[-6] ^= 0xFF
    prefix, flags = read(bytes(packed), "gzip")
    assert BODY.startswith(prefix)
    assert flags == {Flag.ENCODING_DAMAGED}


@pytest.mark.parametrize(("coding", "encode"), CODINGS[:5])
def test_a_bomb_stops_at_the_limit_and_comes_in_bounded_pieces(
    coding: str, encode: Callable[[bytes], bytes]
) -> None:
    """A body that grows past the limit keeps its head; pieces stay small."""
    flags: set[Flag] = set()
    pieces = list(decoded(encode(b"0" * 20_000_000), coding, flags, 3_000_000))
    assert b"".join(pieces) == b"0" * 3_000_000
    assert flags == {Flag.DECODED_TOO_LARGE}
    assert max(map(len, pieces)) <= (8 << 20 if coding == "zstd" else 2 * PIECE)


def test_a_coding_nobody_knows_is_left_as_it_is() -> None:
    """An unknown name leaves the bytes alone and is flagged."""
    assert read(b"abc", "zip-o-matic") == (b"abc", {Flag.ENCODING_UNKNOWN})


@given(data=st.binary(max_size=300), coding=st.sampled_from([name for name, _ in CODINGS]))
def test_no_bytes_make_a_decoder_raise(data: bytes, coding: str) -> None:
    """Random bytes under any coding give bytes."""
    read(data, coding)


@given(at=st.integers(0, 200), bit=st.integers(0, 7), which=st.integers(0, len(CODINGS) - 1))
def test_a_flipped_bit_never_makes_a_decoder_raise(at: int, bit: int, which: int) -> None:
    """A damaged body gives what it can."""
    coding, encode = CODINGS[which]
    packed = bytearray(encode(BODY[:400]))
    packed[at % len(packed)] ^= 1 << bit
    read(bytes(packed), coding)
