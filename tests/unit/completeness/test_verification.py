"""An untouched world is complete; whatever is done to it is named."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from audit.completeness import DamagedRow, Held, Outcome, Verdict
from audit.ids import ExchangeNumber
from audit.ledger import Checkpoint, LedgerEntry, LedgerState
from audit.report import CompletenessReport, Flaw
from audit.verification import verify
from tests.unit.completeness.signatures import entered, mark
from tests.unit.completeness.worlds import World, judged, worlds

picks = st.data()


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
    number = pick(data, [n for n in world.waiting.keys() - world.stored if n not in world.entries])
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
    there = world.stored[number]
    stated = "forged" if recomputed else there.stated_digest
    world.stored[number] = replace(there, actual_digest="forged", stated_digest=stated)
    assert names(judged(world), Outcome.ALTERED, number)


@given(worlds(), picks)
def test_a_record_that_came_back_is_named(world: World, data: st.DataObject) -> None:
    """A record that stands although the ledger calls it erased or expired is a flaw."""
    removed = (LedgerState.ERASED, LedgerState.EXPIRED)
    number = pick(data, [n for n, e in world.entries.items() if e.state in removed])
    world.stored[number] = mark(world.entries[number].id, number, "d")
    assert names(judged(world), Outcome.ALTERED, number)


@given(worlds(), picks)
def test_a_stored_record_that_the_ledger_calls_set_aside_is_named(
    world: World, data: st.DataObject
) -> None:
    """With nothing of it in queue or spool, no entry can be on its way: the row was altered."""
    number = pick(data, world.settled())
    state = data.draw(st.sampled_from([LedgerState.DEAD_LETTERED, LedgerState.UNREADABLE]))
    world.enter(number, state=state)
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
    forged = mark("forged", number, "d")
    evidence = world.evidence()
    report = verify(replace(evidence, stored=(*evidence.stored, forged)))
    assert [f.id for f in report.flaws if f.outcome is Outcome.INSERTED] == ["forged"]


@given(worlds(), st.booleans())
def test_a_record_beyond_the_head_is_named(world: World, in_ledger: bool) -> None:
    """A record with a number that the tap never gave out is inserted, ledger entry or not."""
    boot = next((b for b in world.boots if not b.live), None)
    assume(boot is not None)
    assert boot is not None
    number = ExchangeNumber(tap=boot.tap, boot=boot.boot, seq=max(boot.opened, boot.reserved) + 1)
    world.stored[number] = mark("forged", number, "d")
    if in_ledger:
        world.entries[number] = entered(
            LedgerEntry(number=number, id="forged", state=LedgerState.STORED, record_digest="d")
        )
    assert names(judged(world), Outcome.INSERTED, number)


@given(worlds(), picks)
def test_an_exchanged_id_is_named(world: World, data: st.DataObject) -> None:
    """Record and entry replaced together under a new id: the tap's chain does not agree."""
    number = pick(data, world.settled())
    world.stored[number] = mark("forged", number, "d")
    world.entries[number] = entered(
        LedgerEntry(number=number, id="forged", state=LedgerState.STORED, record_digest="d")
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
