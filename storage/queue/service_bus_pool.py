"""The receiving links of one inbox, and the messages that came over them.

The law: the broker is asked for as many messages as were asked for here, less those that it was
asked for already, so nothing lies here under a lock that nobody has a hand for. A link asks for
more only when all that came over it is settled, so that no settlement waits behind a receive. A
wait cannot be taken back once the broker has been told; one that is still under way when `take`
returns is left to the next `take`, and ends by itself.

One link asks for one message, so that a single message is handed on at once: asked for several,
the SDK waits for the others a while. Each time it gets all that it asked for, the next one asks
for twice as many, up to `LARGEST_STRIDE`: on a full queue that saves a good part of the work.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from azure.servicebus import ServiceBusReceivedMessage

from storage.queue.service_bus_link import Link
from storage.queue.service_bus_locks import believe, lock_end
from storage.queue.service_bus_reading import locked_until

__all__ = ["Held", "Links"]

# Links that wait side by side are answered side by side: what comes this soon after the first
# belongs to the same `take`.
_LINGER = 0.01

# What still waits when all is closed may receive for so long, to be given back at once.
_LAST_WAIT = 1.0

# Messages over one link at once. They are settled one after the other, a round trip each.
LARGEST_STRIDE = 8


@dataclass(slots=True, eq=False)
class Held:
    """A message under its lock: over which link, until when, how long a lock lasts (seconds).

    `excused` when its delivery is not to count as an attempt.
    """

    message: ServiceBusReceivedMessage = field(repr=False)
    link: Link
    until: float
    span: float
    excused: bool = False

    async def give_back(self) -> bool:
        """Unlock it. False when its lock was lost. Raises `QueueUnavailable`."""
        if self.excused:
            return await self.link.release(self.message)
        return await self.link.abandon(self.message)


class Links:
    """Opens links as they are needed, and keeps them."""

    def __init__(
        self, new_link: Callable[[], Link], *, lease: float, clock: Callable[[], float]
    ) -> None:
        self._new_link = new_link
        self._lease = lease
        self._clock = clock
        self._all: list[Link] = []
        self._idle: deque[Link] = deque()
        self._lent: Counter[Link] = Counter()
        self._waiting: dict[asyncio.Task[None], int] = {}
        self._stride = 1
        self._ready: list[Held] = []
        self._failure: Exception | None = None

    async def take(self, limit: int, wait: float) -> list[Held]:
        """Up to `limit` messages, in the queue's order; wait up to `wait` seconds for the first.

        Raises `QueueUnavailable` when no link could get an answer.
        """
        self._forget_lapsed()
        self._failure = None
        await self._first_of(self._ask_for(limit, wait), wait)
        if self._waiting and len(self._ready) < limit:
            await asyncio.wait(self._waiting, timeout=_LINGER)
        return self._hand_over(limit)

    def renewed(self, held: Held, said: float) -> None:
        """Say until when the broker has renewed a lock, by its clock."""
        held.until = self._clock() + self._seconds(held.message, said)

    def give_back(self, link: Link) -> None:
        """Say that a message of this link is settled or lost; after its last one it is free."""
        self._lent[link] -= 1
        if self._lent[link] <= 0:
            del self._lent[link]
            self._idle.append(link)

    async def close(self) -> list[Held]:
        """Wait for no more; gives what came and was not taken. The links still settle."""
        if self._waiting:
            await asyncio.wait(self._waiting, timeout=_LAST_WAIT)
        waiting = list(self._waiting)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        ready, self._ready = self._ready, []
        for held in ready:
            held.excused = True  # Nobody has looked at it.
        return ready

    async def close_links(self) -> None:
        """Close all links, side by side."""
        links, self._all = self._all, []
        self._idle.clear()
        await asyncio.gather(*(each.close() for each in links))

    def _ask_for(self, limit: int, wait: float) -> set[asyncio.Task[None]]:
        """Have links wait for what was not asked for yet; gives their waits."""
        wanted = limit - len(self._ready) - sum(self._waiting.values())
        asking = set()
        while wanted > 0:
            some = min(wanted, self._stride)
            link = self._idle.popleft() if self._idle else self._another()
            asking.add(self._wait_on(link, some, wait))
            wanted -= some
        return asking

    async def _first_of(self, asking: set[asyncio.Task[None]], wait: float) -> None:
        """Wait until there is a message, or `wait` is over and those that ask now are answered."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait
        while self._waiting and not self._ready:
            left = deadline - loop.time()
            if left <= 0 and asking.isdisjoint(self._waiting):
                return
            timeout = left if left > 0 else None
            await asyncio.wait(self._waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)

    def _another(self) -> Link:
        link = self._new_link()
        self._all.append(link)
        return link

    def _wait_on(self, link: Link, some: int, wait: float) -> asyncio.Task[None]:
        task = asyncio.create_task(self._receive(link, some, wait))
        self._waiting[task] = some
        task.add_done_callback(self._waiting.pop)
        return task

    async def _receive(self, link: Link, some: int, wait: float) -> None:
        messages: list[ServiceBusReceivedMessage] = []
        try:
            messages = await link.receive(some, wait)
            self._failure = None
        except Exception as error:  # noqa: BLE001 - `take` raises it, whatever it is
            self._failure = error
        self._stride = min(2 * self._stride, LARGEST_STRIDE) if len(messages) == some else 1
        held = [self._held(each, link) for each in messages]
        if held:
            self._lent[link] = len(held)
            self._ready.extend(held)
        else:
            self._idle.append(link)

    def _held(self, message: ServiceBusReceivedMessage, link: Link) -> Held:
        seconds = self._seconds(message, locked_until(message))
        return Held(message, link, self._clock() + seconds, max(seconds, 1.0))

    def _seconds(self, message: ServiceBusReceivedMessage, said: float | None) -> float:
        """For how long a lock lasts that was just given, by our clock; the SDK is told it too."""
        now = self._clock()
        seconds = lock_end(said, now, self._lease) - now
        believe(message, seconds)
        return seconds

    def _hand_over(self, limit: int) -> list[Held]:
        failure, self._failure = self._failure, None
        if failure is not None and not self._ready:
            raise failure
        self._ready.sort(key=lambda held: held.message.sequence_number or 0)
        taken, self._ready = self._ready[:limit], self._ready[limit:]
        return taken

    def _forget_lapsed(self) -> None:
        """Others have by now what nobody took in time."""
        now = self._clock()
        for held in [each for each in self._ready if each.until <= now]:
            self._ready.remove(held)
            self.give_back(held.link)
