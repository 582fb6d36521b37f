"""What operators and `verify` see of a queue on Service Bus.

The law: nothing is changed. Counts come from the namespace's management side where this identity
may ask it. Where it may not, messages are counted by looking, up to `COUNTED`; a count that stands
at the bound says "at least". The broker tells nobody which messages are locked: those count as
waiting.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from itertools import count
from typing import Protocol

from audit.errors import QueueUnavailable
from storage.queue.port import DeadLetter, QueueCensus, QueuedNumber
from storage.queue.service_bus_browser import PAGE, Browser
from storage.queue.service_bus_reading import body_of, dead_letter_of, enqueued_at, queued_of

__all__ = ["COUNTED", "Counts", "ServiceBusReader"]

# A look brings the bodies along, and a health check looks often: no further than so many messages,
# and no further than so many bytes of them.
COUNTED = 96
_COUNTED_BYTES = 4 << 20

# After a refusal the management side is asked again with every so-manieth census.
_ASK_AGAIN = 60


class Counts(Protocol):
    """The management side's word on how many messages are where."""

    async def counts(self) -> tuple[int, int]:
        """Give how many wait, locked ones included, and how many are dead.

        Raises `QueueUnavailable`.
        """


class ServiceBusReader:
    """Implements `QueueReader`."""

    def __init__(
        self, queue: Browser, dead: Browser, counts: Counts, clock: Callable[[], float]
    ) -> None:
        self._queue = queue
        self._dead = dead
        self._counts = counts
        self._clock = clock
        self._refused_at: int | None = None
        self._asked = count()

    async def census(self) -> QueueCensus:
        """How full it is; the oldest message may be a locked one."""
        waiting, dead = await self._count()
        first = await self._queue.page(0, 1)
        age = max(0.0, self._clock() - enqueued_at(first[0])) if first else None
        return QueueCensus(waiting=waiting, leased=0, dead=dead, oldest_age=age)

    async def numbers(self) -> AsyncIterator[QueuedNumber]:
        """Every message held: what waits or is locked first, then the dead letters."""
        async for message in self._queue.all():
            yield queued_of(message, dead=False)
        async for message in self._dead.all():
            yield queued_of(message, dead=True)

    async def dead_letters(self, limit: int = 1000) -> Sequence[DeadLetter]:
        """Up to `limit` messages set aside, oldest first."""
        letters = []
        async for message in self._dead.all():
            letters.append(dead_letter_of(message))
            if len(letters) >= limit:
                break
        return sorted(letters, key=lambda letter: letter.dead_since)

    async def close(self) -> None:
        """Close what was opened. Idempotent."""
        await self._queue.close()
        await self._dead.close()

    async def _count(self) -> tuple[int, int]:
        asked = next(self._asked)
        if self._refused_at is None or asked - self._refused_at >= _ASK_AGAIN:
            try:
                return await self._counts.counts()
            except QueueUnavailable:
                self._refused_at = asked
        return await _counted(self._queue), await _counted(self._dead)


async def _counted(browser: Browser) -> int:
    """Count by looking, up to the bounds."""
    found, size, after = 0, 0, 0
    while found < COUNTED and size < _COUNTED_BYTES and (page := await browser.page(after, PAGE)):
        found += len(page)
        size += sum(len(body_of(each)) for each in page)
        after = page[-1].sequence_number or 0
    return found
