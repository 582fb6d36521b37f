"""An untouched world is complete; whatever is done to it is named."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from audit.completeness import (
    REASONS,
    CompletenessReport,
    DamagedRow,
    Evidence,
    Flaw,
    Held,
    KnownBoot,
    Outcome,
    Verdict,
)
from audit.ids import ExchangeNumber
from audit.ledger import Amendment, Checkpoint, LedgerEntry, LedgerState
from audit.verification import verify
from tests.unit.completeness.worlds import AT, Mark, World, live, worlds

picks = st.data()


def judged(world: World) -> CompletenessReport:
    """Verify the world; every flaw's reason must be in the catalogue."""
    report = verify(world.evidence())
    assert {flaw.reason for flaw in report.flaws} <= set(REASONS)
    return report


def names(report: CompletenessReport, outcome: Outcome, number: ExchangeNumber) -> bool:
    """Whether the report says this of this number."""
    return any(
        flaw.outcome is outcome
        and (flaw.tap, flaw.boot) == (number.tap, number.boot)
        and (flaw.first or 0) <= number.seq <= (flaw.last or 0)
        for flaw in report.flaws
    )


def pick(data: st.DataObject, numbers: list[ExchangeNumber]) -> ExchangeNumber:
    """Choose one number, if the world has any."""
    assume(numbers)
    return data.draw(st.sampled_from(sorted(numbers)))


@given(worlds())
def test_an_untouched_world_is_complete(world: World) -> None:
    """What an honest system leaves is complete, and every number is counted exactly once."""
    report = judged(world)
    assert report.verdict is Verdict.COMPLETE
    assert sum(report.counts.values()) == sum(boot.opened for boot in world.boots)


@given(worlds())
def test_a_crash_between_record_and_ledger_is_to_be_repaired(world: World) -> None:
    """A record whose delivery is still queued is no flaw of the log: it waits for its entry."""
    entered = {n for n, each in world.entries.items() if each.state is LedgerState.STORED}
    gaps = world.stored.keys() - entered
    assert set(judged(world).unledgered) == {world.stored[n].id for n in gaps}


@given(worlds(), picks)
def test_a_removed_record_is_named(world: World, data: st.DataObject) -> None:
    """A stored record that is gone is lost, by number and id."""
    number = pick(data, world.settled())
    removed = world.stored.pop(number)
    report = judged(world)
    assert report.verdict is Verdict.INCOMPLETE
    assert Flaw(
        Outcome.LOST, "record_removed", number.tap, number.boot, number.seq, number.seq, removed.id
    ) in (report.flaws)


@given(worlds(), picks)
def test_a_record_removed_with_its_entry_is_named(world: World, data: st.DataObject) -> None:
    """A number without a trace is lost, also where it was the last one."""
    number = pick(data, world.settled())
    del world.stored[number], world.entries[number]
    assert names(judged(world), Outcome.LOST, number)


@given(worlds(), picks)
def test_a_removed_entry_is_named(world: World, data: st.DataObject) -> None:
    """A record that neither ledger nor queue knows is called inserted."""
    number = pick(data, world.settled())
    del world.entries[number]
    assert names(judged(world), Outcome.INSERTED, number)


@given(worlds(), picks)
def test_a_removed_message_is_named(world: World, data: st.DataObject) -> None:
    """A waiting message that vanishes is a lost number."""
    number = pick(data, [n for n in world.waiting if n not in world.stored])
    del world.waiting[number]
    assert names(judged(world), Outcome.LOST, number)


@given(worlds(), picks)
def test_a_removed_dead_letter_is_named(world: World, data: st.DataObject) -> None:
    """A dead letter that vanishes is a lost number, though the ledger knows it."""
    number = pick(data, list(world.dead))
    del world.dead[number]
    assert names(judged(world), Outcome.LOST, number)


@given(worlds(), picks, st.booleans())
def test_an_altered_record_is_named(world: World, data: st.DataObject, recomputed: bool) -> None:
    """Changed content is altered, also where whoever changed it stated the new digest."""
    number = pick(data, world.settled())
    mark = world.stored[number]
    stated = "forged" if recomputed else mark.stated_digest
    world.stored[number] = replace(mark, actual_digest="forged", stated_digest=stated)
    assert names(judged(world), Outcome.ALTERED, number)


