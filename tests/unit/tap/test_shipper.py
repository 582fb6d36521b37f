"""From the spool to the queue, receipt by receipt, through outages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from audit.errors import BlobsUnavailable, QueueUnavailable, SpoolUnavailable
from audit.ledger import Checkpoint
from audit.value import from_json
from storage.queue.memory import MemoryQueue
from storage.queue.port import Message, MessageKind
from tap.passed_over import PassedOver
from tap.shipper import Shipper, backoff
from tests.harness.raw_client import RawClient
from tests.harness.raw_upstream import RawUpstream, simple
from tests.harness.tap import RunningTap, running_tap
from tests.harness.wait import until
from tests.unit.storage.kit import an_opening

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Moody:
    """An outbox that refuses so many sends, sometimes after it has taken the messages."""

    def __init__(
        self,
        queue: MemoryQueue,
        refusals: int,
        *,
        keeps: bool = False,
        error: type[Exception] = QueueUnavailable,
    ) -> None:
        self._queue = queue
        self._error = error
        self.refusals = refusals
        self._keeps = keeps
        self.sent: list[Message] = []
        self.batches: list[int] = []

    async def send(self, messages: Sequence[Message]) -> None:
        """Take the messages, or refuse them while there are refusals left."""
        if self.refusals > 0:
            self.refusals -= 1
            if self._keeps:
                await self._queue.send(messages)
            raise self._error("planted content")
        await self._queue.send(messages)
        self.sent += messages
        self.batches.append(sum(m.kind is MessageKind.RECORD for m in messages))


class Picky(Moody):
    """An outbox that never takes the exchanges with these numbers, until it is healed."""

    def __init__(self, queue: MemoryQueue, *numbers: int) -> None:
        super().__init__(queue, 0)
        self.numbers = set(numbers)

    async def send(self, messages: Sequence[Message]) -> None:
        """Refuse all of what has one of them in it."""
        if any(m.number.seq in self.numbers for m in messages if m.kind is MessageKind.RECORD):
            raise BlobsUnavailable("planted content")
        await super().send(messages)


@asynccontextmanager
async def exchanges(folder: Path, count: int) -> AsyncIterator[RunningTap]:
    """A tap that has seen so many exchanges to their end."""
    async with (
        RawUpstream(simple(ANSWER)) as upstream,
        running_tap(folder, upstream.port) as tap,
        RawClient(tap.port) as client,
    ):
        for _ in range(count):
            await client.send(b"GET /x HTTP/1.1\r\nHost: t\r\n\r\n")
            await client.exactly(len(ANSWER))
        yield tap


async def one_more(tap: RunningTap, record_id: str) -> None:
    """One more exchange that is over, and ready to be shipped beside those that are."""
    waiting = tap.spool.census().waiting
    await tap.spool.open(an_opening(tap.spool.next_number(), record_id))
    tap.spool.close(record_id, b"{}")
    await until(lambda: tap.spool.census().waiting == waiting + 1, "one more is ready")


def as_it_is(checkpoint: Checkpoint) -> Checkpoint:
    """Leave the checkpoint unsigned."""
    return checkpoint


def shipper(
    tap: RunningTap,
    outbox: Moody,
    earlier: Sequence[Checkpoint] = (),
    sign: Callable[[Checkpoint], Checkpoint] = as_it_is,
    linger: float = 0.0,
    passed: PassedOver | None = None,
) -> Shipper:
    """A shipper of small batches that looks often."""
    return Shipper(
        tap.spool,
        outbox,
        batch=3,
        checkpoint_seconds=0.01,
        log=tap.notes,
        count=tap.notes,
        earlier=earlier,
        sign=sign,
        linger=linger,
        passed=passed,
    )


def marked(checkpoint: Checkpoint) -> Checkpoint:
    """Sign so that a test can tell what was signed."""
    return msgspec.structs.replace(checkpoint, signature=f"{checkpoint.boot}#{checkpoint.index}")


def queue() -> MemoryQueue:
    """An empty queue."""
    return MemoryQueue(lease=60.0, clock=time.time)


async def test_what_the_spool_holds_is_shipped_once_and_forgotten(tmp_path: Path) -> None:
    """Every exchange arrives, and the spool lets go of it."""
    async with exchanges(tmp_path, 7) as tap:
        outbox = Moody(queue(), 0)
        running = asyncio.create_task(shipper(tap, outbox).run())
        await until(lambda: _records(outbox) == 7 and not tap.spool.census().waiting, "shipped")
        running.cancel()
        ids = [m.id for m in outbox.sent if m.kind is MessageKind.RECORD]
        assert len(ids) == len(set(ids)) == 7
        assert [m.number.seq for m in outbox.sent if m.kind is MessageKind.RECORD] == [*range(1, 8)]


async def test_a_full_batch_is_followed_at_once(tmp_path: Path) -> None:
    """A backlog is not held up: only behind a batch that was not full is company waited for."""
    async with exchanges(tmp_path, 7) as tap:
        outbox = Moody(queue(), 0)
        await until(lambda: tap.spool.census().waiting == 7, "all are ready")
        running = asyncio.create_task(shipper(tap, outbox, linger=3600.0).run())
        await until(lambda: _records(outbox) == 7, "shipped")
        running.cancel()
        assert [count for count in outbox.batches if count] == [3, 3, 1]


async def test_who_lingers_is_not_waited_for_when_the_tap_stops(tmp_path: Path) -> None:
    """What waits for company is shipped together, at the latest by the drain."""
    async with exchanges(tmp_path, 1) as tap:
        outbox = Moody(queue(), 0)
        ship = shipper(tap, outbox, linger=3600.0)
        running = asyncio.create_task(ship.run())
        await until(lambda: _records(outbox) == 1, "the first is shipped")
        await one_more(tap, "two")
        await one_more(tap, "three")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await ship.drain()
        assert [count for count in outbox.batches if count] == [1, 2]


async def test_an_outage_costs_nothing_but_patience(tmp_path: Path) -> None:
    """What the queue refused is sent again; the outage is logged once, and its end too."""
    async with exchanges(tmp_path, 4) as tap:
        outbox = Moody(queue(), 3)
        running = asyncio.create_task(shipper(tap, outbox).run())
        await until(lambda: _records(outbox) == 4, "shipped after the outage")
        running.cancel()
        events = [name for name, _ in tap.notes.events]
        assert events.count("shipper.queue_unavailable") == 1
        assert events.count("shipper.recovered") == 1


async def test_an_error_that_nobody_expected_does_not_end_the_shipping(tmp_path: Path) -> None:
    """A shipper that died would fill the spool in silence: it says so and goes on."""
    async with exchanges(tmp_path, 2) as tap:
        outbox = Moody(queue(), 2, error=RuntimeError)
        running = asyncio.create_task(shipper(tap, outbox).run())
        await until(lambda: _records(outbox) == 2, "shipped")
        running.cancel()
        events = [name for name, _ in tap.notes.events]
        assert events.count("shipper.unexpected") == 1
        assert "planted" not in str(tap.notes.events)


async def test_what_the_queue_never_takes_holds_up_nobody(tmp_path: Path) -> None:
    """Those behind it go past, it is named, and it is shipped when the queue takes it."""
    async with exchanges(tmp_path, 9) as tap:
        outbox = Picky(queue(), 1, 2, 6)
        ship = shipper(tap, outbox, passed=PassedOver(first=0.01, longest=0.01))
        running = asyncio.create_task(ship.run())
        await until(lambda: tap.spool.census().waiting == 3, "the others are shipped")
        assert sorted(m.number.seq for m in outbox.sent if m.number.seq) == [3, 4, 5, 7, 8, 9]
        await until(lambda: _said(tap, "shipper.passed_over") == 3, "each is named, once")
        assert "planted" not in str(tap.notes.events)
        outbox.numbers = set()
        await until(lambda: not tap.spool.census().waiting, "they are shipped too")
        running.cancel()
        assert _records(outbox) == 9


async def test_no_last_word_is_said_over_what_is_passed_over(tmp_path: Path) -> None:
    """A final checkpoint while an exchange stays in the spool would call it missing."""
    async with exchanges(tmp_path, 3) as tap:
        outbox = Picky(queue(), 1)
        ship = shipper(tap, outbox)
        running = asyncio.create_task(ship.run())
        await until(lambda: _said(tap, "shipper.passed_over") == 1, "it is named")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await ship.drain()
        assert not any(each.final for each in _checkpoints(outbox))
        assert tap.spool.census().waiting == 1


async def test_an_outage_makes_nobody_suspect_for_long(tmp_path: Path) -> None:
    """Whoever was tried alone while nothing was taken is sent as soon as anything is."""
    async with exchanges(tmp_path, 6) as tap:
        outbox = Moody(queue(), 6)
        running = asyncio.create_task(shipper(tap, outbox).run())
        await until(lambda: _records(outbox) == 6, "all are shipped")
        running.cancel()
        assert not _said(tap, "shipper.passed_over")


async def test_a_lost_acknowledgement_makes_no_second_message(tmp_path: Path) -> None:
    """A queue that took a batch and then failed to say so is given it again, under the same ids."""
    async with exchanges(tmp_path, 2) as tap:
        held = queue()
        outbox = Moody(held, 2, keeps=True)
        running = asyncio.create_task(shipper(tap, outbox).run())
        await until(lambda: _records(outbox) == 2, "shipped")
        running.cancel()
        numbers = [each async for each in held.numbers() if each.kind is MessageKind.RECORD]
        assert len(numbers) == 2


async def test_checkpoints_arrive_without_holes_and_the_last_one_is_final(tmp_path: Path) -> None:
    """Refused checkpoints are sent as they were; the last word of a boot says that it is."""
    async with exchanges(tmp_path, 3) as tap:
        outbox = Moody(queue(), 2)
        ship = shipper(tap, outbox)
        running = asyncio.create_task(ship.run())
        await until(lambda: _records(outbox) == 3, "shipped")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await ship.drain()
        told = _checkpoints(outbox)
        assert [each.index for each in told] == list(range(len(told)))
        assert (told[-1].final, told[-1].opened) == (True, 3)


async def test_the_last_words_of_earlier_boots_are_not_taken_for_its_own(tmp_path: Path) -> None:
    """A tap that stops at once says what it must of the boots before it, and then its own word."""
    async with exchanges(tmp_path, 1) as tap:
        outbox = Moody(queue(), 0)
        words = [_last_word("one"), _last_word("two")]
        await shipper(tap, outbox, words).drain()
        told = _checkpoints(outbox)
        assert told[:2] == words
        assert [(each.opened, each.final) for each in told[2:]] == [(1, True)]


async def test_every_checkpoint_is_signed_last_words_too(tmp_path: Path) -> None:
    """No checkpoint leaves the tap unsigned, whether it speaks of this boot or of one before."""
    async with exchanges(tmp_path, 2) as tap:
        outbox = Moody(queue(), 1)
        ship = shipper(tap, outbox, [_last_word("one"), _last_word("two")], marked)
        running = asyncio.create_task(ship.run())
        await until(lambda: _records(outbox) == 2, "shipped")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await ship.drain()
        told = _checkpoints(outbox)
        assert len({each.boot for each in told}) == 3
        assert [each.signature for each in told] == [f"{c.boot}#{c.index}" for c in told]


def test_backoff_doubles_up_to_its_bound() -> None:
    """A long outage is asked about every few seconds, not ever more seldom."""
    assert [backoff(n) for n in (1, 2, 3, 50)] == [0.1, 0.2, 0.4, 5.0]


def _last_word(boot: str) -> Checkpoint:
    at = "2026-11-20T10:00:00.000000Z"
    return Checkpoint(tap="t", boot=boot, index=0, opened=0, chain="", at=at, final=True)


def _checkpoints(outbox: Moody) -> list[Checkpoint]:
    sent = [each for each in outbox.sent if each.kind is MessageKind.CHECKPOINT]
    return [from_json(each.body, Checkpoint) for each in sent]


def _said(tap: RunningTap, event: str) -> int:
    return [name for name, _ in tap.notes.events].count(event)


def _records(outbox: Moody) -> int:
    return sum(m.kind is MessageKind.RECORD for m in outbox.sent)


async def test_a_checkpoint_waits_for_its_sync_and_holds_up_no_exchange(tmp_path: Path) -> None:
    """What a crash could still take is not said to the ledger; on a sick disk, shipping goes on."""
    async with exchanges(tmp_path, 3) as tap:
        outbox, sync, synced = Moody(queue(), 0), asyncio.Event(), tap.spool.synced

        async def late() -> None:
            await sync.wait()
            await synced()

        tap.spool.synced = late  # type: ignore[method-assign] # the disk refuses to sync
        running = asyncio.create_task(shipper(tap, outbox).run())
        await until(lambda: _records(outbox) == 3, "shipped")
        assert not _checkpoints(outbox)
        sync.set()
        await until(lambda: bool(_checkpoints(outbox)), "said")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_checkpoint_that_was_never_synced_is_left_to_the_next_start(tmp_path: Path) -> None:
    """A spool that closes before it could sync ends the waiting; nothing is sent."""
    async with exchanges(tmp_path, 1) as tap:
        outbox = Moody(queue(), 0)

        async def closed() -> None:
            raise SpoolUnavailable

        tap.spool.synced = closed  # type: ignore[method-assign] # it closes first
        await shipper(tap, outbox).drain()
        assert _records(outbox) == 1
        assert not _checkpoints(outbox)
