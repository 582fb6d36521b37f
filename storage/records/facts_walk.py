"""Facts and totals over any store, by walking what its readers give: for stores that cannot count.

The law: a walk is bounded. It goes as far as its limit or its seconds allow and says when it did
not reach the end, instead of giving up what it has.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

import msgspec

from audit.ledger import Checkpoint
from audit.record import RedactedRecord
from audit.value import from_json
from storage.records.cursor import MAX_PAGE
from storage.records.facts import FactPage, Facts, StateCount, TapProgress, facts_of
from storage.records.port import LedgerReader, RecordReader
from storage.records.query import Query

__all__ = ["WalkingFacts", "WalkingTotals"]

# A page of documents is in memory at once; facts are a few hundred bytes each.
_PAGE = min(200, MAX_PAGE)


class WalkingFacts:
    """Implements `RecordFacts` over a `RecordReader`; what is no record is left out."""

    def __init__(self, reader: RecordReader, budget: float = 10.0) -> None:
        self._reader = reader
        self._budget = budget

    async def facts(self, query: Query, limit: int) -> FactPage:
        """The facts of the newest `limit` records that the query finds."""
        deadline = time.monotonic() + self._budget
        rows: list[Facts] = []
        cursor: str | None = None
        while len(rows) < limit and time.monotonic() < deadline:
            page = await self._reader.search(query, min(_PAGE, limit - len(rows)), cursor)
            rows.extend(found for each in page.documents if (found := _facts(each.json)))
            cursor = page.cursor
            if cursor is None:
                return FactPage(rows, more=False)
        return FactPage(rows, more=True)


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


def _pass_over(damage: object) -> None:
    """Leave a damaged row out of the count: `verify` is who names it."""
    del damage


def _facts(document: bytes) -> Facts | None:
    try:
        return facts_of(from_json(document, RedactedRecord))
    except msgspec.DecodeError:
        return None
