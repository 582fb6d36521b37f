"""Whole worlds of taps, boots and exchanges as an honest system leaves them behind."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from audit.anchors import Head
from audit.completeness import REASONS, Evidence, Held, KnownBoot
from audit.digest import CHAIN_START, chain
from audit.ids import ExchangeNumber
from audit.ledger import Amendment, Checkpoint, LedgerEntry, LedgerState
from audit.report import CompletenessReport
from audit.verification import verify
from tests.unit.completeness.signatures import DAY, TRUST, Mark, entered, mark, said

__all__ = ["AT", "World", "amendment", "judged", "live", "replace_entry", "worlds"]

AT = f"{DAY}T10:00:00.000000Z"
FATES = (
    *("stored", "stored", "stored", "waiting", "dead", "unreadable", "erased", "expired"),
    *("unrecorded", "refused", "stored_and_waiting", "unledgered", "replayed", "held"),
    *("released_and_erased", "erased_unopened"),
)
STATES = {
    "stored": LedgerState.STORED,
    "stored_and_waiting": LedgerState.STORED,
    "held": LedgerState.STORED,
    "dead": LedgerState.DEAD_LETTERED,
    "replayed": LedgerState.DEAD_LETTERED,
    "unreadable": LedgerState.UNREADABLE,
    "erased": LedgerState.ERASED,
    "released_and_erased": LedgerState.ERASED,
    "erased_unopened": LedgerState.ERASED,
    "expired": LedgerState.EXPIRED,
}
AMENDMENTS = {
    "held": ("hold",),
    "erased": ("erased",),
    "released_and_erased": ("hold", "release", "erased"),
    "erased_unopened": ("erased",),
    "expired": ("expired",),
}
KEPT = ("stored", "stored_and_waiting", "unledgered", "replayed", "held")
IN_QUEUE = ("waiting", "stored_and_waiting", "unledgered", "replayed", "erased_unopened")


@dataclass
class World:
    """Everything the sources hold; a test changes it and looks."""

    entries: dict[ExchangeNumber, LedgerEntry] = field(default_factory=dict)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    stored: dict[ExchangeNumber, Mark] = field(default_factory=dict)
    waiting: dict[ExchangeNumber, Held] = field(default_factory=dict)
    dead: dict[ExchangeNumber, Held] = field(default_factory=dict)
    boots: list[KnownBoot] = field(default_factory=list)
    anchors: Sequence[Head] = ()
    unread: tuple[str, ...] = ()

    def evidence(self) -> Evidence:
        """What `verify` is given."""
        return Evidence(
            entries=tuple(self.entries.values()),
            checkpoints=tuple(self.checkpoints),
            stored=tuple(self.stored.values()),
            waiting=tuple(self.waiting.values()),
            dead=tuple(self.dead.values()),
            boots=tuple(self.boots),
            anchors=self.anchors,
            unread=self.unread,
            trust=TRUST,
        )

    def forget_boot(self, boot: str) -> None:
        """Remove all that ledger, store and queue have of a boot."""
        for source in (self.entries, self.stored, self.waiting, self.dead):
            for number in [n for n in source if n.boot == boot]:
                del source[number]
        self.checkpoints = [c for c in self.checkpoints if c.boot != boot]

    def forget_tap(self, tap: str) -> None:
        """Remove all that ledger, store and queue have of a tap."""
        for boot in [known.boot for known in self.boots if known.tap == tap]:
            for source in (self.entries, self.stored, self.waiting, self.dead):
                for number in [n for n in source if (n.tap, n.boot) == (tap, boot)]:
                    del source[number]
        self.checkpoints = [c for c in self.checkpoints if c.tap != tap]

    def settled(self) -> list[ExchangeNumber]:
        """The numbers whose record is stored and of which nothing waits."""
        return [n for n in self.stored if n in self.entries and n not in self.waiting]

    def enter(self, number: ExchangeNumber, **changes: object) -> None:
        """Let a worker change the entry of a number."""
        self.entries[number] = entered(replace_entry(self.entries[number], **changes))

    def anchored(self) -> World:
        """The same world, to be held against a report of what it is now."""
        later = copy.deepcopy(self)
        later.anchors = judged(self).heads
        return later


def replace_entry(entry: LedgerEntry, **changes: object) -> LedgerEntry:
    """The entry with other fields, and the signature it had."""
    values = {name: getattr(entry, name) for name in entry.__struct_fields__}
    return LedgerEntry(**(values | changes))


def amendment(kind: str, digest: str) -> Amendment:
    """A lawful change that leaves the record with this digest."""
    return Amendment(at=AT, kind=kind, record_digest=digest, order="order")


def live(known: KnownBoot) -> KnownBoot:
    """The boot while its tap runs."""
    return replace(known, live=True)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw one or two taps with one to three boots each."""
    world = World()
    for tap in ("a", "b")[: draw(st.integers(1, 2))]:
        before: Checkpoint | None = None
        for boot in ("1", "2", "3")[: draw(st.integers(1, 3))]:
            before = _boot(draw, world, ExchangeNumber(tap=tap, boot=boot, seq=0), before)
        if draw(st.booleans()):
            world.boots[-1] = live(world.boots[-1])
    return world


