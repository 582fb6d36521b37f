"""What a folder's frames say, read without a key: boots, heads, exchanges and how far each got.

Recovery and verification both read through here, so that they cannot disagree. The law of this
module: bytes in, values out; an exchange of which any frame is seen exists, and it is forgotten
only where a mark says that it was shipped, or that its opening was withdrawn. Of one that is
forgotten only its id is kept, for the chain: a folder may hold millions of them.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from audit.ids import ExchangeNumber
from audit.ledger import Checkpoint
from audit.value import from_json
from storage.spool.frame import LAST, Header, Kind
from storage.spool.index import Location, Segment
from storage.spool.marks import decode_marks
from storage.spool.numbers import RangeSet
from storage.spool.reader import Damage, Finding, Frame, TornTail, read_frames
from storage.spool.segments import SegmentHead

__all__ = ["BootFacts", "Sighting", "Survey"]

# So many exchanges are kept before it is looked which of them are done.
_FEW = 10_000


@dataclass(slots=True, eq=False)
class Sighting:
    """An exchange as its frames show it. `record` are its record's frames by their index."""

    id: str
    number: ExchangeNumber
    segments: list[Segment] = field(default_factory=list)
    opened: bool = False
    record: dict[int, Location] = field(default_factory=dict)
    last: int | None = None

    def finish(self) -> None:
        """It is done: nothing of it holds its segments any more."""
        for segment in self.segments:
            segment.finish(self.number)

    @property
    def closed(self) -> bool:
        """Whether its whole record is here."""
        return self.last is not None and all(each in self.record for each in range(self.last + 1))


@dataclass(slots=True, eq=False)
class BootFacts:
    """What the frames say of one boot.

    `head` is the first segment head found of it, `unsynced` what its last one says. `settled` are
    the ids of exchanges that are done and no longer among the survey's. `spoken` are
    the frames read so far of a checkpoint that fills several; `unheard` says that one cannot be
    read, so that it is not known what it said, nor under which index.
    """

    boot: str
    head: SegmentHead | None = None
    unsynced: tuple[int, ...] = ()
    opened: int = 0
    settled: dict[int, str] = field(default_factory=dict)
    shipped: RangeSet = field(default_factory=RangeSet)
    unrecorded: dict[int, str] = field(default_factory=dict)
    checkpoint: Checkpoint | None = None
    spoken: list[bytes] = field(default_factory=list)
    unheard: bool = False


