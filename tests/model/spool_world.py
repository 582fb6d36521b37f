"""The real spool beside its model, stepped by hand.

The model is `spool_promises`. The real spool runs on a disk that can lose what a real one may
lose; its writer has no thread here, so that a schedule is the same each time it is tried.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from enum import Enum
from random import Random
from typing import ParamSpec, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from audit.errors import SpoolUnavailable
from audit.ids import ExchangeNumber
from audit.ledger import Checkpoint
from storage.spool.census import census_of
from storage.spool.frame import Kind
from storage.spool.options import SpoolOptions
from storage.spool.port import Shipment, ShipmentKind
from storage.spool.reader import Frame, read_frames
from storage.spool.recovery import recover
from storage.spool.spool import FileSpool
from tests.model.faulty_disk import FaultyDisk
from tests.model.spool_promises import Promised, Promises
from tests.unit.storage.kit import SEALER, an_opening

T = TypeVar("T")
Arguments = ParamSpec("Arguments")

# Small enough that schedules of thirty steps rotate, delete, refill and carry marks forward, and
# that some of them reach the caps.
OPTIONS = SpoolOptions(
    max_bytes=32_000,
    max_exchanges=20,
    segment_bytes=1500,
    sync_interval=1.0,
    open_timeout=600.0,
    kept_bytes=400,
    reserve_numbers=2,
)


class AtOnce(Executor):
    """Does on the spot what it is given, so that no schedule depends on a thread."""

    def submit(
        self, fn: Callable[Arguments, T], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Future[T]:
        """Do it."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except OSError as error:
            future.set_exception(error)
        return future


class Pace(Enum):
    """How far a step goes before something else may happen."""

    WRITTEN = "the sync, if one is asked for, is still to come"
    SYNCED = "the sync has come back, and the writer has not heard of it"
    UNHEARD = "all has been done, and the loop has not heard of it"
    HEARD = "all of it"


