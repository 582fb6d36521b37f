"""The shipper: from the spool to the queue, receipt by receipt.

The law: the spool forgets an exchange only after the queue has said that it holds it, and a
checkpoint goes only once a crash could no longer take what it says. An outage
of the queue costs nothing but room in the spool; when it ends, what waited goes first. What the
queue refuses while it takes others holds up nobody: it is passed over, and tried again alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from audit.errors import AuditStreamError, SpoolUnavailable, TransientError
from audit.ids import ExchangeNumber
from audit.ledger import Checkpoint
from audit.telemetry import Count, Log, frames_of
from audit.value import to_json
from storage.queue.port import Message, MessageKind, Outbox
from storage.spool.port import Shipment, ShipmentKind, Spool
from tap.passed_over import PassedOver
from tap.suspicion import Suspicion

__all__ = ["Shipper", "backoff"]

_KINDS = {
    ShipmentKind.RECORD: MessageKind.RECORD,
    ShipmentKind.REMNANT: MessageKind.REMNANT,
}


# What is ready so soon after a batch that was not full waits for company. One commit costs the
# disk and this process the same, however many messages it holds.
_LINGER_SECONDS = 0.025
# How long, when stopping, the spool may take to sync the records it was given last.
_LAST_SYNC_SECONDS = 2.0
# How long exchanges wait, at each look, for the sync of a checkpoint; on a disk that refuses it
# stays behind, and they go on.
_SYNC_SECONDS = 0.25
# After so many refusals in a row the exchanges of a batch are tried one by one; after the first
# while some are known to be refused by a queue that takes others.
_REFUSALS = 3
# How often new ones are looked for while all that is there is passed over.
_LOOK_SECONDS = 0.25


def backoff(failures: int, *, first: float = 0.1, most: float = 5.0) -> float:
    """Seconds to wait after so many failures in a row: doubling, with an upper bound."""
    return min(most, first * 2.0 ** min(failures - 1, 16))


class Shipper:
    """Carries shipments and checkpoints to the queue until it is stopped.

    `sign` gives a checkpoint with the tap's signature. `earlier` are the last words on earlier
    boots that recovery found; they go first.
    """

    def __init__(
        self,
        spool: Spool,
        outbox: Outbox,
        *,
        batch: int,
        checkpoint_seconds: float,
        log: Log,
        count: Count,
        sign: Callable[[Checkpoint], Checkpoint],
        earlier: Sequence[Checkpoint] = (),
        linger: float = _LINGER_SECONDS,
        passed: PassedOver | None = None,
    ) -> None:
        self._spool = spool
        self._outbox = outbox
        self._batch = batch
        self._checkpoint_seconds = checkpoint_seconds
        self._log = log
        self._count = count
        self._sign = sign
        self._failures = 0
        self._earlier = deque(earlier)
        self._linger = linger
        self._dropped = 0
        self._told: int | None = None
        self._pending: Checkpoint | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._passed = passed or PassedOver()
        self._suspicion = Suspicion()

    async def run(self) -> None:
        """Ship until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            try:
                if loop.time() >= due and await self._send_checkpoint():
                    due = loop.time() + self._checkpoint_seconds
                await self._ship_some(wait=self._checkpoint_seconds)
            except Exception as error:  # noqa: BLE001 - as in `_hand_over`
                self._failures += 1
                self._tell(error)
                await asyncio.sleep(backoff(self._failures))

    async def drain(self) -> None:
        """Ship what is there and the final checkpoint; gives up at the first refusal.

        What could not be shipped stays in the spool for the next start.
        """
        self._suspicion = Suspicion()
        while shipments := await self._next(self._patience()):
            if not await self._send(shipments):
                return
        if self._passed.ids:
            return
        with suppress(TimeoutError, SpoolUnavailable):
            # The last word is final only if nothing is in doubt; a sync ends all doubt.
            async with asyncio.timeout(_LAST_SYNC_SECONDS):
                await self._spool.synced()
        await self._send_checkpoint(final=True)

    def _patience(self) -> float:
        """Seconds to wait for a shipment: none once nothing is on its way to be ready.

        A record is offered when it is synced, a moment after it was handed to the spool.
        """
        return _LAST_SYNC_SECONDS if self._spool.census().open else 0.0

    async def _ship_some(self, *, wait: float) -> None:
        if self._calm:
            await self._try_again()
        shipments = await self._next(wait)
        self._state()
        if not shipments:
            await self._look_again(wait)
        elif not await self._send(shipments):
            self._suspicion.refused(shipments, 1 if self._passed.refused_alone else _REFUSALS)
            await asyncio.sleep(backoff(self._failures))
        elif len(shipments) < self._batch and not self._suspicion.searching:
            await asyncio.sleep(self._linger)

    @property
    def _calm(self) -> bool:
        return not self._failures and self._suspicion.calm

    async def _next(self, wait: float) -> Sequence[Shipment]:
        past = {*self._passed.ids, *self._suspicion.suspects}
        return self._suspicion.alone() or await self._spool.shipments(self._batch, wait, past)

    async def _look_again(self, wait: float) -> None:
        """Begin anew with all, after a moment if there are some: the spool waits for none then.

        Who was passed over has its turn here too: it may be the only one that would be taken.
        """
        if not self._calm:
            await self._try_again()
        if self._suspicion.suspects or self._passed.ids:
            await asyncio.sleep(min(wait, _LOOK_SECONDS))
        self._suspicion.begin_anew()

    async def _try_again(self) -> None:
        """Send what was passed over and is due, by itself.

        In a search only what it found: each try of one that is refused may take long.
        """
        now = asyncio.get_running_loop().time
        due = self._passed.due(now(), new=self._suspicion.searching)
        if due is None:
            return
        others = {*self._passed.ids, *self._suspicion.suspects} - {due}
        offered = await self._spool.shipments(1, 0.0, others)
        if [each.id for each in offered] != [due]:
            # It cannot be read for now, or older ones have come back and go first.
            self._passed.put_off(due, now())
        elif (error := await self._refusal(_messages(offered))) is None:
            self._let_go(due)
            self._taken(offered)
        elif not self._calm:
            # It may be the queue.
            self._passed.put_off(due, now())
        elif self._passed.refused(due, now()):
            self._log.error("shipper.passed_over", id=due, code=_code_of(error))

    def _let_go(self, one: str) -> None:
        """It was taken by itself: at its first turn it ends the search, for there is no culprit."""
        if self._passed.taken(one):
            self._suspicion.begin_anew()

    async def _send(self, shipments: Sequence[Shipment]) -> bool:
        if not await self._hand_over(_messages(shipments)):
            return False
        self._taken(shipments)
        return True

    def _taken(self, shipments: Sequence[Shipment]) -> None:
        """The queue takes shipments: of those that it did not take, each is to blame itself."""
        self._recovered()
        self._forget(shipments)
        blamed = self._suspicion.taken([each.id for each in shipments])
        self._passed.suspect(blamed, asyncio.get_running_loop().time())

    def _forget(self, shipments: Sequence[Shipment]) -> None:
        self._spool.shipped([each.id for each in shipments])
        self._count.add("auditstream_shipped_total", len(shipments))

    async def _send_checkpoint(self, *, final: bool = False) -> bool:
        """Send the checkpoint that waits, or a new one when there is news.

        One that was refused is sent again as it was: indexes have no holes, so that a missing
        one is a finding.
        """
        if self._pending is None and not self._draw_up(final=final):
            return True
        checkpoint = self._pending
        if checkpoint is None or not await self._is_kept(final=final):
            return False
        if not await self._hand_over([_message(checkpoint)]):
            return False
        self._pending = None
        # Words on earlier boots say nothing of this one, which speaks right behind them.
        if self._told is None or (final and not checkpoint.final):
            return await self._send_checkpoint(final=final)
        return True

    def _draw_up(self, *, final: bool) -> bool:
        if self._earlier:
            self._pending = self._sign(self._earlier.popleft())
            return True
        checkpoint = self._spool.checkpoint(final=final)
        if checkpoint.index == self._told:
            return False
        self._told = checkpoint.index
        self._pending = self._sign(checkpoint)
        self._keeping = asyncio.create_task(self._keep())
        return True

    async def _keep(self) -> None:
        # A spool that closes first leaves it to the next start.
        with suppress(SpoolUnavailable):
            await self._spool.synced()
            self._keeping = None

    async def _is_kept(self, *, final: bool) -> bool:
        """Whether the checkpoint that waits is synced, after a moment; earlier boots' are."""
        if self._keeping is not None:
            patience = _LAST_SYNC_SECONDS if final else _SYNC_SECONDS
            await asyncio.wait([self._keeping], timeout=patience)
        return self._keeping is None

    async def _hand_over(self, messages: list[Message]) -> bool:
        error = await self._refusal(messages)
        if error is not None:
            self._failures += 1
            if self._failures == 1:
                self._tell(error)
            return False
        self._recovered()
        return True

    def _recovered(self) -> None:
        if self._failures:
            self._log.info("shipper.recovered", count=self._failures)
        self._failures = 0

    async def _refusal(self, messages: Sequence[Message]) -> Exception | None:
        """Send these; gives what the queue said if it did not take them."""
        try:
            await self._outbox.send(messages)
        except Exception as error:  # noqa: BLE001 - a shipper that dies ships nothing any more
            self._count.add("auditstream_ship_failures_total")
            return error
        return None

    def _tell(self, error: Exception) -> None:
        if isinstance(error, TransientError):
            self._log.warning("shipper.queue_unavailable", code=error.code)
        else:
            kind = type(error).__name__
            self._log.error("shipper.unexpected", error_type=kind, where=frames_of(error))

    def _state(self) -> None:
        census = self._spool.census()
        self._count.state("auditstream_spool_bytes", census.bytes)
        self._count.state("auditstream_spool_open", census.open)
        self._count.state("auditstream_spool_waiting", census.waiting)
        self._count.add("auditstream_spool_dropped_total", census.dropped - self._dropped)
        self._dropped = census.dropped
        self._count.state("auditstream_spool_passed_over", self._passed.refused_alone)


def _code_of(error: Exception) -> str:
    return error.code if isinstance(error, AuditStreamError) else type(error).__name__


def _messages(shipments: Sequence[Shipment]) -> list[Message]:
    return [Message(each.id, _KINDS[each.kind], each.number, each.envelope) for each in shipments]


def _message(checkpoint: Checkpoint) -> Message:
    return Message(
        id=f"{checkpoint.tap}/{checkpoint.boot}#{checkpoint.index}",
        kind=MessageKind.CHECKPOINT,
        number=ExchangeNumber(tap=checkpoint.tap, boot=checkpoint.boot, seq=0),
        body=to_json(checkpoint),
    )
