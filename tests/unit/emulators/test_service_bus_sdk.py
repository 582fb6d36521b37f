"""The broker through the real SDK: what a client may rely on when all goes well."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceiveMode
from azure.servicebus.exceptions import (
    MessageLockLostError,
    MessageSizeExceededError,
    MessagingEntityNotFoundError,
    ServiceBusError,
)

from tests.emulators.service_bus import PREMIUM, QueueRules, ServiceBusEmulator, service_bus
from tests.emulators.service_bus.control import census
from tests.unit.emulators.service_bus_kit import Bench, bench, body

# The SDK leaves sockets of broken connections to the garbage collector, which then complains.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
async def bus() -> AsyncIterator[ServiceBusEmulator]:
    """A broker with a queue as it comes, and some with rules of their own."""
    queues = {
        "auditstream": QueueRules(),
        "strict": QueueRules(max_delivery_count=2, time_to_live=3600),
        "premium": QueueRules(max_message_size=3 * PREMIUM),
    }
    async with service_bus(queues) as emulator:
        yield emulator


@pytest.fixture
async def desk(bus: ServiceBusEmulator) -> AsyncIterator[Bench]:
    """A client of the queue as it comes."""
    async with bench(bus.connection_string) as made:
        yield made


async def test_a_message_arrives_as_it_was_sent(desk: Bench) -> None:
    """Body, properties and content type arrive unchanged, with what the broker knows of it."""
    sent = ServiceBusMessage(
        b"\x00\xff body",
        message_id="a",
        content_type="application/x-sealed",
        subject="record",
        application_properties={"kind": "record", "seq": 7},
    )
    before = dt.datetime.now(dt.UTC)
    sender, receiver = await desk.pair()
    await sender.send_messages(sent)
    (got,) = await receiver.receive_messages(1, max_wait_time=5)

    assert body(got) == b"\x00\xff body"
    assert (got.message_id, got.content_type, got.subject) == (
        "a", "application/x-sealed", "record",
    )  # fmt: skip
    assert got.application_properties == {b"kind": b"record", b"seq": 7}
    assert (got.delivery_count, got.sequence_number) == (0, 1)
    assert got.locked_until_utc is not None
    assert got.enqueued_time_utc is not None
    assert before - dt.timedelta(seconds=1) < got.enqueued_time_utc < got.locked_until_utc
    await receiver.complete_message(got)


async def test_a_batch_arrives_as_single_messages(desk: Bench) -> None:
    """Each message of a batch is delivered by itself, in the order of the batch."""
    sender, receiver = await desk.pair()
    batch = await sender.create_message_batch()
    for number in range(40):
        batch.add_message(ServiceBusMessage(b"%d" % number, message_id=f"m{number}"))
    await sender.send_messages(batch)
    got = await receiver.receive_messages(40, max_wait_time=5)

    assert [body(message) for message in got] == [b"%d" % number for number in range(40)]
    assert [message.sequence_number for message in got] == list(range(1, 41))


async def test_completing_in_the_loop_empties_the_queue(
    bus: ServiceBusEmulator, desk: Bench
) -> None:
    """`async for` with complete takes each message once, and nothing remains."""
    sender, receiver = await desk.pair(prefetch=20)
    await sender.send_messages([ServiceBusMessage(b"%d" % number) for number in range(60)])
    got = []
    async for message in receiver:
        got.append(body(message))
        await receiver.complete_message(message)
        if len(got) == 60:
            break

    assert got == [b"%d" % number for number in range(60)]
    assert census(bus.broker.queues["auditstream"])["active"] == 0


async def test_an_abandoned_message_comes_again_with_its_count(desk: Bench) -> None:
    """Abandoning gives the message back at once and counts the delivery."""
    sender, receiver = await desk.pair()
    await sender.send_messages([ServiceBusMessage(b"first"), ServiceBusMessage(b"second")])
    (first,) = await receiver.receive_messages(1, max_wait_time=5)
    await receiver.abandon_message(first)
    (again,) = await receiver.receive_messages(1, max_wait_time=5)

    assert body(again) == b"first"
    assert (first.delivery_count, again.delivery_count) == (0, 1)
    assert first.lock_token != again.lock_token


async def test_a_dead_letter_says_why(desk: Bench) -> None:
    """What was set aside is read from the sub-queue with reason, description and source."""
    sender, receiver = await desk.pair()
    await sender.send_messages(
        ServiceBusMessage(b"bad", message_id="b", application_properties={"kind": "record"})
    )
    (message,) = await receiver.receive_messages(1, max_wait_time=5)
    await receiver.dead_letter_message(
        message, reason="key.missing", error_description="no key opens it"
    )
    dead = await desk.receiver(dead=True)
    (peeked,) = await dead.peek_messages(10)
    (got,) = await dead.receive_messages(1, max_wait_time=5)
    await dead.complete_message(got)
    nothing = await dead.peek_messages(10)

    for seen in (peeked, got):
        assert (body(seen), seen.message_id) == (b"bad", "b")
        assert seen.dead_letter_reason == "key.missing"
        assert seen.dead_letter_error_description == "no key opens it"
        assert seen.dead_letter_source == "auditstream"
        assert seen.application_properties is not None
        assert seen.application_properties[b"kind"] == b"record"
    assert nothing == []


async def test_renewing_a_lock_moves_its_end(bus: ServiceBusEmulator, desk: Bench) -> None:
    """A renewed lock ends later, and the message is still the receiver's when the first would."""
    sender, receiver = await desk.pair("strict")
    await sender.send_messages(ServiceBusMessage(b"slow"))
    (message,) = await receiver.receive_messages(1, max_wait_time=5)
    first = message.locked_until_utc
    bus.advance(50)
    until = await receiver.renew_message_lock(message)
    bus.advance(50)

    assert first is not None
    assert until > first + dt.timedelta(seconds=49)
    await receiver.complete_message(message)
    assert census(bus.broker.queues["strict"])["active"] == 0


