"""The worker: receives, has each delivery carried, and settles it.

The law: what it holds it either completes, gives back or sets aside, and if it dies, the lease
gives it back. It never holds more than `concurrency` deliveries nor more than it can finish
within a lease, receives nothing while a dependency is down, and logs ids, numbers and codes,
never a message of an error.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from audit.errors import TransientError
from audit.telemetry import Count, Log, NoCount, NoLog, frames_of
from storage.queue.port import Delivery, Inbox
from workers.carrier import Carried, Carrier
from workers.gate import Gate
from workers.holding import Holding
from workers.lease import Sleep, first_of, under_lease
from workers.settlement import GiveBack, Hold, Patience, SetAside, Settlement, decide, worn_out

__all__ = ["DELIVERIES", "Worker", "WorkerLimits"]

DELIVERIES = "auditstream_deliveries_total"


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """How many deliveries at once, and the seconds for draining and for one look at the queue.

    A stop takes effect after at most one `look`: a receive is not cut short, for what it was
    about to lease would wait for its lease to lapse.
    """

    concurrency: int = 4
    drain: float = 30.0
    look: float = 0.5
    patience: Patience = field(default_factory=Patience)


class Worker:
    """One event loop's worth of deliveries. Several may run anywhere without knowing each other."""

    def __init__(
        self,
        inbox: Inbox,
        carrier: Carrier,
        limits: WorkerLimits,
        *,
        log: Log | None = None,
        count: Count | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._inbox = inbox
        self._carrier = carrier
        self._limits = limits
        self._log = log or NoLog()
        self._count = count or NoCount()
        self._clock = clock
        self._sleep = sleep
        self._gate = Gate(self._log)
        self._holding = Holding(limits.concurrency)
        self._lease = 0.0
        self._held: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish what is held, within the drain's deadline.

        What is not finished by then is given back. Raises nothing that a delivery raises, but a
        `PermanentError` when the queue refuses to be received from at all.
        """
        self._stop = stop
        self._log.info("worker.started", limit=self._limits.concurrency)
        try:
            while not stop.is_set():
                await self._round()
            if self._held:
                await asyncio.wait(self._held, timeout=self._limits.drain)
        finally:
            await self._let_go()
        self._log.info("worker.stopped")

    async def _round(self) -> None:
        """Take in as many deliveries as there are free hands."""
        free = self._holding.most(self._lease) - len(self._held)
        if free <= 0:
            await first_of(self._stop.wait(), self._any_done())
            return
        if self._gate.shut:
            await first_of(self._stop.wait(), self._gate.opened(), self._pause(self._gate.pause))
            free = 1
        if self._stop.is_set():
            return
        for delivery in await self._receive(free):
            task = asyncio.create_task(self._deal_with(delivery))
            self._held.add(task)
            task.add_done_callback(self._held.discard)

    async def _receive(self, limit: int) -> list[Delivery]:
        try:
            deliveries = list(await self._inbox.receive(limit, self._limits.look))
        except TransientError as error:
            delay = error.retry_after or self._limits.patience.first_delay
            self._gate.close(error.code, delay)
            return []
        if not deliveries and not self._held:
            self._gate.open()  # The queue answers, and nothing is left that says otherwise.
        return deliveries

    async def _deal_with(self, delivery: Delivery) -> None:
        """One delivery from receipt to settlement; no error goes beyond here."""
        self._lease = delivery.locked_until - self._clock()
        try:
            kept = await under_lease(
                self._work_on(delivery), delivery, self._inbox, clock=self._clock
            )
            if not kept:
                self._note("lease_lost", delivery)
        except asyncio.CancelledError:
            await self._excuse(delivery)
            await self._abandon(delivery, 0.0)
            raise
        except Exception as error:  # noqa: BLE001 - the lease gives the delivery back
            self._tell(error, delivery)

    async def _work_on(self, delivery: Delivery) -> None:
        """Try until the delivery is settled."""
        patience = self._limits.patience
        aside = worn_out(delivery.attempt, patience)
        failures = 0
        begun = asyncio.get_running_loop().time()
        while True:
            try:
                await self._settle(delivery, aside)
            except Exception as error:  # noqa: BLE001 - whatever it is, the delivery is settled
                failures += 1
                settlement = decide(error, delivery.attempt, failures, patience)
                self._tell(error, delivery)
            else:
                if not failures:  # Else it tells how long something was down.
                    seconds = asyncio.get_running_loop().time() - begun
                    self._holding.settled(seconds, len(self._held))
                return
            if isinstance(settlement, Hold):
                await self._excuse(delivery)
            if isinstance(settlement, SetAside) and aside is None:
                aside = settlement
            elif not isinstance(settlement, Hold) or self._stop.is_set():
                await self._abandon(delivery, self._until_next(settlement, delivery))
                return
            else:
                self._gate.close(settlement.code, settlement.delay)
                await first_of(self._stop.wait(), self._pause(settlement.delay))

    async def _settle(self, delivery: Delivery, aside: SetAside | None) -> None:
        if aside is None:
            carried = await self._carrier.carry(delivery.message)
        else:
            settled = await self._carrier.set_aside(delivery.message, aside)
            if settled is None:
                await self._dead_letter(delivery, aside)
                return
            carried = settled
        await self._inbox.complete(delivery)
        self._gate.open()
        self._note(carried.value, delivery)

    async def _dead_letter(self, delivery: Delivery, aside: SetAside) -> None:
        held = await self._inbox.dead_letter(delivery, aside.code, aside.description)
        self._gate.open()
        if not held:
            self._note("lease_lost", delivery)
            return
        self._count.add(DELIVERIES, outcome="dead_lettered")
        self._log.error("worker.dead_lettered", code=aside.code, **_name(delivery))

    async def _abandon(self, delivery: Delivery, delay: float) -> None:
        with suppress(TransientError):  # Then the lease gives it back.
            if await self._inbox.abandon(delivery, delay):
                self._note("given_back", delivery)

    async def _excuse(self, delivery: Delivery) -> None:
        """An outage or a stop of ours is nothing that the message did."""
        with suppress(TransientError):  # Then it counts.
            await self._inbox.excuse(delivery)

    def _until_next(self, settlement: Settlement, delivery: Delivery) -> float:
        """When a delivery that is given back should come again: at once where we are stopping."""
        match settlement:
            case Hold():
                return 0.0
            case GiveBack(delay):
                return delay
            case SetAside():
                # It could not even be set aside: let it not come round and round.
                return self._limits.patience.delay(delivery.attempt)

    async def _pause(self, seconds: float) -> None:
        await self._sleep(seconds)

    async def _any_done(self) -> None:
        await asyncio.wait(self._held, return_when=asyncio.FIRST_COMPLETED)

    async def _let_go(self) -> None:
        held = list(self._held)
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)

    def _note(self, outcome: str, delivery: Delivery) -> None:
        self._count.add(DELIVERIES, outcome=outcome)
        if outcome in ("given_back", "lease_lost"):
            self._log.warning("worker.retrying", reason=outcome, **_name(delivery))
        elif outcome == Carried.STORED:
            self._log.info("worker.stored", **_name(delivery))
        elif outcome == Carried.ERASED:
            self._log.info("worker.erased", **_name(delivery))

    def _tell(self, error: Exception, delivery: Delivery) -> None:
        """Say that there was an error without a code; those with one are told by their effect."""
        if not hasattr(error, "code"):
            kind = type(error).__name__
            where = frames_of(error)
            self._log.error("worker.unexpected", error_type=kind, where=where, **_name(delivery))


def _name(delivery: Delivery) -> dict[str, str | int]:
    message = delivery.message
    return {
        "id": message.id,
        "tap": message.number.tap,
        "boot": message.number.boot,
        "seq": message.number.seq,
        "attempt": delivery.attempt,
    }
