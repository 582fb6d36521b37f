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
# After so many refusals in a row single exchanges are tried, one after the other: if another is
# taken, those before it are to blame, and not the queue. After so many it is the queue.
_REFUSALS = 3
_MOST_SUSPECTS = 16
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
        self._suspects: list[str] = []

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
        self._suspects = []
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
        await self._try_again()
        probing = self._failures >= _REFUSALS
        shipments = await self._next(wait, 1 if probing else self._batch)
        self._state()
        if not shipments:
            await self._look_again(wait)
        elif not await self._send(shipments):
            if probing:
                self._suspect(shipments[0].id)
            await asyncio.sleep(backoff(self._failures))
        elif len(shipments) < self._batch:
            await asyncio.sleep(self._linger)

    async def _next(self, wait: float, limit: int | None = None) -> Sequence[Shipment]:
        past = {*self._passed.ids, *self._suspects}
        return await self._spool.shipments(limit or self._batch, wait, past)

    async def _look_again(self, wait: float) -> None:
        """Begin anew with all, after a moment if there are some: the spool waits for none then."""
        if self._suspects or self._passed.ids:
            await asyncio.sleep(min(wait, _LOOK_SECONDS))
        self._suspects = []

    def _suspect(self, one: str) -> None:
        """Try another next time; once so many were refused, it is the queue."""
        self._suspects.append(one)
        if len(self._suspects) >= _MOST_SUSPECTS:
            self._suspects = []

    async def _try_again(self) -> None:
        """Send what was passed over and is due, by itself."""
        now = asyncio.get_running_loop().time
        if (due := self._passed.due(now())) is None or self._failures:
            return
        others = [each for each in self._passed.ids if each != due]
        for one in await self._spool.shipments(1, 0.0, others):
            if one.id != due:
                self._passed.gone(due)
            elif (error := await self._refusal(_messages([one]))) is None:
                self._passed.gone(due)
                self._forget([one])
            elif self._passed.refused(due, now()):
                self._log.error("shipper.passed_over", id=due, code=_code_of(error))

    async def _send(self, shipments: Sequence[Shipment]) -> bool:
        if not await self._hand_over(_messages(shipments)):
            return False
        self._forget(shipments)
        # These were refused, and this was not.
        self._passed.suspect(self._suspects, asyncio.get_running_loop().time())
        self._suspects = []
        return True

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
        if self._failures:
            self._log.info("shipper.recovered", count=self._failures)
        self._failures = 0
        return True

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
