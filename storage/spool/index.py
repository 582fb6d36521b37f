"""Who is in which segment: what may be shipped, and what may be deleted.

The law of this module: a segment may go when every exchange with a frame in it has been shipped,
and before it goes, the marks that say so are carried forward for every number that still has
frames anywhere. A long exchange therefore pins only the segments that hold its own frames, and
no deletion can bring a shipped exchange back or let an unshipped one be forgotten. A segment in
which a start found damage stays until someone has looked at it and removes it by hand.

Nothing here does I/O; one thread owns an index.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from audit.ids import ExchangeNumber
from storage.spool.numbers import Ranges, RangeSet
from storage.spool.port import ShipmentKind

__all__ = ["Exchange", "Index", "Location", "Segment"]


@dataclass(slots=True, eq=False)
class Segment:
    """One segment file. `head` is its first frame, verbatim; empty when that was damaged.

    `pending` are the exchanges with frames here that are not shipped, `done` the numbers of
    those that are, by boot. `damaged` says that a stretch of it could not be read.
    """

    name: str
    boot: str
    head: bytes = field(repr=False)
    size: int = 0
    pending: set[Exchange] = field(default_factory=set, repr=False)
    done: dict[str, RangeSet] = field(default_factory=dict, repr=False)
    leaving: bool = False
    damaged: bool = False

    def finish(self, number: ExchangeNumber) -> None:
        """An exchange with frames here is shipped."""
        self.done.setdefault(number.boot, RangeSet()).add(number.seq, number.seq)


@dataclass(frozen=True, slots=True)
class Location:
    """Where a frame stands."""

    segment: Segment
    offset: int
    size: int


@dataclass(slots=True, eq=False)
class Exchange:
    """One exchange that has frames and is not shipped.

    `record` are the places of its record's frames, `body` those frames where they are small
    enough to be kept. `next_piece` is the index of its next piece; a piece that had to be
    dropped takes an index too, so that the hole shows. `ended` says that the piece that tells how
    it ended is on its way, `closing` that nothing more comes; `kind` is set when it is ready to be
    shipped.
    """

    id: str
    number: ExchangeNumber
    segments: list[Segment] = field(default_factory=list, repr=False)
    record: Sequence[Location] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    next_piece: int = 0
    ended: bool = False
    closing: bool = False
    kind: ShipmentKind | None = None


class Index:
    """All segments of a folder, and all exchanges in them that are not shipped."""

    def __init__(self) -> None:
        self.segments: dict[str, Segment] = {}
        self.exchanges: dict[str, Exchange] = {}
        self.ready: OrderedDict[str, Exchange] = OrderedDict()
        self.bytes = 0
        self._newest: Segment | None = None

    @property
    def open(self) -> int:
        """How many exchanges are neither shipped nor ready to be."""
        return len(self.exchanges) - len(self.ready)

    def grown(self, segment: Segment, size: int) -> bool:
        """A segment has reached `size` bytes and is the one written to; whether it is a new one."""
        new = segment is not self._newest
        self.segments[segment.name] = segment
        self._newest = segment
        self.bytes += max(0, size - segment.size)
        segment.size = max(segment.size, size)
        return new

    def recovered(self, segment: Segment) -> None:
        """A segment of an earlier boot, which nothing is written to any more."""
        self.segments[segment.name] = segment
        self.bytes += segment.size

    def enter(self, exchange: Exchange) -> None:
        """Hold an exchange until it is retired."""
        self.exchanges[exchange.id] = exchange

    def placed(self, exchange: Exchange, segment: Segment) -> None:
        """A frame of the exchange stands in the segment."""
        if exchange.segments and exchange.segments[-1] is segment:
            return
        exchange.segments.append(segment)
        segment.pending.add(exchange)

    def make_ready(self, exchange: Exchange, kind: ShipmentKind) -> None:
        """The exchange is durable and whole, or all that is left; it may be shipped."""
        if exchange.id in self.exchanges:
            exchange.kind = kind
            self.ready[exchange.id] = exchange

    def leave(self, record_ids: Iterable[str]) -> list[Exchange]:
        """Take exchanges out because they are shipped; ids that are not ready are passed over.

        Their segments stay pinned until `retire`.
        """
        gone = [self.ready.pop(each) for each in record_ids if each in self.ready]
        for exchange in gone:
            del self.exchanges[exchange.id]
        return gone

    def drop(self, exchange: Exchange) -> None:
        """Take one exchange out in whatever state it is."""
        self.exchanges.pop(exchange.id, None)
        self.ready.pop(exchange.id, None)

    def mark(self, exchanges: Iterable[Exchange]) -> None:
        """These are shipped: whatever is deleted from now on, their marks are carried forward.

        Already before their own marks are durable, since those may stand in what is deleted.
        """
        for exchange in exchanges:
            for segment in exchange.segments:
                segment.finish(exchange.number)

    def retire(self, exchanges: Iterable[Exchange]) -> None:
        """The marks of these exchanges are durable: they pin nothing any more."""
        for exchange in exchanges:
            for segment in exchange.segments:
                segment.pending.discard(exchange)
                segment.finish(exchange.number)

    def deletable(self) -> list[Segment]:
        """The segments that may go now. They are not named again until `stays`."""
        idle = [
            each
            for each in self.segments.values()
            if not (each.pending or each.leaving or each.damaged) and each is not self._newest
        ]
        for segment in idle:
            segment.leaving = True
        return idle

    def resting(self) -> Segment | None:
        """The segment that is written to, if all that it holds of exchanges was shipped."""
        newest = self._newest
        if newest is None or not newest.done or newest.pending or newest.leaving:
            return None
        return newest

    def marks(self) -> dict[str, Ranges]:
        """Every shipped number that still has frames in a segment, by boot.

        Segments about to go are included: until the folder is synced they may come back.
        """
        marks: dict[str, RangeSet] = {}
        for segment in self.segments.values():
            for boot, done in segment.done.items():
                for first, last in done.ranges:
                    marks.setdefault(boot, RangeSet()).add(first, last)
        return {boot: numbers.ranges for boot, numbers in marks.items()}

    def stays(self, segments: Iterable[Segment]) -> None:
        """A deletion failed; it may be tried again."""
        for segment in segments:
            segment.leaving = False

    def gone(self, segments: Iterable[Segment]) -> None:
        """A deletion is durable."""
        for segment in segments:
            if segment is self._newest:
                self._newest = None
            if self.segments.pop(segment.name, None) is not None:
                self.bytes -= segment.size