@given(worlds(), picks)
def test_a_record_that_came_back_is_named(world: World, data: st.DataObject) -> None:
    """A record that stands although the ledger calls it erased or expired is a flaw."""
    removed = (LedgerState.ERASED, LedgerState.EXPIRED)
    number = pick(data, [n for n, e in world.entries.items() if e.state in removed])
    world.stored[number] = Mark(world.entries[number].id, number, "d", "d")
    assert names(judged(world), Outcome.ALTERED, number)


@given(worlds(), picks)
def test_a_stored_record_that_the_ledger_calls_set_aside_is_named(
    world: World, data: st.DataObject
) -> None:
    """With nothing of it in queue or spool, no entry can be on its way: the row was altered."""
    number = pick(data, world.settled())
    state = data.draw(st.sampled_from([LedgerState.DEAD_LETTERED, LedgerState.UNREADABLE]))
    world.entries[number] = msgspec.structs.replace(world.entries[number], state=state)
    report = judged(world)
    assert names(report, Outcome.ALTERED, number)
    assert "state_contradicts" in {flaw.reason for flaw in report.flaws}
    world.unread = ("queue",)
    assert not names(judged(world), Outcome.ALTERED, number)


@given(worlds(), picks)
def test_a_damaged_entry_is_named_and_hides_nothing_else(world: World, data: st.DataObject) -> None:
    """A row that can no longer be read is one altered number; a second flaw is still found."""
    number, other = pick(data, world.settled()), pick(data, world.settled())
    assume(number != other)
    del world.entries[number], world.stored[other]
    row = DamagedRow(number.tap, number.boot, seq=number.seq)
    report = verify(replace(world.evidence(), damaged=(row,)))
    assert names(report, Outcome.ALTERED, number)
    assert names(report, Outcome.LOST, other)
    assert sum(report.counts.values()) == sum(boot.opened for boot in world.boots)


@given(worlds(), picks)
def test_a_damaged_checkpoint_is_named(world: World, data: st.DataObject) -> None:
    """It is altered by its index, and not also called missing."""
    gone: Checkpoint = data.draw(st.sampled_from(world.checkpoints))
    world.checkpoints.remove(gone)
    row = DamagedRow(gone.tap, gone.boot, index=gone.index)
    flaws = verify(replace(world.evidence(), damaged=(row,))).flaws
    name = f"{gone.tap}/{gone.boot}#{gone.index}"
    assert Flaw(Outcome.ALTERED, "row_damaged", gone.tap, gone.boot, id=name) in flaws
    assert "checkpoint_missing" not in {flaw.reason for flaw in flaws}


@given(worlds())
def test_what_passed_unrecorded_is_named(world: World) -> None:
    """Every number that the tap let pass is in the report, with its reason, and is no flaw."""
    told = {
        (c.tap, c.boot, seq, reason)
        for c in world.checkpoints
        for first, last, reason in c.unrecorded
        for seq in range(first, last + 1)
    }
    report = judged(world)
    assert {
        (each.tap, each.boot, seq, each.reason)
        for each in report.unrecorded
        for seq in range(each.first, each.last + 1)
    } == told
    refused = sum(each.count for each in report.unrecorded if each.refused)
    assert refused == report.counts.get(Outcome.REFUSED, 0)
    assert report.verdict is Verdict.COMPLETE


@given(worlds(), picks)
def test_an_inserted_record_is_named(world: World, data: st.DataObject) -> None:
    """A record under another one's number is inserted, by its own id."""
    number = pick(data, world.settled())
    forged = Mark("forged", number, "d", "d")
    evidence = world.evidence()
    report = verify(replace(evidence, stored=(*evidence.stored, forged)))
    assert [f.id for f in report.flaws if f.outcome is Outcome.INSERTED] == ["forged"]


