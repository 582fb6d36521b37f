"""The queue by itself: its promises under any order of operations, and what its journal keeps."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.emulators.service_bus.broker import Broker
from tests.emulators.service_bus.encode import encode
from tests.emulators.service_bus.events import Enqueued, Event, Removed, Sub
from tests.emulators.service_bus.journal import Journal
from tests.emulators.service_bus.message import BATCH_FORMAT, Message, parse, split
from tests.emulators.service_bus.queue import Queue
from tests.emulators.service_bus.rules import QueueRules
from tests.emulators.service_bus.shelf import State
from tests.emulators.service_bus.states import Outcome, Settlement
from tests.emulators.service_bus.types import CodecError, Described, UInt, ULong, Value

COMPLETE = Settlement(Outcome.ACCEPTED)
ABANDON = Settlement(Outcome.MODIFIED, failed=True)
RELEASE = Settlement(Outcome.RELEASED)
DEFER = Settlement(Outcome.MODIFIED, failed=True, elsewhere=True)
BURY = Settlement(Outcome.REJECTED, "why", "because")


def _section(code: int, value: Value) -> bytes:
    return encode(Described(ULong(code), value))


def _sent(message_id: str | None = None, text: bytes = b"text", ttl: int | None = None) -> bytes:
    """A message as a client encodes it; `ttl` in milliseconds."""
    header = b"" if ttl is None else _section(0x70, [None, None, UInt(ttl)])
    return header + _section(0x73, [message_id]) + _section(0x75, text)


def _queue(rules: QueueRules | None = None) -> tuple[Queue, list[Event]]:
    events: list[Event] = []
    return Queue("q", rules or QueueRules(), events.extend), events


def _lock(queue: Queue, now: float, sub: Sub = Sub.MAIN) -> UUID:
    held = queue.acquire(sub, now)
    assert held is not None
    assert held.token is not None
    return held.token


def test_duplicates_are_dropped_within_the_window_only() -> None:
    """An id is refused until the window has passed since it was first taken."""
    queue, _ = _queue(QueueRules(duplicate_window=10))

    taken = [queue.enqueue([_sent("a")], now) for now in (0.0, 9.0, 10.0, 15.0)]

    assert taken == [1, 0, 1, 0]


def test_messages_without_an_id_are_no_duplicates() -> None:
    """Two messages that have no id are two messages."""
    queue, _ = _queue()

    assert queue.enqueue([_sent(None), _sent(None)], 0.0) == 2


def test_a_batch_with_a_damaged_message_is_not_taken_at_all() -> None:
    """Nothing of it is stored, and its ids are not remembered."""
    queue, events = _queue()
    before = len(events)

    with pytest.raises(CodecError):
        queue.enqueue([_sent("a"), b"no message"], 0.0)

    assert len(events) == before
    assert queue.enqueue([_sent("a")], 0.0) == 1


def test_a_lock_ends_at_its_instant() -> None:
    """Up to its end a token settles, at its end it does not, and the delivery is counted."""
    queue, _ = _queue(QueueRules(lock_duration=5))
    queue.enqueue([_sent()], 0.0)
    token = _lock(queue, 0.0)

    assert queue.renew(Sub.MAIN, token, 4.9) == 9.9
    assert not queue.settle(Sub.MAIN, token, COMPLETE, 9.9)
    queue.tick(9.9)
    again = queue.acquire(Sub.MAIN, 9.9)

    assert again is not None
    assert again.count == 1


def test_a_token_settles_once() -> None:
    """A second settlement under the same token changes nothing."""
    queue, _ = _queue()
    queue.enqueue([_sent()], 0.0)
    token = _lock(queue, 0.0)

    assert queue.settle(Sub.MAIN, token, ABANDON, 1.0)
    assert not queue.settle(Sub.MAIN, token, COMPLETE, 1.0)
    assert not queue.settle(Sub.MAIN, uuid4(), COMPLETE, 1.0)


def test_releasing_counts_no_delivery() -> None:
    """A released message keeps its count, an abandoned one does not."""
    queue, _ = _queue()
    queue.enqueue([_sent()], 0.0)
    queue.settle(Sub.MAIN, _lock(queue, 0.0), RELEASE, 0.0)
    queue.settle(Sub.MAIN, _lock(queue, 0.0), ABANDON, 0.0)

    held = queue.acquire(Sub.MAIN, 0.0)

    assert held is not None
    assert held.count == 1


def test_an_expiry_waits_for_the_lock() -> None:
    """A locked message is not taken from its receiver when it expires, but right after."""
    queue, _ = _queue(QueueRules(lock_duration=10))
    queue.enqueue([_sent(ttl=3000)], 0.0)
    token = _lock(queue, 0.0)
    queue.tick(5.0)
    during = len(queue.shelves[Sub.MAIN])
    queue.settle(Sub.MAIN, token, ABANDON, 6.0)
    queue.tick(6.0)

    (dead,) = queue.peek(Sub.DEAD, 0, 10)

    assert during == 1
    assert dead.reason == "TTLExpiredException"
    assert len(queue.shelves[Sub.MAIN]) == 0


def test_a_queue_caps_the_time_that_a_message_asks_for() -> None:
    """The shorter of both times to live counts; without dead-lettering an expired one is gone."""
    rules = QueueRules(time_to_live=2, dead_letter_on_expiry=False)
    queue, _ = _queue(rules)
    queue.enqueue([_sent("short", ttl=1000), _sent("long", ttl=60_000)], 0.0)

    left = []
    for now in (0.9, 1.0, 2.0):
        queue.tick(now)
        left.append(len(queue.shelves[Sub.MAIN]))

    assert left == [2, 1, 0]
    assert len(queue.shelves[Sub.DEAD]) == 0


def test_dead_letters_stay_until_they_are_completed() -> None:
    """They neither expire nor run out of deliveries."""
    rules = QueueRules(max_delivery_count=1, lock_duration=1, dead_letter_on_expiry=False)
    queue, _ = _queue(rules)
    queue.enqueue([_sent(ttl=1000)], 0.0)
    queue.settle(Sub.MAIN, _lock(queue, 0.0), BURY, 0.0)
    for now in (10.0, 20.0, 30.0):
        queue.tick(now)
        queue.settle(Sub.DEAD, _lock(queue, now, Sub.DEAD), ABANDON, now)
    there = len(queue.shelves[Sub.DEAD])
    queue.settle(Sub.DEAD, _lock(queue, 40.0, Sub.DEAD), COMPLETE, 40.0)

    assert (there, len(queue.shelves[Sub.DEAD])) == (1, 0)


def test_a_deferred_message_stays_one() -> None:
    """Recalled and given back, or after a restart, it is not among those that wait."""
    queue, events = _queue()
    queue.enqueue([_sent()], 0.0)
    queue.settle(Sub.MAIN, _lock(queue, 0.0), DEFER, 0.0)
    held = queue.recall(Sub.MAIN, 1, 0.0)
    assert held is not None
    assert held.token is not None
    queue.settle(Sub.MAIN, held.token, ABANDON, 0.0)
    again, _ = _queue()
    for event in events:
        again.apply(event)

    for one in (queue, again):
        assert one.acquire(Sub.MAIN, 0.0) is None
        assert one.recall(Sub.MAIN, 1, 0.0) is not None


def test_a_batch_is_split_into_its_messages() -> None:
    """Each data section of a batch is a message, as it was encoded."""
    messages = [_sent("a"), _sent("b", b"x" * 70_000)]

    assert split(b"".join(_section(0x75, message) for message in messages)) == messages
    assert BATCH_FORMAT == 0x80013700
    with pytest.raises(CodecError):
        split(_section(0x77, "no batch"))


def test_what_the_client_sent_leaves_byte_for_byte() -> None:
    """Properties, application properties and body are not encoded again on delivery."""
    own = b"\x00\x53\x73\xd0\x00\x00\x00\x0a\x00\x00\x00\x01\xb1\x00\x00\x00\x01i"
    own += b"\x00\x53\x74\xd1\x00\x00\x00\x0d\x00\x00\x00\x02\xa1\x01k\xb1\x00\x00\x00\x01v"
    own += b"\x00\x53\x75\xb0\x00\x00\x00\x04body"

    delivered = parse(own).delivered(2, {"x-opt-sequence-number": 7})

    assert delivered.endswith(own)
    assert parse(delivered).annotations == {"x-opt-sequence-number": 7}


@settings(deadline=None)  # another process may have the machine
@given(st.binary(max_size=80))
def test_any_bytes_are_a_message_or_a_codec_error(data: bytes) -> None:
    """Bytes from anywhere are cut into sections or refused."""
    try:
        assert isinstance(parse(data), Message)
    except CodecError:
        return


_OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["send", "lock", "settle", "wait", "recall"]),
        st.integers(0, 9),
        st.sampled_from([COMPLETE, ABANDON, RELEASE, DEFER, BURY]),
        st.sampled_from(list(Sub)),
    ),
    max_size=40,
)
_Step = tuple[str, int, Settlement, Sub]


def _live(queue: Queue, steps: Sequence[_Step]) -> float:
    """Let a queue go through `steps`; give the last instant."""
    now, tokens = 0.0, list[tuple[Sub, UUID]]()
    for verb, number, told, sub in steps:
        if verb == "send":
            queue.enqueue([_sent(f"m{number}", ttl=20_000 + number)], now)
        elif verb == "lock" and (held := queue.acquire(sub, now)) and held.token:
            tokens.append((sub, held.token))
        elif verb == "settle" and tokens:
            where, token = tokens[number % len(tokens)]
            queue.settle(where, token, told, now)
        elif verb == "recall":
            queue.recall(sub, number, now)
        elif verb == "wait":
            now += number
            queue.tick(now)
    return now


def _seen(queue: Queue) -> object:
    """What outlives a restart: everything but locks."""
    return {
        sub: [
            (
                held.sequence, held.message, held.enqueued_at, held.count, held.expires_at,
                held.reason, held.state is State.DEFERRED,
            )
            for held in shelf
        ]
        for sub, shelf in queue.shelves.items()
    }  # fmt: skip


@settings(deadline=None)  # another process may have the machine
@given(_OPERATIONS)
def test_the_journal_gives_back_what_the_queue_held(steps: list[_Step]) -> None:
    """A broker on the same journal has the same messages, none of them locked."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        broker = Broker(lambda: 0.0, Journal(path))
        queue = broker.create("q", QueueRules(lock_duration=3, max_delivery_count=3))
        now = _live(queue, steps)
        queue.tick(now + 3)  # every lock has ended and is counted
        broker.close()
        again = Broker(lambda: 0.0, Journal(path))
        restarted = again.queues["q"]
        again.close()

    assert _seen(restarted) == _seen(queue)
    assert restarted.rules == queue.rules
    assert not any(shelf.count(State.LOCKED) for shelf in restarted.shelves.values())


