"""A store that was rolled back agrees with itself; with an earlier report it does not."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st

from audit.anchors import Head
from audit.completeness import Held, KnownBoot, Outcome, Verdict
from audit.ids import ExchangeNumber
from audit.ledger import LedgerState
from audit.value import from_json, to_json
from audit.verification import verify
from tests.unit.completeness.signatures import mark
from tests.unit.completeness.test_verification import names, pick
from tests.unit.completeness.worlds import AT, World, amendment, judged, worlds

picks = st.data()


def unseen(world: World) -> World:
    """The same world, looked at from where no spool folder is visible."""
    world.boots = []
    return world


@given(worlds(), st.booleans())
def test_an_untouched_world_stands_up_to_its_own_report(world: World, spools: bool) -> None:
    """Held against a report of itself, an honest world is what it was."""
    anchored = world.anchored()
    if not spools:
        unseen(anchored)
    flaws = judged(anchored).flaws
    proven = {Outcome.LOST, Outcome.ALTERED, Outcome.INSERTED}
    assert not [flaw for flaw in flaws if flaw.outcome in proven]


@given(worlds(), picks)
def test_what_happens_lawfully_since_is_no_flaw(world: World, data: st.DataObject) -> None:
    """A record that is erased, held or expired after the report leaves the world complete."""
    anchored = world.anchored()
    number = pick(data, anchored.settled())
    kind = data.draw(st.sampled_from(["erased", "expired", "hold"]))
    if kind == "hold":
        anchored.stored[number] = mark(anchored.entries[number].id, number, "held")
        anchored.enter(number, amendments=(amendment(kind, "held"),))
    else:
        del anchored.stored[number]
        anchored.enter(number, state=LedgerState(kind), amendments=(amendment(kind, "d"),))
    assert judged(anchored).verdict is Verdict.COMPLETE


@given(worlds(), picks)
def test_a_tail_cut_from_a_store_alone_is_named(world: World, data: st.DataObject) -> None:
    """Records, entries and checkpoints of a boot's end, gone together: lost, by number."""
    anchored = unseen(world.anchored())
    number = pick(data, anchored.settled())
    for source in (anchored.entries, anchored.stored, anchored.waiting, anchored.dead):
        for later in [n for n in source if n.boot == number.boot and n.tap == number.tap]:
            if later.seq >= number.seq:
                del source[later]
    anchored.checkpoints = [
        c
        for c in anchored.checkpoints
        if (c.tap, c.boot) != (number.tap, number.boot) or c.opened < number.seq
    ]
    assert names(judged(anchored), Outcome.LOST, number)


@given(worlds(), picks)
def test_a_boot_that_is_gone_is_named_by_what_was_stored(world: World, data: st.DataObject) -> None:
    """Of a boot without a trace, each number that was stored or removed is lost."""
    anchored = unseen(world.anchored())
    number = pick(data, anchored.settled())
    settled = [n for n in anchored.settled() if n.boot == number.boot]
    anchored.forget_boot(number.boot)
    report = judged(anchored)
    assert all(names(report, Outcome.LOST, each) for each in settled)


@given(worlds())
def test_a_tap_that_is_gone_is_named_boot_by_boot(world: World) -> None:
    """Each boot of which an earlier report knew a word no longer reaches it."""
    tap = world.boots[-1].tap
    told = {(c.tap, c.boot) for c in world.checkpoints if c.tap == tap}
    anchored = unseen(world.anchored())
    anchored.forget_tap(tap)
    flaws = judged(anchored).flaws
    fallen = {(f.tap, f.boot) for f in flaws if f.reason == "head_rolled_back"}
    assert fallen == told


@given(worlds())
def test_checkpoints_that_were_rolled_back_are_named(world: World) -> None:
    """Without its last word a boot no longer reaches the head that was attested."""
    last = world.checkpoints[-1]
    before = [c for c in world.checkpoints if (c.tap, c.boot) == (last.tap, last.boot)][:-1]
    assume(last.opened > max((c.opened for c in before), default=0))
    anchored = world.anchored()
    anchored.checkpoints.pop()
    reasons = {(f.boot, f.reason) for f in judged(anchored).flaws if f.tap == last.tap}
    assert (last.boot, "head_rolled_back") in reasons


