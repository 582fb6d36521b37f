"""The overview's numbers: traffic, endings, latency, tokens by consumer and model, what was found.

The law: pure arithmetic over facts. Every plot has a table of the same numbers, and an unknown
number is left out of a sum and said, never taken for 0.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from audit.ids import timestamp
from audit.ledger import LedgerState
from storage.records.facts import FactPage, Facts, StateCount

__all__ = [
    "SPANS",
    "Bucket",
    "Charge",
    "DayStates",
    "Overview",
    "Span",
    "overview",
    "states_by_day",
]

_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time up to now, in buckets of equal length."""

    name: str
    title: str
    bucket: timedelta
    count: int


SPANS: dict[str, Span] = {
    span.name: span
    for span in (
        Span("1h", "Last hour", timedelta(minutes=2), 30),
        Span("24h", "Last 24 hours", timedelta(hours=1), 24),
        Span("7d", "Last 7 days", timedelta(hours=6), 28),
        Span("30d", "Last 30 days", timedelta(days=1), 30),
        Span("90d", "Last 90 days", timedelta(days=3), 30),
    )
}


@dataclass(frozen=True, slots=True)
class Bucket:
    """What began in one stretch: counts by ending, and the latency's median and p95 in ms."""

    label: str
    endings: dict[str, int]
    median: float | None
    high: float | None

    @property
    def count(self) -> int:
        """How many exchanges."""
        return sum(self.endings.values())


@dataclass(frozen=True, slots=True)
class Charge:
    """What one consumer used of one model. `unknown` exchanges reported no tokens.

    A model that was asked for, reported and served under several names has all of them.
    """

    consumer: str
    model: str
    exchanges: int
    input: int
    output: int
    total: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The numbers of one stretch of time. Latencies are milliseconds."""

    exchanges: int
    consumers: int
    tokens: int
    incomplete: int
    median: float | None
    high: float | None
    first_median: float | None
    first_high: float | None
    buckets: tuple[Bucket, ...]
    endings: tuple[tuple[str, int], ...]
    charges: tuple[Charge, ...]
    signals: tuple[tuple[str, int], ...]
    entities: tuple[tuple[str, int], ...]
    more: bool = field(default=False)
    since: str = ""


@dataclass(frozen=True, slots=True)
class DayStates:
    """What became of the numbers of one day."""

    day: str
    states: dict[LedgerState, int]


def overview(page: FactPage, span: Span, now_ns: int) -> Overview:
    """Count a page of facts over a span that ends now."""
    rows = page.rows
    endings = Counter(row.ending for row in rows)
    latencies, firsts = [r.latency for r in rows], [r.ttft for r in rows]
    return Overview(
        exchanges=len(rows),
        consumers=len({row.consumer for row in rows}),
        tokens=sum(_total(row) or 0 for row in rows),
        incomplete=len(rows) - endings["complete"],
        median=quantile(latencies, 0.5),
        high=quantile(latencies, 0.95),
        first_median=quantile(firsts, 0.5),
        first_high=quantile(firsts, 0.95),
        buckets=tuple(_buckets(rows, span, now_ns)),
        endings=tuple(endings.most_common()),
        charges=tuple(_charges(rows)),
        signals=tuple(Counter(s for row in rows for s in row.signals).most_common()),
        entities=tuple(_summed(pair for row in rows for pair in row.entities)),
        more=page.more,
        since=rows[-1].received_at[:19] if page.more and rows else "",
    )


def began(span: Span, now_ns: int) -> str:
    """The instant at which a span begins: a whole bucket's."""
    return timestamp(int((_end(span, now_ns) - span.bucket * span.count).timestamp()) * 10**9)


def quantile(values: Iterable[float | None], share: float) -> float | None:
    """The nearest-rank quantile of the known values; None where there are none."""
    known = sorted(value for value in values if value is not None)
    return known[max(0, math.ceil(share * len(known)) - 1)] if known else None


def states_by_day(counts: Sequence[StateCount], most: int = 60) -> list[DayStates]:
    """The ledger's states by day, newest first."""
    by_day: dict[str, Counter[LedgerState]] = defaultdict(Counter)
    for each in counts:
        by_day[each.day or _UNKNOWN][each.state] += each.count
    return [DayStates(day, dict(by_day[day])) for day in sorted(by_day, reverse=True)[:most]]


def _end(span: Span, now_ns: int) -> datetime:
    """The end of the bucket in which now lies."""
    width = int(span.bucket.total_seconds())
    seconds = (now_ns // 10**9 // width + 1) * width
    return datetime.fromtimestamp(seconds, UTC)


def _buckets(rows: Sequence[Facts], span: Span, now_ns: int) -> Iterable[Bucket]:
    start = _end(span, now_ns) - span.bucket * span.count
    placed: dict[int, list[Facts]] = defaultdict(list)
    for row in rows:
        at = datetime.fromisoformat(row.received_at)
        placed[int((at - start) / span.bucket)].append(row)
    shape = "%m-%d" if span.bucket >= timedelta(days=1) else "%m-%d %H:%M"
    for index in range(span.count):
        here = placed.get(index, [])
        yield Bucket(
            label=(start + span.bucket * index).strftime(shape),
            endings=dict(Counter(row.ending for row in here)),
            median=quantile((row.latency for row in here), 0.5),
            high=quantile((row.latency for row in here), 0.95),
        )


def _charges(rows: Sequence[Facts]) -> Iterable[Charge]:
    groups: dict[tuple[str, str], list[Facts]] = defaultdict(list)
    for row in rows:
        groups[row.consumer, " / ".join(row.models) or row.deployment or _UNKNOWN].append(row)
    made = [_charge(consumer, model, group) for (consumer, model), group in groups.items()]
    return sorted(made, key=lambda each: (-each.total, each.consumer, each.model))


def _charge(consumer: str, model: str, group: Sequence[Facts]) -> Charge:
    return Charge(
        consumer=consumer,
        model=model,
        exchanges=len(group),
        input=sum(row.input or 0 for row in group),
        output=sum(row.output or 0 for row in group),
        total=sum(_total(row) or 0 for row in group),
        unknown=sum(_total(row) is None for row in group),
    )


def _total(row: Facts) -> int | None:
    if row.tokens is not None:
        return row.tokens
    known = [count for count in (row.input, row.output) if count is not None]
    return sum(known) if known else None


def _summed(pairs: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    sums: Counter[str] = Counter()
    for name, count in pairs:
        sums[name] += count
    return sums.most_common()
