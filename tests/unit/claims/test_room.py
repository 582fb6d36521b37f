"""Room for bodies: bounded, in turn, and given back whatever becomes of who had it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import BlobsUnavailable, EnvelopeDamaged
from storage.queue.bodies import BodiesInMessages, Room
from storage.queue.claim import claim_for
from tests.contract.samples import a_message
from tests.unit.claims.parts import LIMIT, Checked


class Guests:
    """Whoever is in the room, until told to leave."""

    def __init__(self, room: Room) -> None:
        self.inside: dict[int, int] = {}
        self._room = room
        self._leave: dict[int, asyncio.Event] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def come(self, name: int, size: int) -> None:
        """Ask to be let in, and let others run."""
        self._leave[name] = asyncio.Event()
        self._tasks[name] = asyncio.create_task(self._stay(name, size))
        await settled()

    async def go(self, name: int) -> None:
        """Leave."""
        self._leave[name].set()
        await settled()

    async def give_up(self, name: int) -> None:
        """Be cancelled, inside or still waiting."""
        self._tasks[name].cancel()
        await settled()

    async def _stay(self, name: int, size: int) -> None:
        async with self._room.of(size):
            self.inside[name] = size
            with suppress(asyncio.CancelledError):
                await self._leave[name].wait()
            del self.inside[name]


async def settled() -> None:
    """Let everybody run who can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_no_more_is_inside_than_there_is_room_for() -> None:
    """The third waits until one of the two has left."""
    guests = Guests(Room(10))
    for name in (1, 2, 3):
        await guests.come(name, 5)
    assert set(guests.inside) == {1, 2}
    await guests.go(1)
    assert set(guests.inside) == {2, 3}


async def test_who_needs_more_than_there_is_comes_in_alone() -> None:
    """A body larger than the room is carried all the same, beside no other."""
    guests = Guests(Room(10))
    await guests.come(1, 1)
    await guests.come(2, 30)
    assert set(guests.inside) == {1}
    await guests.go(1)
    assert set(guests.inside) == {2}
    await guests.come(3, 1)
    assert set(guests.inside) == {2}


async def test_a_large_one_is_not_passed_by_for_ever() -> None:
    """Small ones that come later wait behind it."""
    guests = Guests(Room(10))
    await guests.come(1, 6)
    await guests.come(2, 9)
    await guests.come(3, 1)
    assert set(guests.inside) == {1}
    await guests.go(1)
    assert set(guests.inside) == {2, 3}


@pytest.mark.parametrize("waiting", [True, False])
async def test_who_gives_up_gives_its_room_back(*, waiting: bool) -> None:
    """A delivery whose lease was lost holds nobody up, whether it waited or was inside."""
    guests = Guests(Room(10))
    await guests.come(1, 6)
    await guests.come(2, 9)
    await guests.come(3, 4)
    await guests.give_up(2 if waiting else 1)
    assert set(guests.inside) == ({1, 3} if waiting else {2})


async def test_who_gives_up_in_the_moment_of_being_let_in_gives_its_room_back() -> None:
    """The room was kept for it already, though it never knew."""
    room = Room(10)

    async def stay() -> None:
        async with room.of(10):
            raise AssertionError("came in")

    async with room.of(10):
        late = asyncio.create_task(stay())
        await settled()
    late.cancel()
    await asyncio.wait([late])
    assert late.cancelled()
    guests = Guests(room)
    await guests.come(1, 10)
    assert set(guests.inside) == {1}
    await guests.go(1)


@given(
    st.lists(
        st.tuples(st.sampled_from(["come", "go", "give_up"]), st.integers(1, 9), st.integers(1, 15))
    )
)
def test_the_room_keeps_its_bound_through_anything(steps: list[tuple[str, int, int]]) -> None:
    """However they come, go and give up, the bound holds, and in the end all get in."""

    async def played() -> None:
        guests, coming = Guests(Room(10)), 0
        for verb, name, size in steps:
            if verb == "come":
                coming += 1
                await guests.come(coming, size)
            elif name <= coming:
                await (guests.go(name) if verb == "go" else guests.give_up(name))
            assert sum(guests.inside.values()) <= 10 or len(guests.inside) == 1
        for name in range(1, coming + 1):
            await guests.go(name)
        assert guests.inside == {}
        await guests.come(99, 10)
        assert set(guests.inside) == {99}
        await guests.go(99)

    asyncio.run(played())


async def test_many_large_deliveries_are_opened_one_after_the_other() -> None:
    """With room for one body, sixteen leased ones are never in memory together."""
    body = b"l" * (LIMIT + 1)
    checked = Checked(room=len(body))
    await checked.outbox.send([a_message(seq, body) for seq in range(1, 17)])
    held: list[int] = []
    most = 0

    async def carry(number: int) -> None:
        nonlocal most
        message = deliveries[number].message
        async with checked.inbox.room(message):
            held.append(number)
            most = max(most, len(held))
            await checked.inbox.fetch(message)
            held.remove(number)

    deliveries = await checked.inbox.receive(16, 0)
    await asyncio.gather(*(carry(n) for n in range(16)))
    assert most == 1


async def test_small_ones_do_not_wait_for_room() -> None:
    """What carries its body in its message is opened while a large one fills the room."""
    checked = Checked(room=1)
    large, small = a_message(1, b"l" * (LIMIT + 1)), a_message(2, b"s")
    await checked.outbox.send([large])
    delivery = await checked.one()
    async with checked.inbox.room(delivery.message), checked.inbox.room(small):
        assert (await checked.inbox.fetch(small)).body == b"s"


async def test_a_damaged_claim_takes_no_room() -> None:
    """It raises before it waits."""
    checked = Checked()
    with pytest.raises(EnvelopeDamaged):
        async with checked.inbox.room(a_message(1, claim_for(a_message(1)).encoded()[:-1])):
            pass


async def test_a_worker_without_blobs_waits_instead_of_setting_aside() -> None:
    """Where the settings forget the blobs, no body is called damaged: the message waits."""
    bodies = BodiesInMessages()
    with pytest.raises(BlobsUnavailable):
        await bodies.fetch(a_message(1, claim_for(a_message(1)).encoded()))
    async with bodies.room(a_message(1)):
        assert await bodies.fetch(a_message(1)) == a_message(1)
