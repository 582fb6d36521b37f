"""Facts and totals over any store, by walking what its readers give: for stores that cannot count.

The law: a walk is bounded. It goes as far as its limit or its seconds allow and says when it did
not reach the end, instead of giving up what it has.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence

import msgspec

from audit.errors import QueryTooCostly
from audit.ledger import Checkpoint
from audit.record import RedactedRecord
from audit.value import from_json
from storage.records.cursor import MAX_PAGE
from storage.records.facts import FactPage, Facts, StateCount, TapProgress, facts_of
from storage.records.port import Budget, LedgerReader, Page, RecordReader
from storage.records.query import Query

__all__ = ["WalkingFacts", "WalkingTotals"]

# A page of documents is in memory at once; facts are a few hundred bytes each.
_PAGE = min(200, MAX_PAGE)


class WalkingFacts:
    """Implements `RecordFacts` over a `RecordReader`; what is no record is left out.

    One walk takes `budget` seconds and `units` request units, and what its last page takes more.
    """

    # Ten pages over a network.
    glance = 2.0

    def __init__(self, reader: RecordReader, budget: float = 10.0, units: float = math.inf) -> None:
        self._reader = reader
        self._budget = budget
        self._units = units

    async def facts(self, query: Query, limit: int, seconds: float | None = None) -> FactPage:
        """The facts of the newest `limit` records that the query finds."""
        deadline = time.monotonic() + (self._budget if seconds is None else seconds)
        rows: list[Facts] = []
        cursor, left, spent = None, self._units, None
        while len(rows) < limit and spent is None:
            page = await self._page(query, min(_PAGE, limit - len(rows)), cursor, rows)
            rows.extend(found for each in page.documents if (found := _facts(each.json)))
            cursor, left = page.cursor, left - page.units
            if cursor is None and page.spent is None:
                return FactPage(rows, more=False)
            spent = page.spent or _spent(left, deadline)
        return FactPage(rows, more=True, spent=spent if len(rows) < limit else None)

    async def _page(
        self, query: Query, limit: int, cursor: str | None, rows: Sequence[Facts]
    ) -> Page:
        """The next page; an empty one where its budget was spent after others had come."""
        try:
            return await self._reader.search(query, limit, cursor)
        except QueryTooCostly:
            if not rows:
                raise
            return Page((), cursor, spent=Budget.SECONDS)


class WalkingTotals:
    """Implements `LedgerTotals` over a `LedgerReader`."""

    def __init__(self, ledger: LedgerReader) -> None:
        self._ledger = ledger

    async def states(self) -> Sequence[StateCount]:
        """How many numbers are in each state, by consumer and day."""
        counts = Counter(
            [(e.consumer, e.day, e.state) async for e in self._ledger.entries(_pass_over)]
        )
        return [StateCount(*key, count) for key, count in counts.items()]

    async def progress(self) -> Sequence[TapProgress]:
        """Each boot that has sent a checkpoint."""
        settled = Counter(
            [(e.number.tap, e.number.boot) async for e in self._ledger.entries(_pass_over)]
        )
        last: dict[tuple[str, str], Checkpoint] = {}
        async for checkpoint in self._ledger.checkpoints(_pass_over):
            last[checkpoint.tap, checkpoint.boot] = checkpoint
        return [
            TapProgress(
                tap=tap,
                boot=boot,
                opened=each.opened,
                unrecorded=sum(end - start + 1 for start, end, _ in each.unrecorded),
                settled=settled[tap, boot],
                at=each.at,
            )
            for (tap, boot), each in last.items()
        ]


def _spent(units: float, deadline: float) -> Budget | None:
    if units <= 0:
        return Budget.REQUEST_UNITS
    return Budget.SECONDS if time.monotonic() >= deadline else None


def _pass_over(damage: object) -> None:
    """Leave a damaged row out of the count: `verify` is who names it."""
    del damage


def _facts(document: bytes) -> Facts | None:
    try:
        return facts_of(from_json(document, RedactedRecord))
    except msgspec.DecodeError:
        return None
