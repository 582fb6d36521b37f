"""The claim check: whatever happens between its steps, no body is lost and none comes twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from audit.errors import BlobMissing, BlobsUnavailable, EnvelopeDamaged, QueueUnavailable
from audit.value import to_json
from storage.queue.claim import claim_for
from storage.queue.claim_check import ClaimCheckInbox, ClaimCheckOutbox
from storage.queue.port import Message, MessageKind
from tests.contract.samples import BOOT, a_checkpoint, a_message, number, record_id
from tests.unit.claims.parts import LIMIT, Checked, Died, Failing, Watched, names

SMALL, LARGE = b"s" * LIMIT, b"l" * (LIMIT + 1)


async def test_what_fits_travels_in_its_message() -> None:
    """Up to the limit no blob is asked for anything, from sending to completion."""
    checked = Checked()
    await checked.outbox.send([a_message(1, SMALL)])
    delivery = await checked.one()
    assert delivery.message == a_message(1, SMALL)
    async with checked.inbox.room(delivery.message):
        assert await checked.inbox.fetch(delivery.message) == a_message(1, SMALL)
    assert await checked.inbox.complete(delivery)
    assert checked.blobs.asked == []


async def test_what_is_too_large_arrives_whole() -> None:
    """The message keeps its id, kind and number, and its body is given to whoever asks."""
    checked = Checked()
    await checked.outbox.send([a_message(1, SMALL), a_message(2, LARGE), a_message(3, b"")])
    received = [each.message for each in await checked.inbox.receive(10, 0)]
    assert [each.number.seq for each in received] == [1, 2, 3]
    assert received[1].body != LARGE
    async with checked.inbox.room(received[1]):
        assert await checked.inbox.fetch(received[1]) == a_message(2, LARGE)


async def test_a_large_checkpoint_is_claimed_like_any_other_message() -> None:
    """A tap whose disk came and went has much to tell; its word arrives."""
    checked = Checked(limit=lambda: 10)
    body = to_json(a_checkpoint(3))
    word = Message(f"tap/{BOOT}#3", MessageKind.CHECKPOINT, number(0), body)
    await checked.outbox.send([word])
    delivery = await checked.one()
    assert await checked.inbox.fetch(delivery.message) == word
    assert await checked.inbox.complete(delivery)
    assert await names(checked.blobs) == []


async def test_receiving_fetches_nothing() -> None:
    """However many large ones are leased, no body is in memory before it is asked for."""
    checked = Checked()
    await checked.outbox.send([a_message(seq, LARGE) for seq in range(1, 17)])
    assert len(await checked.inbox.receive(16, 0)) == 16
    assert "get" not in checked.blobs.asked


async def test_the_limit_is_asked_for_at_each_send() -> None:
    """A connection that was made anew may say another one."""
    limits = iter([LIMIT, LIMIT - 1])
    checked = Checked(limit=lambda: next(limits))
    await checked.outbox.send([a_message(1, SMALL)])
    await checked.outbox.send([a_message(2, SMALL)])
    assert len(await names(checked.blobs)) == 1


async def test_the_blob_is_there_before_the_message() -> None:
    """A tap that dies in between leaves a blob without a message, and sends again."""
    blobs = Watched()
    dying = ClaimCheckOutbox(Failing(Died()), blobs, lambda: LIMIT)
    with pytest.raises(Died):
        await dying.send([a_message(1, LARGE)])
    assert len(await names(blobs)) == 1
    checked = Checked(blobs)
    await checked.outbox.send([a_message(1, LARGE)])
    delivery = await checked.one()
    assert await checked.inbox.fetch(delivery.message) == a_message(1, LARGE)
    await checked.inbox.complete(delivery)
    assert await names(blobs) == []


async def test_an_exchange_that_is_sealed_again_claims_its_new_body() -> None:
    """What an earlier try left under the same number is not taken for it."""
    checked = Checked()
    with pytest.raises(Died):
        await ClaimCheckOutbox(Failing(Died()), checked.blobs, lambda: LIMIT).send(
            [a_message(1, LARGE)]
        )
    await checked.outbox.send([a_message(1, LARGE + b"again")])
    delivery = await checked.one()
    assert (await checked.inbox.fetch(delivery.message)).body == LARGE + b"again"


async def test_without_blobs_nothing_is_sent() -> None:
    """The spool keeps the batch until blobs are back; then each message is there once."""
    checked = Checked(Watched(refuses="put"))
    batch = [a_message(1, SMALL), a_message(2, LARGE)]
    with pytest.raises(BlobsUnavailable):
        await checked.outbox.send(batch)
    assert (await checked.queue.census()).waiting == 0
    checked.blobs.refuses = None
    await checked.outbox.send(batch)
    assert (await checked.queue.census()).waiting == 2


async def test_a_worker_that_dies_before_it_removes_the_blob_leaves_an_orphan_only() -> None:
    """The message is completed by then: it does not come again, and its blob is swept."""
    checked = Checked()
    await checked.outbox.send([a_message(1, LARGE)])
    delivery = await checked.one()
    checked.blobs.dies_before = "remove"
    with pytest.raises(Died):
        await checked.inbox.complete(delivery)
    checked.clock.now += 120
    assert list(await checked.inbox.receive(1, 0)) == []
    assert len(await names(checked.blobs)) == 1


async def test_a_blob_that_cannot_be_removed_is_no_failure() -> None:
    """Completion stands; the sweep removes what stayed."""
    checked = Checked(Watched(refuses="remove"))
    await checked.outbox.send([a_message(1, LARGE)])
    assert await checked.inbox.complete(await checked.one())
    assert (await checked.queue.census()).waiting == 0


async def test_whoever_lost_the_lease_removes_no_blob() -> None:
    """The one who has the message now still needs it."""
    checked = Checked()
    await checked.outbox.send([a_message(1, LARGE)])
    first = await checked.one()
    checked.clock.now = first.locked_until + 1
    again = await checked.one()
    assert not await checked.inbox.complete(first)
    assert await checked.inbox.fetch(again.message) == a_message(1, LARGE)


@pytest.mark.parametrize("verb", ["abandon", "dead_letter"])
async def test_what_is_not_completed_keeps_its_body(verb: str) -> None:
    """Given back, or set aside and replayed, a message has its body."""
    checked = Checked()
    await checked.outbox.send([a_message(1, LARGE)])
    delivery = await checked.one()
    if verb == "abandon":
        assert await checked.inbox.abandon(delivery)
    else:
        assert await checked.inbox.dead_letter(delivery, "key.missing", "No key.")
        assert await checked.queue.replay(record_id(1))
    again = await checked.one()
    assert await checked.inbox.renew(again) is not None
    assert await checked.inbox.fetch(again.message) == a_message(1, LARGE)


async def test_a_missing_blob_is_said() -> None:
    """It is no outage: whoever asked must see whether the record exists."""
    checked = Checked()
    await checked.outbox.send([a_message(1, LARGE)])
    for name in await names(checked.blobs):
        await checked.blobs.remove(name)
    delivery = await checked.one()
    with pytest.raises(BlobMissing):
        await checked.inbox.fetch(delivery.message)


@pytest.mark.parametrize(
    "body", [b"", LARGE[:-1], LARGE + b"l", b"x" + LARGE[1:], LARGE * 5], ids=range(5)
)
async def test_a_blob_with_other_bytes_is_damaged(body: bytes) -> None:
    """Cut, extended or altered: the claim says what was sent, and nothing else passes for it."""
    checked = Checked()
    await checked.outbox.send([a_message(1, LARGE)])
    (name,) = await names(checked.blobs)
    await checked.blobs.remove(name)
    await checked.blobs.put(name, body)
    delivery = await checked.one()
    with pytest.raises(EnvelopeDamaged):
        await checked.inbox.fetch(delivery.message)


async def test_a_forged_claim_has_no_other_bodies_removed() -> None:
    """Whoever can write to the queue cannot make a worker remove another exchange's blob."""
    checked = Checked()
    await checked.outbox.send([a_message(1, LARGE)])
    forged = replace(a_message(2), body=claim_for(a_message(1, LARGE)).encoded())
    await checked.queue.send([forged])
    _, delivery = await checked.inbox.receive(2, 0)
    with pytest.raises(EnvelopeDamaged):
        await checked.inbox.fetch(delivery.message)
    assert await checked.inbox.complete(delivery)
    assert len(await names(checked.blobs)) == 1


async def test_a_queue_that_is_down_is_said_as_before() -> None:
    """Errors of the queue pass as they are."""
    down = ClaimCheckOutbox(Failing(QueueUnavailable()), Watched(), lambda: LIMIT)
    with pytest.raises(QueueUnavailable):
        await down.send([a_message(1, LARGE)])


async def test_an_inbox_needs_no_claims() -> None:
    """Messages of a tap that knows of no blobs are carried by a worker that does."""
    checked = Checked()
    await checked.queue.send([a_message(1, LARGE)])
    inbox = ClaimCheckInbox(checked.queue, checked.blobs)
    (delivery,) = await inbox.receive(1, 0)
    assert await inbox.fetch(delivery.message) == a_message(1, LARGE)
    assert await inbox.complete(delivery)
