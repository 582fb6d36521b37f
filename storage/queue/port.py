"""The ports of the queue: a tap can only send, a worker can only receive and settle.

Engines differ lawfully where this says so. "A broker" is one whose queue is not ours to look into
(Service Bus): it has locks of a fixed duration, a window in which it knows duplicates, and no
message by its id.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from audit.ids import ExchangeNumber

__all__ = [
    "DeadLetter",
    "Delivery",
    "Inbox",
    "Message",
    "MessageKind",
    "Outbox",
    "QueueAdmin",
    "QueueCensus",
    "QueueReader",
    "QueuedNumber",
]


class MessageKind(StrEnum):
    """What a message carries; `DAMAGED` where the queue's own row no longer says that."""

    RECORD = "record"
    REMNANT = "remnant"
    CHECKPOINT = "checkpoint"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to be delivered at least once.

    `id` is the record id (for a checkpoint `tap/boot#index`); a second send of an id that is
    still waiting or dead-lettered is a success without effect. A broker goes by time instead: the
    second has no effect within its window, whatever became of the first, and is another message
    of the same id after it; whoever carries messages takes both for one. `body` is sealed bytes
    (`storage.envelope`), or a checkpoint's JSON, or where it is too large for the queue, a claim
    to either (`storage.queue.claim`). Nothing else here is content: `number` and
    `kind` may be listed and logged. A checkpoint's number has `seq` 0, and so has that of a damaged
    message whose names cannot be read.
    """

    id: str
    kind: MessageKind
    number: ExchangeNumber
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message lent to one receiver until `locked_until` (seconds since the epoch).

    `attempt` counts deliveries of this message, this one included, from 1, but for those that were
    excused. `receipt` names the
    lease; a settlement with a receipt that has lapsed changes nothing.
    """

    message: Message
    attempt: int
    receipt: str
    locked_until: float


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message set aside, without its body, which has `size` bytes.

    `replays` counts how often it was brought back before. Instants are seconds since the epoch.
    Where the engine itself set it aside, `code` is its own word, and a broker, which keeps no such
    instant, gives that of sending for `dead_since`.
    """

    id: str
    kind: MessageKind
    number: ExchangeNumber
    code: str
    description: str
    attempts: int
    dead_since: float
    size: int = 0
    replays: int = 0

    @property
    def is_exchange(self) -> bool:
        """Whether it stands for an exchange, of which ledger and certificates may speak."""
        return self.kind is not MessageKind.CHECKPOINT and self.number.seq > 0


@dataclass(frozen=True, slots=True)
class QueuedNumber:
    """A message that the queue holds, without its body: `dead` when it was set aside."""

    id: str
    kind: MessageKind
    number: ExchangeNumber
    dead: bool


@dataclass(frozen=True, slots=True)
class QueueCensus:
    """How many messages are where, and how old the oldest waiting one is, in seconds.

    `waiting` counts those that may be received now or after their delay, `leased` those that a
    receiver holds, `dead` those set aside. A broker tells nobody what is leased: those count as
    waiting, and may be the oldest. Where it does not let itself be asked for counts either, they
    end at a bound, which is written with the adapter.
    """

    waiting: int
    leased: int
    dead: int
    oldest_age: float | None


class Outbox(Protocol):
    """The sending end."""

    async def send(self, messages: Sequence[Message]) -> None:
        """Hand over all of `messages`; on return the queue holds each durably (receipt 2).

        Raises `QueueUnavailable`; then any of them may or may not have been taken, and sending
        all of them again is safe.
        """


class Inbox(Protocol):
    """The receiving end."""

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Lease up to `limit` messages, oldest first; wait up to `wait` seconds for the first.

        A broker may give fewer than there are, and not in their order what it gave to several
        receives; a wait of 0 is a round trip there.

        One whose row is damaged comes too, as `MessageKind.DAMAGED`, to be set aside: it must not
        keep back those behind it. Raises `QueueUnavailable`.
        """

    async def complete(self, delivery: Delivery) -> bool:
        """Forget the message. False when the lease had lapsed (someone else has it now)."""

    async def abandon(self, delivery: Delivery, delay: float = 0.0) -> bool:
        """Give the message back, to be delivered again after `delay` seconds at the earliest.

        For a broker, which knows no delay, it stays leased until then; it comes earlier if this
        process dies, or when the inbox is closed.
        """

    async def excuse(self, delivery: Delivery) -> None:
        """Let this delivery not count as an attempt, however it ends; nothing if it had lapsed.

        A broker, which counts by itself, is told when the message is given back; it counts the
        delivery of a receiver that dies. Idempotent.
        """

    async def dead_letter(self, delivery: Delivery, code: str, description: str) -> bool:
        """Set the message aside with a reason code and a content-free description."""

    async def renew(self, delivery: Delivery) -> float | None:
        """Extend the lease; give its new end, or None when it had lapsed.

        This, `excuse` and the settlements raise `QueueUnavailable`; then it may or may not have
        been done, and doing it again is safe.
        """


class QueueReader(Protocol):
    """What operators and `verify` see: everything but the bodies. Changes nothing."""

    async def census(self) -> QueueCensus:
        """How full it is. Raises `QueueUnavailable`."""

    def numbers(self) -> AsyncIterator[QueuedNumber]:
        """Every message held, waiting, leased or dead, in any order.

        What moves meanwhile may be given twice by a broker, or be missed when it is replayed.
        """

    async def dead_letters(self, limit: int = 1000) -> Sequence[DeadLetter]:
        """Up to `limit` messages set aside, oldest first."""


class QueueAdmin(Protocol):
    """What an operator may do to single messages, of whatever kind. All raise `QueueUnavailable`.

    Where there are no bodies to be had by id (a broker's queue), `discard` says so, and the
    ledger keeps what could not be discarded from being stored.
    """

    async def find(self, message_id: str) -> QueuedNumber | None:
        """Whether the queue holds it, and if so, as what."""

    async def dead_letter_of(self, message_id: str) -> DeadLetter | None:
        """One message that was set aside."""

    async def replay(self, message_id: str) -> bool:
        """Bring a dead letter back: the same body, attempts from 1, `replays` one higher.

        False when it is none now. On return it waits durably, and a duplicate of its id that is
        sent meanwhile is still one.
        """

    async def discard(self, message_id: str) -> bool:
        """Remove a message that waits or was set aside, with its body.

        False when it is not there, or when someone has leased it: that one completes it, and if
        it dies instead, the message comes again, and with it whatever it may have left half done.
        """

    async def scrub(self) -> bool:
        """Leave no bytes of discarded bodies in any file; false when a reader kept it from that."""
