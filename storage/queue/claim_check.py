"""The claim check: large bodies beside the queue, in blobs (Enterprise Integration Patterns).

The law: a body is durable before the message that claims it is sent, and goes only after the
message is completed, which a worker does when record and ledger stand. A crash in between leaves a
blob that nobody claims, and never a claim without its blob; `workers.claims` finds those left
behind. What is abandoned, set aside or replayed keeps its body.

What comes here is sealed, and was squeezed before it was sealed (`storage.spool.squeezing`), so it
is not compressed again: sealed bytes do not get smaller.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from audit.errors import AuditStreamError, EnvelopeDamaged
from storage.blobs.port import Blobs, BlobWriter
from storage.queue.bodies import Room
from storage.queue.claim import claim_for, claim_of
from storage.queue.port import Delivery, Inbox, Message, Outbox

__all__ = ["ClaimCheckInbox", "ClaimCheckOutbox"]

# Sealed bytes whose records a worker makes at the same time. Media take little more than that while
# they are reassembled; text that is kept takes it three times over, and more while it is redacted.
_ROOM = 32 << 20
# The message is settled by then: what takes longer is left to the sweep.
_REMOVAL_SECONDS = 5.0


class ClaimCheckOutbox:
    """Implements `Outbox` over another one; `limit` tells how many bytes a body may have there.

    It is asked at each send, for it may be the connection that says it.
    """

    def __init__(self, outbox: Outbox, blobs: BlobWriter, limit: Callable[[], int]) -> None:
        self._outbox = outbox
        self._blobs = blobs
        self._limit = limit

    async def send(self, messages: Sequence[Message]) -> None:
        """Put what is too large into blobs, one after the other, then send all messages.

        Raises `BlobsUnavailable` too; then no message was sent.
        """
        limit = self._limit()
        await self._outbox.send([await self._checked_in(each, limit) for each in messages])

    async def _checked_in(self, message: Message, limit: int) -> Message:
        if len(message.body) <= limit:
            return message
        claim = await asyncio.to_thread(claim_for, message)
        await self._blobs.put(claim.name, message.body)
        return replace(message, body=claim.encoded())


class ClaimCheckInbox:
    """Implements `Inbox` over another one, and `Bodies`.

    Deliveries come with their claims; a body is fetched for whoever asks, while there is room:
    `room` bytes of bodies for all deliveries at the same time.
    """

    def __init__(self, inbox: Inbox, blobs: Blobs, room: int = _ROOM) -> None:
        self._inbox = inbox
        self._blobs = blobs
        self._room = Room(room)

    @asynccontextmanager
    async def room(self, message: Message) -> AsyncIterator[None]:
        """Keep room for as many bytes as the message claims; the others wait for nobody."""
        claim = claim_of(message)
        if claim is None:
            yield
            return
        async with self._room.of(claim.size):
            yield

    async def fetch(self, message: Message) -> Message:
        """Give the message with its body, which is held against the claim."""
        claim = claim_of(message)
        if claim is None:
            return message
        body = await self._blobs.get(claim.name, claim.size + 1)
        if not await asyncio.to_thread(claim.is_met_by, body):
            raise EnvelopeDamaged("the blob of a large body holds other bytes")
        return replace(message, body=body)

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Lease messages, without the bodies that lie elsewhere."""
        return await self._inbox.receive(limit, wait)

    async def complete(self, delivery: Delivery) -> bool:
        """Forget the message, then its body. That the body stayed is no failure."""
        completed = await self._inbox.complete(delivery)
        if completed:
            await self._remove_body(delivery.message)
        return completed

    async def abandon(self, delivery: Delivery, delay: float = 0.0) -> bool:
        """Give the message back."""
        return await self._inbox.abandon(delivery, delay)

    async def excuse(self, delivery: Delivery) -> None:
        """Let this delivery not count as an attempt."""
        await self._inbox.excuse(delivery)

    async def dead_letter(self, delivery: Delivery, code: str, description: str) -> bool:
        """Set the message aside; its body stays for a replay."""
        return await self._inbox.dead_letter(delivery, code, description)

    async def renew(self, delivery: Delivery) -> float | None:
        """Extend the lease."""
        return await self._inbox.renew(delivery)

    async def _remove_body(self, message: Message) -> None:
        with suppress(AuditStreamError, TimeoutError):
            if (claim := claim_of(message)) is not None:
                async with asyncio.timeout(_REMOVAL_SECONDS):
                    await self._blobs.remove(claim.name)
