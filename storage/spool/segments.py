"""Writing segments: sealed frames into one file after another.

The law of this module: a counter is never used twice under one key, not even for a frame whose
write failed; a file whose sync failed is never written to or trusted again; and a segment is
begun only in a folder that is synced, so that no frame stands in a file that a power cut unnames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec
import zstandard

from audit.value import Value, prepare, to_json
from storage.seal import FrameSealer, Sealer
from storage.spool.disk import AppendFile, Disk
from storage.spool.frame import (
    LAST,
    MAX_PAYLOAD,
    SEAL_BYTES,
    SEALED,
    ZSTD,
    Header,
    Kind,
    encode_frame,
    encode_header,
)
from storage.spool.index import Segment
from storage.spool.notes import BOOTS, NUMBERS, NumbersNote, save_note
from storage.spool.ops import Append, Discard, Placed

__all__ = ["SUFFIX", "Journal", "SegmentHead", "segment_name"]

SUFFIX = ".spool"
_SEALED_KINDS = frozenset({Kind.OPENED, Kind.PIECE, Kind.CLOSED})
# Records up to this size stay in memory until they are shipped, so that shipping need not read.
_KEPT_RECORD = 64 * 1024
# Below this, compression costs more than it saves.
_WORTH_COMPRESSING = 512


class SegmentHead(Value, frozen=True):
    """A segment's first frame: whose it is, its wrapped key, and which boot came before."""

    tap: str
    boot: str
    index: int
    key_id: str
    wrapped_key: bytes
    predecessor: str | None = None
    predecessor_opened: int | None = None
    predecessor_chain: str | None = None


def segment_name(boot: str, index: int) -> str:
    """The file name of a segment; names of one boot sort in the order of their making."""
    return f"{boot}-{index:06d}{SUFFIX}"


class _OpenSegment:
    """The segment being written."""

    def __init__(self, segment: Segment, file: AppendFile, sealer: FrameSealer) -> None:
        self.segment = segment
        self.file = file
        self.sealer = sealer
        self.size = 0
        self.counter = 0


class Journal:
    """Appends to the newest segment. Used by one thread; every method may block on the disk.

    `origin` is the head that each of this boot's segments begins with, but for index and key.
    """

    def __init__(
        self,
        disk: Disk,
        sealer: Sealer,
        origin: SegmentHead,
        *,
        segment_bytes: int,
        reserved: int,
        reserve_ahead: int,
    ) -> None:
        self._disk = disk
        self._sealer = sealer
        self._origin = origin
        self._segment_bytes = segment_bytes
        self._reserve_ahead = reserve_ahead
        self._reserved = reserved
        self._next_index = 0
        self._current: _OpenSegment | None = None
        self._squeeze: Callable[[bytes], bytes] = zstandard.ZstdCompressor(level=3).compress

    def append(self, ops: Sequence[Append]) -> list[Placed]:
        """Seal and write all of `ops` in one write. Raises `OSError`; then none is in a file."""
        if all(op.kind is None for op in ops):
            return []
        self._cover(ops)
        current = self._current or self._begin()
        placed: list[Placed] = []
        frames: list[bytes] = []
        offset = current.size
        for op in ops:
            for frame in self._frames(current, op):
                keep = op.kind is Kind.CLOSED and len(op.payload) <= _KEPT_RECORD
                raw = frame if keep else None
                placed.append(Placed(op, current.segment, offset, len(frame), raw))
                frames.append(frame)
                offset += len(frame)
        self._write(current, b"".join(frames))
        return placed

    def sync(self) -> None:
        """Make everything appended durable. Raises `OSError`; then call `abandon`."""
        if self._current is not None:
            self._current.file.sync()
            if self._current.size >= self._segment_bytes:
                self.abandon()

    def abandon(self) -> None:
        """Write no more to this segment; the next append begins a new one."""
        if self._current is not None:
            with suppress(OSError):
                self._current.file.close()
        self._current = None

    def reserve(self, bound: int) -> None:
        """Note durably that numbers up to `bound` may be given out. Raises `OSError`."""
        if bound <= self._reserved:
            return
        save_note(self._disk, NUMBERS, NumbersNote(boot=self._origin.boot, reserved=bound))
        self._reserved = bound

    def _cover(self, ops: Sequence[Append]) -> None:
        """No opening is written whose number does not lie under the durable bound."""
        highest = max((op.seq for op in ops if op.kind is Kind.OPENED), default=0)
        if highest > self._reserved:
            self.reserve(highest + self._reserve_ahead)

    def discard(self, discard: Discard) -> None:
        """Note how far the boots came, then delete. Raises `OSError`; all or some may remain."""
        save_note(self._disk, BOOTS, discard.note)
        for segment in discard.segments:
            self._disk.remove(segment.name)
        self._disk.sync()

    def _begin(self) -> _OpenSegment:
        sealer = self._sealer.new_segment()
        index, self._next_index = self._next_index, self._next_index + 1
        origin = msgspec.structs.replace(
            self._origin, index=index, key_id=sealer.key_id, wrapped_key=sealer.wrapped_key
        )
        payload = to_json(origin)
        header = Header(
            kind=Kind.SEGMENT, seq=0, tap=origin.tap, boot=origin.boot, length=len(payload)
        )
        head = encode_frame(encode_header(header), payload)
        name = segment_name(origin.boot, index)
        file = self._disk.create(name)
        current = _OpenSegment(Segment(name, origin.boot, head), file, sealer)
        try:
            file.write(head)
            self._disk.sync()
        except OSError:
            self._undo(current)
            raise
        current.size, current.counter, self._current = len(head), 1, current
        return current

    def _undo(self, current: _OpenSegment) -> None:
        with suppress(OSError):
            current.file.close()
            self._disk.remove(current.segment.name)

    def _write(self, current: _OpenSegment, data: bytes) -> None:
        if not data:
            return
        try:
            current.file.write(data)
        except OSError:
            self._take_back(current)
            raise
        current.size += len(data)

    def _take_back(self, current: _OpenSegment) -> None:
        """Cut off what a failed write left; where that fails too, the file is given up."""
        try:
            current.file.truncate(current.size)
        except OSError:
            self.abandon()

    def _frames(self, current: _OpenSegment, op: Append) -> list[bytes]:
        if op.kind is None:
            return []
        payload, flags = op.payload, 0
        if op.kind in _SEALED_KINDS:
            flags = SEALED
        if op.kind is Kind.CLOSED and len(payload) >= _WORTH_COMPRESSING:
            squeezed = self._squeeze(payload)
            if len(squeezed) < len(payload):
                payload, flags = squeezed, flags | ZSTD
        starts = range(0, len(payload) or 1, MAX_PAYLOAD)
        return [
            self._frame(
                current,
                op,
                op.index + number,
                payload[start : start + MAX_PAYLOAD],
                flags | (LAST if number == len(starts) - 1 else 0),
            )
            for number, start in enumerate(starts)
        ]

    def _frame(
        self, current: _OpenSegment, op: Append, index: int, part: bytes, flags: int
    ) -> bytes:
        counter, current.counter = current.counter, current.counter + 1
        sealed = bool(flags & SEALED)
        header = Header(
            kind=op.kind or Kind.PIECE,
            seq=op.seq,
            tap=self._origin.tap,
            boot=self._origin.boot,
            id=op.id,
            part=op.part,
            flags=flags,
            index=index,
            length=len(part) + (SEAL_BYTES if sealed else 0),
            counter=counter,
        )
        head = encode_header(header)
        return encode_frame(head, current.sealer.seal(counter, part, head) if sealed else part)


prepare(SegmentHead)