@settings(deadline=None)  # another process may have the machine
@given(_OPERATIONS)
def test_every_message_is_accounted_for(steps: list[_Step]) -> None:
    """No message is lost or doubled: those sent are held once, or were completed or are expired."""
    queue, events = _queue(QueueRules(lock_duration=3, max_delivery_count=3, duplicate_window=0))
    _live(queue, steps)

    sent = {event.sequence for event in events if isinstance(event, Enqueued)}
    gone = [event.sequence for event in events if isinstance(event, Removed)]
    held = [held.sequence for shelf in queue.shelves.values() for held in shelf]

    assert sorted(gone + held) == sorted(sent)


@settings(deadline=None)  # another process may have the machine
@given(st.integers(0, 400))
def test_a_torn_end_costs_only_what_nobody_was_told_of(cut: int) -> None:
    """A journal that was cut anywhere gives whole records up to there, and is written on."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        broker = Broker(lambda: 0.0, Journal(path))
        queue, ends = broker.create("q", QueueRules(duplicate_window=0)), []
        for number in range(3):
            queue.enqueue([_sent(f"m{number}")], 0.0)
            ends.append(path.stat().st_size)
        broker.close()
        with path.open("r+b") as file:
            file.truncate(max(ends[0], ends[-1] - cut))
        size = path.stat().st_size
        after = Broker(lambda: 0.0, Journal(path))
        held = len(after.queues["q"].shelves[Sub.MAIN])
        after.queues["q"].enqueue([_sent("new")], 0.0)
        after.close()
        last = Broker(lambda: 0.0, Journal(path))
        finally_held = len(last.queues["q"].shelves[Sub.MAIN])
        last.close()

    assert held == sum(end <= size for end in ends)
    assert finally_held == held + 1
