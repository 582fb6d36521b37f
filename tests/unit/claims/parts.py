"""What the tests of claims share: queues and blobs that can be made to fail at a step."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from audit.errors import BlobsUnavailable
from storage.blobs.memory import MemoryBlobs
from storage.blobs.port import BlobRef, Blobs
from storage.queue.claim_check import ClaimCheckInbox, ClaimCheckOutbox
from storage.queue.memory import MemoryQueue
from storage.queue.port import Delivery, Message
from tests.unit.workers.parts import Clock

__all__ = ["LIMIT", "Checked", "Died", "Failing", "Watched", "names"]

LIMIT = 1_000


class Died(BaseException):
    """The process is gone: nothing that catches errors goes on after it."""


async def names(blobs: Blobs) -> list[str]:
    """The names of what is there."""
    return [each.name async for each in blobs.listing("")]


@dataclass
class Watched:
    """Blobs that note what is asked of them, and die or refuse where they are told to.

    `dies_before` and `refuses` are verbs: `put`, `get`, `remove`.
    """

    inner: Blobs = field(default_factory=MemoryBlobs)
    dies_before: str | None = None
    refuses: str | None = None
    asked: list[str] = field(default_factory=list)

    async def put(self, name: str, body: bytes) -> None:
        """Keep it."""
        self._note("put")
        await self.inner.put(name, body)

    async def get(self, name: str, most: int | None = None) -> bytes:
        """Give it."""
        self._note("get")
        return await self.inner.get(name, most)

    async def remove(self, name: str) -> bool:
        """Remove it."""
        self._note("remove")
        return await self.inner.remove(name)

    def listing(self, prefix: str) -> AsyncIterator[BlobRef]:
        """List what is there."""
        return self.inner.listing(prefix)

    def _note(self, verb: str) -> None:
        if self.dies_before == verb:
            raise Died
        if self.refuses == verb:
            raise BlobsUnavailable
        self.asked.append(verb)


@dataclass(frozen=True)
class Failing:
    """A sending end that fails with this, whatever it is given."""

    failure: BaseException

    async def send(self, messages: Sequence[Message]) -> None:
        """Fail, once it has been given something."""
        if messages:
            raise self.failure


@dataclass
class Checked:
    """A queue in memory with a claim check on both ends."""

    blobs: Watched = field(default_factory=Watched)
    clock: Clock = field(default_factory=Clock)
    room: int = 1 << 20
    limit: Callable[[], int] = lambda: LIMIT
    queue: MemoryQueue = field(init=False)
    outbox: ClaimCheckOutbox = field(init=False)
    inbox: ClaimCheckInbox = field(init=False)

    def __post_init__(self) -> None:
        self.queue = MemoryQueue(lease=60.0, clock=self.clock)
        self.outbox = ClaimCheckOutbox(self.queue, self.blobs, self.limit)
        self.inbox = ClaimCheckInbox(self.queue, self.blobs, self.room)

    async def one(self) -> Delivery:
        """Receive exactly one."""
        (delivery,) = await self.inbox.receive(1, 0)
        return delivery