@given(worlds(), st.booleans())
def test_a_record_beyond_the_head_is_named(world: World, entered: bool) -> None:
    """A record with a number that the tap never gave out is inserted, ledger entry or not."""
    boot = next((b for b in world.boots if not b.live), None)
    assume(boot is not None)
    assert boot is not None
    number = ExchangeNumber(tap=boot.tap, boot=boot.boot, seq=boot.opened + 1)
    world.stored[number] = Mark("forged", number, "d", "d")
    if entered:
        world.entries[number] = LedgerEntry(
            number=number, id="forged", state=LedgerState.STORED, record_digest="d"
        )
    assert names(judged(world), Outcome.INSERTED, number)


@given(worlds(), picks)
def test_an_exchanged_id_is_named(world: World, data: st.DataObject) -> None:
    """Record and entry replaced together under a new id: the tap's chain does not agree."""
    number = pick(data, world.settled())
    world.stored[number] = Mark("forged", number, "d", "d")
    world.entries[number] = LedgerEntry(
        number=number, id="forged", state=LedgerState.STORED, record_digest="d"
    )
    flaws = judged(world).flaws
    assert Flaw(Outcome.ALTERED, "chain_differs", number.tap, number.boot) in flaws


@given(worlds(), picks)
def test_a_vanished_boot_is_named(world: World, data: st.DataObject) -> None:
    """Every number of a boot of which nothing is left but the spool's history is lost."""
    boot = data.draw(st.sampled_from(world.boots))
    unrecorded = sum(len(c.unrecorded) for c in world.checkpoints if c.boot == boot.boot)
    assume(unrecorded == 0)
    world.forget_boot(boot.boot)
    report = judged(world)
    for seq in range(1, boot.opened + 1):
        assert names(report, Outcome.LOST, ExchangeNumber(tap=boot.tap, boot=boot.boot, seq=seq))


@given(worlds())
def test_a_tail_that_was_cut_is_named(world: World) -> None:
    """The last rows gone from ledger and store, with the last checkpoint: still lost."""
    last = world.boots[-1]
    number = ExchangeNumber(tap=last.tap, boot=last.boot, seq=last.opened)
    assume(number in world.stored or number in world.waiting)
    for source in (world.entries, world.stored, world.waiting):
        source.pop(number, None)
    world.checkpoints.pop()
    assert names(judged(world), Outcome.LOST, number)


@given(worlds(), picks)
def test_a_removed_checkpoint_is_named(world: World, data: st.DataObject) -> None:
    """A checkpoint missing between others is named, unless it is still on its way."""
    inner = [
        c
        for c in world.checkpoints
        if any((d.tap, d.boot, d.index) == (c.tap, c.boot, c.index + 1) for d in world.checkpoints)
    ]
    assume(inner)
    gone: Checkpoint = data.draw(st.sampled_from(inner))
    world.checkpoints.remove(gone)
    name = f"{gone.tap}/{gone.boot}#{gone.index}"
    flaw = Flaw(Outcome.LOST, "checkpoint_missing", gone.tap, gone.boot, id=name)
    assert flaw in judged(world).flaws
    number = ExchangeNumber(tap=gone.tap, boot=gone.boot, seq=0)
    world.waiting[number] = Held(name, number)
    assert judged(world).verdict is Verdict.COMPLETE


@given(worlds(), st.sampled_from(["spool", "queue", "ledger", "records"]))
def test_an_unread_source_never_gives_complete(world: World, source: str) -> None:
    """Where a source could not be read, the verdict is that it could not be told."""
    match source:
        case "records":
            world.stored.clear()
        case "ledger":
            world.entries.clear()
        case "queue":
            world.waiting.clear()
            world.dead.clear()
        case _:
            world.boots.clear()
    world.unread = (source,)
    assert judged(world).verdict is Verdict.UNDETERMINED


ONE = ExchangeNumber(tap="t", boot="1", seq=1)


def entry(number: ExchangeNumber = ONE, digest: str = "d") -> LedgerEntry:
    """A stored entry."""
    return LedgerEntry(number=number, id="x", state=LedgerState.STORED, record_digest=digest)


def checkpoint(boot: str, opened: int, *, index: int = 0, after: str | None = None) -> Checkpoint:
    """A checkpoint whose chain nobody can check."""
    told = 4 if after else None
    return Checkpoint(
        tap="t",
        boot=boot,
        index=index,
        opened=opened,
        chain="00",
        at=AT,
        predecessor=after,
        predecessor_opened=told,
    )


