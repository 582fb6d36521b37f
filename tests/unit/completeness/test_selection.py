"""A selection leaves out what is someone else's, counts what it leaves out, and hides no more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.completeness import Evidence, KnownBoot, Outcome, Verdict
from audit.digest import CHAIN_START
from audit.ids import ExchangeNumber
from audit.ledger import Checkpoint, LedgerEntry, LedgerState
from audit.report import CompletenessReport
from audit.selection import Selection
from audit.verification import verify
from tests.unit.completeness.signatures import TRUST, entered, mark, said
from tests.unit.completeness.worlds import World, replace_entry, worlds

ONE_DAY = Selection("2026-11-02", "2026-11-02")


def number(seq: int) -> ExchangeNumber:
    """A number of the one boot here."""
    return ExchangeNumber(tap="t", boot="1", seq=seq)


def three_days() -> Evidence:
    """Three numbers on each of three days, of two consumers in turn; nothing is wrong."""
    entries, stored = [], []
    for seq in range(1, 10):
        day, consumer = f"2026-11-0{(seq + 2) // 3}", "ab"[seq % 2]
        entry = LedgerEntry(
            number=number(seq),
            id=f"id{seq}",
            state=LedgerState.STORED,
            consumer=consumer,
            day=day,
            record_digest="d",
        )
        entries.append(entered(entry))
        stored.append(mark(f"id{seq}", number(seq), "d", consumer=consumer, day=day))
    return Evidence(entries, (), stored, boots=(KnownBoot("t", "1", 9),), trust=TRUST)


def without(evidence: Evidence, seq: int, *, entry: bool = False) -> Evidence:
    """The evidence without a number's record, or without record and entry."""
    stored = [each for each in evidence.stored if each.number.seq != seq]
    entries = [e for e in evidence.entries if not (entry and e.number.seq == seq)]
    return replace(evidence, stored=stored, entries=entries)


def named(report: CompletenessReport) -> list[int | None]:
    """The first number of each flaw."""
    return [flaw.first for flaw in report.flaws]


@pytest.mark.parametrize(
    ("selection", "count"),
    [
        (Selection(), 9),
        (ONE_DAY, 3),
        (Selection("2026-11-02", None), 6),
        (Selection(None, "2026-11-02"), 6),
        (Selection(consumer="a"), 4),
        (Selection("2026-11-02", "2026-11-02", "a"), 2),
        (Selection("2027-01-01", None), 0),
        (Selection(consumer="nobody"), 0),
    ],
)
def test_days_and_consumer_choose_what_is_counted(selection: Selection, count: int) -> None:
    """Both days are included; days and consumer narrow each other down."""
    report = verify(three_days(), selection)
    assert (report.counts.get(Outcome.STORED, 0), report.outside) == (count, 0)


def test_a_flaw_outside_is_counted_and_not_named() -> None:
    """A removed record of another day, or of another consumer, is one flaw that is not shown."""
    robbed = without(three_days(), 1)
    for selection in (ONE_DAY, Selection(consumer="a")):
        report = verify(robbed, selection)
        assert (named(report), report.outside, report.verdict) == ([], 1, Verdict.COMPLETE)
    report = verify(robbed, Selection(consumer="b"))
    assert (named(report), report.outside, report.verdict) == ([1], 0, Verdict.INCOMPLETE)


def test_a_number_without_a_trace_is_anyones() -> None:
    """It is named for every consumer, on each day on which its neighbours let it fall."""
    robbed = without(three_days(), 5, entry=True)
    assert named(verify(robbed, Selection(consumer="nobody"))) == [5]
    assert named(verify(robbed, ONE_DAY)) == [5]
    assert named(verify(robbed, Selection("2026-11-03", None))) == []
    between = without(three_days(), 4, entry=True)
    assert named(verify(between, Selection(None, "2026-11-01"))) == [4]
    assert named(verify(between, ONE_DAY)) == [4]


def test_a_cut_tail_is_bound_by_the_checkpoint_that_spoke_of_it() -> None:
    """What a checkpoint had counted was given out before it; without one any day is possible."""
    cut = without(without(three_days(), 9, entry=True), 8, entry=True)
    late = Selection("2026-12-01", None)
    assert named(verify(cut, late)) == [8]
    told = said(
        Checkpoint(
            tap="t",
            boot="1",
            index=0,
            opened=9,
            chain=CHAIN_START,
            at="2026-11-03T20:00:00.000000Z",
        )
    )
    assert named(verify(replace(cut, checkpoints=(told,)), late)) == []


def test_a_clock_that_was_set_back_hides_nothing() -> None:
    """Between two neighbours whose days run backwards, every day from one to the other counts."""
    evidence = three_days()
    turned = [
        entered(replace_entry(each, day="2026-10-01")) if each.number.seq > 5 else each
        for each in evidence.entries
    ]
    robbed = without(replace(evidence, entries=turned), 5, entry=True)
    assert 5 in named(verify(robbed, Selection("2026-10-15", "2026-10-15")))


def test_a_record_that_lies_about_its_owner_is_told_to_everyone() -> None:
    """Whose a forged record is nobody knows, whatever its columns say."""
    evidence = three_days()
    forged = mark("id2", number(2), "d", stranger=True, consumer="z", day="2020-01-01")
    stored = [each for each in evidence.stored if each.number.seq != 2]
    bare = [each for each in evidence.entries if each.number.seq != 2]
    changed = replace(evidence, stored=[*stored, forged], entries=bare)
    assert named(verify(changed, Selection(consumer="b"))) == [2]
    assert named(verify(changed, Selection("2026-11-01", "2026-11-01"))) == [2]


@given(worlds(), st.sampled_from(["2026-11-19", "2026-11-20", "2026-11-21"]))
def test_parts_add_up(world: World, day: str) -> None:
    """What a selection names and what it leaves out are together all flaws of numbers."""
    for at in world.settled()[::2]:
        del world.stored[at]
    every = verify(world.evidence())
    part = verify(world.evidence(), Selection(day, day, "demo"))
    assert len(part.flaws) + part.outside == len(every.flaws)
    assert set(part.flaws) <= set(every.flaws)
