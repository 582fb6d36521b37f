"""What the tests of the shipper share: queues with moods, and taps that have something to ship."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from audit.errors import BlobsUnavailable, QueueUnavailable
from audit.ledger import Checkpoint
from audit.value import from_json
from storage.queue.memory import MemoryQueue
from storage.queue.port import Message, MessageKind
from tap.passed_over import PassedOver
from tap.shipper import Shipper
from tests.harness.raw_client import RawClient
from tests.harness.raw_upstream import RawUpstream, simple
from tests.harness.tap import RunningTap, running_tap
from tests.harness.wait import until
from tests.unit.storage.kit import an_opening

__all__ = [
    "Moody",
    "Picky",
    "as_it_is",
    "checkpoints",
    "exchanges",
    "one_more",
    "queue",
    "records",
    "said",
    "shipper",
]

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


def queue() -> MemoryQueue:
    """An empty queue."""
    return MemoryQueue(lease=60.0, clock=time.time)


def checkpoints(outbox: Moody) -> list[Checkpoint]:
    """The checkpoints that were taken."""
    sent = [each for each in outbox.sent if each.kind is MessageKind.CHECKPOINT]
    return [from_json(each.body, Checkpoint) for each in sent]


def said(tap: RunningTap, event: str) -> int:
    """How often the shipper has logged this."""
    return [name for name, _ in tap.notes.events].count(event)


def records(outbox: Moody) -> int:
    """How many exchanges were taken."""
    return sum(m.kind is MessageKind.RECORD for m in outbox.sent)
