"""Content codings taken off a copy of a body: gzip, deflate, br, zstd, one on another.

The law of this module: bytes are pulled through in bounded pieces, what was decoded before
something broke is kept, and nothing raises; what went wrong is a flag. A body that is announced
as encoded and is not comes out as it went in.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TypeAlias

import brotli  # type: ignore[import-untyped]  # the package carries no types
import zstandard

from audit.flags import Flag
from tap.held import PIECE, Held

__all__ = ["OUTPUT_LIMIT", "PIECE", "Flags", "decoded", "pieces"]

# The most a body may grow to. A capture is far smaller than this; only a decompression bomb
# or a very repetitive body gets here.
OUTPUT_LIMIT = 64 * 1024 * 1024

# A zstd block of four bytes can give 128 KiB. Fed in pieces of 256 bytes, one step gives at
# most 8 MiB, whatever a hostile body holds.
_ZSTD_PIECE = 256

# RFC 9659 §3: a zstd content coding needs a window of no more than 8 MB.
_ZSTD_WINDOW = 8 * 1024 * 1024

_GZIP_MAGIC = b"\x1f\x8b"
_PLAIN_STARTS = (b"{", b"[", b"<", b"data:", b"event:", b"id:", b"retry:", b": ")

Flags: TypeAlias = set[Flag]
_Coding: TypeAlias = Callable[[Iterator[bytes], Flags], Iterator[bytes]]


def pieces(data: bytes) -> Iterator[bytes]:
    """Cut bytes into pieces of at most `PIECE`."""
    view = memoryview(data)
    for start in range(0, len(data), PIECE):
        yield bytes(view[start : start + PIECE])


def decoded(
    data: bytes | Held, content_encoding: str | None, flags: Flags, limit: int = OUTPUT_LIMIT
) -> Iterator[bytes]:
    """Take the codings named in `content_encoding` off, last applied first.

    Yields pieces, at most `limit` bytes in all; an empty piece is a step that gave nothing yet.
    Adds to `flags` what went wrong.
    """
    stream = pieces(data) if isinstance(data, bytes) else data.evenly()
    names = [name.strip().lower() for name in (content_encoding or "").split(",")]
    for name in reversed(names):
        if name in ("", "identity"):
            continue
        coding = _CODINGS.get(name)
        if coding is None:
            flags.add(Flag.ENCODING_UNKNOWN)
            break
        stream = _unless_plain(stream, coding, flags)
    return _capped(stream, limit, flags)


def _capped(stream: Iterable[bytes], limit: int, flags: Flags) -> Iterator[bytes]:
    left = limit
    for piece in stream:
        if len(piece) > left:
            flags.add(Flag.DECODED_TOO_LARGE)
            yield piece[:left]
            return
        left -= len(piece)
        yield piece


def _unless_plain(stream: Iterator[bytes], coding: _Coding, flags: Flags) -> Iterator[bytes]:
    head = b""
    for piece in stream:
        head += piece
        if len(head) >= 16:
            break
    if not head:
        return
    if _looks_plain(head):
        flags.add(Flag.ENCODING_ABSENT)
        yield head
        yield from stream
        return
    yield from _or_as_it_is(chain((head,), stream), coding, flags)


def _or_as_it_is(stream: Iterator[bytes], coding: _Coding, flags: Flags) -> Iterator[bytes]:
    """Decode; where it breaks before anything came out, give the bytes as they went in."""
    taken: list[bytes] = []
    gave = False
    troubles: Flags = set()
    for piece in coding(_remembered(stream, taken), troubles):
        gave = gave or bool(piece)
        if gave:
            taken.clear()
        yield piece
    if Flag.ENCODING_DAMAGED in troubles and not gave:
        troubles = {Flag.ENCODING_ABSENT}
        yield from taken
        yield from stream
    flags |= troubles


def _remembered(stream: Iterator[bytes], taken: list[bytes]) -> Iterator[bytes]:
    """Keep what passes in `taken`, which the reader empties once it is of no more use."""
    for piece in stream:
        taken.append(piece)
        yield piece


def _looks_plain(head: bytes) -> bool:
    """No coding's output starts like a JSON, HTML or event-stream text of printable bytes."""
    start = head[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    printable = all(32 <= byte < 127 or byte in b"\r\n\t" for byte in start[:16])
    return printable and start.startswith(_PLAIN_STARTS)


def _gzip(stream: Iterator[bytes], flags: Flags) -> Iterator[bytes]:
    """RFC 1952: one or more members; padding by zeros after the last is common."""
    rest = next(stream, b"")
    while True:
        inflater = zlib.decompressobj(wbits=31)
        # A chain leaves the stream open when its reader stops at a member's end; a generator that
        # delegates to the stream would close it, and the members after would be lost.
        yield from _inflated(inflater, chain((rest,), stream), flags)
        if not inflater.eof:
            return
        rest = inflater.unused_data.lstrip(b"\0") or next(stream, b"").lstrip(b"\0")
        if not rest:
            return
        if len(rest) < 2:
            rest += next(stream, b"")
        if not rest.startswith(_GZIP_MAGIC):
            flags.add(Flag.ENCODING_DAMAGED)
            return


def _deflate(stream: Iterator[bytes], flags: Flags) -> Iterator[bytes]:
    """RFC 9110 §8.4.1.2 means zlib; some senders leave the zlib wrapper out."""
    head = next(stream, b"")
    wrapped = head[0] & 0x0F == 8 and len(head) > 1 and int.from_bytes(head[:2], "big") % 31 == 0
    inflater = zlib.decompressobj(wbits=15 if wrapped else -15)
    yield from _inflated(inflater, chain((head,), stream), flags)


def _inflated(inflater: zlib._Decompress, stream: Iterator[bytes], flags: Flags) -> Iterator[bytes]:
    try:
        for piece in stream:
            yield inflater.decompress(piece, PIECE)
            while inflater.unconsumed_tail and not inflater.eof:
                yield inflater.decompress(inflater.unconsumed_tail, PIECE)
            if inflater.eof:
                return
        yield inflater.flush()
        # The last bits can have been read while their output was still held back.
        if inflater.eof:
            return
    except zlib.error:
        flags.add(Flag.ENCODING_DAMAGED)
    else:
        flags.add(Flag.ENCODING_TRUNCATED)


def _brotli(stream: Iterator[bytes], flags: Flags) -> Iterator[bytes]:
    expander = brotli.Decompressor()
    try:
        for piece in stream:
            given = expander.process(piece, output_buffer_limit=PIECE)
            # It may hold output back even while it would accept more input.
            while given or not expander.can_accept_more_data():
                yield given
                given = expander.process(b"", output_buffer_limit=PIECE)
            yield b""
            if expander.is_finished():
                return
    except brotli.error:
        flags.add(Flag.ENCODING_DAMAGED)
    else:
        flags.add(Flag.ENCODING_TRUNCATED)


def _zstd(stream: Iterator[bytes], flags: Flags) -> Iterator[bytes]:
    """RFC 8878 §3: frames follow one another; each has a decompressor of its own."""
    maker = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    expander = maker.decompressobj()
    begun = False
    try:
        for piece in stream:
            for start in range(0, len(piece), _ZSTD_PIECE):
                rest = piece[start : start + _ZSTD_PIECE]
                while rest:
                    begun = True
                    yield expander.decompress(rest)
                    rest = expander.unused_data if expander.eof else b""
                    if expander.eof:
                        expander, begun = maker.decompressobj(), False
    except zstandard.ZstdError:
        flags.add(Flag.ENCODING_DAMAGED)
    if begun:
        flags.add(Flag.ENCODING_TRUNCATED)


_CODINGS: dict[str, _Coding] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