async def test_peeking_shows_everything_and_takes_nothing(desk: Bench) -> None:
    """Peeked messages stay, locked ones are shown too, and a peek goes on after what was seen."""
    sender, receiver = await desk.pair()
    await sender.send_messages([ServiceBusMessage(b"%d" % number) for number in range(5)])
    (locked,) = await receiver.receive_messages(1, max_wait_time=5)
    first = await receiver.peek_messages(3)
    rest = await receiver.peek_messages(10)
    everything = await receiver.peek_messages(10, sequence_number=1)
    await receiver.complete_message(locked)

    assert [body(message) for message in first] == [b"1", b"2", b"3"]
    assert [body(message) for message in rest] == [b"4"]
    assert len(everything) == 5


async def test_a_peek_gives_a_page(desk: Bench) -> None:
    """No more than 250 messages come at once, and fewer when they are large; the next go on."""
    sender, receiver = await desk.pair()
    for size in (10, 100_000):
        for _ in range(2):
            batch = [ServiceBusMessage(bytes(size)) for _ in range(150 if size == 10 else 2)]
            await sender.send_messages(batch)
    pages = []
    while page := await receiver.peek_messages(1000):
        pages.append(len(page))

    assert pages[0] == 250
    assert sum(pages) == 304
    assert len(pages) > 2


async def test_a_second_send_of_an_id_is_a_success_without_effect(desk: Bench) -> None:
    """Duplicate detection goes by message id, even after the first one was completed."""
    sender, receiver = await desk.pair()
    await sender.send_messages(ServiceBusMessage(b"one", message_id="same"))
    await sender.send_messages(ServiceBusMessage(b"two", message_id="same"))
    (message,) = await receiver.receive_messages(5, max_wait_time=5)
    await receiver.complete_message(message)
    await sender.send_messages(ServiceBusMessage(b"three", message_id="same"))
    nothing = await receiver.peek_messages(5)

    assert (body(message), nothing) == (b"one", [])


async def test_a_message_over_the_limit_is_refused_and_its_link_detached(
    bus: ServiceBusEmulator, desk: Bench
) -> None:
    """The size is named; the same sender fails once more, since its link is gone, a new one not."""
    sender = await desk.sender()
    with pytest.raises(MessageSizeExceededError):
        await sender.send_messages(ServiceBusMessage(b"x" * 300_000))
    with pytest.raises(ServiceBusError):
        await sender.send_messages(ServiceBusMessage(b"small"))
    sender = await desk.sender()
    await sender.send_messages(ServiceBusMessage(b"small"))

    assert census(bus.broker.queues["auditstream"])["active"] == 1


async def test_premium_takes_large_messages_but_caps_batches(desk: Bench) -> None:
    """A message of many frames arrives whole; a batch is announced with its own, lower limit."""
    sender, receiver = await desk.pair("premium")
    batch = await sender.create_message_batch()
    large = bytes(range(256)) * 8192
    await sender.send_messages(ServiceBusMessage(large))
    (message,) = await receiver.receive_messages(1, max_wait_time=5)

    assert batch.max_size_in_bytes == PREMIUM
    assert body(message) == large


async def test_a_lock_that_lapsed_settles_nothing(bus: ServiceBusEmulator, desk: Bench) -> None:
    """After its lock's end a message is somebody else's; the first one's settlement is refused."""
    slow, other = await desk.receiver("strict"), await desk.receiver("strict")
    sender = await desk.sender("strict")
    await sender.send_messages(ServiceBusMessage(b"once"))
    (late,) = await slow.receive_messages(1, max_wait_time=5)
    bus.advance(61)
    (again,) = await other.receive_messages(1, max_wait_time=5)
    with pytest.raises(MessageLockLostError):
        await slow.complete_message(late)
    with pytest.raises(MessageLockLostError):
        await slow.renew_message_lock(late)
    await other.complete_message(again)

    assert again.delivery_count == 1
    assert census(bus.broker.queues["strict"])["active"] == 0


