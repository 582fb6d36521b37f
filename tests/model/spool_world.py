"""The spool's model, and the real spool beside it, stepped by hand.

The model is a dictionary of exchanges and what was promised for each. The real spool runs on a
disk that can lose what a real one may lose; its writer has no thread here, so that a schedule is
the same each time it is tried.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from random import Random

from hypothesis.stateful import RuleBasedStateMachine

from audit.digest import CHAIN_START, chain
from audit.errors import EnvelopeDamaged, SpoolUnavailable
from audit.ids import ExchangeNumber
from storage.envelope import OpenedRecord, open_envelope
from storage.spool.census import census_of
from storage.spool.options import SpoolOptions
from storage.spool.port import Shipment, ShipmentKind
from storage.spool.recovery import recover
from storage.spool.spool import FileSpool
from tests.model.faulty_disk import FaultyDisk
from tests.unit.storage.kit import OPENER, SEALER, an_opening

# Small enough that schedules of thirty steps rotate, delete, refill and carry marks forward.
OPTIONS = SpoolOptions(
    segment_bytes=1500, sync_interval=1.0, open_timeout=600.0, kept_bytes=400, reserve_numbers=2
)


@dataclass
class Promised:
    """What the model knows of one exchange.

    `durable` says that not even a power cut may take it; `forgotten` that its shipped mark, or
    the note that its opening was refused, is durable, so that it may never come back. `spoilt`
    says that a segment with frames of it was altered.
    """

    number: ExchangeNumber
    strict: bool
    acked: bool = False
    refused: bool = False
    durable: bool = False
    pieces: list[bytes] = field(default_factory=list)
    record: bytes | None = None
    ended: bool = False
    whole: bool = False
    told: bool = False
    forgotten: bool = False
    spoilt: bool = False


class SpoolWorld(RuleBasedStateMachine):
    """What can be done to the spool, and what must hold; `test_spool_model` says when."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.disk = FaultyDisk()
        self.now = 0.0
        self.boots = 0
        self.altered = False
        self.exchanges: dict[str, Promised] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.given: set[ExchangeNumber] = set()
        self.unopened: set[ExchangeNumber] = set()

    def start(self) -> None:
        """Start the next boot in whatever the disk shows."""
        self.boots += 1
        self.boot = f"{self.boots:012x}-0000"
        recovered = recover(self.disk, "tap", self.boot, now_ns=0, reserve=2)

        async def make() -> FileSpool:
            return FileSpool(
                self.disk,
                SEALER,
                recovered,
                options=OPTIONS,
                now_ns=lambda: 0,
                clock=lambda: self.now,
            )

        self.spool = self.loop.run_until_complete(make())
        self.spool._keeper.sweep()

    def turn(self) -> None:
        """Let the event loop do what is due."""
        for _ in range(4):
            self.loop.run_until_complete(asyncio.sleep(0))

    def step(self) -> None:
        """Let the writer take one batch, and hear what became of it."""
        self.turn()
        self.spool._writer.step(block=False)
        self.turn()
        for record_id, task in list(self.tasks.items()):
            if task.done():
                del self.tasks[record_id]
                self.answered(record_id, task)
        for record_id, exchange in self.spool._index.ready.items():
            # What is offered may be with the queue a moment later: it must be durable by now.
            self.exchanges[record_id].durable = True
            self.exchanges[record_id].whole |= exchange.kind is ShipmentKind.RECORD

    def answered(self, record_id: str, task: asyncio.Task[None]) -> None:
        """Note what an opening's caller was told; do what the tap does when it was a no."""
        promised = self.exchanges[record_id]
        if not task.cancelled() and task.exception() is None:
            promised.acked = True
            promised.durable = promised.strict
            return
        promised.refused = True
        self.unopened.add(promised.number)
        if not task.cancelled():
            assert isinstance(task.exception(), SpoolUnavailable)
            self.spool.unrecorded(promised.number, "forwarded:spool.unavailable")

    def offered(self) -> list[Shipment]:
        """What the spool offers for shipping now."""
        return list(self.loop.run_until_complete(self.spool.shipments(10_000, 0.0)))

    def begin(self, *, strict: bool) -> None:
        """One exchange begins; its opening waits for the writer."""
        number = self.spool.next_number()
        assert number not in self.given, "a number was given out twice"
        self.given.add(number)
        record_id = f"id-{number.boot[:12]}-{number.seq}"
        self.exchanges[record_id] = Promised(number, strict)
        opening = self.spool.open(an_opening(number, record_id), strict=strict)
        self.tasks[record_id] = self.loop.create_task(opening)
        self.turn()

    def live(self) -> list[str]:
        """Exchanges of this boot that are under way."""
        return [
            record_id
            for record_id, each in self.exchanges.items()
            if each.acked and not each.ended and each.number.boot == self.boot
        ]

    def close(self, record_id: str, size: int) -> None:
        """An exchange ends with a record."""
        promised = self.exchanges[record_id]
        promised.ended = True
        promised.record = Random(size).randbytes(size)
        self.spool.close(record_id, promised.record)

    def take(self, record_ids: list[str]) -> None:
        """The queue has taken these."""
        self.spool.shipped(record_ids)
        for record_id in record_ids:
            self.exchanges[record_id].told = True

    def crash(self, *, power: bool) -> None:
        """Forget what was in memory, start again, and compare."""
        self.disk.heal()
        before = self.boot
        self.abandon()
        self.start()
        offered = {each.id: each for each in self.offered()}
        for each in offered.values():
            self.check(each)
        expected = self.survivors(power=power)
        assert expected <= offered.keys(), "an acknowledged opening was lost"
        for record_id in expected:
            if self.exchanges[record_id].whole:
                assert offered[record_id].kind is ShipmentKind.RECORD, "a record was lost"
        self.compare_numbers(before, expected, power=power)
        for record_id in [each for each in self.exchanges if each not in offered]:
            self.exchanges[record_id].told = True
        for record_id in offered:
            self.found_again(self.exchanges[record_id])

    def found_again(self, promised: Promised) -> None:
        """Recovery found it and made it durable: from here on it may not be lost."""
        promised.acked = promised.durable = True
        promised.told = promised.refused = False
        self.unopened.discard(promised.number)

    def survivors(self, *, power: bool) -> set[str]:
        """The exchanges that a crash may not take."""
        return {
            record_id
            for record_id, each in self.exchanges.items()
            if (each.durable if power else each.acked) and not each.told and not each.spoilt
        }

    def compare_numbers(self, before: str, expected: set[str], *, power: bool) -> None:
        """The heads and bounds that remain cover every opening that was promised."""
        states = {state.boot: state for state in census_of(self.disk).boots}
        for record_id in expected:
            number = self.exchanges[record_id].number
            assert number.seq <= states[number.boot].opened
        for each in self.exchanges.values():
            if each.acked:
                assert each.spoilt or each.number.seq <= states[each.number.boot].reserved, (
                    "beyond the bound"
                )
        checkpoint = self.spool.checkpoint()
        assert checkpoint.predecessor == before
        assert checkpoint.predecessor_opened == states[before].opened
        numbers = {each.number: each for each in self.exchanges.values()}
        mine = [each for number, each in numbers.items() if number.boot == before]
        certain = all(each.acked or each.forgotten for each in mine)
        if not power and certain and not self.altered:
            folded = self.fold(before, states[before].opened)
            assert checkpoint.predecessor_chain == folded

    def fold(self, boot: str, opened: int) -> str:
        """The chain as the model knows it."""
        ids = {
            each.number.seq: record_id
            for record_id, each in self.exchanges.items()
            if each.number.boot == boot and each.number not in self.unopened
        }
        head = CHAIN_START
        for seq in range(1, opened + 1):
            head = chain(head, seq, ids.get(seq, "-"))
        return head

    def check(self, shipment: Shipment) -> None:
        """What is offered was promised, and its envelope holds what passed."""
        promised = self.exchanges[shipment.id]
        assert promised.spoilt or shipment.number == promised.number
        assert not promised.forgotten, "an exchange that was shipped came back"
        try:
            opened = open_envelope(shipment.envelope, OPENER)
        except EnvelopeDamaged:
            assert promised.spoilt, "an envelope was damaged without cause"
            return
        if isinstance(opened, OpenedRecord):
            assert shipment.kind is ShipmentKind.RECORD
            assert opened.record_json == promised.record
        else:
            assert opened.opening.id == shipment.id
            rest = iter(promised.pieces)
            assert all(piece in rest for _, piece in opened.pieces)

    def abandon(self) -> None:
        """What was in memory is gone."""
        for task in self.tasks.values():
            task.cancel()
        self.turn()
        self.tasks.clear()
        self.spool._reader.shutdown()
