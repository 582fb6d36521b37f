"""What was set aside, on every adapter of the queue: listed, replayed, discarded."""

from __future__ import annotations

import pytest

from storage.queue.port import MessageKind, QueueAdmin, QueueReader
from tests.contract.queue_ends import LEASE, BothEnds, Clock, all_of, one
from tests.contract.samples import a_message, number, record_id


async def test_a_second_send_of_a_dead_letter_has_no_effect(
    queue: BothEnds, reader: QueueReader
) -> None:
    """A duplicate of a dead letter does not bring it back."""
    await queue.send([a_message(1)])
    await queue.dead_letter(await one(queue), "record.invalid", "It has another shape.")
    await queue.send([a_message(1)])
    assert list(await queue.receive(1, 0)) == []
    assert (await reader.census()).dead == 1


async def test_a_dead_letter_is_listed_without_its_body(
    queue: BothEnds, reader: QueueReader, clock: Clock
) -> None:
    """A message set aside is named with its code and attempts, and is not delivered again."""
    await queue.send([a_message(1, b"sealed bytes")])
    await queue.dead_letter(await one(queue), "envelope.damaged", "It was altered.")
    clock.now += 2 * LEASE
    assert list(await queue.receive(1, 0)) == []
    (letter,) = await reader.dead_letters()
    assert (letter.id, letter.number, letter.code) == (record_id(1), number(1), "envelope.damaged")
    assert (letter.attempts, letter.kind) == (1, MessageKind.RECORD)


async def test_a_replayed_dead_letter_comes_again_as_it_was(
    queue: BothEnds, reader: QueueReader, admin: QueueAdmin
) -> None:
    """Its body is untouched, its attempts begin again, and it says how often it was replayed."""
    await queue.send([a_message(1, b"sealed bytes")])
    await queue.dead_letter(await one(queue), "key.missing", "No key.")
    assert await admin.replay(record_id(1))
    assert not await admin.replay(record_id(1))
    assert (await reader.census()).waiting == 1
    again = await one(queue)
    assert (again.message, again.attempt) == (a_message(1, b"sealed bytes"), 1)
    await queue.dead_letter(again, "key.missing", "No key.")
    letter = await admin.dead_letter_of(record_id(1))
    assert letter is not None
    assert (letter.replays, letter.size, letter.attempts) == (1, len(b"sealed bytes"), 1)
    assert list(await reader.dead_letters()) == [letter]


async def test_a_duplicate_of_a_replayed_message_has_no_effect(
    queue: BothEnds, admin: QueueAdmin
) -> None:
    """A tap that sends again what was replayed meanwhile adds nothing."""
    await queue.send([a_message(1)])
    await queue.dead_letter(await one(queue), "x", "x")
    await admin.replay(record_id(1))
    await queue.send([a_message(1)])
    assert len(await all_of(queue)) == 1


async def test_only_dead_letters_are_replayed(queue: BothEnds, admin: QueueAdmin) -> None:
    """What waits, is leased or was never there stays as it is."""
    await queue.send([a_message(1), a_message(2)])
    leased = await one(queue)
    for seq in (1, 2, 3):
        assert not await admin.replay(record_id(seq))
        assert await admin.dead_letter_of(record_id(seq)) is None
    assert await queue.complete(leased)


async def test_a_discarded_dead_letter_is_gone(
    queue: BothEnds, reader: QueueReader, admin: QueueAdmin
) -> None:
    """It is not listed, not found and not replayed, and those beside it stay."""
    await queue.send([a_message(seq) for seq in (1, 2, 3)])
    for _ in range(2):
        await queue.dead_letter(await one(queue), "x", "x")
    assert await admin.discard(record_id(2))
    assert not await admin.discard(record_id(2))
    assert await admin.find(record_id(2)) is None
    assert not await admin.replay(record_id(2))
    assert sorted([each.number.seq async for each in reader.numbers()]) == [1, 3]
    assert await admin.scrub()


@pytest.mark.parametrize("engine", ["sqlite", "memory"], indirect=True)  # a broker takes none out
async def test_a_discarded_message_is_gone_dead_or_waiting(
    queue: BothEnds, reader: QueueReader, admin: QueueAdmin, clock: Clock
) -> None:
    """It is not delivered and not listed; one whose lease has lapsed waits again."""
    await queue.send([a_message(seq) for seq in (1, 2, 3, 4)])
    await queue.dead_letter(await one(queue), "x", "x")
    lapsed = await one(queue)
    clock.now = lapsed.locked_until + 1
    for seq in (1, 2, 3):
        assert await admin.discard(record_id(seq))
        assert not await admin.discard(record_id(seq))
        assert await admin.find(record_id(seq)) is None
    assert not await queue.complete(lapsed)
    assert [each.number.seq async for each in reader.numbers()] == [4]
    assert await admin.scrub()


@pytest.mark.parametrize("engine", ["servicebus"], indirect=True)
async def test_a_broker_takes_no_waiting_message_out(queue: BothEnds, admin: QueueAdmin) -> None:
    """It says so, and the message is delivered; the ledger is what keeps it from being stored."""
    await queue.send([a_message(1)])
    assert not await admin.discard(record_id(1))
    assert (await one(queue)).attempt == 1


async def test_a_leased_message_is_not_discarded(queue: BothEnds, admin: QueueAdmin) -> None:
    """Whoever has it settles it."""
    await queue.send([a_message(1)])
    leased = await one(queue)
    assert not await admin.discard(record_id(1))
    assert await queue.complete(leased)


async def test_a_message_is_found_as_what_it_is(queue: BothEnds, admin: QueueAdmin) -> None:
    """The queue tells of an id whether it is held, as which number, and whether it is dead."""
    await queue.send([a_message(1), a_message(2)])
    await queue.dead_letter(await one(queue), "x", "x")
    dead, waits = await admin.find(record_id(1)), await admin.find(record_id(2))
    assert dead is not None
    assert waits is not None
    assert (dead.dead, dead.number, dead.kind) == (True, number(1), MessageKind.RECORD)
    assert (waits.dead, waits.number) == (False, number(2))
