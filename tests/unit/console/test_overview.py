"""The overview's numbers, their plots and their tables."""

from __future__ import annotations

import csv
import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.exchange import Ending
from audit.ledger import LedgerState
from audit.record import Usage
from console.overview import SPANS, overview, quantile, states_by_day
from console.plots import HEIGHT, LEFT, WIDTH, lines, ranked, stacked
from storage.records.facts import FactPage, StateCount, facts_of
from tests.contract.samples import a_record, some_facts
from tests.unit.console.kit import NOW_NS, site


def page(*records: object) -> FactPage:
    """The facts of some records."""
    return FactPage([facts_of(each) for each in records], more=False)  # type: ignore[arg-type]


def test_tokens_are_charged_to_consumer_and_model() -> None:
    """Sums are of what was reported; what reported nothing is counted apart."""
    usage = Usage(input=10, output=5)
    records = [
        msgspec.structs.replace(a_record(1, consumer="a"), usage=usage),
        msgspec.structs.replace(a_record(2, consumer="a"), usage=usage),
        a_record(3, consumer="a", total=None),
        a_record(4, consumer="b", total=100, facts=some_facts(model=None)),
    ]
    charges = overview(page(*records), SPANS["24h"], NOW_NS).charges
    assert [
        (c.consumer, c.model, c.exchanges, c.input, c.output, c.total, c.unknown) for c in charges
    ] == [
        ("b", "unknown", 1, 0, 0, 100, 0),
        ("a", "gpt-4o", 3, 20, 10, 30, 1),
    ]


@pytest.mark.parametrize("span", SPANS.values())
def test_every_exchange_of_the_span_is_in_one_bucket(span: object) -> None:
    """The buckets' counts and the whole agree, to the newest."""
    records = [a_record(seq, received_at="2026-11-20T10:00:00.000000Z") for seq in range(1, 8)]
    numbers = overview(page(*records), span, NOW_NS)  # type: ignore[arg-type]
    assert sum(bucket.count for bucket in numbers.buckets) == numbers.exchanges == 7


@given(st.lists(st.none() | st.floats(0, 1e6), max_size=50))
def test_a_quantile_is_one_of_the_values(values: list[float | None]) -> None:
    """The nearest rank: unknown values do not count, and of none there is none."""
    known = sorted(value for value in values if value is not None)
    found = quantile(values, 0.95)
    assert (found is None) == (not known)
    if known:
        assert found in known
        assert sum(value <= (found or 0) for value in known) >= 0.95 * len(known)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 10**9)), max_size=40))
def test_stacked_bars_stay_within_the_drawing(columns: list[dict[str, int]]) -> None:
    """Whatever is counted, no bar leaves the plot, and each says its number."""
    plot = stacked([str(n) for n in range(len(columns))], columns, "abc")
    for bar in plot.bars:
        assert LEFT <= bar.x <= bar.x + bar.width <= WIDTH
        assert -0.2 <= bar.y <= HEIGHT
    assert len(plot.bars) == sum(1 for column in columns for count in column.values() if count)


def test_an_unknown_number_interrupts_a_line() -> None:
    """It is drawn neither as 0 nor bridged."""
    plot = lines(["a", "b", "c", "d", "e"], {"m": [1.0, 2.0, None, 4.0, 5.0]}, "ms")
    (line,) = plot.lines
    assert len(line.runs) == 2
    assert len(line.dots) == 4


def test_ranked_bars_are_in_proportion() -> None:
    """The most frequent has the whole length."""
    assert ranked([("a", 10), ("b", 5)], 200) == [("a", 10, 200.0), ("b", 5, 100.0)]
    assert ranked([]) == []


def test_the_ledgers_days_are_newest_first() -> None:
    """States of all consumers of a day are added up."""
    counts = [
        StateCount("a", "2026-11-19", LedgerState.STORED, 2),
        StateCount("b", "2026-11-20", LedgerState.STORED, 3),
        StateCount("a", "2026-11-20", LedgerState.STORED, 4),
        StateCount("a", "2026-11-20", LedgerState.ERASED, 1),
    ]
    days = states_by_day(counts)
    assert [each.day for each in days] == ["2026-11-20", "2026-11-19"]
    assert days[0].states == {LedgerState.STORED: 7, LedgerState.ERASED: 1}


async def test_the_page_and_its_csv_agree() -> None:
    """Each plot has its table, and the charge-back can be taken away as CSV."""
    records = [a_record(1, consumer="=1+1"), a_record(2, facts=some_facts(ending=Ending.FILTERED))]
    async with site(records) as here, here.visitor() as visitor:
        text = (await visitor.get("/overview?span=24h")).text
        answer = await visitor.get("/overview/charges.csv?span=24h")
        assert (await visitor.get("/overview?span=forever")).status == 400
    assert text.count('<svg class="plot"') == 2
    assert "filtered" in text
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["consumer"] for row in rows} == {"'=1+1", "demo"}
    assert sum(int(row["exchanges"]) for row in rows) == 2
    assert answer.headers["Content-Disposition"] == 'attachment; filename="charges.csv"'
