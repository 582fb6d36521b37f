"""A queue in memory, for tests: the same promises as the real ones, except durability.

Messages are encoded when they are sent and decoded at each delivery, so that nothing passes by
being the same object. It earns its place by passing the queue's contract tests.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import msgspec

from audit.ids import ExchangeNumber
from storage.queue.port import (
    DeadLetter,
    Delivery,
    Message,
    MessageKind,
    QueueCensus,
    QueuedNumber,
)
from storage.queue.visibility import AT_ONCE, farthest

__all__ = ["MemoryQueue"]

POLL = 0.01


@dataclass
class _Row:
    encoded: bytes
    sent_at: float
    visible_at: float
    attempts: int = 0
    receipt: str | None = None
    dead: DeadLetter | None = None
    replays: int = 0

    @property
    def message(self) -> Message:
        kind, record_id, tap, boot, seq, body = msgspec.json.decode(self.encoded)
        number = ExchangeNumber(tap=tap, boot=boot, seq=seq)
        return Message(record_id, MessageKind(kind), number, base64.b64decode(body))


def _encoded(message: Message) -> bytes:
    number = message.number
    body = base64.b64encode(message.body).decode()
    return msgspec.json.encode(
        [message.kind.value, message.id, number.tap, number.boot, number.seq, body]
    )


class MemoryQueue:
    """Implements `Outbox`, `Inbox`, `QueueReader` and `QueueAdmin`; one process only."""

    def __init__(self, *, lease: float, clock: Callable[[], float]) -> None:
        self._lease = lease
        self._clock = clock
        self._rows: dict[str, _Row] = {}
        self._receipts = 0

    async def send(self, messages: Sequence[Message]) -> None:
        """Take all of `messages`."""
        now = self._clock()
        for message in messages:
            self._rows.setdefault(message.id, _Row(_encoded(message), now, AT_ONCE))

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Lease up to `limit` messages, oldest first."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait
        await asyncio.sleep(0)  # Every real queue lets others run meanwhile.
        while True:
            visible = [row for row in self._alive() if self._visible(row)]
            remaining = deadline - loop.time()
            if visible or remaining <= 0:
                return [self._lend(row) for row in visible[:limit]]
            await asyncio.sleep(min(POLL, remaining))

    async def complete(self, delivery: Delivery) -> bool:
        """Forget the message."""
        if self._held(delivery) is None:
            return False
        del self._rows[delivery.message.id]
        return True

    async def abandon(self, delivery: Delivery, delay: float = 0.0) -> bool:
        """Give the message back."""
        if (row := self._held(delivery)) is None:
            return False
        row.visible_at, row.receipt = (self._clock() + delay if delay else AT_ONCE), None
        return True

    async def excuse(self, delivery: Delivery) -> None:
        """Let this delivery not count."""
        if (row := self._held(delivery)) is not None:
            row.attempts = delivery.attempt - 1

    async def dead_letter(self, delivery: Delivery, code: str, description: str) -> bool:
        """Set the message aside."""
        if (row := self._held(delivery)) is None:
            return False
        m = delivery.message
        now = self._clock()
        row.dead = DeadLetter(
            m.id,
            m.kind,
            m.number,
            code,
            description,
            delivery.attempt,
            dead_since=now,
            size=len(m.body),
            replays=row.replays,
        )
        row.receipt = None
        return True

    async def renew(self, delivery: Delivery) -> float | None:
        """Extend the lease."""
        if (row := self._held(delivery)) is None:
            return None
        row.visible_at = self._clock() + self._lease
        return row.visible_at

    async def census(self) -> QueueCensus:
        """How full it is."""
        now = self._clock()
        leased = [row for row in self._alive() if row.receipt and row.visible_at > now]
        waiting = [row for row in self._alive() if row not in leased]
        oldest = min((row.sent_at for row in waiting), default=None)
        dead = len(self._rows) - len(self._alive())
        age = None if oldest is None else now - oldest
        return QueueCensus(len(waiting), len(leased), dead, age)

    async def numbers(self) -> AsyncIterator[QueuedNumber]:
        """Every message held."""
        for row in list(self._rows.values()):
            m = row.message
            yield QueuedNumber(m.id, m.kind, m.number, dead=row.dead is not None)

    async def dead_letters(self, limit: int = 1000) -> Sequence[DeadLetter]:
        """Messages set aside, oldest first."""
        dead = [row.dead for row in self._rows.values() if row.dead is not None]
        return sorted(dead, key=lambda letter: letter.dead_since)[:limit]

    async def find(self, message_id: str) -> QueuedNumber | None:
        """Whether it is held, and as what."""
        if (row := self._rows.get(message_id)) is None:
            return None
        m = row.message
        return QueuedNumber(m.id, m.kind, m.number, dead=row.dead is not None)

    async def dead_letter_of(self, message_id: str) -> DeadLetter | None:
        """One message that was set aside."""
        row = self._rows.get(message_id)
        return None if row is None else row.dead

    async def replay(self, message_id: str) -> bool:
        """Bring a dead letter back."""
        row = self._rows.get(message_id)
        if row is None or row.dead is None:
            return False
        row.dead, row.attempts, row.visible_at = None, 0, AT_ONCE
        row.replays += 1
        return True

    async def discard(self, message_id: str) -> bool:
        """Remove a message that nobody has leased."""
        row = self._rows.get(message_id)
        if row is None or (row.receipt is not None and row.visible_at > self._clock()):
            return False
        del self._rows[message_id]
        return True

    async def scrub(self) -> bool:
        """Nothing is left behind in memory."""
        return True

    async def close(self) -> None:
        """Nothing to close."""

    def _alive(self) -> list[_Row]:
        return [row for row in self._rows.values() if row.dead is None]

    def _visible(self, row: _Row) -> bool:
        now = self._clock()
        return not now < row.visible_at <= farthest(now, self._lease)

    def _held(self, delivery: Delivery) -> _Row | None:
        row = self._rows.get(delivery.message.id)
        if row is None or row.receipt != delivery.receipt or row.visible_at <= self._clock():
            return None
        return row

    def _lend(self, row: _Row) -> Delivery:
        self._receipts += 1
        row.attempts += 1
        row.receipt = f"receipt-{self._receipts}"
        row.visible_at = self._clock() + self._lease
        return Delivery(row.message, row.attempts, row.receipt, row.visible_at)
