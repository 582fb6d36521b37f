"""Whoever may write the store, and holds no key, is found out: each single attack is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from audit.completeness import DamagedRow, Evidence, Held, KnownBoot, Outcome, Verdict
from audit.ids import ExchangeNumber
from audit.ledger import Checkpoint, LedgerEntry, LedgerState
from audit.report import Flaw
from audit.signing import Role
from audit.verification import verify
from tests.unit.completeness.signatures import TRUST, entered, mark, said
from tests.unit.completeness.test_verification import names, pick
from tests.unit.completeness.worlds import AT, World, amendment, judged, replace_entry, worlds

picks = st.data()
Forgery = Callable[[World, ExchangeNumber], None]


def unsigned(world: World, number: ExchangeNumber) -> None:
    """The same entry without its signature."""
    world.entries[number] = replace_entry(world.entries[number], signature=None)


def by_a_stranger(world: World, number: ExchangeNumber) -> None:
    """The same entry, signed by a key that nobody trusts."""
    world.entries[number] = entered(world.entries[number], stranger=True)


def erased(world: World, number: ExchangeNumber) -> None:
    """The record removed, and the entry made to say that this was lawful."""
    del world.stored[number]
    amended = (amendment("erased", world.entries[number].record_digest or ""),)
    world.entries[number] = replace_entry(
        world.entries[number], state=LedgerState.ERASED, amendments=amended
    )


def rewritten(world: World, number: ExchangeNumber) -> None:
    """The record and every digest of it replaced together."""
    there = world.stored[number]
    stated = msgspec.structs.replace(there.integrity, record_digest="new")
    world.stored[number] = replace(
        there, stated_digest="new", actual_digest="new", integrity=stated
    )
    world.entries[number] = replace_entry(world.entries[number], record_digest="new", amendments=())


def amended(world: World, number: ExchangeNumber) -> None:
    """The entry made to say that the record was changed lawfully."""
    amends = (amendment("hold", "new"),)
    world.entries[number] = replace_entry(world.entries[number], amendments=amends)
    world.stored[number] = mark(world.entries[number].id, number, "new", stranger=True)


@pytest.mark.parametrize("forge", [unsigned, by_a_stranger, erased, rewritten, amended])
@given(world=worlds(), data=picks)
def test_a_forged_entry_is_named_and_not_believed(
    world: World, data: st.DataObject, forge: Forgery
) -> None:
    """Whatever a forged entry says, its number is lost or altered, and no other number is."""
    number = pick(data, world.settled())
    forge(world, number)
    report = judged(world)
    gone = number not in world.stored
    assert names(report, Outcome.LOST if gone else Outcome.ALTERED, number)
    others = [f for f in report.flaws if f.outcome is not Outcome.UNLEDGERED]
    assert [(f.reason, f.first) for f in others] == [("entry_forged", number.seq)]
    assert sum(report.counts.values()) == sum(boot.opened for boot in world.boots)


@given(worlds(), picks)
def test_a_forged_erasure_of_a_waiting_message_hides_nothing(
    world: World, data: st.DataObject
) -> None:
    """An entry that a stranger made for a number that waits is named."""
    number = pick(data, [n for n in world.waiting if n not in world.entries | world.stored])
    del world.waiting[number]
    world.entries[number] = LedgerEntry(number=number, id="x", state=LedgerState.ERASED)
    assert names(judged(world), Outcome.LOST, number)


@given(worlds(), picks, st.booleans())
def test_a_record_that_no_worker_signed_is_named(
    world: World, data: st.DataObject, stranger: bool
) -> None:
    """A record whose signature is gone or a stranger's is altered, though its content is right."""
    number = pick(data, list(world.stored))
    there = world.stored[number]
    bare = msgspec.structs.replace(there.integrity, signature=None)
    forged = mark(there.id, number, there.actual_digest, stranger=True)
    world.stored[number] = forged if stranger else replace(there, integrity=bare)
    report = judged(world)
    assert names(report, Outcome.ALTERED, number)
    assert {flaw.reason for flaw in report.flaws} - {"entry_on_its_way"} == {"signature_differs"}


@given(worlds(), picks)
def test_a_changed_salt_or_commitment_is_named(world: World, data: st.DataObject) -> None:
    """What the digest does not cover, the record's signature does."""
    number = pick(data, world.settled())
    there = world.stored[number]
    field = data.draw(st.sampled_from(["salt", "commitment"]))
    integrity = msgspec.structs.replace(there.integrity, **{field: "ff"})
    world.stored[number] = replace(there, integrity=integrity)
    assert names(judged(world), Outcome.ALTERED, number)


@given(worlds(), picks)
def test_records_that_change_places_are_both_named(world: World, data: st.DataObject) -> None:
    """Two signed records under each other's number: neither is believed there."""
    one, other = pick(data, world.settled()), pick(data, world.settled())
    assume(one != other)
    # A document under another number than its own digests to something else.
    swapped = {
        to: replace(world.stored[there], number=to, actual_digest="elsewhere")
        for to, there in ((one, other), (other, one))
    }
    world.stored |= swapped
    report = judged(world)
    for number in (one, other):
        inserted = [f.id for f in report.flaws if f.reason == "other_id" and f.first == number.seq]
        assert swapped[number].id in inserted
        assert names(report, Outcome.LOST, number)


