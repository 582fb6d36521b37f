"""A spool whose disk could not be used when the tap started: it refuses, and opens once it can.

The law: meanwhile the tap forwards or refuses as its consumers' policies have it, and no call goes
uncounted for it: when the spool opens, each gets a number, which the next checkpoint names. Until
then there are no numbers; what stands for one has `seq` 0, and no opening can have it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet

from audit.errors import AuditStreamError, SpoolUnavailable
from audit.exchange import Opening
from audit.ids import ExchangeNumber
from audit.ledger import Checkpoint
from audit.telemetry import Log
from storage.spool.port import PieceKind, Shipment, SpoolCensus
from storage.spool.spool import FileSpool

__all__ = ["LateSpool", "pauses"]

# How long until it is tried again: at first, and at the most, for an attempt may have to read all
# of a large folder.
_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0
# So many numbers are accounted for before others have their turn on the loop.
_AT_ONCE = 500


class LateSpool:
    """Implements `Spool`. `make` opens the spool, or raises as `open_spool` does."""

    def __init__(
        self,
        tap: str,
        make: Callable[[], Awaitable[FileSpool]],
        log: Log,
        pause: float = _PAUSE_SECONDS,
    ) -> None:
        self._none = ExchangeNumber(tap=tap, boot="", seq=0)
        self._make = make
        self._log = log
        self._pauses = pauses(pause)
        self._spool: FileSpool | None = None
        self._there = asyncio.Event()
        self._missed: Counter[str] = Counter()
        self._trying = asyncio.create_task(self._try())

    async def opened(self) -> FileSpool:
        """Wait for the spool."""
        await self._there.wait()
        return self._real()

    def next_number(self) -> ExchangeNumber:
        """Give out the next number, or what stands for one."""
        return self._none if self._spool is None else self._spool.next_number()

    async def open(self, opening: Opening, *, strict: bool = False) -> None:
        """Write the opening. Raises `SpoolUnavailable` for one that has no number."""
        if not opening.number.seq:
            raise SpoolUnavailable
        await self._real().open(opening, strict=strict)

    def unrecorded(self, number: ExchangeNumber, reason: str) -> None:
        """Note a call that has no opening; one without a number gets it now or later."""
        if self._spool is None:
            self._missed[reason] += 1
        else:
            self._spool.unrecorded(number if number.seq else self._spool.next_number(), reason)

    def piece(self, record_id: str, kind: PieceKind, data: bytes) -> None:
        """Add bytes of an opened exchange."""
        self._real().piece(record_id, kind, data)

    def close(self, record_id: str, record: bytes) -> bool:
        """Add the record's JSON; False where there is no room for it."""
        return self._real().close(record_id, record)

    def surrender(self, record_id: str, end: bytes = b"") -> None:
        """Give up building a record."""
        self._real().surrender(record_id, end)

    async def shipments(
        self, limit: int, wait: float, past: AbstractSet[str] = frozenset()
    ) -> Sequence[Shipment]:
        """Give what is to be shipped, once there is a spool."""
        return await (await self.opened()).shipments(limit, wait, past)

    def shipped(self, record_ids: Sequence[str]) -> None:
        """Forget these."""
        self._real().shipped(record_ids)

    def checkpoint(self, *, final: bool = False) -> Checkpoint:
        """Draw up a checkpoint. Raises `SpoolUnavailable` before there is anything to say."""
        return self._real().checkpoint(final=final)

    async def synced(self) -> None:
        """Return once everything that was handed over is synced."""
        await self._real().synced()

    def census(self) -> SpoolCensus:
        """How full it is; empty before it is there."""
        if self._spool is None:
            return SpoolCensus(bytes=0, open=0, waiting=0)
        return self._spool.census()

    @property
    def is_there(self) -> bool:
        """Whether the spool has been opened."""
        return self._spool is not None

    async def shut(self) -> None:
        """Close it, or try no more; says how many calls got no number."""
        self._trying.cancel()
        await asyncio.gather(self._trying, return_exceptions=True)
        if self._spool is not None:
            await self._spool.shut()
        elif self._missed:
            self._log.error("spool.never_opened", count=self._missed.total())

    def _real(self) -> FileSpool:
        if self._spool is None:
            raise SpoolUnavailable
        return self._spool

    async def _try(self) -> None:
        spool = None
        while spool is None:
            await asyncio.sleep(next(self._pauses))
            try:
                spool = await self._make()
            except AuditStreamError:
                continue
        missed = 0
        try:
            while self._missed:
                missed += self._account(spool, _AT_ONCE)
                await asyncio.sleep(0)
        finally:
            # Whoever stops it now waits for the rest, which would have no number else.
            missed += self._account(spool, self._missed.total())
            self._spool = spool
            self._there.set()
            self._log.info("spool.write_recovered", count=missed)

    def _account(self, spool: FileSpool, most: int) -> int:
        """Give so many calls that were missed a number; says how many they were."""
        told = 0
        for reason in list(self._missed):
            count = min(most - told, self._missed[reason])
            for _ in range(count):
                spool.unrecorded(spool.next_number(), reason)
            self._missed[reason] -= count
            told += count
        # Without those of which none is left.
        self._missed = +self._missed
        return told


def pauses(first: float) -> Iterator[float]:
    """How many seconds to wait before each attempt."""
    while True:
        yield first
        first = min(2 * first, _LONGEST_PAUSE_SECONDS)
