"""The sweep: records whose time is over are removed, and the ledger says so.

The law: only what the store can vouch for is removed (`workers.vouching`), and nothing that a
standing hold names: there the hold is set, where whoever gave it did not get that far. The rest
stays where it is, for `verify` to name. A sweep is made of small batches, between which the
carrying of deliveries goes on. Several workers may sweep at once, and a record expires once: each
begins at an instant that it draws, goes on to now and then from the oldest to where it began, and
begins elsewhere when it meets another one: so they share what is there without knowing each other.
A sweep also removes what has come back
(`workers.lookback`).
"""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Sequence,
)
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeVar

from audit.errors import AuditStreamError, PermanentError, TransientError
from audit.ledger import LedgerEntry
from audit.orders import Order, Ruling, Subject
from audit.record import RedactedRecord
from audit.sheaf import exchange_of
from audit.signing import Trust
from audit.telemetry import Count, Log, NoCount, NoLog, frames_of
from storage.records.keeper import Finder, Keeper
from storage.records.port import LedgerLookup, StoredDocument
from workers.changes import number_of, read_record
from workers.custody import Custody
from workers.instants import between, seconds_between
from workers.lease import Sleep, first_of
from workers.lookback import LookBack
from workers.vouching import is_over, vouched_for

__all__ = ["Sweeper", "Swept"]

T = TypeVar("T")

EXPIRED = "auditstream_expired_total"
OVERDUE = "auditstream_overdue"
OLDEST = "auditstream_overdue_oldest_seconds"

# Exchanges judged and removed together. A file does that in one transaction, some milliseconds for
# which others wait to write; of a remote store so many are asked for at once, and the orders once.
_BATCH = 50

# A record may have megabytes, and all of a batch are in memory until it is judged: so it ends with
# the record that takes it over this many bytes.
_BATCH_BYTES = 16_000_000

