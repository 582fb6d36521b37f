"""Whole worlds of taps, boots and exchanges as an honest system leaves them behind."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from audit.completeness import REASONS, CompletenessReport, Evidence, Held, KnownBoot
from audit.digest import CHAIN_START, chain
from audit.ids import ExchangeNumber
from audit.ledger import Checkpoint, LedgerEntry, LedgerState
from audit.verification import verify

__all__ = ["Mark", "World", "judged", "worlds"]

AT = "2026-11-20T10:00:00.000000Z"
FATES = (
    *("stored", "stored", "stored", "waiting", "dead", "unreadable", "erased", "expired"),
    *("unrecorded", "refused", "stored_and_waiting", "unledgered", "replayed"),
)
STATES = {
    "stored": LedgerState.STORED,
    "stored_and_waiting": LedgerState.STORED,
    "dead": LedgerState.DEAD_LETTERED,
    "replayed": LedgerState.DEAD_LETTERED,
    "unreadable": LedgerState.UNREADABLE,
    "erased": LedgerState.ERASED,
    "expired": LedgerState.EXPIRED,
}


@dataclass(frozen=True)
class Mark:
    """A stored record as the walk of the store gives it."""

    id: str
    number: ExchangeNumber
    stated_digest: str | None
    actual_digest: str


@dataclass
class World:
    """Everything the sources hold; a test changes it and looks."""

    entries: dict[ExchangeNumber, LedgerEntry] = field(default_factory=dict)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    stored: dict[ExchangeNumber, Mark] = field(default_factory=dict)
    waiting: dict[ExchangeNumber, Held] = field(default_factory=dict)
    dead: dict[ExchangeNumber, Held] = field(default_factory=dict)
    boots: list[KnownBoot] = field(default_factory=list)
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
            unread=self.unread,
        )

    def forget_boot(self, boot: str) -> None:
        """Remove all that ledger, store and queue have of a boot."""
        for source in (self.entries, self.stored, self.waiting, self.dead):
            for number in [n for n in source if n.boot == boot]:
                del source[number]
        self.checkpoints = [c for c in self.checkpoints if c.boot != boot]

    def settled(self) -> list[ExchangeNumber]:
        """The numbers whose record is stored and of which nothing waits."""
        return [n for n in self.stored if n in self.entries and n not in self.waiting]


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
    world.boots.append(KnownBoot(name.tap, name.boot, len(fates)))
    told = sorted(draw(st.sets(st.integers(0, len(fates)), max_size=3)) | {len(fates)})
    stated = [
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
        for index, opened in enumerate(told)
    ]
    world.checkpoints += stated
    return stated[-1]


def _place(world: World, number: ExchangeNumber, fate: str) -> None:
    record_id = f"id-{number!r}"
    digest = f"digest-{number!r}"
    if state := STATES.get(fate):
        world.entries[number] = LedgerEntry(
            number=number, id=record_id, state=state, record_digest=digest
        )
    if fate in ("stored", "stored_and_waiting", "unledgered", "replayed"):
        world.stored[number] = Mark(record_id, number, digest, digest)
    if fate in ("waiting", "stored_and_waiting", "unledgered", "replayed"):
        world.waiting[number] = Held(record_id, number)
    if fate in ("dead", "unreadable"):
        world.dead[number] = Held(record_id, number)


def judged(world: World) -> CompletenessReport:
    """Verify the world; every flaw's reason must be in the catalogue."""
    report = verify(world.evidence())
    assert {flaw.reason for flaw in report.flaws} <= set(REASONS)
    return report
