"""What is counted of records: the content-free facts that facets, plots and charge-back rest on.

The law: no text of a conversation is in here, and no store counts on its own. An adapter gives
rows of facts, newest first and bounded; what is made of them is computed by whoever asked, so
that every store gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from audit.ledger import LedgerState
from audit.record import RedactedRecord
from storage.records.findable import findable
from storage.records.port import Budget
from storage.records.query import Query

__all__ = [
    "FactPage",
    "Facts",
    "LedgerTotals",
    "RecordFacts",
    "StateCount",
    "TapProgress",
    "facts_of",
]


@dataclass(frozen=True, slots=True)
class Facts:
    """One exchange without a word of what was said. Durations are milliseconds.

    `models` are the names it was asked for, reported and served under, `entities` what was taken
    out with how often; both ordered by name. Unknown numbers are None, never 0.
    """

    id: str = field(repr=False)
    received_at: str
    consumer: str
    day: str
    dialect: str
    ending: str
    deployment: str | None
    status: int | None
    input: int | None
    output: int | None
    tokens: int | None
    latency: float | None
    ttft: float | None
    models: Sequence[str] = ()
    signals: Sequence[str] = ()
    entities: Sequence[tuple[str, int]] = ()


@dataclass(frozen=True, slots=True)
class FactPage:
    """Facts, newest first; `more` says that older ones were left out.

    They were at the limit, or where a budget was `spent`.
    """

    rows: Sequence[Facts]
    more: bool
    spent: Budget | None = None


class RecordFacts(Protocol):
    """Gives facts to be counted.

    `glance` is how many seconds a count is worth here that only stands beside a page of records.
    """

    glance: float

    async def facts(self, query: Query, limit: int, seconds: float | None = None) -> FactPage:
        """The facts of the newest `limit` records that the query finds.

        `seconds` may give it less time than its budget. Raises `QueryTooCostly` when a budget is
        spent and nothing was found, `StoreUnavailable`.
        """


@dataclass(frozen=True, slots=True)
class StateCount:
    """How many numbers of one consumer's day stand in a state; both are None where unknown."""

    consumer: str | None
    day: str | None
    state: LedgerState
    count: int


@dataclass(frozen=True, slots=True)
class TapProgress:
    """How far one boot of a tap has come by its own word, and how far the ledger follows.

    `opened` is the highest number given out, `unrecorded` how many of those never had a record,
    `settled` how many numbers the ledger has; `at` is the last checkpoint's time.
    """

    tap: str
    boot: str
    opened: int
    unrecorded: int
    settled: int
    at: str


class LedgerTotals(Protocol):
    """Counts the ledger."""

    async def states(self) -> Sequence[StateCount]:
        """How many numbers are in each state, by consumer and day. Raises `StoreUnavailable`."""

    async def progress(self) -> Sequence[TapProgress]:
        """Each boot that has sent a checkpoint, ordered by tap and boot."""


def facts_of(record: RedactedRecord) -> Facts:
    """Take the facts out of a record."""
    found = findable(record)
    facts = record.exchange
    return Facts(
        id=record.id,
        received_at=record.timing.received_at,
        consumer=record.consumer,
        day=record.day,
        dialect=facts.dialect.value,
        ending=facts.ending.value,
        deployment=facts.deployment,
        status=facts.status,
        input=record.usage.input,
        output=record.usage.output,
        tokens=record.usage.total,
        latency=record.timing.duration_ms,
        ttft=record.timing.ttft_ms,
        models=tuple(sorted(found.labels["model"])),
        signals=tuple(sorted(found.labels["signal"])),
        entities=tuple(sorted(found.labels["entity"].items())),
    )
