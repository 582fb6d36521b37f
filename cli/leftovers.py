"""What a worker clears away besides: bodies in blobs that nobody needs any more.

The law: whatever goes wrong is told and tried again the next time, and deliveries go on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol

from audit.errors import AuditStreamError
from audit.signing import Trust
from audit.telemetry import Count, Log, frames_of
from cli.engines import Receiving, Store
from workers.claims import ClaimSweeper
from workers.lease import first_of

__all__ = ["Chore", "OverflowSweeper", "leftovers"]

# A body that was left behind does no harm, and a walk over all of them costs.
_SECONDS = 3_600.0


class Chore(Protocol):
    """Something that a worker does besides."""

    async def run(self, stop: asyncio.Event) -> None:
        """Do it again and again until `stop` is set, which cuts it short. Raises nothing."""


def leftovers(
    queue: Receiving, store: Store, trust: Trust, log: Log, count: Count
) -> Iterator[Chore]:
    """What there is to be cleared away with these engines."""
    if queue.claims is not None:
        yield ClaimSweeper(
            blobs=queue.claims, ledger=store.ledger, trust=trust, log=log, count=count
        )
    if store.sweep is not None:
        yield OverflowSweeper(store.sweep, log)


class OverflowSweeper:
    """Sweeps the bodies of records that are gone, as where the store itself let them expire."""

    def __init__(
        self,
        sweep: Callable[[float], Awaitable[int]],
        log: Log,
        *,
        seconds: float = _SECONDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._sweep = sweep
        self._log = log
        self._seconds = seconds
        self._now = now

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep until `stop` is set; a stop waits for no walk. Raises nothing."""
        while not stop.is_set():
            await first_of(stop.wait(), self._one_sweep())
            await first_of(stop.wait(), asyncio.sleep(self._seconds))

    async def _one_sweep(self) -> None:
        try:
            if removed := await self._sweep(self._now()):
                self._log.info("worker.overflow_swept", count=removed)
        except AuditStreamError as error:
            self._log.warning("worker.sweep_failed", code=error.code)
        except Exception as error:  # noqa: BLE001 - deliveries go on, whatever it is
            kind, where = type(error).__name__, frames_of(error)
            self._log.error("worker.unexpected", error_type=kind, where=where)
