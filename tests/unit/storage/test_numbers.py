"""Numbers: ranges, and the chain that runs over settled numbers only."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from audit.digest import CHAIN_START, chain
from storage.spool.account import Account
from storage.spool.marks import decode_marks, encode_marks
from storage.spool.notes import BootNote
from storage.spool.numbers import Chain, RangeSet, to_ranges


@given(st.sets(st.integers(0, 200)))
def test_ranges_hold_exactly_their_numbers(numbers: set[int]) -> None:
    """Folded into ranges, carried in a mark and read again, a set is the same set."""
    marks = encode_marks({"boot": to_ranges(numbers)})
    found = RangeSet()
    for payload in marks:
        for _, first, last in decode_marks(payload):
            found.add(first, last)
    assert {n for n in range(202) if n in found} == numbers
    assert found.highest == max(numbers, default=0)


@given(st.permutations(range(1, 9)))
def test_the_chain_does_not_depend_on_the_order_of_settling(order: list[int]) -> None:
    """Openings that finish out of turn give the chain of their numbers' order."""
    settled = Chain()
    for seq in order:
        settled.settle(seq, f"id-{seq}")
    head = CHAIN_START
    for seq in range(1, 9):
        head = chain(head, seq, f"id-{seq}")
    assert (settled.opened, settled.head, settled.ahead) == (8, head, {})


def test_a_number_that_never_settles_cannot_hold_the_chain_for_ever() -> None:
    """Behind ten thousand later openings a missing number counts as unopened and takes no more."""
    chain_ = Chain()
    for seq in range(2, 10_003):
        chain_.settle(seq, "id")
    assert chain_.opened == 10_002
    assert not chain_.takes(1)


def test_a_checkpoint_reaches_only_as_far_as_numbers_have_settled() -> None:
    """While an opening is under way the checkpoint stops before it; the final one does not."""
    account = Account("tap", "boot", None)
    for _ in range(3):
        account.give()
    account.opened(1, "one")
    account.opened(3, "three")
    first, new = account.checkpoint("now", final=False)
    assert (first.opened, new) == (1, True)
    assert account.checkpoint("later", final=False) == (first, False)
    assert account.checkpoint("end", final=True)[0].opened == 3


def test_a_checkpoint_names_the_unrecorded_and_the_boot_before() -> None:
    """Numbers without an opening come as ranges with their reason, beside the predecessor."""
    account = Account("tap", "two", BootNote(boot="one", opened=7, chain="c" * 64))
    for seq in (1, 2, 3):
        account.give()
        account.unrecorded(seq, "forwarded:spool.full" if seq < 3 else "refused:spool.full")
    checkpoint, _ = account.checkpoint("now", final=False)
    assert checkpoint.unrecorded == ((1, 2, "forwarded:spool.full"), (3, 3, "refused:spool.full"))
    assert (checkpoint.predecessor, checkpoint.predecessor_opened) == ("one", 7)
    assert checkpoint.predecessor_chain == "c" * 64


def test_a_note_reaches_as_far_as_the_numbers_that_are_in_doubt() -> None:
    """A number that was told no is part of a note before its frame is synced, and so is its head.

    Were the head behind it, a start after a crash would speak for a boot that never gave it out.
    """
    account = Account("tap", "boot", None)
    for seq in (1, 2):
        account.give()
        account.asked(seq)
    account.opened(1, "one")
    assert account.unrecorded(2, "forwarded:spool.unavailable")
    note = account.note(reserved=0)
    assert (note.opened, note.unrecorded) == (2, ((2, 2, "forwarded:spool.unavailable"),))
