"""What `verify` says of single cases that a generated world seldom holds."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from audit.completeness import Evidence, Held, KnownBoot, Outcome, Verdict
from audit.digest import CHAIN_START
from audit.ids import ExchangeNumber
from audit.ledger import Checkpoint, LedgerEntry, LedgerState
from audit.report import Flaw, Uncertain
from audit.verification import verify
from tests.unit.completeness.signatures import TRUST, entered, mark, said
from tests.unit.completeness.worlds import AT, World, amendment, judged, live

ONE = ExchangeNumber(tap="t", boot="1", seq=1)


def entry(number: ExchangeNumber = ONE, digest: str = "d") -> LedgerEntry:
    """A stored entry."""
    return entered(
        LedgerEntry(number=number, id="x", state=LedgerState.STORED, record_digest=digest)
    )


def checkpoint(boot: str, opened: int, *, index: int = 0, after: str | None = None) -> Checkpoint:
    """A checkpoint whose chain nobody can check."""
    told = 4 if after else None
    return said(
        Checkpoint(
            tap="t",
            boot=boot,
            index=index,
            opened=opened,
            chain="00",
            at=AT,
            predecessor=after,
            predecessor_opened=told,
        )
    )


def test_a_boot_that_only_its_successor_names_is_lost_whole() -> None:
    """A vanished boot is told by its successor: one range with how many numbers."""
    known = (KnownBoot("t", "2", 0, live=True),)
    report = verify(
        Evidence(trust=TRUST, checkpoints=(checkpoint("2", 0, after="1"),), boots=known)
    )
    lost = [flaw for flaw in report.flaws if flaw.outcome is Outcome.LOST]
    assert lost == [Flaw(Outcome.LOST, "boot_missing", "t", "1", 1, 4)]
    assert report.counts[Outcome.LOST] == 4


def test_numbers_in_a_spool_nobody_looked_at_are_not_called_lost() -> None:
    """Of a tap whose spool was not read, missing numbers are open, not lost."""
    report = verify(Evidence(trust=TRUST, checkpoints=(checkpoint("1", 3),)))
    assert report.counts == {Outcome.UNDETERMINED: 3}
    assert report.verdict is Verdict.UNDETERMINED


def test_entries_of_a_boot_without_any_word_of_its_tap_are_undetermined() -> None:
    """Without checkpoint, successor or spool nobody knows how many there were."""
    there = mark("x", ONE, "d")
    report = verify(Evidence(trust=TRUST, entries=(entry(),), stored=(there,)))
    assert Flaw(Outcome.UNDETERMINED, "head_unknown", "t", "1") in report.flaws
    assert report.verdict is Verdict.UNDETERMINED


def test_what_arrives_while_one_looks_is_not_held_against_a_live_tap() -> None:
    """Numbers given out after the look at the spool are ignored until the next look."""
    newer = ExchangeNumber(tap="t", boot="1", seq=3)
    there = mark("x", newer, "d")
    world = World(boots=[live(KnownBoot("t", "1", 0))])
    world.entries[newer], world.stored[newer] = entry(newer), there
    assert judged(world).verdict is Verdict.COMPLETE


def test_a_boot_that_the_taps_history_does_not_know_is_inserted() -> None:
    """A forged boot among known ones is named; one after them may have just begun."""
    world = World(boots=[live(KnownBoot("t", "5", 0))])
    world.checkpoints = [checkpoint("3", 0)]
    assert Flaw(Outcome.INSERTED, "boot_unknown", "t", "3") in judged(world).flaws
    world.checkpoints = [checkpoint("7", 0, after="5")]
    assert Flaw(Outcome.UNDETERMINED, "boot_unknown", "t", "7") in judged(world).flaws


def test_a_later_boot_without_predecessor_breaks_the_chain_of_boots() -> None:
    """A tap that claims a second first boot may hide one in between."""
    world = World(boots=[KnownBoot("t", "1", 0), live(KnownBoot("t", "2", 0))])
    world.checkpoints = [checkpoint("1", 0), checkpoint("2", 0)]
    assert Flaw(Outcome.UNDETERMINED, "boots_unlinked", "t", "2") in judged(world).flaws


def test_a_clock_that_went_back_unlinks_no_boot() -> None:
    """Boots are named by time: the first may sort behind one that says it came after it."""
    world = World(boots=[KnownBoot("t", "5", 0), live(KnownBoot("t", "3", 0))])
    world.checkpoints = [checkpoint("5", 0), checkpoint("3", 0, after="5")]
    assert "boots_unlinked" not in {flaw.reason for flaw in judged(world).flaws}


def test_checkpoints_that_count_backwards_are_altered() -> None:
    """A later checkpoint with fewer openings contradicts the earlier one."""
    world = World(checkpoints=[checkpoint("1", 3), checkpoint("1", 2, index=1)])
    flaws = judged(world).flaws
    assert Flaw(Outcome.ALTERED, "checkpoints_disagree", "t", "1", id="t/1#1") in flaws


HUGE = 10**12


def test_a_checkpoint_that_claims_any_number_is_judged_by_what_is_there() -> None:
    """The numbers that nobody speaks of are one range on each side of the one that is there."""
    number = ExchangeNumber(tap="t", boot="1", seq=HUGE // 2)
    world = World(boots=[KnownBoot("t", "1", 0)], checkpoints=[checkpoint("1", HUGE)])
    world.entries[number], world.stored[number] = entry(number), mark("x", number, "d")
    report = judged(world)
    assert [(f.reason, f.first, f.last) for f in report.flaws] == [
        ("no_trace", 1, HUGE // 2 - 1),
        ("no_trace", HUGE // 2 + 1, HUGE),
    ]
    assert report.counts == {Outcome.STORED: 1, Outcome.LOST: HUGE - 1}


def test_a_checkpoint_that_calls_everything_unrecorded_is_not_believed_unchecked() -> None:
    """A chain over more numbers without an opening than can be computed is left open."""
    claimed = ((1, HUGE, "forwarded:x"),)
    claim = said(msgspec.structs.replace(checkpoint("1", HUGE), unrecorded=claimed))
    report = judged(World(boots=[KnownBoot("t", "1", 0)], checkpoints=[claim]))
    assert [flaw.reason for flaw in report.flaws] == ["chain_unchecked"]
    assert report.verdict is Verdict.UNDETERMINED
    assert [(each.first, each.last) for each in report.unrecorded] == [(1, HUGE)]


def test_an_index_of_any_height_is_one_range_of_missing_checkpoints() -> None:
    """The checkpoints between those that are there, damaged or on their way are missing."""
    first, last = checkpoint("1", 0), checkpoint("1", 0, index=HUGE)
    world = World(boots=[KnownBoot("t", "1", 0)], checkpoints=[first, last])
    held = ExchangeNumber(tap="t", boot="1", seq=0)
    world.waiting[held] = Held("t/1#5", held)
    missing = [flaw.id for flaw in judged(world).flaws if flaw.reason == "checkpoint_missing"]
    assert missing == ["t/1#1-4", f"t/1#6-{HUGE - 1}"]


def test_a_record_below_the_first_number_is_named() -> None:
    """Numbers count from 1: one at 0 was never given out."""
    number = ExchangeNumber(tap="t", boot="1", seq=0)
    world = World(boots=[live(KnownBoot("t", "1", 0))])
    world.stored[number] = mark("forged", number, "d")
    assert [flaw.reason for flaw in judged(world).flaws] == ["beyond_head"]


def test_a_lawful_amendment_moves_the_digest() -> None:
    """A record amended later is held against the amendment's digest."""
    amended = entered(msgspec.structs.replace(entry(), amendments=(amendment("hold", "e"),)))
    there = mark("x", ONE, "e")
    evidence = Evidence(
        trust=TRUST, entries=(amended,), stored=(there,), boots=(KnownBoot("t", "1", 1),)
    )
    assert verify(evidence).verdict is Verdict.COMPLETE