@given(worlds(), picks)
def test_an_erasure_that_was_undone_is_named(world: World, data: st.DataObject) -> None:
    """Record and signed entry of before the erasure, put back together, are altered."""
    gone = (LedgerState.ERASED, LedgerState.EXPIRED)
    number = pick(data, [n for n, e in world.entries.items() if e.state in gone])
    anchored = world.anchored()
    anchored.enter(number, state=LedgerState.STORED, amendments=(), record_digest="d")
    anchored.stored[number] = mark(anchored.entries[number].id, number, "d")
    assert judged(replace(anchored, anchors=())).verdict is Verdict.COMPLETE
    report = judged(anchored)
    assert names(report, Outcome.ALTERED, number)
    assert "rolled_back" in {flaw.reason for flaw in report.flaws}


@given(worlds(), picks, st.booleans())
def test_a_record_put_back_into_the_queue_is_named(
    world: World, data: st.DataObject, set_aside: bool
) -> None:
    """Whoever may write the queue too cannot make a stored record one that never arrived."""
    anchored = world.anchored()
    number = pick(data, anchored.settled())
    record = anchored.stored.pop(number)
    held = anchored.dead if set_aside else anchored.waiting
    held[number] = Held(record.id, number)
    anchored.enter(number, state=LedgerState.DEAD_LETTERED)
    if not set_aside:
        del anchored.entries[number]
    assert judged(replace(anchored, anchors=())).verdict is Verdict.COMPLETE
    assert names(judged(anchored), Outcome.LOST, number)


@given(worlds())
def test_other_ids_under_the_same_numbers_are_named(world: World) -> None:
    """A head states the chain: a boot that was played again under other ids does not fit it."""
    chained = [head for head in judged(world).heads if head.chain and head.opened]
    assume(chained)
    forged = [msgspec.structs.replace(head, chain="f" * 64) for head in chained]
    flaws = judged(replace(world, anchors=forged)).flaws
    for head in forged:
        assert ("chain_differs", head.boot) in [(f.reason, f.boot) for f in flaws]


@given(worlds())
def test_a_head_survives_being_written_and_read(world: World) -> None:
    """What a report states as JSON is what the next look reads."""
    heads = judged(world).heads
    assert tuple(from_json(to_json(head), Head) for head in heads) == heads


@given(worlds(), st.sampled_from(["ledger", "records", "keys"]))
def test_a_look_that_could_not_see_attests_nothing(world: World, source: str) -> None:
    """A report without ledger, records or keys states no heads."""
    world.unread = (source,)
    assert judged(world).heads == ()


@given(worlds(), picks)
def test_an_unread_store_is_not_held_against_an_anchor(world: World, data: st.DataObject) -> None:
    """What was attested may still stand in a ledger that could not be read."""
    anchored = world.anchored()
    pick(data, anchored.settled())
    anchored.entries.clear()
    anchored.checkpoints.clear()
    anchored.stored.clear()
    anchored.unread = ("ledger", "records")
    assert judged(anchored).verdict is Verdict.UNDETERMINED


def test_of_two_anchors_the_later_state_counts() -> None:
    """A number that one report calls stored and another one removed must stay removed."""
    number = ExchangeNumber(tap="t", boot="1", seq=1)
    world = World(boots=[KnownBoot("t", "1", 1)])
    world.stored[number] = mark("x", number, "d")
    both = (
        Head(tap="t", boot="1", stored=((1, 1),)),
        Head(tap="t", boot="1", removed=((1, 1),)),
    )
    evidence = replace(world.evidence(), anchors=both)
    assert names(verify(evidence), Outcome.INSERTED, number)
    world.waiting[number] = Held("x", number)
    evidence = replace(world.evidence(), anchors=both)
    assert names(verify(evidence), Outcome.ALTERED, number)


@given(worlds())
def test_a_boot_of_forgeries_is_attested_by_nobody(world: World) -> None:
    """What a stranger made up, and someone then removed, is not missed later."""
    honest = judged(world).heads
    number = ExchangeNumber(tap="a", boot="9", seq=1)
    world.stored[number] = mark("x", number, "d", stranger=True)
    assert judged(world).heads == honest


def test_an_idle_boot_that_is_gone_is_named() -> None:
    """A boot that gave out no number has its head all the same."""
    idle = Head(tap="t", boot="1", at=AT)
    flaws = judged(World(anchors=(idle,))).flaws
    assert ("head_rolled_back", "1") in [(flaw.reason, flaw.boot) for flaw in flaws]