async def test_the_last_allowed_delivery_ends_among_the_dead_letters(desk: Bench) -> None:
    """A message that failed as often as the queue allows is set aside with the broker's reason."""
    sender, receiver = await desk.pair("strict")
    await sender.send_messages(ServiceBusMessage(b"poison"))
    for _ in range(2):
        (message,) = await receiver.receive_messages(1, max_wait_time=5)
        await receiver.abandon_message(message)
    dead = await desk.receiver("strict", dead=True)
    (got,) = await dead.receive_messages(1, max_wait_time=5)

    assert (body(got), got.dead_letter_reason) == (b"poison", "MaxDeliveryCountExceeded")
    assert got.delivery_count == 2


async def test_an_expired_message_is_dead_lettered(bus: ServiceBusEmulator, desk: Bench) -> None:
    """What nobody received within the queue's time to live is found among its dead letters."""
    sender = await desk.sender("strict")
    await sender.send_messages(ServiceBusMessage(b"late"))
    bus.advance(3601)
    dead = await desk.receiver("strict", dead=True)
    (got,) = await dead.receive_messages(1, max_wait_time=5)

    assert (body(got), got.dead_letter_reason) == (b"late", "TTLExpiredException")


async def test_a_scheduled_message_comes_when_it_is_due(
    bus: ServiceBusEmulator, desk: Bench
) -> None:
    """Before its time a scheduled message is shown by peeking but not delivered."""
    due = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    sender, receiver = await desk.pair()
    await sender.send_messages(ServiceBusMessage(b"later", scheduled_enqueue_time_utc=due))
    (shown,) = await receiver.peek_messages(1)
    nothing = await receiver.receive_messages(1, max_wait_time=0.2)
    bus.advance(3601)
    (message,) = await receiver.receive_messages(1, max_wait_time=5)

    assert shown.state.name == "SCHEDULED"
    assert (nothing, body(message)) == ([], b"later")


async def test_a_deferred_message_comes_when_it_is_asked_for(desk: Bench) -> None:
    """Deferred, it is delivered by its number alone, and settled over the management link."""
    sender, receiver = await desk.pair()
    await sender.send_messages([ServiceBusMessage(b"put off"), ServiceBusMessage(b"next")])
    (message,) = await receiver.receive_messages(1, max_wait_time=5)
    assert message.sequence_number is not None
    await receiver.defer_message(message)
    (following,) = await receiver.receive_messages(1, max_wait_time=5)
    (asked,) = await receiver.receive_deferred_messages([message.sequence_number])
    await receiver.complete_message(asked)
    await receiver.complete_message(following)
    nothing = await receiver.peek_messages(5, sequence_number=1)

    assert (body(following), body(asked), nothing) == (b"next", b"put off", [])


@pytest.mark.parametrize("settle", ["complete", "abandon", "dead_letter"])
async def test_a_lost_link_does_not_lose_the_settlement(
    bus: ServiceBusEmulator, settle: str
) -> None:
    """After the connection was cut the SDK settles over `$management`, under the same lock."""
    async with bench(bus.connection_string, retries=2) as desk:
        sender, receiver = await desk.pair()
        await sender.send_messages(ServiceBusMessage(b"held"))
        (message,) = await receiver.receive_messages(1, max_wait_time=5)
        bus.cut_all()
        if settle == "dead_letter":
            await receiver.dead_letter_message(message, reason="why", error_description="so")
        else:
            await getattr(receiver, f"{settle}_message")(message)

    counts = census(bus.broker.queues["auditstream"])
    left = {"complete": (0, 0), "abandon": (1, 0), "dead_letter": (0, 1)}
    assert (counts["active"], counts["dead"]) == left[settle]
    assert counts["locked"] == 0


async def test_receive_and_delete_leaves_nothing_to_settle(
    bus: ServiceBusEmulator, desk: Bench
) -> None:
    """A receiver that wants no locks gets messages that are gone from the queue."""
    sender = await desk.sender()
    receiver = await desk.receiver(mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE)
    await sender.send_messages(ServiceBusMessage(b"gone"))
    (message,) = await receiver.receive_messages(1, max_wait_time=5)

    assert body(message) == b"gone"
    assert census(bus.broker.queues["auditstream"])["active"] == 0


async def test_an_unknown_queue_is_not_found(desk: Bench) -> None:
    """Sender and receiver of a queue that is not there fail with the SDK's own error."""
    with pytest.raises(MessagingEntityNotFoundError):
        await desk.sender("nowhere")
    with pytest.raises(MessagingEntityNotFoundError):
        await desk.receiver("nowhere")


async def test_closing_a_receiver_gives_back_what_it_had_not_handed_out(desk: Bench) -> None:
    """Prefetched messages are released on closing, and their deliveries are not counted."""
    sender = await desk.sender()
    await sender.send_messages([ServiceBusMessage(b"%d" % number) for number in range(10)])
    receiver = await desk.receiver(prefetch=10)
    (message,) = await receiver.receive_messages(1, max_wait_time=5)
    await receiver.complete_message(message)
    await receiver.close()
    receiver = await desk.receiver()
    rest = await receiver.receive_messages(9, max_wait_time=5)

    assert [body(message) for message in rest] == [b"%d" % number for number in range(1, 10)]
    assert {message.delivery_count for message in rest} == {0}
