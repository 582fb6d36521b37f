"""Envelopes: the sealed body of a message, and what a worker takes out of it.

An envelope is a small segment: for each segment that an exchange touched, that segment's first
frame and then the exchange's frames, all verbatim, so that whoever ships needs no key. The law of
this module: what is given out was sealed for this exchange and is whole, or the loss is said. A
record is given whole or not at all; of a remnant, what can be read is given and what is missing
is counted. What another key or another version could still open is not passed over: the envelope
waits for it. Pieces are opened once to know all that, and those of a large exchange again by
whoever reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import msgspec
import zstandard

from audit.errors import EnvelopeDamaged, FormatUnknown, KeyMissing, SignatureInvalid
from audit.exchange import Opening
from audit.value import from_json
from storage.opened import OpenedRecord, OpenedRemnant, Piece, clear_piece
from storage.seal import SUITE, FrameOpener, Opener, Wrapped
from storage.spool.frame import CRITICAL, LAST, SEALED, ZSTD, Header, Kind, format_notice
from storage.spool.pieces import piece_kind
from storage.spool.port import PieceKind
from storage.spool.reader import Damage, Frame, read_frames
from storage.spool.segments import SegmentHead, segment_statement

__all__ = ["OpenedRecord", "OpenedRemnant", "open_envelope"]

# A record beyond this is no record of ours; without a bound a few kilobytes could unfold into
# all of a worker's memory.
_MAX_RECORD = 1 << 30

# Pieces that are not opened a second time: so much memory is spent on nearly every exchange.
_KEPT_CLEAR = 1 << 20

_Barred: TypeAlias = KeyMissing | SignatureInvalid | FormatUnknown


def open_envelope(body: bytes, opener: Opener) -> OpenedRecord | OpenedRemnant:
    """Open an envelope.

    Where there is no whole record, raises `KeyMissing` when any of it was sealed for a key that is
    not held, `SignatureInvalid` when it was sealed by nobody who is trusted as a tap,
    `FormatUnknown` when another version wrote it in a format or sealed it in a way of its own, and
    `EnvelopeDamaged` when no opening can be read from it either.
    """
    contents = _Contents(body, opener)
    for finding in read_frames(body):
        if isinstance(finding, Frame):
            contents.take(finding)
        elif isinstance(finding, Damage) and finding.format is not None:
            contents.barred = FormatUnknown(format_notice(finding.format))
    return contents.result()


class _Contents:
    """Gathers an envelope's frames; a frame that comes twice counts once.

    `barred` is the reason, if there is one, why something here cannot be opened although it is
    well; `_withheld` is that of a frame of the exchange itself.
    """

    def __init__(self, body: bytes, opener: Opener) -> None:
        self._body = body
        self._room = _KEPT_CLEAR
        self.barred: _Barred | None = None
        self._withheld: _Barred | None = None
        self._locked: _Barred | None = None
        self._opener = opener
        self._segment: FrameOpener | None = None
        self._opening: Opening | None = None
        self._pieces: dict[int, Piece] = {}
        self._pieces_seen = 0
        self._record: dict[int, bytes] = {}
        self._last: Header | None = None
        self._whose: tuple[str, int, str] | None = None

    def take(self, frame: Frame) -> None:
        """Take in one frame; one that cannot be opened is left out."""
        if frame.header.kind == Kind.SEGMENT:
            self._segment = self._unwrap(frame)
            return
        if not self._is_ours(frame.header):
            return
        if frame.header.kind == Kind.PIECE:
            self._pieces_seen = max(self._pieces_seen, frame.header.index + 1)
        payload = self._open(frame)
        if payload is not None:
            self._sort(frame, payload)

    def result(self) -> OpenedRecord | OpenedRemnant:
        """Give what the envelope holds, or raise what stands in the way."""
        record = self._whole_record()
        if record is not None:
            return OpenedRecord(record)
        if self._withheld is not None:
            raise self._withheld
        if self._opening is None:
            raise self.barred or EnvelopeDamaged()
        pieces = [self._pieces[index] for index in sorted(self._pieces)]
        return OpenedRemnant(self._opening, pieces, self._pieces_seen - len(pieces))

    def _is_ours(self, header: Header) -> bool:
        """Frames of another exchange, however they came here, never mix with the first one's."""
        whose = (header.boot, header.seq, header.id)
        self._whose = self._whose or whose
        return self._whose == whose

    def _unwrap(self, frame: Frame) -> FrameOpener | None:
        self._locked = None
        try:
            head = _head(frame.payload)
            statement = segment_statement(frame.payload)
            return self._opener.segment(
                Wrapped(head.key_id, head.wrapped_key, statement, head.signature)
            )
        except (KeyMissing, SignatureInvalid, FormatUnknown) as missing:
            self.barred = self._locked = missing
        except (EnvelopeDamaged, msgspec.DecodeError):
            pass
        return None

    def _open(self, frame: Frame) -> bytes | None:
        header = frame.header
        if header.flags & CRITICAL:
            self._withheld = FormatUnknown("written in a way that this version does not read")
            return None
        self._withheld = self._withheld or self._locked
        if self._segment is None or not header.flags & SEALED:
            return None
        try:
            return self._segment.open(header.counter, frame.payload, frame.head)
        except EnvelopeDamaged:
            return None

    def _sort(self, frame: Frame, payload: bytes) -> None:
        header = frame.header
        if header.kind == Kind.OPENED:
            self._opening = self._opening or _opening(payload)
        elif header.kind == Kind.PIECE:
            kind = piece_kind(header.part)
            if kind is not None:
                self._pieces.setdefault(header.index, self._piece(kind, frame, payload))
        elif header.kind == Kind.CLOSED:
            self._record.setdefault(header.index, payload)
            self._last = header if header.flags & LAST else self._last

    def _piece(self, kind: PieceKind, frame: Frame, payload: bytes) -> Piece:
        if len(payload) > self._room:
            return Piece(kind, len(payload), self._opened_again(frame))
        self._room -= len(payload)
        return clear_piece(kind, payload)

    def _opened_again(self, frame: Frame) -> Callable[[], bytes]:
        """How to open a frame that opens, from the envelope and not from a copy of its payload."""
        assert self._segment is not None  # noqa: S101 - it has been opened once
        end = frame.offset + frame.size
        place = slice(end - len(frame.payload), end)
        return partial(_opened, self._segment, frame.header.counter, frame.head, self._body, place)

    def _whole_record(self) -> bytes | None:
        if self._last is None or len(self._record) <= self._last.index:
            return None
        joined = b"".join(self._record[index] for index in sorted(self._record))
        return _unfold(joined) if self._last.flags & ZSTD else joined


def _opened(opener: FrameOpener, counter: int, head: bytes, body: bytes, place: slice) -> bytes:
    return opener.open(counter, body[place], head)


def _head(payload: bytes) -> SegmentHead:
    head = from_json(payload, SegmentHead)
    if head.suite != SUITE:
        raise FormatUnknown("sealed in a way that this version does not open")
    return head


def _opening(payload: bytes) -> Opening | None:
    try:
        return from_json(payload, Opening)
    except msgspec.DecodeError:
        return None


def _unfold(squeezed: bytes) -> bytes | None:
    try:
        if not 0 <= zstandard.frame_content_size(squeezed) <= _MAX_RECORD:
            return None
        return zstandard.ZstdDecompressor().decompress(squeezed)
    except zstandard.ZstdError:
        return None
