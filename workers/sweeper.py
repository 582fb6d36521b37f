"""The sweep: records whose time is over are removed, and the ledger says so.

The law: only what the store can vouch for is removed (`workers.vouching`), and nothing that a
standing hold names: there the hold is set, where whoever gave it did not get that far. The rest
stays where it is, for `verify` to name. A sweep is made of small
transactions, between which the carrying of deliveries goes on, and several workers may sweep at
once: a record expires once. A sweep also removes what has come back: the record of an exchange
that was removed lately, put by a worker that had lost its lease and died before it looked at the
ledger. There the word of a signed entry is enough, and no hold matters any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from audit.errors import AuditStreamError, PermanentError
from audit.ledger import LedgerEntry
from audit.record import RedactedRecord
from audit.sheaf import exchange_of
from audit.signing import Trust
from audit.telemetry import Count, Log, NoCount, NoLog, frames_of
from storage.records.keeper import Finder, Keeper
from storage.records.port import StoredDocument
from workers.custody import Custody
from workers.lease import Sleep, first_of
from workers.vouching import is_over, vouched_for

__all__ = ["Sweeper", "Swept"]

EXPIRED = "auditstream_expired_total"

# Records removed in one transaction: some milliseconds, for which others wait to write.
_BATCH = 50

# For how many seconds after a removal a worker may still put what it began to carry before. One
# that has lost its delivery may hold on to it for a lease (60), a pause between two tries (30) and
# a redaction that gives no answer (`redaction.timeout`, 300): an hour is longer than all of them.
_LATE = 3600.0

# The first sweep reaches further back: to what came back when no worker was left to see it.
_AWAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep came to, in exchanges.

    Those that expired, those it could not vouch for, and those that had come back and went again.
    """

    expired: int = 0
    refused: int = 0
    again: int = 0


class Sweeper:
    """Sweeps every `interval` seconds."""

    def __init__(
        self,
        *,
        finder: Finder,
        keeper: Keeper,
        custody: Custody,
        trust: Trust,
        interval: float,
        log: Log | None = None,
        count: Count | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._finder = finder
        self._keeper = keeper
        self._custody = custody
        self._trust = trust
        self._interval = interval
        self._log = log or NoLog()
        self._count = count or NoCount()
        self._sleep = sleep
        self._clean = True
        self._refused = 0
        self._reach: str | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep until `stop` is set; a stop waits for no sweep, which the next one finishes.

        Raises nothing: what failed is tried again next time.
        """
        while not stop.is_set():
            await first_of(stop.wait(), self._one_sweep())
            await first_of(stop.wait(), self._pause())

    async def _one_sweep(self) -> None:
        try:
            self._tell(await self.sweep())
        except AuditStreamError as error:
            self._log.warning("worker.sweep_failed", code=error.code)
        except Exception as error:  # noqa: BLE001 - deliveries go on, whatever it is
            kind, where = type(error).__name__, frames_of(error)
            self._log.error("worker.unexpected", error_type=kind, where=where)

    async def sweep(self) -> Swept:
        """Remove everything whose time is over now, and its bytes as far as a step reaches."""
        again, refused = await self._remove_again()
        expired = 0
        batch: list[LedgerEntry] = []
        judged = ""
        async with aclosing(self._finder.expired(self._custody.now())) as documents:
            async for document in documents:
                # The records of one exchange follow one another, and go or stay together.
                if (exchange_id := exchange_of(document.id)) == judged:
                    continue
                judged = exchange_id
                entry = await self._expiring(document)
                if entry is None:
                    refused += 1
                    continue
                batch.append(entry)
                if len(batch) >= _BATCH:
                    expired += await self._custody.expire(batch)
                    batch = []
        if batch:
            expired += await self._custody.expire(batch)
        self._clean = self._clean and not expired and not again
        if not self._clean:
            self._clean = await self._keeper.scrub(thorough=False)
        return Swept(expired, refused, again)

    async def _remove_again(self) -> tuple[int, int]:
        """Remove what has come back since it was removed; gives how many went and how many not.

        Each removal is looked at until it is an hour old, however long ago the last sweep was.
        """
        reach = self._custody.ago(_LATE)
        since = min(reach, self._reach or self._custody.ago(_AWAY))
        left = await self._finder.left_behind(since)
        went = [await self._goes_again(entry) for entry in left]
        self._reach = reach
        return sum(went), len(went) - sum(went)

    async def _goes_again(self, entry: LedgerEntry) -> bool:
        """Remove it, if a worker signed that it is gone. What is damaged keeps no other from it."""
        if not self._custody.believes(entry):
            return False
        try:
            await self._custody.remove_again(entry)
        except PermanentError:
            return False
        return True

    async def _expiring(self, document: StoredDocument) -> LedgerEntry | None:
        """The entry of an exchange that may go. One damaged row does not keep others from it."""
        try:
            entry = await self._finder.entry_of(exchange_of(document.id))
            if entry is None:
                return None
            records = await self._vouched(document, entry)
            if not records or not all(is_over(each, self._custody.now()) for each in records):
                return None
            # A hold that was cut short stands in the book only: a store that removes by itself what
            # is over knows nothing of the book, so the hold is set now.
            ruling = await self._custody.ruling(self._custody.subject(*records))
            if ruling.hold is not None:
                await self._custody.hold(entry, ruling.hold)
        except PermanentError:
            return None
        return None if ruling.hold is not None else entry

    async def _vouched(
        self, document: StoredDocument, entry: LedgerEntry
    ) -> Sequence[RedactedRecord]:
        found = [document] if entry.records == 1 else await self._keeper.documents(entry.id)
        return vouched_for([each.json for each in found], entry, self._trust)

    def _tell(self, swept: Swept) -> None:
        if swept.expired:
            self._count.add(EXPIRED, swept.expired)
            self._log.info("worker.swept", count=swept.expired)
        if swept.again:
            self._log.warning("worker.swept_again", count=swept.again)
        if swept.refused > self._refused:
            self._log.warning("worker.sweep_refused", count=swept.refused)
        self._refused = swept.refused

    async def _pause(self) -> None:
        await self._sleep(self._interval)
