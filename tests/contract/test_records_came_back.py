"""What came back although it was removed: found by whoever looks, and removed again."""

from __future__ import annotations

import msgspec

from audit.ledger import LedgerEntry, LedgerState
from tests.contract.doors import AT, LATER, Doors, gone, kept, part, store
from tests.contract.samples import number, record_id


def removed_at(seq: int, at: str, state: LedgerState = LedgerState.ERASED) -> LedgerEntry:
    """The entry of a record that was removed at an instant."""
    return msgspec.structs.replace(gone(seq, state), at=at)


async def leave_behind(doors: Doors, *entries: LedgerEntry) -> None:
    """Let the entries stand and their records stay, where a store can come to that."""
    if doors.stands is None:
        await doors.keeper.remove(entries)
        return
    for entry in entries:
        assert await doors.stands(entry)


async def test_what_came_back_is_found_until_it_is_removed_again(doors: Doors) -> None:
    """From the instant on, erased or expired; not what is stored, or has no record."""
    await store(doors, *[kept(seq) for seq in range(1, 6)])
    back = [removed_at(1, AT), removed_at(2, LATER, LedgerState.EXPIRED)]
    await leave_behind(doors, *back, removed_at(3, "2026-11-21T09:59:59.999999Z"))
    await doors.keeper.remove([removed_at(4, LATER), removed_at(9, LATER)])
    found = await doors.finder.left_behind(AT, LATER)
    assert sorted(found, key=lambda each: each.number.seq) == (back if doors.stands else [])
    await doors.keeper.remove(found)
    assert not await doors.finder.left_behind(AT, LATER)
    assert await doors.reader.get(record_id(1)) is None
    assert await doors.reader.get(record_id(5)) is not None


async def test_one_record_of_a_session_that_came_back_is_found(doors: Doors) -> None:
    """Whichever of its records it is; what only begins like its id is another exchange's."""
    other = msgspec.structs.replace(kept(1), id=f"{record_id(1)}0")
    for record in (part(2), other, part(3, seq=2)):
        await doors.writer.put(record)
    await leave_behind(doors, removed_at(1, AT), removed_at(3, AT))
    found = await doors.finder.left_behind(AT, LATER)
    assert [each.id for each in found] == ([record_id(1)] if doors.stands else [])


async def test_what_came_back_is_found_however_many(doors: Doors) -> None:
    """More than are asked for at once, each once."""
    removed = [removed_at(seq, AT) for seq in range(1, 251)]
    back = [entry for entry in removed if entry.number.seq % 60 == 0]
    await store(doors, *[kept(entry.number.seq) for entry in back])
    await leave_behind(doors, *back)
    await doors.keeper.remove([entry for entry in removed if entry not in back])
    found = await doors.finder.left_behind(AT, LATER)
    assert sorted(each.number.seq for each in found) == (
        [60, 120, 180, 240] if doors.stands else []
    )


async def test_what_came_back_goes_whatever_hold_it_bears(doors: Doors) -> None:
    """Its exchange is removed: a hold that was asked for before that keeps nothing any more."""
    await store(doors, kept(1, hold=doors.stands is not None))
    await leave_behind(doors, removed_at(1, AT))
    assert await doors.keeper.remove([removed_at(1, LATER)]) == 0
    assert await doors.reader.get(record_id(1)) is None
    assert await doors.ledger.entry(number(1)) == removed_at(1, AT)


async def test_how_far_removals_were_looked_at_is_kept_where_it_is_needed(doors: Doors) -> None:
    """The last word stands; a store that needs no look keeps none, and no entry comes of it."""
    assert await doors.keeper.looked_back() is None
    for at in (LATER, AT):
        await doors.keeper.look_back_done(at)
    assert await doors.keeper.looked_back() == (AT if doors.stands else None)
    assert not await doors.finder.left_behind("", LATER)
    assert not await doors.finder.knows("demo")
