"""Large bodies that lie in blobs: those of an exchange, and those that nobody needs any more.

The law: the ledger decides, never age. A blob goes when an entry that a worker has signed says
that its very exchange is stored, erased or has expired; whatever else may be the case, its message
may still wait or be replayed, and it stays. A grace time only spares questions about what was put
down a moment ago. What nobody ever sent stays too: the blob may be all there is of an exchange.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from audit.errors import AuditStreamError, PermanentError
from audit.ledger import LedgerState
from audit.signing import Trust
from audit.telemetry import Count, Log, NoCount, NoLog, frames_of
from storage.blobs.port import BlobRef, Blobs
from storage.queue.claim import CLAIMS, claimed_body
from storage.records.port import LedgerWriter
from workers.lease import Sleep, first_of
from workers.vouching import is_signed

__all__ = ["ClaimSweeper", "ClaimedBodies", "SweptClaims"]

SWEPT = "auditstream_claims_swept_total"

_OVER = (LedgerState.STORED, LedgerState.ERASED, LedgerState.EXPIRED)


class ClaimedBodies:
    """Removes bodies by the ids of their messages, for erasures and discards."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    async def remove_of(self, ids: Collection[str]) -> int:
        """Remove the bodies of these, in one walk over all that are there; gives how many.

        Raises `BlobsUnavailable`; then any of them may be gone, and asking again is safe.
        """
        removed = 0
        async for blob in self._blobs.listing(CLAIMS):
            claimed = claimed_body(blob.name)
            if claimed is not None and claimed.id in ids:
                removed += await self._blobs.remove(blob.name)
        return removed


@dataclass(frozen=True, slots=True)
class SweptClaims:
    """What one sweep came to: bodies removed, and those older than the grace time that stay."""

    removed: int = 0
    kept: int = 0


class ClaimSweeper:
    """Sweeps every `interval` seconds what is older than `grace` seconds.

    Several workers may sweep at once: a blob goes once.
    """

    def __init__(
        self,
        *,
        blobs: Blobs,
        ledger: LedgerWriter,
        trust: Trust,
        interval: float = 3_600.0,
        grace: float = 3_600.0,
        now: Callable[[], float] = time.time,
        log: Log | None = None,
        count: Count | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._blobs = blobs
        self._ledger = ledger
        self._trust = trust
        self._interval = interval
        self._grace = grace
        self._now = now
        self._log = log or NoLog()
        self._count = count or NoCount()
        self._sleep = sleep

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep until `stop` is set; a stop waits for no walk over all blobs.

        Raises nothing: what failed is tried again next time.
        """
        while not stop.is_set():
            await first_of(stop.wait(), self._one_sweep())
            await first_of(stop.wait(), self._pause())

    async def sweep(self) -> SweptClaims:
        """Remove what is over. Raises `BlobsUnavailable`, `StoreUnavailable`."""
        removed = kept = 0
        before = self._now() - self._grace
        async for blob in self._blobs.listing(CLAIMS):
            if blob.written_at > before:
                continue
            if await self._is_over(blob):
                removed += await self._blobs.remove(blob.name)
            else:
                kept += 1
        return SweptClaims(removed, kept)

    async def _one_sweep(self) -> None:
        try:
            self._tell(await self.sweep())
        except AuditStreamError as error:
            self._log.warning("worker.sweep_failed", code=error.code)
        except Exception as error:  # noqa: BLE001 - deliveries go on, whatever it is
            kind, where = type(error).__name__, frames_of(error)
            self._log.error("worker.unexpected", error_type=kind, where=where)

    async def _is_over(self, blob: BlobRef) -> bool:
        claimed = claimed_body(blob.name)
        if claimed is None:
            return False
        try:
            entry = await self._ledger.entry(claimed.number)
        except PermanentError:  # A damaged entry settles nothing.
            return False
        if entry is None or entry.id != claimed.id or entry.state not in _OVER:
            return False
        # What anybody else wrote would make a body go that is in no record.
        return is_signed(entry, self._trust)

    def _tell(self, swept: SweptClaims) -> None:
        if swept.removed:
            self._count.add(SWEPT, swept.removed)
            self._log.info("worker.claims_swept", count=swept.removed)

    async def _pause(self) -> None:
        await self._sleep(self._interval)
