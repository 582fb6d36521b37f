"""Building envelopes: from memory where a record is still there, else read back from the disk.

The law of this module: frames leave as they stand, verbatim. What the disk no longer has is left
out, so that the exchange arrives as unreadable instead of holding up those behind it; what the
disk refuses for now is tried again with the next batch.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress

from storage.spool.disk import FolderView
from storage.spool.frame import Kind
from storage.spool.index import Exchange, Location, Segment
from storage.spool.port import Shipment, ShipmentKind
from storage.spool.reader import Frame, read_frames

__all__ = ["Loader"]

# One batch holds at least one envelope and stops growing here: what shipping may take of memory.
_BATCH_BYTES = 16 << 20
# Remnants that follow each other share segments; their maps are small.
_KEPT_MAPS = 8

_Map = dict[tuple[str, int], list[tuple[int, int]]]


class Loader:
    """Reads exchanges back. Used by one thread at a time; blocks on the disk."""

    def __init__(self, folder: FolderView) -> None:
        self._folder = folder
        self._maps: OrderedDict[tuple[str, int], _Map] = OrderedDict()

    def load(self, exchanges: Iterable[Exchange], limit: int) -> Sequence[Shipment]:
        """Make shipments of as many as one batch may hold, at most `limit`, in their order."""
        shipments: list[Shipment] = []
        weight = 0
        for exchange in exchanges:
            with suppress(OSError):
                shipments.append(self._shipment(exchange))
                weight += len(shipments[-1].envelope)
            if weight >= _BATCH_BYTES or len(shipments) >= limit:
                break
        return shipments

    def _shipment(self, exchange: Exchange) -> Shipment:
        kind = exchange.kind or ShipmentKind.REMNANT
        if exchange.body is not None and kind is ShipmentKind.RECORD:
            envelope = _heads(exchange.record) + exchange.body
        elif kind is ShipmentKind.RECORD:
            envelope = self._record(exchange.record)
        else:
            envelope = b"".join(self._remnant(exchange, each) for each in exchange.segments)
        return Shipment(exchange.id, exchange.number, kind, envelope)

    def _record(self, places: Sequence[Location]) -> bytes:
        """The record's frames, each run of one segment behind that segment's first frame."""
        parts: list[bytes] = []
        segment: Segment | None = None
        for place in places:
            if place.segment is not segment:
                segment = place.segment
                parts.append(segment.head)
            parts.append(self._read(segment, place.offset, place.size))
        return b"".join(parts)

    def _remnant(self, exchange: Exchange, segment: Segment) -> bytes:
        number = exchange.number
        places = self._map(segment).get((number.boot, number.seq), [])
        frames = (self._read(segment, offset, size) for offset, size in places)
        return b"".join((segment.head, *frames))

    def _map(self, segment: Segment) -> _Map:
        key = (segment.name, segment.size)
        if key not in self._maps:
            self._maps[key] = _map_of(self._read(segment, 0, segment.size))
            if len(self._maps) > _KEPT_MAPS:
                self._maps.popitem(last=False)
        return self._maps[key]

    def _read(self, segment: Segment, offset: int, size: int) -> bytes:
        try:
            return self._folder.read(segment.name, offset, size)
        except FileNotFoundError:
            return b""


def _heads(places: Sequence[Location]) -> bytes:
    return places[0].segment.head if places else b""


def _map_of(data: bytes) -> _Map:
    found: _Map = {}
    for finding in read_frames(data):
        if isinstance(finding, Frame) and finding.header.kind in {Kind.OPENED, Kind.PIECE}:
            key = (finding.header.boot, finding.header.seq)
            found.setdefault(key, []).append((finding.offset, finding.size))
    return found
