"""The reading room's only door to the records: scope, budget and access log in one place.

The law: nothing is read but through here. Each read is one that the principal's role may make
(`console.principal.MAY`) and is narrowed to what they may see, and its entry in the access log is
durable before anything is given out; a log that takes no entry means that nothing is shown. A look
that fails is entered too, with the error's code.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from audit.errors import AccessDenied, AuditStreamError, QueryTooCostly, StoreUnavailable
from audit.ids import ExchangeNumber, timestamp
from audit.ledger import LedgerEntry
from audit.record import RedactedRecord
from audit.signing import Trust
from audit.value import from_json
from console.principal import Principal, Visit
from storage.access.port import Access, AccessLog, Deed, LoggedAccess
from storage.records.cursor import MAX_PAGE
from storage.records.facts import (
    FactPage,
    LedgerTotals,
    RecordFacts,
    StateCount,
    TapProgress,
    facts_of,
)
from storage.records.port import LedgerLookup, Page, RecordReader, StoredDocument
from storage.records.query import Match, Query, describe, every

__all__ = ["FACETS_OVER", "Found", "Newer", "Opened", "ReadingRoom", "Sources"]

T = TypeVar("T")

# Facets are counted over the newest records that are found: enough to steer by, quickly counted.
FACETS_OVER = 2_000
# A month of a busy gateway; what is beyond is said to be left out.
OVERVIEW_OVER = 50_000
_NEIGHBOURS = 50
# Records of a walk that are read at once.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Sources:
    """What the room reads from. `trust` is None where no public key is at hand."""

    records: RecordReader
    facts: RecordFacts
    totals: LedgerTotals
    ledger: LedgerLookup
    log: AccessLog
    trust: Trust | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A page of records, and the facts of the newest that were found.

    `facts` is None where they were not asked for or their budget was spent.
    """

    page: Page
    facts: FactPage | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A record that was opened: its document, what it says, and what the ledger says of it.

    `record` is None for a document that has not the shape of this version's records.
    """

    document: StoredDocument = field(repr=False)
    record: RedactedRecord | None = field(repr=False)
    entry: LedgerEntry | None


@dataclass(frozen=True, slots=True)
class Newer:
    """Records that were not shown before, newest first, and the ids of all that were looked at."""

    documents: Sequence[StoredDocument] = field(repr=False)
    seen: frozenset[str] = field(repr=False)


class ReadingRoom:
    """Reads for principals. `now_ns` tells the time."""

    def __init__(self, sources: Sources, now_ns: Callable[[], int], *, max_rows: int) -> None:
        self._from = sources
        self._now_ns = now_ns
        self.max_rows = max_rows

    @property
    def trust(self) -> Trust | None:
        """Whose signatures are believed, where that is known."""
        return self._from.trust

    def now_ns(self) -> int:
        """The time, in nanoseconds since the epoch."""
        return self._now_ns()

    async def search(
        self,
        visit: Visit,
        query: Query,
        limit: int,
        cursor: str | None = None,
        *,
        facets: bool = False,
    ) -> Found:
        """Find records, newest first; with `facets`, also the facts to count.

        Raises what `RecordReader.search` raises.
        """
        narrowed = visit.principal.within(query)
        most = min(limit, self.max_rows, MAX_PAGE)

        async def look() -> tuple[Found, int]:
            page = await self._from.records.search(narrowed, most, cursor)
            if not facets:
                return Found(page), len(page.documents)
            whole = cursor is None and page.cursor is None and page.spent is None
            facts = _facts_on(page) if whole else await self._facets(narrowed)
            return Found(page, facts), len(page.documents)

        return await self._logged(visit, Deed.SEARCH, describe(query, show_text=False), look)

    async def gather(self, visit: Visit, query: Query, most: int) -> Page:
        """The newest `most` records, read page by page and entered once."""
        narrowed = visit.principal.within(query)

        async def look() -> tuple[Page, int]:
            found: list[StoredDocument] = []
            cursor: str | None = None
            while len(found) < most:
                page = await self._from.records.search(
                    narrowed, min(_AT_ONCE, most - len(found)), cursor
                )
                found.extend(page.documents)
                cursor = page.cursor
                if cursor is None:
                    break
            return Page(found, cursor), len(found)

        return await self._logged(visit, Deed.SEARCH, describe(query, show_text=False), look)

    async def newer(
        self,
        visit: Visit,
        query: Query,
        shown: Container[str],
        *,
        over: int = 100,
        most: int = 100,
    ) -> Newer:
        """Of the newest `over` records those that are not among `shown`, the newest `most`.

        Entered only where there are any.
        """
        _allowed(visit.principal, Deed.TAIL)
        narrowed = visit.principal.within(query)
        page = await self._from.records.search(narrowed, over)
        fresh = tuple(each for each in page.documents if each.id not in shown)[:most]
        if fresh:
            asked = describe(query, show_text=False)
            await self._enter(visit, Deed.TAIL, asked, len(fresh))
        return Newer(fresh, frozenset(each.id for each in page.documents))

    async def count(self, visit: Visit, query: Query, limit: int = OVERVIEW_OVER) -> FactPage:
        """The facts of what a query finds, to be counted."""
        narrowed = visit.principal.within(query)

        async def look() -> tuple[FactPage, int]:
            facts = await self._from.facts.facts(narrowed, limit)
            return facts, len(facts.rows)

        return await self._logged(visit, Deed.OVERVIEW, describe(query, show_text=False), look)

    async def open(
        self,
        visit: Visit,
        record_ids: Sequence[str],
        deed: Deed = Deed.VIEW,
        *,
        ledger: bool = True,
    ) -> list[Opened] | None:
        """Open records by id; None when any of them does not exist, or not for this principal.

        With `ledger`, each with its entry there, which is a read more.
        """

        async def look() -> tuple[list[Opened] | None, int]:
            opened = [await self._opened(visit.principal, each, ledger) for each in record_ids]
            whole = [each for each in opened if each is not None]
            return (whole, len(whole)) if len(whole) == len(opened) else (None, 0)

        asked = ", ".join(f"the record {each[:64]}" for each in record_ids)
        return await self._logged(visit, deed, asked, look)

    async def neighbours(self, visit: Visit, record: RedactedRecord) -> Page | None:
        """The newest exchanges of the same session and consumer; None where it has no session.

        Part of opening the record, and entered with it.
        """
        _allowed(visit.principal, Deed.VIEW)
        session = record.identity.session
        if not session:
            return None
        same = every((Match("consumer", record.consumer), Match("session", session)))
        narrowed = visit.principal.within(Query(same))
        return await self._from.records.search(narrowed, _NEIGHBOURS)

    async def page(self, principal: Principal, query: Query, cursor: str | None, left: int) -> Page:
        """One page of an export, whose beginning and end `enter` puts on record."""
        _allowed(principal, Deed.EXPORT)
        return await self._from.records.search(principal.within(query), min(200, left), cursor)

    async def size(self, principal: Principal, query: Query, most: int) -> int | None:
        """How many records an export will hold, where a glance tells; part of the export."""
        _allowed(principal, Deed.EXPORT)
        glance = self._from.facts.glance
        try:
            found = await self._from.facts.facts(
                principal.within(query), min(most, OVERVIEW_OVER), glance
            )
        except QueryTooCostly:
            return None
        if found.spent is None and len(found.rows) == most:
            return most
        return None if found.more else len(found.rows)

    async def states(self, visit: Visit) -> Sequence[StateCount]:
        """What became of the numbers of consumers in scope; part of an overview."""
        _allowed(visit.principal, Deed.OVERVIEW)
        counts = await self._from.totals.states()
        return [each for each in counts if visit.principal.sees(each.consumer)]

    async def progress(self, visit: Visit) -> Sequence[TapProgress]:
        """How far the taps have come, for those who may see all."""
        _allowed(visit.principal, Deed.OVERVIEW)
        return await self._from.totals.progress() if visit.principal.sees_all else ()

    async def enter(
        self, visit: Visit, deed: Deed, asked: str, records: int = 0, outcome: str = "shown"
    ) -> None:
        """Put on record what is not a read of one answer: an entry, an export's begin and end."""
        _allowed(visit.principal, deed)
        await self._enter(visit, deed, asked, records, outcome)

    async def looks(
        self, visit: Visit, limit: int, before: int | None = None
    ) -> Sequence[LoggedAccess]:
        """The newest entries of the access log. Raises `AccessDenied` for those who may not."""

        async def look() -> tuple[Sequence[LoggedAccess], int]:
            entries = await self._from.log.newest(limit, before)
            return entries, len(entries)

        return await self._logged(visit, Deed.READ_LOG, "the access log", look)

    async def _opened(self, principal: Principal, record_id: str, ledger: bool) -> Opened | None:
        document = await self._from.records.get(record_id)
        if document is None:
            return None
        try:
            record = from_json(document.json, RedactedRecord)
        except msgspec.DecodeError:
            # Whose it is cannot be told: only for those who may see all.
            return Opened(document, None, None) if principal.sees_all else None
        if not principal.sees(record.consumer):
            return None
        tap = record.tap
        number = ExchangeNumber(tap=tap.name, boot=tap.boot, seq=tap.seq)
        return Opened(document, record, await self._from.ledger.entry(number) if ledger else None)

    async def _facets(self, narrowed: Query) -> FactPage | None:
        try:
            return await self._from.facts.facts(narrowed, FACETS_OVER, self._from.facts.glance)
        except QueryTooCostly:
            return None

    async def _logged(
        self, visit: Visit, deed: Deed, asked: str, look: Callable[[], Awaitable[tuple[T, int]]]
    ) -> T:
        try:
            _allowed(visit.principal, deed)
            result, records = await look()
        except AuditStreamError as error:
            await self._enter(visit, deed, asked, 0, error.code)
            raise
        await self._enter(visit, deed, asked, records)
        return result

    async def _enter(
        self, visit: Visit, deed: Deed, asked: str, records: int, outcome: str = "shown"
    ) -> None:
        who = visit.principal
        access = Access(
            at=timestamp(self._now_ns()),
            who=who.who,
            via=who.via,
            deed=deed,
            asked=asked,
            records=records,
            purpose=visit.purpose,
            outcome=outcome,
        )
        try:
            await self._from.log.enter(access)
        except StoreUnavailable as error:
            said = f"this cannot be put on record, so nothing is shown: {error}"
            raise StoreUnavailable(said, retry_after=error.retry_after) from None


def _allowed(principal: Principal, deed: Deed) -> None:
    if not principal.may(deed):
        raise AccessDenied


def _facts_on(page: Page) -> FactPage:
    """The facts of a page that has all there is; what is no record is left out."""
    rows = []
    for document in page.documents:
        with suppress(msgspec.DecodeError):
            rows.append(facts_of(from_json(document.json, RedactedRecord)))
    return FactPage(rows, more=False)
