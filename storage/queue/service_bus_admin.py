"""What an operator may do to single messages of a queue on Service Bus.

The law: a dead letter is brought back by sending it again, under an id of its own, before the old
one is removed; a crash in between doubles it and loses nothing. A broker gives no message by its
id: one is found by looking, and taken by locking those before it, which are given back after.
What waits cannot be taken out at all, for a lock on it is an attempt.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TypeAlias

from azure.servicebus import ServiceBusReceivedMessage

from audit.errors import QueueUnavailable
from storage.queue.port import DeadLetter, QueuedNumber
from storage.queue.service_bus_browser import Browser
from storage.queue.service_bus_labels import replay_id
from storage.queue.service_bus_link import Link
from storage.queue.service_bus_outbox import ServiceBusOutbox
from storage.queue.service_bus_reading import body_of, dead_letter_of, message_labels, queued_of

__all__ = ["ServiceBusAdmin"]

# Dead letters that are locked at most to reach one behind them. Their bodies come along.
REACH = 1000
_AT_ONCE = 32

# Makes a link to the dead letters.
NewLink: TypeAlias = Callable[[], Link]

# How long the broker may take to say that there are no further dead letters.
_NO_MORE = 2.0


class ServiceBusAdmin:
    """Implements `QueueAdmin`."""

    def __init__(
        self, *, queue: Browser, dead: Browser, outbox: ServiceBusOutbox, new_link: NewLink
    ) -> None:
        self._queue = queue
        self._dead = dead
        self._outbox = outbox
        self._new_link = new_link

    async def find(self, message_id: str) -> QueuedNumber | None:
        """Look through the dead letters, then through the queue."""
        if (letter := await _look_for(self._dead, message_id)) is not None:
            return queued_of(letter, dead=True)
        waiting = await _look_for(self._queue, message_id)
        return None if waiting is None else queued_of(waiting, dead=False)

    async def dead_letter_of(self, message_id: str) -> DeadLetter | None:
        """One message that was set aside."""
        letter = await _look_for(self._dead, message_id)
        return None if letter is None else dead_letter_of(letter)

    async def replay(self, message_id: str) -> bool:
        """Send a dead letter again, then remove it; false when it is none now."""
        async with self._taken(message_id) as (link, letter):
            if letter is None:
                return False
            labels = message_labels(letter)
            again = replace(labels, replays=labels.replays + 1)
            new_id = replay_id(labels, letter.sequence_number or 0)
            await self._outbox.send_again(body_of(letter), again, new_id)
            # Where its lock was lost, it stays beside its copy: that is doubled, not lost.
            await link.complete(letter)
            return True

    async def discard(self, message_id: str) -> bool:
        """Remove a dead letter; false for what waits, which no broker gives out by its id."""
        async with self._taken(message_id) as (link, letter):
            if letter is None:
                return False
            return await link.complete(letter) or await _look_for(self._dead, message_id) is None

    async def scrub(self) -> bool:
        """Nothing to do: no file of ours holds what was discarded."""
        return True

    async def close(self) -> None:
        """Nothing is open between calls but what others own."""

    @asynccontextmanager
    async def _taken(
        self, message_id: str
    ) -> AsyncIterator[tuple[Link, ServiceBusReceivedMessage | None]]:
        """Lock a dead letter; those that had to be locked on the way are given back after."""
        link = self._new_link()
        passed: list[ServiceBusReceivedMessage] = []
        letter = None
        try:
            if await _look_for(self._dead, message_id) is not None:
                letter = await _reach(link, message_id, passed)
            yield link, letter
        except BaseException:
            passed.extend([] if letter is None else [letter])
            raise
        finally:
            with suppress(QueueUnavailable):  # Then their locks give them back.
                for message in passed:
                    await link.abandon(message)
            await link.close()


async def _reach(
    link: Link, message_id: str, passed: list[ServiceBusReceivedMessage]
) -> ServiceBusReceivedMessage | None:
    """Lock dead letters from the oldest on, into `passed`, until the one that is wanted comes."""
    while len(passed) < REACH:
        some = await link.receive(_AT_ONCE, _NO_MORE)
        if not some:
            return None
        found = next((each for each in some if message_labels(each).id == message_id), None)
        passed.extend(each for each in some if each is not found)
        if found is not None:
            return found
    raise QueueUnavailable(
        f"more than {REACH} dead letters stand before {message_id}: deal with those first"
    )


async def _look_for(browser: Browser, message_id: str) -> ServiceBusReceivedMessage | None:
    async for message in browser.all():
        if message_labels(message).id == message_id:
            return message
    return None
