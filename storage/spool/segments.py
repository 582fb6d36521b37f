"""Segments: one file after another, and the notes that stand beside them.

The law of this module: a file whose sync failed is never written to or trusted again; a segment
is begun only in a folder that is synced, so that no frame stands in a file that a power cut
unnames; and no opening is written whose number does not lie under the durable bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import msgspec

from audit.value import Json, Value, canonical_json, prepare, to_json
from storage.seal import SUITE, Sealer
from storage.spool.disk import AppendFile, Disk
from storage.spool.frame import Kind
from storage.spool.index import Segment
from storage.spool.notes import BOOTS, NUMBERS, NumbersNote, save_note
from storage.spool.open_segment import OpenSegment
from storage.spool.ops import Append, Discard, Resting, Written
from storage.spool.packing import Packer

__all__ = ["SUFFIX", "Journal", "SegmentHead", "segment_name", "segment_statement"]

SUFFIX = ".spool"


class SegmentHead(Value, frozen=True):
    """A segment's first frame: whose it is, its wrapped key, and which boot came before.

    `suite` is what the key was wrapped and the frames were sealed with; `signature` is the tap's,
    over all of it. `unsynced` are the indexes of this boot's earlier segments that were not known
    to be synced when this one was begun: the page cache may show more of them than the disk holds.
    """

    tap: str
    boot: str
    index: int
    key_id: str
    wrapped_key: bytes
    predecessor: str | None = None
    predecessor_opened: int | None = None
    predecessor_chain: str | None = None
    suite: str = SUITE
    signature: str | None = None
    unsynced: tuple[int, ...] | msgspec.UnsetType = msgspec.UNSET


def segment_statement(payload: bytes) -> bytes:
    """What a tap signs of a segment: its head's whole JSON, canonically, but for the signature.

    So its key is known to be the tap's. Fields that only a later version knows are part of it.
    Raises `msgspec.DecodeError`.
    """
    fields = msgspec.json.decode(payload, type=dict[str, Json])
    fields.pop("signature", None)
    return b"auditstream segment 1\n" + canonical_json(fields)


def segment_name(boot: str, index: int) -> str:
    """The file name of a segment; names of one boot sort in the order of their making."""
    return f"{boot}-{index:06d}{SUFFIX}"


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
        self._packer = Packer(origin.tap, origin.boot)
        self._current: OpenSegment | None = None
        self._dirty: list[OpenSegment] = []
        self._left: list[OpenSegment] = []
        self._in_flight: list[OpenSegment] = []
        self._given_up: list[OpenSegment] = []
        self._unsynced: dict[str, int] = {}

    def append(self, ops: Sequence[Append]) -> Written | None:
        """Seal and write all of `ops`; None where nothing is to be written.

        Raises `OSError`; then none of them is in a file, or they are `placed`.
        """
        if all(op.kind is None for op in ops):
            return None
        self._cover(ops)
        current = self._current or self._begin()
        if current not in self._dirty:
            self._dirty.append(current)
        fresh = [op for op in ops if not op.placed]
        for op in fresh:
            op.placed = True
        try:
            return current.append(ops)
        except OSError:
            self._take_back(current, fresh)
            raise

    def to_sync(self) -> list[AppendFile]:
        """The files with bytes that no sync has been asked for; a full one is left behind."""
        self._in_flight, self._dirty = self._dirty, []
        if self._current is not None and self._current.size >= self._segment_bytes:
            self.abandon()
        return [each.file for each in self._in_flight]

    def synced(self) -> None:
        """The sync that was asked for has worked."""
        for each in self._in_flight:
            each.synced = True

    def rests(self, resting: Resting) -> bool:
        """Whether this is the segment being written to, and nothing has been added to it."""
        current = self._current
        return current is not None and (current.segment, current.size) == resting

    def abandon(self) -> None:
        """Write no more to this segment; the next append begins a new one."""
        if self._current is not None:
            self._left.append(self._current)
        self._current = None

    def give_up(self) -> None:
        """A sync has failed: no file that waits for one is trusted to get it."""
        self._dirty = []
        self.abandon()
        for each in self._left:
            each.given_up = True
        self._given_up += [each for each in self._left if not each.synced]

    def drop_superseded(self) -> list[Segment]:
        """Remove what was given up before any sync of it worked; its frames stand elsewhere now.

        Else a disk that cannot sync would be filled with copies of what waits. What cannot be
        removed is tried again.
        """
        dropped: list[Segment] = []
        with suppress(OSError):
            while self._given_up:
                segment = self._given_up[-1].segment
                self._disk.remove(segment.name)
                self._unsynced.pop(segment.name, None)
                self._given_up.pop()
                dropped.append(segment)
        return dropped

    def tidy(self) -> None:
        """Close what is no longer written to. Only while no sync is under way.

        A descriptor that is closed under a sync may have become another file's by then.
        """
        waiting = [each for each in self._left if each in self._dirty]
        for each in self._left:
            if each not in waiting:
                with suppress(OSError):
                    each.file.close()
                if not each.given_up:
                    self._unsynced.pop(each.segment.name, None)
        self._left = waiting

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
            self._unsynced.pop(segment.name, None)
        self._disk.sync()

    def _begin(self) -> OpenSegment:
        sealer = self._sealer.new_segment()
        index, self._next_index = self._next_index, self._next_index + 1
        origin = msgspec.structs.replace(
            self._origin,
            index=index,
            key_id=sealer.key_id,
            wrapped_key=sealer.wrapped_key,
            unsynced=tuple(self._unsynced.values()) or msgspec.UNSET,
        )
        signature = self._sealer.vouch(segment_statement(to_json(origin)))
        origin = msgspec.structs.replace(origin, signature=signature)
        self._packer.clear()
        head = bytes(self._packer.pack(sealer, 0, to_json(origin), kind=Kind.SEGMENT))
        segment = Segment(segment_name(origin.boot, index), origin.boot, head)
        file = self._disk.create(segment.name)
        current = OpenSegment(segment, file, sealer, self._packer)
        try:
            file.write(head)
            self._disk.sync()
        except OSError:
            self._undo(current)
            raise
        self._unsynced[segment.name] = index
        self._current = current
        return current

    def _undo(self, current: OpenSegment) -> None:
        with suppress(OSError):
            current.file.close()
            self._disk.remove(current.segment.name)

    def _take_back(self, current: OpenSegment, ops: Sequence[Append]) -> None:
        try:
            current.take_back()
        except OSError:
            self.abandon()
            if current.size == len(current.segment.head):
                # Nobody has been told of it, so that nobody else would remove it.
                self._given_up.append(current)
        else:
            for op in ops:
                op.placed = False


prepare(SegmentHead)
