"""The queue's contract: what every adapter promises to those who send and receive."""

from __future__ import annotations

import asyncio

import pytest

from storage.queue.port import QueueReader
from tests.contract.queue_ends import LEASE, PATIENCE, BothEnds, Clock, all_of, one
from tests.contract.samples import a_message


async def test_a_batch_of_any_size_arrives_once_and_in_its_order(
    queue: BothEnds, reader: QueueReader
) -> None:
    """However many are sent at once, and however many of them again, each is held once, in turn."""
    await queue.send([])
    await queue.send([a_message(n) for n in (*range(1, 151), 1, 150)])
    await queue.send([a_message(n) for n in range(100, 200)])
    held = [each async for each in reader.numbers()]
    assert [each.number.seq for each in held] == list(range(1, 200))


async def test_what_is_sent_is_delivered_whole(queue: BothEnds) -> None:
    """A message arrives with its id, kind, number and exact body, as attempt 1."""
    body = bytes(range(256)) * 100
    await queue.send([a_message(1, body)])
    delivery = await one(queue)
    assert delivery.message == a_message(1, body)
    assert delivery.attempt == 1


async def test_oldest_first(queue: BothEnds) -> None:
    """Messages are delivered in the order in which they were sent, over several sends."""
    await queue.send([a_message(2), a_message(3)])
    await queue.send([a_message(1)])
    received = [await one(queue) for _ in range(3)]
    assert [d.message.number.seq for d in received] == [2, 3, 1]


async def test_no_more_than_asked_for(queue: BothEnds) -> None:
    """A receiver is given at most its limit; the rest waits."""
    await queue.send([a_message(seq) for seq in range(1, 6)])
    first = await queue.receive(2, PATIENCE)
    assert len(first) in {1, 2}
    assert len([*first, *await all_of(queue, 2)]) == 5


async def test_an_empty_queue_gives_nothing(queue: BothEnds) -> None:
    """Receiving without a message and without waiting gives an empty answer."""
    assert list(await queue.receive(1, 0)) == []


async def test_a_receiver_that_waits_is_woken(queue: BothEnds) -> None:
    """A message sent while someone waits is delivered to that receive."""
    receiving = asyncio.create_task(queue.receive(1, 30))
    await asyncio.sleep(0)
    await queue.send([a_message(1)])
    assert len(await receiving) == 1


async def test_a_second_send_of_a_waiting_id_has_no_effect(queue: BothEnds) -> None:
    """A duplicate of a message that waits succeeds and is delivered once, with the first body."""
    await queue.send([a_message(1, b"first"), a_message(1, b"second")])
    await queue.send([a_message(1, b"third")])
    assert [d.message.body for d in await all_of(queue)] == [b"first"]


async def test_a_completed_message_is_forgotten(queue: BothEnds, clock: Clock) -> None:
    """After completion nothing is delivered, not even when the lease would have lapsed."""
    await queue.send([a_message(1)])
    assert await queue.complete(await one(queue))
    clock.now += 2 * LEASE
    assert list(await queue.receive(1, 0)) == []


async def test_a_leased_message_is_nobody_elses(queue: BothEnds) -> None:
    """While a lease lasts the message is not delivered again."""
    await queue.send([a_message(1)])
    await one(queue)
    assert list(await queue.receive(1, 0)) == []


async def test_a_lapsed_lease_gives_the_message_back(queue: BothEnds, clock: Clock) -> None:
    """A receiver that died loses nothing: the message comes again, as the next attempt."""
    await queue.send([a_message(1)])
    first = await one(queue)
    clock.now = first.locked_until + 1
    again = await one(queue)
    assert again.attempt == 2
    assert again.receipt != first.receipt


@pytest.mark.parametrize("verb", ["complete", "abandon", "dead_letter", "renew"])
async def test_a_lapsed_receipt_changes_nothing(queue: BothEnds, clock: Clock, verb: str) -> None:
    """Whoever has lost the lease cannot settle a message that someone else holds now."""
    await queue.send([a_message(1)])
    first = await one(queue)
    clock.now = first.locked_until + 1
    second = await one(queue)
    outcome: object
    match verb:
        case "complete":
            outcome = await queue.complete(first)
        case "abandon":
            outcome = await queue.abandon(first)
        case "dead_letter":
            outcome = await queue.dead_letter(first, "x", "x")
        case _:
            outcome = await queue.renew(first)
    assert not outcome
    assert await queue.complete(second)


async def test_an_abandoned_message_comes_again_after_its_delay(
    queue: BothEnds, clock: Clock
) -> None:
    """A message given back with a delay is not delivered before it, and then counts up."""
    await queue.send([a_message(1)])
    assert await queue.abandon(await one(queue), 5.0)
    assert list(await queue.receive(1, 0)) == []
    clock.now += 5.0
    assert (await one(queue)).attempt == 2


async def test_an_abandoned_message_keeps_its_place(queue: BothEnds) -> None:
    """A message given back without delay is again the oldest."""
    await queue.send([a_message(1), a_message(2)])
    await queue.abandon(await one(queue))
    assert (await one(queue)).message.number.seq == 1