def test_a_digest_that_states_something_else_is_altered() -> None:
    """A record that no longer says the digest it has was touched, if only there."""
    there = replace(mark("x", ONE, "other"), actual_digest="d")
    evidence = Evidence(
        trust=TRUST, entries=(entry(),), stored=(there,), boots=(KnownBoot("t", "1", 1),)
    )
    assert Flaw(Outcome.ALTERED, "digest_differs", "t", "1", 1, 1, "x") in verify(evidence).flaws


def test_nothing_at_all_is_complete() -> None:
    """A system that has seen no exchange has lost none."""
    assert verify(Evidence()).verdict is Verdict.COMPLETE


@pytest.mark.parametrize(
    ("verdict", "code"),
    [(Verdict.COMPLETE, 0), (Verdict.INCOMPLETE, 1), (Verdict.UNDETERMINED, 2)],
)
def test_a_verdict_is_an_exit_code(verdict: Verdict, code: int) -> None:
    """0 is complete, 1 proven incomplete, 2 could not tell."""
    assert verdict.exit_code == code


def test_numbers_that_a_power_cut_may_have_taken_are_shown_and_are_no_flaw() -> None:
    """Between the last opening and the reserved bound of a dead boot nobody knows."""
    world = World(boots=[KnownBoot("t", "1", 3, reserved=100)])
    for seq in (1, 2, 3):
        number = ExchangeNumber(tap="t", boot="1", seq=seq)
        world.waiting[number] = Held(f"id{seq}", number)
    report = judged(world)
    assert report.uncertain == (Uncertain("t", "1", 4, 100),)
    assert (report.uncertain[0].count, report.verdict) == (97, Verdict.COMPLETE)


def test_a_boot_that_lives_or_spoke_its_last_word_leaves_nothing_uncertain() -> None:
    """Its own last word says how many there were; what its successor says for it does not."""
    first, second = "000000000001-0000", "00000000ea60-0000"
    known = KnownBoot("t", first, 0, reserved=100)
    assert judged(World(boots=[live(known)])).uncertain == ()
    own = said(
        msgspec.structs.replace(
            checkpoint(first, 0), final=True, chain=CHAIN_START, at="1970-01-01T00:00:30.000000Z"
        )
    )
    after = said(
        msgspec.structs.replace(
            checkpoint(second, 0, after=first), predecessor_opened=0, chain=CHAIN_START
        )
    )
    world = World(boots=[known, live(KnownBoot("t", second, 0))], checkpoints=[own, after])
    assert judged(world).uncertain == ()
    drawn_up = said(msgspec.structs.replace(own, at="1970-01-01T00:01:00.500000Z"))
    world.checkpoints = [drawn_up, after]
    assert judged(world).uncertain == (Uncertain("t", first, 1, 100),)


def test_a_record_under_the_reserved_bound_was_given_out() -> None:
    """What was shipped before a power cut is judged, though the spool has lost its opening."""
    number = ExchangeNumber(tap="t", boot="1", seq=2)
    world = World(boots=[KnownBoot("t", "1", 0, reserved=100)])
    world.entries[number], world.stored[number] = entry(number), mark("x", number, "d")
    report = judged(world)
    assert [(flaw.reason, flaw.first, flaw.last) for flaw in report.flaws] == [("no_trace", 1, 1)]
    assert report.uncertain == (Uncertain("t", "1", 3, 100),)