@given(worlds(), picks)
def test_a_copy_of_a_signed_record_is_named(world: World, data: st.DataObject) -> None:
    """The same record twice, or under an id of its own, is inserted."""
    number = pick(data, world.settled())
    there = world.stored[number]
    evidence = world.evidence()
    twice = verify(replace(evidence, stored=(*evidence.stored, there)))
    assert ("doubled", there.id) in [(f.reason, f.id) for f in twice.flaws]
    again = replace(there, id="copy")
    other = verify(replace(evidence, stored=(*evidence.stored, again)))
    assert ("other_id", "copy") in [(f.reason, f.id) for f in other.flaws]
    part = replace(there, id=f"{there.id}/2")
    sub = verify(replace(evidence, stored=(*evidence.stored, part)))
    assert ("beyond_sheaf", part.id) in [(f.reason, f.id) for f in sub.flaws]


@given(worlds(), picks)
def test_an_entry_moved_to_another_number_is_named(world: World, data: st.DataObject) -> None:
    """A signed entry speaks of its own number only."""
    number = pick(data, world.settled())
    boot = next(b for b in world.boots if (b.tap, b.boot) == (number.tap, number.boot))
    target = ExchangeNumber(tap=number.tap, boot=number.boot, seq=data.draw(_in(boot)))
    assume(target != number)
    world.entries[target] = replace_entry(world.entries.pop(number), number=target)
    report = judged(world)
    assert names(report, Outcome.INSERTED, number)
    assert ("entry_forged", target.seq) in [(f.reason, f.first) for f in report.flaws]


@given(worlds(), picks)
def test_two_signed_entries_of_one_number_are_named(world: World, data: st.DataObject) -> None:
    """An old entry beside the present one, which the store's key would forbid, is no choice."""
    number = pick(data, world.settled())
    old = entered(replace_entry(world.entries[number], state=LedgerState.DEAD_LETTERED))
    evidence = world.evidence()
    report = verify(replace(evidence, entries=(*evidence.entries, old)))
    assert names(report, Outcome.ALTERED, number)


@given(worlds(), picks)
def test_a_removed_entry_put_back_is_named(world: World, data: st.DataObject) -> None:
    """The entry `stored`, restored after an erasure, speaks of a record that is not there."""
    gone = (LedgerState.ERASED, LedgerState.EXPIRED)
    at = [n for n, e in world.entries.items() if e.state in gone and n not in world.waiting]
    number = pick(data, at)
    world.enter(number, state=LedgerState.STORED, amendments=())
    assert names(judged(world), Outcome.LOST, number)


@given(worlds(), picks)
def test_an_old_entry_of_a_dead_letter_put_back_is_named(world: World, data: st.DataObject) -> None:
    """`dead_lettered`, restored over `stored` with the record removed, is a lost dead letter."""
    number = pick(data, world.settled())
    world.enter(number, state=LedgerState.DEAD_LETTERED)
    del world.stored[number]
    assert names(judged(world), Outcome.LOST, number)


@given(worlds(), picks, st.booleans())
def test_a_forged_checkpoint_is_named_and_not_believed(
    world: World, data: st.DataObject, stranger: bool
) -> None:
    """One that claims numbers to be unrecorded, or its boot to be shorter, hides nothing."""
    number = pick(data, world.settled())
    del world.stored[number], world.entries[number]
    at, there = data.draw(
        st.sampled_from(
            [(i, c) for i, c in enumerate(world.checkpoints) if c.boot == number.boot]
        ).filter(lambda found: found[1].tap == number.tap)
    )
    claim = ((number.seq, number.seq, "forwarded:spool.full"),)
    forged = msgspec.structs.replace(there, unrecorded=claim, opened=0, final=True)
    world.checkpoints[at] = said(forged, stranger=True) if stranger else forged
    report = judged(world)
    assert names(report, Outcome.LOST, number)
    name = f"{there.tap}/{there.boot}#{there.index}"
    flaw = Flaw(Outcome.ALTERED, "checkpoint_forged", there.tap, there.boot, id=name)
    assert flaw in report.flaws


def test_a_worker_cannot_speak_for_a_tap() -> None:
    """A signature counts for its own role: a checkpoint that a worker signed is forged."""
    bare = Checkpoint(tap="t", boot="1", index=0, opened=0, chain="0" * 64, at=AT)
    known = (KnownBoot("t", "1", 0),)
    honest = verify(Evidence(checkpoints=(said(bare),), boots=known, trust=TRUST))
    assert honest.flaws == ()
    by_worker = said(bare, role=Role.WORKER)
    report = verify(Evidence(checkpoints=(by_worker,), boots=known, trust=TRUST))
    assert [flaw.reason for flaw in report.flaws] == ["checkpoint_forged"]