class Survey:
    """Reads segment files one after another, oldest first."""

    def __init__(self) -> None:
        self.boots: dict[str, BootFacts] = {}
        self.exchanges: dict[tuple[str, int], Sighting] = {}
        self.segments: list[Segment] = []
        self.foreign: list[str] = []
        self.other_formats: dict[str, int] = {}
        self.nameless: list[str] = []
        self.frames = 0
        self.damaged = 0
        self.torn_tails: dict[str, TornTail] = {}
        self._most = _FEW
        self._taps: dict[str, str] = {}

    def read(self, name: str, boot: str, data: bytes) -> None:
        """Take in one file. `boot` is the one its name states.

        A file of another format is noted and is no segment: nothing will cut or delete it.
        """
        segment = Segment(name, boot, b"", size=len(data))
        ours = not data
        for finding in read_frames(data):
            ours = ours or not isinstance(finding, Damage) or finding.header is not None
            self._take(segment, finding)
        if ours:
            self.segments.append(segment)
        elif name not in self.other_formats:
            self.foreign.append(name)
            return
        self._boot(boot)
        if len(self.exchanges) > self._most:
            self._let_go()
            # Looked at again only when as many have come: each is looked at a few times in all.
            self._most = _FEW + 2 * len(self.exchanges)

    @property
    def damaged_files(self) -> tuple[str, ...]:
        """The segments in which something could not be read."""
        return tuple(each.name for each in self.segments if each.damaged)

    def done(self, boot: str, seq: int) -> bool:
        """Whether the number was shipped, or its opening withdrawn."""
        facts = self.boots.get(boot)
        return facts is not None and (seq in facts.shipped or seq in facts.unrecorded)

    def unshipped(self) -> list[Sighting]:
        """The exchanges that are not done, oldest first."""
        return [
            sighting for (boot, seq), sighting in self.exchanges.items() if not self.done(boot, seq)
        ]

    def _let_go(self) -> None:
        """Keep of exchanges that are done the id only; a frame that follows brings one back."""
        for boot, seq in [key for key in self.exchanges if self.done(*key)]:
            sighting = self.exchanges.pop((boot, seq))
            self._boot(boot).settled[seq] = sighting.id
            sighting.finish()

    def _take(self, segment: Segment, finding: Finding) -> None:
        if isinstance(finding, TornTail):
            self.torn_tails[segment.name] = finding
            segment.size -= finding.size
        elif isinstance(finding, Damage):
            self._damage(segment, finding)
        else:
            self.frames += 1
            self._sight(segment, finding.header, finding)
            self._read(segment, finding)

    def _read(self, segment: Segment, frame: Frame) -> None:
        match frame.header.kind:
            case Kind.SEGMENT:
                self._head(segment, frame)
            case Kind.SHIPPED:
                self._shipped(frame)
            case Kind.CHECKPOINT:
                self._checkpoint(frame)
            case Kind.UNRECORDED:
                self._unrecorded(frame)

    def _damage(self, segment: Segment, damage: Damage) -> None:
        segment.damaged = True
        if damage.format is not None:
            self.other_formats[segment.name] = damage.format
        else:
            self.damaged += 1
        if damage.header is None:
            self.nameless.append(segment.boot)
        else:
            self._sight(segment, damage.header, None)
            if damage.header.kind == Kind.CHECKPOINT:
                self._boot(damage.header.boot).unheard = True

    def _head(self, segment: Segment, frame: Frame) -> None:
        segment.head = segment.head or frame.raw
        facts = self._boot(frame.header.boot)
        with suppress(msgspec.DecodeError):
            head = from_json(frame.payload, SegmentHead)
            facts.head = facts.head or head
            facts.unsynced = head.unsynced or ()

    def _shipped(self, frame: Frame) -> None:
        for boot, first, last in decode_marks(frame.payload):
            self._boot(boot).shipped.add(first, last)

    def _checkpoint(self, frame: Frame) -> None:
        """Take in a checkpoint, which lies in several frames where its gaps are very many.

        The highest index counts: one that was carried forward may stand behind a newer one.
        """
        facts, header = self._boot(frame.header.boot), frame.header
        if header.index != len(facts.spoken):
            facts.spoken.clear()
        if header.index == len(facts.spoken):
            facts.spoken.append(frame.payload)
        if header.flags & LAST:
            with suppress(msgspec.DecodeError):
                told = from_json(b"".join(facts.spoken), Checkpoint)
                if facts.checkpoint is None or told.index >= facts.checkpoint.index:
                    facts.checkpoint = told
                facts.opened = max(facts.opened, told.opened)
            facts.spoken.clear()

    def _unrecorded(self, frame: Frame) -> None:
        facts = self._boot(frame.header.boot)
        facts.unrecorded[frame.header.seq] = frame.payload.decode(errors="replace")
        facts.opened = max(facts.opened, frame.header.seq)

    def _sight(self, segment: Segment, header: Header, frame: Frame | None) -> None:
        """Note the exchange a frame belongs to; a damaged frame still says that it exists."""
        if header.kind not in {Kind.OPENED, Kind.PIECE, Kind.CLOSED}:
            return
        facts = self._boot(header.boot)
        facts.opened = max(facts.opened, header.seq)
        sighting = self._sighting(header, facts.boot)
        if not sighting.segments or sighting.segments[-1] is not segment:
            sighting.segments.append(segment)
        if header.kind == Kind.OPENED:
            sighting.opened = True
        elif header.kind == Kind.CLOSED and frame is not None:
            sighting.record[header.index] = Location(segment, frame.offset, frame.size)
            if header.flags & LAST:
                sighting.last = header.index

    def _sighting(self, header: Header, boot: str) -> Sighting:
        key = (boot, header.seq)
        if key not in self.exchanges:
            # Names are decoded with each frame: all exchanges share one of each.
            tap = self._taps.setdefault(header.tap, header.tap)
            number = ExchangeNumber(tap=tap, boot=boot, seq=header.seq)
            self.exchanges[key] = Sighting(header.id, number)
        return self.exchanges[key]

    def _boot(self, boot: str) -> BootFacts:
        return self.boots.setdefault(boot, BootFacts(boot))