def _boot(
    draw: st.DrawFn, world: World, name: ExchangeNumber, before: Checkpoint | None
) -> Checkpoint:
    """Let one boot run; give what its successor will say of it."""
    fates = draw(st.lists(st.sampled_from(FATES), min_size=1, max_size=8))
    unrecorded: list[tuple[int, int, str]] = []
    heads = [CHAIN_START]
    for seq, fate in enumerate(fates, start=1):
        number = ExchangeNumber(tap=name.tap, boot=name.boot, seq=seq)
        opened = fate not in ("unrecorded", "refused")
        heads.append(chain(heads[-1], seq, f"id-{number!r}" if opened else "-"))
        if opened:
            _place(world, number, fate)
        else:
            unrecorded.append((seq, seq, "spool.full" if fate == "unrecorded" else "refused.full"))
    reserved = draw(st.sampled_from((0, 0, 100)))
    world.boots.append(KnownBoot(name.tap, name.boot, len(fates), reserved=reserved))
    told = sorted(draw(st.sets(st.integers(0, len(fates)), max_size=3)) | {len(fates)})
    stated = [
        said(
            Checkpoint(
                tap=name.tap,
                boot=name.boot,
                index=index,
                opened=opened,
                chain=heads[opened],
                at=AT,
                predecessor=before.boot if before else None,
                predecessor_opened=before.opened if before else None,
                predecessor_chain=before.chain if before else None,
                unrecorded=tuple(r for r in unrecorded if r[1] <= opened),
            )
        )
        for index, opened in enumerate(told)
    ]
    world.checkpoints += stated
    return stated[-1]


def _place(world: World, number: ExchangeNumber, fate: str) -> None:
    record_id, first = f"id-{number!r}", f"digest-{number!r}"
    # Holding and releasing change the record, and so its digest.
    kinds = AMENDMENTS.get(fate, ())
    changes = [kind for kind in kinds if kind in ("hold", "release")]
    digests = [first, *(f"{first}-{n}" for n, _ in enumerate(changes, start=1))]
    if state := STATES.get(fate):
        unopened = fate == "erased_unopened"
        last = [amendment(kind, digests[-1]) for kind in kinds[len(changes) :]]
        changed = [amendment(kind, digests[n]) for n, kind in enumerate(changes, start=1)]
        world.entries[number] = entered(
            LedgerEntry(
                number=number,
                id=record_id,
                state=state,
                consumer=None if unopened else "demo",
                day=None if unopened else DAY,
                record_digest=None if unopened else first,
                amendments=(*changed, *last),
                commitment=None if unopened else "c",
            )
        )
    if fate in KEPT:
        world.stored[number] = mark(record_id, number, digests[-1])
    if fate in IN_QUEUE:
        world.waiting[number] = Held(record_id, number)
    if fate in ("dead", "unreadable"):
        world.dead[number] = Held(record_id, number)


def judged(world: World) -> CompletenessReport:
    """Verify the world; every flaw's reason must be in the catalogue."""
    report = verify(world.evidence())
    assert {flaw.reason for flaw in report.flaws} <= set(REASONS)
    return report