def test_a_boot_of_forged_rows_only_is_named_row_by_row() -> None:
    """A stranger's rows stretch no boot: each is inserted, however high its number."""
    number = ExchangeNumber(tap="t", boot="9", seq=10**12)
    entry = entered(LedgerEntry(number=number, id="x", state=LedgerState.STORED), stranger=True)
    record = mark("y", replace_number(number, 7), "d", stranger=True)
    report = verify(Evidence(entries=(entry,), stored=(record,), trust=TRUST))
    inserted = [(f.reason, f.id) for f in report.flaws if f.outcome is Outcome.INSERTED]
    assert inserted == [("signature_differs", "y"), ("entry_forged", "x")]
    assert Outcome.LOST not in report.counts


@given(worlds())
def test_a_tap_that_is_gone_from_the_store_is_named(world: World) -> None:
    """Every number that its spool's notes tell of is lost, but for what was never recorded."""
    tap = world.boots[-1].tap
    world.forget_tap(tap)
    report = judged(world)
    for boot in (each for each in world.boots if each.tap == tap):
        for seq in range(1, boot.opened + 1):
            number = ExchangeNumber(tap=tap, boot=boot.boot, seq=seq)
            assert names(report, Outcome.LOST, number)


@given(worlds())
def test_without_keys_nothing_is_complete_and_everything_else_is_judged(world: World) -> None:
    """No trusted keys: the verdict is open, and a removed record is still named."""
    keyless = replace(world.evidence(), trust=None, unread=("keys",))
    report = verify(keyless)
    assert report.verdict is Verdict.UNDETERMINED
    assert not [flaw for flaw in report.flaws if flaw.outcome is not Outcome.UNLEDGERED]
    assert report.heads == ()
    settled = world.settled()
    assume(settled)
    del world.stored[settled[0]]
    robbed = verify(replace(keyless, stored=tuple(world.stored.values())))
    assert names(robbed, Outcome.LOST, settled[0])


@given(worlds(), picks)
def test_what_is_removed_or_amended_while_one_looks_is_no_flaw(
    world: World, data: st.DataObject
) -> None:
    """An entry that was read before a lawful change is held against its later form."""
    number = pick(data, world.settled())
    before = tuple(world.entries.values())
    if data.draw(st.booleans()):
        del world.stored[number]
        world.enter(number, state=LedgerState.ERASED, amendments=(amendment("erased", "d"),))
    else:
        world.stored[number] = mark(world.entries[number].id, number, "held")
        world.enter(number, amendments=(amendment("hold", "held"),))
    later = (world.entries[number],)
    evidence = replace(world.evidence(), entries=before, later=later)
    assert verify(evidence).verdict is Verdict.COMPLETE
    forged = (replace_entry(later[0], signature=None),)
    assert verify(replace(evidence, later=forged)).verdict is Verdict.INCOMPLETE


@given(worlds(), picks)
def test_a_damaged_row_beside_a_forged_one_hides_neither(world: World, data: st.DataObject) -> None:
    """Each is named by its own reason."""
    one, other = pick(data, world.settled()), pick(data, world.settled())
    assume(one != other)
    unsigned(world, one)
    del world.entries[other]
    row = DamagedRow(other.tap, other.boot, seq=other.seq)
    report = verify(replace(world.evidence(), damaged=(row,)))
    assert names(report, Outcome.ALTERED, one)
    assert names(report, Outcome.ALTERED, other)


def test_the_outcomes_that_are_in_order_are_named_by_id() -> None:
    """What waits, was set aside, refused or removed is listed with its number and its id."""
    states = {
        2: LedgerState.DEAD_LETTERED,
        3: LedgerState.REFUSED,
        4: LedgerState.ERASED,
        5: LedgerState.EXPIRED,
        6: LedgerState.UNREADABLE,
    }
    at = {seq: ExchangeNumber(tap="t", boot="1", seq=seq) for seq in range(1, 7)}
    entries = [
        entered(LedgerEntry(number=at[seq], id=f"id{seq}", state=state))
        for seq, state in states.items()
    ]
    report = verify(
        Evidence(
            entries=entries,
            waiting=(Held("id1", at[1]),),
            dead=(Held("id2", at[2]), Held("id6", at[6])),
            boots=(KnownBoot("t", "1", 6),),
            trust=TRUST,
        )
    )
    assert [(each.outcome.value, each.seq, each.id) for each in report.named] == [
        ("waiting", 1, "id1"),
        ("dead_lettered", 2, "id2"),
        ("refused", 3, "id3"),
        ("erased", 4, "id4"),
        ("expired", 5, "id5"),
        ("unreadable", 6, "id6"),
    ]
    assert report.verdict is Verdict.COMPLETE


def replace_number(number: ExchangeNumber, seq: int) -> ExchangeNumber:
    """Another number of the same boot."""
    return ExchangeNumber(tap=number.tap, boot=number.boot, seq=seq)


def _in(boot: KnownBoot) -> st.SearchStrategy[int]:
    return st.integers(1, boot.opened)