# Sessions of a batch that are read whole at once: each may have hundreds of records.
_SESSIONS = 4


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep came to, in exchanges.

    Those that expired, those it could not vouch for, and those that had come back and went again.
    """

    expired: int = 0
    refused: int = 0
    again: int = 0


@dataclass(frozen=True, slots=True)
class _Over:
    """An exchange whose time is over, as a worker signed it."""

    entry: LedgerEntry
    subject: Subject


@dataclass(slots=True)
class _Round:
    """What going through all that is over has come to.

    `seen` are the exchanges of the batch before: one with many records comes in several. `asked`
    are those of batches in which something had been removed before.
    """

    expired: int = 0
    refused: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)


class Sweeper:
    """Sweeps every `interval` seconds. `draw` gives numbers from 0 to 1: where a sweep begins."""

    def __init__(
        self,
        *,
        finder: Finder,
        keeper: Keeper,
        ledger: LedgerLookup,
        custody: Custody,
        trust: Trust,
        interval: float,
        draw: Callable[[], float] = lambda: 0.0,
        log: Log | None = None,
        count: Count | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._finder = finder
        self._keeper = keeper
        self._ledger = ledger
        self._custody = custody
        self._trust = trust
        self._interval = interval
        self._draw = draw
        self._log = log or NoLog()
        self._count = count or NoCount()
        self._sleep = sleep
        self._back = LookBack(finder=finder, keeper=keeper, custody=custody, interval=interval)
        self._sessions = asyncio.Semaphore(_SESSIONS)
        self._refused = 0

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
        again, refused = await self._back.look()
        now = self._custody.now()
        overdue, oldest = await self._finder.overdue(now)
        self._count.state(OVERDUE, overdue)
        self._count.state(OLDEST, seconds_between(oldest, now))
        swept = _Round()
        while overdue > len(swept.refused) and await self._met_another(oldest, now, swept):
            overdue, oldest = await self._finder.overdue(now)
        await self._scrub()
        return Swept(swept.expired, refused + len(swept.refused), again)

    async def _scrub(self) -> None:
        """Have a step of what was removed overwritten; what was swept is told all the same."""
        try:
            await self._keeper.scrub(thorough=False)
        except AuditStreamError as error:
            self._log.warning("worker.sweep_failed", code=error.code)

    async def _met_another(self, oldest: str, now: str, swept: _Round) -> bool:
        """Go once through what is over, from an instant of one's own; true if that was cut short.

        It is where another worker takes what was to be taken: side by side the two would do
        everything twice. The other one goes on, and this one is to begin elsewhere.
        """
        start = between(oldest, now, self._draw())
        for since, until in ((start, now), ("", start)):
            async with (
                aclosing(self._finder.expired(until, since)) as documents,
                aclosing(_batches(documents)) as batches,
            ):
                async for batch in batches:
                    if await self._batch(batch, swept):
                        return True
        return False

    async def _batch(self, documents: Iterable[StoredDocument], swept: _Round) -> bool:
        """Remove those that may go; whether another worker was there first.

        The records of one exchange go or stay together.
        """
        there = {exchange_of(each.id): each for each in documents}
        # What is there still although it was removed would be met for ever.
        swept.refused |= there.keys() & swept.asked
        new = {k: v for k, v in there.items() if k not in swept.seen and k not in swept.refused}
        swept.seen = set(there)
        judged = await _all_of([self._over(each) for each in new.values()])
        over = [each for each in judged if each is not None]
        rulings = await self._rulings([each.subject for each in over])
        going = [
            each.entry
            for each, ruling in zip(over, rulings, strict=True)
            if ruling is not None and ruling.hold is None
        ]
        expired, stay = await self._expire(going)
        swept.expired += expired
        held = await self._held(over, rulings)
        swept.refused |= stay | new.keys() - {entry.id for entry in going} - held
        if expired + len(stay) == len(going):
            return False
        swept.asked |= {entry.id for entry in going}
        return True

    async def _over(self, document: StoredDocument) -> _Over | None:
        """An exchange that may go, for all that its records and its entry say.

        One row does not keep others from it, whatever somebody has made of it.
        """
        try:
            return await self._judged(document)
        except TransientError:
            raise
        except Exception:  # noqa: BLE001 - nobody can foresee what an altered row breaks
            return None

    async def _judged(self, document: StoredDocument) -> _Over | None:
        entry = await self._ledger.entry(number_of(read_record(document.json)))
        records = await self._vouched(document, entry) if entry is not None else ()
        if entry is None or not records:
            return None
        over = all(is_over(each, self._custody.now()) for each in records)
        return _Over(entry, self._custody.subject(*records)) if over else None

    async def _vouched(
        self, document: StoredDocument, entry: LedgerEntry
    ) -> Sequence[RedactedRecord]:
        if entry.records == 1:
            return vouched_for([document.json], entry, self._trust)
        async with self._sessions:
            found = await self._keeper.documents(entry.id)
            return vouched_for([each.json for each in found], entry, self._trust)

    async def _rulings(self, subjects: Sequence[Subject]) -> Sequence[Ruling | None]:
        """What the orders say of each; None where that cannot be told."""
        try:
            return await self._custody.rulings(subjects)
        except PermanentError:
            # An order is damaged. It keeps what it is about, and no other.
            return [await self._ruling(each) for each in subjects]

    async def _ruling(self, subject: Subject) -> Ruling | None:
        try:
            return await self._custody.ruling(subject)
        except PermanentError:
            return None

    async def _expire(self, going: Sequence[LedgerEntry]) -> tuple[int, set[str]]:
        """Remove them: how many expired, and the ids of those that the store does not let go."""
        if not going:
            return 0, set()
        try:
            return await self._custody.expire(going), set()
        except PermanentError:
            if len(going) == 1:
                return 0, {going[0].id}
            # One keeps itself, and no other.
            found = [await self._expire([each]) for each in going]
        return sum(expired for expired, _ in found), set().union(*(stay for _, stay in found))

    async def _held(self, over: Sequence[_Over], rulings: Sequence[Ruling | None]) -> set[str]:
        """The ids of those that a hold keeps, and that say so now.

        A hold that was cut short stands in the book only: a store that removes by itself what is
        over knows nothing of the book.
        """
        held: set[str] = set()
        for each, ruling in zip(over, rulings, strict=True):
            if ruling is not None and ruling.hold is not None:
                try:
                    await self._hold(each, ruling.hold)
                except PermanentError:
                    continue
                held.add(each.entry.id)
        return held

    async def _hold(self, each: _Over, order: Order) -> None:
        """Set the hold, and lift it where it was released meanwhile.

        Whoever released it before it was set did not find it, and nobody else would lift it.
        """
        if not await self._custody.hold(each.entry, order):
            return
        now = await self._ruling(each.subject)
        if now is not None and now.hold is None:
            entry = await self._ledger.entry(each.entry.number)
            await self._custody.hold(entry or each.entry, None, hold=False)

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


async def _batches(
    documents: AsyncIterator[StoredDocument],
) -> AsyncGenerator[list[StoredDocument], None]:
    batch: list[StoredDocument] = []
    size = 0
    async for document in documents:
        batch.append(document)
        size += len(document.json)
        if len(batch) >= _BATCH or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


async def _all_of(calls: Iterable[Awaitable[T]]) -> list[T]:
    """Wait for all, then raise what the first that failed raised: none goes on unseen."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    done: list[T] = []
    for each in results:
        if isinstance(each, BaseException):
            raise each
        done.append(each)
    return done