def test_a_boot_that_only_its_successor_names_is_lost_whole() -> None:
    """A vanished boot is told by its successor: one range with how many numbers."""
    known = (KnownBoot("t", "2", 0, live=True),)
    report = verify(Evidence(checkpoints=(checkpoint("2", 0, after="1"),), boots=known))
    lost = [flaw for flaw in report.flaws if flaw.outcome is Outcome.LOST]
    assert lost == [Flaw(Outcome.LOST, "boot_missing", "t", "1", 1, 4)]
    assert report.counts[Outcome.LOST] == 4


def test_numbers_in_a_spool_nobody_looked_at_are_not_called_lost() -> None:
    """Of a tap whose spool was not read, missing numbers are open, not lost."""
    report = verify(Evidence(checkpoints=(checkpoint("1", 3),)))
    assert report.counts == {Outcome.UNDETERMINED: 3}
    assert report.verdict is Verdict.UNDETERMINED


def test_entries_of_a_boot_without_any_word_of_its_tap_are_undetermined() -> None:
    """Without checkpoint, successor or spool nobody knows how many there were."""
    mark = Mark("x", ONE, "d", "d")
    report = verify(Evidence(entries=(entry(),), stored=(mark,)))
    assert Flaw(Outcome.UNDETERMINED, "head_unknown", "t", "1") in report.flaws
    assert report.verdict is Verdict.UNDETERMINED


def test_what_arrives_while_one_looks_is_not_held_against_a_live_tap() -> None:
    """Numbers given out after the look at the spool are ignored until the next look."""
    newer = ExchangeNumber(tap="t", boot="1", seq=3)
    mark = Mark("x", newer, "d", "d")
    world = World(boots=[live(KnownBoot("t", "1", 0))])
    world.entries[newer], world.stored[newer] = entry(newer), mark
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
    world.entries[number], world.stored[number] = entry(number), Mark("x", number, "d", "d")
    report = judged(world)
    assert [(f.reason, f.first, f.last) for f in report.flaws] == [
        ("no_trace", 1, HUGE // 2 - 1),
        ("no_trace", HUGE // 2 + 1, HUGE),
    ]
    assert report.counts == {Outcome.STORED: 1, Outcome.LOST: HUGE - 1}


def test_a_checkpoint_that_calls_everything_unrecorded_is_not_believed_unchecked() -> None:
    """A chain over more numbers without an opening than can be computed is left open."""
    claim = msgspec.structs.replace(checkpoint("1", HUGE), unrecorded=((1, HUGE, "forwarded:x"),))
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
    world.stored[number] = Mark("forged", number, "d", "d")
    assert [flaw.reason for flaw in judged(world).flaws] == ["beyond_head"]


def test_a_lawful_amendment_moves_the_digest() -> None:
    """A record amended later is held against the amendment's digest."""
    amended = msgspec.structs.replace(
        entry(), amendments=(Amendment(at=AT, kind="re-redacted", record_digest="e"),)
    )
    mark = Mark("x", ONE, "e", "e")
    evidence = Evidence(entries=(amended,), stored=(mark,), boots=(KnownBoot("t", "1", 1),))
    assert verify(evidence).verdict is Verdict.COMPLETE


def test_a_digest_that_states_something_else_is_altered() -> None:
    """A record that no longer says the digest it has was touched, if only there."""
    mark = Mark("x", ONE, "other", "d")
    evidence = Evidence(entries=(entry(),), stored=(mark,), boots=(KnownBoot("t", "1", 1),))
    assert Flaw(Outcome.ALTERED, "digest_differs", "t", "1", 1, 1, "x") in verify(evidence).flaws


def test_several_records_of_one_session_belong_to_its_number() -> None:
    """The records `id/1`, `id/2` of a realtime session stand under its one entry."""
    marks = tuple(Mark(f"x/{n}", ONE, "s", "s") for n in (1, 2))
    evidence = Evidence(entries=(entry(),), stored=marks, boots=(KnownBoot("t", "1", 1),))
    assert verify(evidence).verdict is Verdict.COMPLETE


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