class SpoolWorld(RuleBasedStateMachine):
    """What can be done to the spool, and what must hold; `test_spool_model` says when."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.disk = FaultyDisk()
        self.now = 0.0
        self.boots = 0
        self.altered = False
        self.promises = Promises()
        self.exchanges = self.promises.exchanges
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.sending: list[asyncio.Task[None]] = []
        self.given: set[ExchangeNumber] = set()

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
        self.spool._reader = AtOnce()  # type: ignore[assignment] # reads like the real one
        self.spool._keeper.sweeper.sweep()

    def start_in_vain(self) -> None:
        """A boot that comes no further than its start, on a disk that may not bear one."""
        self.boots += 1
        with suppress(OSError):
            recover(self.disk, "tap", f"{self.boots:012x}-0000", now_ns=0, reserve=2)

    def turn(self) -> None:
        """Let the event loop do what is due."""
        # Asked directly: spinning the loop to find out would be most of a schedule's time.
        while self.loop._ready:  # type: ignore[attr-defined] # there is no public way to ask
            self.loop.call_soon(self.loop.stop)
            self.loop.run_forever()

    def step(self, pace: Pace = Pace.HEARD) -> None:
        """Let the writer take one batch, the syncer do what it asks for, and hear of both."""
        self.turn()
        self.spool._writer.step(block=False)
        if pace is not Pace.WRITTEN:
            self.spool._syncer.step(block=False)
        if pace in {Pace.UNHEARD, Pace.HEARD}:
            self.spool._writer.step(block=False)
        if pace is not Pace.UNHEARD:
            self.hear()

    def hear(self) -> None:
        """Let the loop hear of it, and take the spool at its word: what it offers, what is gone."""
        self.turn()
        for record_id, task in list(self.tasks.items()):
            if task.done():
                del self.tasks[record_id]
                self.answered(record_id, task)
        assert self.spool._index.ready.keys() <= self.exchanges.keys(), "nobody opened it"
        for record_id, exchange in self.spool._index.ready.items():
            # What is offered may be with the queue a moment later: it must be durable by now.
            self.exchanges[record_id].durable = True
            self.exchanges[record_id].whole |= exchange.kind is ShipmentKind.RECORD
        segments = self.spool._index.segments.values()
        pinning = {each.id for segment in segments for each in segment.pending}
        for record_id, promised in self.exchanges.items():
            # Nothing waits for its mark any more: it may not come back.
            promised.forgotten |= promised.told and record_id not in pinning

    def step_at(self, pace: Pace | None) -> None:
        """Step that far, or not at all."""
        if pace is not None:
            self.step(pace)

    def answered(self, record_id: str, task: asyncio.Task[None]) -> None:
        """Note what an opening's caller was told; do what the tap does when it was a no."""
        promised = self.exchanges[record_id]
        if not task.cancelled() and task.exception() is None:
            promised.acked = True
            promised.durable = promised.strict
            return
        promised.refused = True
        self.promises.unopened.add(promised.number)
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

    def one_of_the_live(self, data: st.DataObject) -> str | None:
        """An exchange that is under way; one is begun where there is none, if the disk takes it."""
        if not self.live():
            self.begin(strict=False)
            self.step()
        live = self.live()
        return data.draw(st.sampled_from(live)) if live else None

    def forward_unrecorded(self) -> None:
        """A number is used without an opening."""
        number = self.spool.next_number()
        assert number not in self.given, "a number was given out twice"
        self.given.add(number)
        self.promises.unopened.add(number)
        self.spool.unrecorded(number, "forwarded:spool.full")

    def close(self, record_id: str, size: int) -> None:
        """An exchange ends with a record."""
        promised = self.exchanges[record_id]
        promised.ended = True
        promised.record = Random(size).randbytes(size)
        self.spool.close(record_id, promised.record)

    def give_up(self, record_id: str) -> None:
        """An exchange ends without a record; how it ended is said in any case."""
        promised = self.exchanges[record_id]
        promised.ended = True
        promised.pieces.append(b"%s ended" % record_id.encode())
        self.spool.surrender(record_id, promised.pieces[-1])

    def take(self, record_ids: list[str]) -> None:
        """The queue has taken these."""
        self.spool.shipped(record_ids)
        for record_id in record_ids:
            self.exchanges[record_id].told = True

    def crash(self, *, power: bool) -> None:
        """Forget what was in memory, start again, and compare."""
        self.disk.heal()
        self.abandon()
        self.start()
        boots = [state.boot for state in census_of(self.disk).boots]
        assert len(boots) > 1, "the boot before has left no trace"
        before = boots[-2]
        offered = {each.id: each for each in self.offered()}
        for each in offered.values():
            self.promises.check(each, recovered=True)
            assert self.altered or each.number not in self.promises.claimed, (
                "a checkpoint said: no opening"
            )
        expected = self.promises.survivors(power=power)
        assert expected <= offered.keys(), "an acknowledged opening was lost"
        for record_id in expected:
            if self.exchanges[record_id].whole:
                assert offered[record_id].kind is ShipmentKind.RECORD, "a record was lost"
        self.compare_numbers(before, expected, power=power)
        self.promises.hear(self.spool.recovery.checkpoints)
        for record_id in [each for each in self.exchanges if each not in offered]:
            self.exchanges[record_id].told = True
        for record_id in offered:
            self.promises.found_again(self.exchanges[record_id])

    def flip_a_bit(self, random: Random) -> None:
        """While the process is dead, a bit of a segment turns over.

        What has frames in that segment may be unreadable, and marks in it may be gone, so that
        what was shipped comes again; nothing else may suffer.
        """
        names = [name for name in self.disk.names() if name.endswith(".spool")]
        if not names:
            return
        content = self.disk.shown[random.choice(names)]
        frames = [each for each in read_frames(bytes(content.shown)) if isinstance(each, Frame)]
        clear = [each for each in frames if each.header.kind == Kind.SHIPPED]
        for each in frames:
            if each.header.id in self.exchanges:
                self.exchanges[each.header.id].spoilt = True
        for promised in self.exchanges.values():
            promised.forgotten = False
        hit = random.choice(clear or frames) if frames else None
        at = random.randrange(hit.offset, hit.offset + hit.size) if hit else 0
        self.altered = True
        if content.shown:
            content.shown[at] ^= 1 << random.randrange(8)

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
            folded = self.promises.fold(before, states[before].opened)
            assert checkpoint.predecessor_chain == folded

    def claim(self) -> None:
        """A checkpoint is drawn up: what it says of numbers may never turn out otherwise.

        It is sent as the shipper does, behind its sync.
        """
        checkpoint = self.spool.checkpoint()
        self.sending.append(self.loop.create_task(self.send(checkpoint)))
        assert checkpoint.chain == self.promises.fold(self.boot, checkpoint.opened)
        for first, last, _ in checkpoint.unrecorded:
            for seq in range(first, min(last, checkpoint.opened) + 1):
                self.promises.claimed.add(ExchangeNumber("tap", checkpoint.boot, seq))

    async def send(self, checkpoint: Checkpoint) -> None:
        """The ledger gets it, once it is synced."""
        await self.spool.synced()
        self.promises.sent[checkpoint.boot, checkpoint.index] = checkpoint

    def abandon(self) -> None:
        """What was in memory is gone."""
        for task in (*self.tasks.values(), *self.sending):
            task.cancel()
        self.turn()
        self.tasks.clear()
        self.sending.clear()
        self.spool._reader.shutdown()