async def test_an_excused_delivery_is_no_attempt(
    queue: BothEnds, reader: QueueReader, clock: Clock
) -> None:
    """However often it is excused and given back, at once or later, it comes as the first one."""
    await queue.send([a_message(1)])
    for delay in (0.0, 5.0, 0.0):
        delivery = await one(queue)
        assert delivery.attempt == 1
        await queue.excuse(delivery)
        await queue.excuse(delivery)
        assert await queue.abandon(delivery, delay)
        if delay:
            assert list(await queue.receive(1, 0)) == []
        clock.now += delay
    counted = await one(queue)
    assert await queue.abandon(counted)
    again = await one(queue)
    assert again.attempt == 2
    await queue.excuse(again)
    assert await queue.dead_letter(again, "x.y", "z")
    assert [each.attempts for each in await reader.dead_letters()] == [2]


async def test_an_excused_delivery_that_lapses_is_counted_by_a_broker_only(
    engine: str, queue: BothEnds, clock: Clock
) -> None:
    """A receiver that dies after it was excused costs no attempt where the count is our own."""
    await queue.send([a_message(1)])
    lapsed = await one(queue)
    await queue.excuse(lapsed)
    clock.now += LEASE + 1
    again = await one(queue)
    assert again.attempt == (2 if engine == "servicebus" else 1)
    await queue.excuse(lapsed)
    assert await queue.abandon(again)
    assert (await one(queue)).attempt == again.attempt + 1


async def test_a_renewed_lease_lasts_longer(queue: BothEnds, clock: Clock) -> None:
    """Renewal moves the end of the lease, and until then the message stays with its holder."""
    await queue.send([a_message(1)])
    delivery = await one(queue)
    clock.now += LEASE / 2
    until = await queue.renew(delivery)
    assert until is not None
    assert until > delivery.locked_until
    clock.now = delivery.locked_until + 1
    assert list(await queue.receive(1, 0)) == []
    assert await queue.complete(delivery)


async def test_the_census_counts_each_message_once(
    engine: str, queue: BothEnds, reader: QueueReader, clock: Clock
) -> None:
    """Waiting, leased and dead are told apart, and the oldest waiting one's age is known.

    A broker tells nobody what is leased; there it counts as waiting.
    """
    assert (await reader.census()).oldest_age is None
    await queue.send([a_message(seq) for seq in (1, 2, 3)])
    await queue.dead_letter(await one(queue), "x", "x")
    await one(queue)
    clock.now += 7
    census = await reader.census()
    leased = 0 if engine == "servicebus" else 1
    assert (census.waiting, census.leased, census.dead) == (2 - leased, leased, 1)
    assert census.oldest_age == pytest.approx(7)


async def test_every_number_held_is_listed(queue: BothEnds, reader: QueueReader) -> None:
    """The listing for verification has waiting, leased and dead messages alike."""
    await queue.send([a_message(seq) for seq in (1, 2, 3)])
    await queue.dead_letter(await one(queue), "x", "x")
    await one(queue)
    listed = {(held.number.seq, held.dead) async for held in reader.numbers()}
    assert listed == {(1, True), (2, False), (3, False)}


async def test_receivers_at_once_share_without_overlap(queue: BothEnds) -> None:
    """Each message goes to exactly one of several receivers at work at the same time."""
    await queue.send([a_message(seq) for seq in range(1, 41)])

    async def receiver() -> list[int]:
        seqs = []
        while batch := await queue.receive(5, 1):
            seqs.extend([d.message.number.seq for d in batch if await queue.complete(d)])
        return seqs

    batches = await asyncio.gather(*(receiver() for _ in range(4)))
    assert sorted(seq for batch in batches for seq in batch) == list(range(1, 41))


@pytest.mark.parametrize("engine", ["sqlite", "memory"], indirect=True)  # a broker has its clock
@pytest.mark.parametrize("back", [5.0, 3_600.0, 86_400.0])
async def test_a_clock_that_is_set_back_hides_no_message(
    queue: BothEnds, clock: Clock, back: float
) -> None:
    """What was sent, or given back at once, by a clock that ran ahead is there at once."""
    await queue.send([a_message(1), a_message(2)])
    await queue.abandon(await one(queue))
    clock.now -= back
    assert len(await queue.receive(2, 0)) == 2


@pytest.mark.parametrize("engine", ["sqlite", "memory"], indirect=True)  # a broker has its clock
async def test_a_clock_that_is_set_back_makes_no_lease_last_for_ever(
    queue: BothEnds, clock: Clock
) -> None:
    """The holder may have died with it: an hour's jump is not an hour of waiting."""
    await queue.send([a_message(1)])
    await one(queue)
    clock.now -= 3_600.0
    assert (await one(queue)).attempt == 2
    clock.now -= 10.0
    assert await queue.receive(1, 0) == []
    clock.now += 10.0 + LEASE
    assert (await one(queue)).attempt == 3
