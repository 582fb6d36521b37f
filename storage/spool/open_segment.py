"""The segment being written: operations in, sealed frames at the end of its file.

The law of this module: a counter is never used twice under one key, not even for a frame whose
write failed; and what a failed write left behind is cut off again, or the file is given up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from storage.seal import FrameSealer
from storage.spool.disk import AppendFile
from storage.spool.frame import LAST, MAX_PAYLOAD, SEALED, Kind
from storage.spool.index import Segment
from storage.spool.ops import Append, Placed, Written
from storage.spool.packing import Packer
from storage.spool.squeezing import SMALL, Squeezer

__all__ = ["OpenSegment"]

_SEALED_KINDS = frozenset({Kind.OPENED, Kind.PIECE, Kind.CLOSED})
# Records up to this size stay in memory until they are shipped, so that shipping need not read.
_KEPT_RECORD = 64 * 1024


class OpenSegment:
    """A file with its key. `size` is how far it holds whole frames. Used by one thread."""

    def __init__(
        self, segment: Segment, file: AppendFile, sealer: FrameSealer, packer: Packer
    ) -> None:
        self.segment = segment
        self.file = file
        self.size = len(segment.head)
        # A sync of it has failed: it is never known to be on the disk.
        self.given_up = False
        # A sync of it has worked: it holds what is kept nowhere else.
        self.synced = False
        self._sealer = sealer
        self._packer = packer
        # The segment's head has used up the first.
        self._counter = 1
        self._squeezer = Squeezer()

    def append(self, ops: Sequence[Append]) -> Written:
        """Seal and write all of `ops`. Raises `OSError`; then call `take_back`."""
        placed: list[Placed] = []
        offset = self.size
        self._packer.clear()
        for op in ops:
            keep = op.kind is Kind.CLOSED and len(op.payload) <= _KEPT_RECORD
            for frame in self._frames(op):
                placed.append(Placed(op, offset, len(frame), bytes(frame) if keep else None))
                offset += len(frame)
        self.file.write(self._packer.packed())
        self.size = offset
        return Written(self.segment, offset, placed)

    def take_back(self) -> None:
        """Cut off what a failed write left. Raises `OSError`; then nothing may be added."""
        self.file.truncate(self.size)

    def _frames(self, op: Append) -> Iterator[memoryview]:
        if op.kind is None:
            return
        payload, flags = self._prepare(op)
        last = op.index + max(0, len(payload) - 1) // MAX_PAYLOAD
        for index in range(op.index, last + 1):
            start = (index - op.index) * MAX_PAYLOAD
            part = payload[start : start + MAX_PAYLOAD]
            yield self._frame(op, op.kind, index, part, flags | (LAST if index == last else 0))

    def _prepare(self, op: Append) -> tuple[bytes, int]:
        flags = op.flags | (SEALED if op.kind in _SEALED_KINDS else 0)
        if op.kind is not Kind.CLOSED or len(op.payload) <= SMALL:
            return op.payload, flags
        payload, squeezed = self._squeezer.squeeze(op.payload)
        return payload, flags | squeezed

    def _frame(self, op: Append, kind: Kind, index: int, part: bytes, flags: int) -> memoryview:
        if not self._packer.has_room(len(part)):
            self.file.write(self._packer.packed())
            self._packer.clear()
        counter, self._counter = self._counter, self._counter + 1
        return self._packer.pack(
            self._sealer,
            counter,
            part,
            kind=kind,
            seq=op.seq,
            record_id=op.id,
            part=op.part,
            flags=flags,
            index=index,
        )
