"""The receiving end of a queue on Service Bus.

The law: a message is locked for a hand that is free and stays with its link until it is settled
or its lock has lapsed (`storage.queue.service_bus_pool`, `storage.queue.service_bus_link`). What
is held when the inbox closes is given back.

Service Bus knows no delay for what is given back. Such a message stays locked here, its lock is
renewed, and it is given back when the delay is over; if this process dies, the lock gives it back
earlier. It keeps its link meanwhile, which is a connection, and a namespace has few of those: while
`MOST_PARKED` are held so, nothing is received.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from audit.errors import QueueUnavailable
from storage.queue.port import Delivery
from storage.queue.service_bus_pool import Held, Links
from storage.queue.service_bus_reading import description_for, message_of

__all__ = ["ServiceBusInbox"]

Sleep = Callable[[float], Awaitable[None]]

# A look without waiting takes at least the round trip that it asks for.
SHORTEST_WAIT = 0.25

# Messages that wait here for their delay to be over, each with its body and most of a link.
MOST_PARKED = 64

# How long giving back may take when the inbox closes: a broker that answers needs a round trip.
_LAST_SECONDS = 3.0


class ServiceBusInbox:
    """Implements `Inbox`."""

    def __init__(
        self, links: Links, *, clock: Callable[[], float], sleep: Sleep = asyncio.sleep
    ) -> None:
        self._links = links
        self._clock = clock
        self._sleep = sleep
        self._lent: dict[str, Held] = {}
        self._parked: dict[asyncio.Task[None], Held] = {}
        self._turn = asyncio.Lock()

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Lock up to `limit` messages; what came at the same time is in the queue's order."""
        async with self._turn:
            self._forget_lapsed()
            if len(self._parked) >= MOST_PARKED:
                await asyncio.wait(self._parked, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
                return []
            taken = await self._links.take(limit, max(wait, SHORTEST_WAIT))
            return [self._lend(each) for each in taken]

    async def complete(self, delivery: Delivery) -> bool:
        """Remove the message from the queue."""
        return await self._settle(delivery, lambda held: held.link.complete(held.message))

    async def abandon(self, delivery: Delivery, delay: float = 0.0) -> bool:
        """Give the message back, at once or when the delay is over."""
        if delay <= 0:
            return await self._settle(delivery, Held.give_back)
        held = self._lent.get(delivery.receipt)
        if held is None or held.until <= self._clock():
            return False
        del self._lent[delivery.receipt]
        task = asyncio.create_task(self._give_back_later(held, delay))
        self._parked[task] = held
        task.add_done_callback(self._parked.pop)
        return True

    async def excuse(self, delivery: Delivery) -> None:
        """Have it given back uncounted; a lock that lapses counts all the same."""
        if (held := self._lent.get(delivery.receipt)) is not None:
            held.excused = True

    async def dead_letter(self, delivery: Delivery, code: str, description: str) -> bool:
        """Move the message to the queue's dead letters."""
        told = description_for(description, delivery.attempt, self._clock())
        return await self._settle(
            delivery, lambda held: held.link.dead_letter(held.message, code, told)
        )

    async def renew(self, delivery: Delivery) -> float | None:
        """Renew the lock: the broker gives it the queue's full duration from now."""
        held = self._lent.get(delivery.receipt)
        if held is None or not await self._renewed(held):
            return None
        return held.until

    async def close(self) -> None:
        """Give back what is held and close the links. Idempotent."""
        held = [*await self._links.close(), *self._lent.values(), *self._parked.values()]
        parked = list(self._parked)
        self._lent.clear()
        for task in parked:
            task.cancel()
        await asyncio.gather(*parked, return_exceptions=True)
        await _give_back(held)
        await self._links.close_links()

    def _lend(self, held: Held) -> Delivery:
        receipt = str(held.message.lock_token)
        self._lent[receipt] = held
        attempt = (held.message.delivery_count or 0) + 1
        return Delivery(message_of(held.message), attempt, receipt, held.until)

    async def _settle(self, delivery: Delivery, settle: Callable[[Held], Awaitable[bool]]) -> bool:
        """Settle what is held; after a failure it is still held, and may be settled again."""
        held = self._lent.get(delivery.receipt)
        if held is None:
            return False
        settled = await settle(held)
        self._let_go(delivery.receipt)
        return settled

    async def _renewed(self, held: Held) -> bool:
        until = await held.link.renew(held.message)
        if until is not None:
            self._links.renewed(held, until)
        return until is not None

    async def _give_back_later(self, held: Held, delay: float) -> None:
        """Keep it locked until the delay is over; whatever fails, the lock gives it back."""
        with suppress(QueueUnavailable):
            while delay > (pause := held.span / 2):
                await self._sleep(pause)
                delay -= pause
                if not await self._renewed(held):
                    break
            else:
                await self._sleep(delay)
                await held.give_back()
        self._links.give_back(held.link)

    def _let_go(self, receipt: str) -> None:
        held = self._lent.pop(receipt, None)
        if held is not None:
            self._links.give_back(held.link)

    def _forget_lapsed(self) -> None:
        """A delivery that nobody settled is someone else's by now, and its link is free."""
        now = self._clock()
        for receipt in [key for key, held in self._lent.items() if held.until <= now]:
            self._let_go(receipt)


async def _give_back(held: Sequence[Held]) -> None:
    """Abandon all, side by side and within bounded time; then their locks give them back."""
    giving = [asyncio.create_task(each.give_back()) for each in held]
    if giving:
        await asyncio.wait(giving, timeout=_LAST_SECONDS)
    for task in giving:
        task.cancel()
    for outcome in await asyncio.gather(*giving, return_exceptions=True):
        if isinstance(outcome, Exception) and not isinstance(outcome, QueueUnavailable):
            raise outcome
