"""Workers, operators and sweeps at once, in any order and with deaths: one record or none."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from audit.errors import PermanentError, RecordHeld, TransientError
from audit.ids import timestamp
from audit.ledger import LedgerState
from audit.orders import Order, OrderKind
from storage.queue.port import Delivery, Message
from tests.contract.samples import record_id
from tests.unit.workers.house import House, an_order, in_memory, on_disk, sealed
from tests.unit.workers.parts import NOW_NS, TRUST
from tests.unit.workers.remembering import remembering
from tests.unit.workers.turns import Step, Turns
from workers.settlement import SetAside
from workers.vouching import vouched_for

ERASE, HOLD = OrderKind.ERASE, OrderKind.HOLD
LATER = timestamp(NOW_NS + 100 * 10**9)

STEPS = st.builds(
    Step,
    who=st.integers(0, 3),
    calls=st.sampled_from([1, 1, 1, 2, 3, 5, 40]),
    dies=st.sampled_from([False] * 7 + [True]),
)
SCHEDULES = st.lists(STEPS, max_size=40)
# In memory, also with workers that remember what the order book said; and on files.
KINDS = pytest.mark.parametrize("kind", ["memory", "remembering", "sqlite"])
# An exchange with one record, and a session with several.
RECORDS = pytest.mark.parametrize("records", [1, 3], ids=["single", "sheaf"])
few = settings(max_examples=25, deadline=None)

# The tap has sent again when the first worker comes as far as its put. The operator erases and the
# second worker completes the message; then the first one puts, and dies before it looks.
LATE_PUT = [Step(3, 40), Step(0, 5), Step(2, 40), Step(1, 40), Step(0), Step(0, dies=True)]
# The first worker puts a session's first record. The second one stores them all and completes the
# message, the operator erases. The first one puts the next record and dies before it looks.
LATE_SHEAF = [Step(3, 40), Step(0, 6), Step(1, 40), Step(1, 40), Step(0, 3), Step(0, dies=True)]

# A worker enters that a record is held and dies before it says so in the record.
HALF_HELD = [Step(1, 5), Step(2, 9), Step(3, 7), Step(3, 9, dies=True)]

# Dying leaves whatever was done; a refusal and a conflict are told to the operator.
_ALLOWED = (asyncio.CancelledError, TransientError, RecordHeld)


@dataclass
class Play:
    """One exchange, two workers that both believe to hold its message, and others."""

    house: House
    turns: Turns
    message: Message

    async def workers(self) -> dict[str, Awaitable[object]]:
        """Two of them: the first one's lease has lapsed, which it does not know."""
        await self.house.queue.send([self.message])
        (first,) = await self.house.queue.receive(1, 0)
        self.house.clock.now += 61
        (second,) = await self.house.queue.receive(1, 0)
        return {"a worker": self._carry(first), "b": self._carry(second)}

    async def _carry(self, delivery: Delivery) -> None:
        try:
            await self.house.carrier().carry(delivery.message)
        except PermanentError:
            # Records that another one is amending just now look altered; the ledger knows better.
            aside = SetAside("signature.invalid", "It looked altered.")
            assert await self.house.carrier().set_aside(delivery.message, aside) is not None
        await self.house.queue.complete(delivery)

    async def erase(self, order: Order) -> None:
        """An operator erases."""
        await self.house.eraser().erase(order)

    async def hold(self, order: Order) -> None:
        """An operator holds."""
        await self.house.holder().add(order)

    async def send_again(self) -> None:
        """A tap did not hear that its message was taken."""
        await self.house.queue.send([self.message])

    async def sweep(self) -> None:
        """Another worker sweeps."""
        await self.house.sweeper().sweep()

    async def play(self, participants: dict[str, Awaitable[object]]) -> set[str]:
        """Play it out; gives who did not come to the end."""
        ended = await self.turns.play(participants)
        for who, error in ended.items():
            assert error is None or isinstance(error, _ALLOWED), f"{who}: {error!r}"
        return {who for who, error in ended.items() if error is not None}

    async def recover(self) -> None:
        """Whoever died is followed by another one, until nothing waits; then it sweeps."""
        self.house.clock.now += 61
        while await self.house.admin.find(self.message.id) is not None:
            await self.house.carry_next()
        await self.sweep()


def played(
    kind: str, records: int, schedule: list[Step], scene: Callable[[Play], Awaitable[None]]
) -> None:
    """Play a scene in a house of its own."""

    async def run() -> None:
        turns = Turns(iter(schedule))
        with tempfile.TemporaryDirectory() as folder:
            house = await on_disk(Path(folder)) if kind == "sqlite" else in_memory(turns.paced)
            try:
                message = sealed(1, session="s", records=records)
                staged = paced(house, turns)
                if kind == "remembering":
                    book, *others = await remembering(turns, 3)
                    staged = replace(staged, book=book, worker_books=others)
                await scene(Play(staged, turns, message))
            finally:
                await house.close()

    asyncio.run(run())


def paced(house: House, turns: Turns) -> House:
    """The house with each call of each port a turn."""
    return replace(
        house,
        queue=turns.paced(house.queue),
        admin=turns.paced(house.admin),
        writer=turns.paced(house.writer),
        ledger=turns.paced(house.ledger),
        keeper=turns.paced(house.keeper),
        finder=turns.paced(house.finder),
        book=turns.paced(house.book),
    )


async def whole(house: House, *, held: bool) -> None:
    """Its records are all there, as the ledger says, signed, and held or not."""
    entry = await house.entry(1)
    found = await house.keeper.documents(record_id(1))
    records = vouched_for([each.json for each in found], entry, TRUST)
    assert len(records) == len(found) == entry.records
    assert {each.retention.hold for each in records} == {held}


async def nothing_left(house: House, state: LedgerState) -> None:
    """There is no record, and the ledger says why."""
    assert await house.keeper.documents(record_id(1)) == []
    assert await house.state(1) is state


@KINDS
@RECORDS
@few
@given(schedule=SCHEDULES)
def test_deliveries_come_to_one_record(kind: str, records: int, schedule: list[Step]) -> None:
    """Two workers with one message, a duplicate send, and deaths anywhere."""

    async def scene(play: Play) -> None:
        await play.play(await play.workers() | {"tap": play.send_again()})
        await play.recover()
        await whole(play.house, held=False)

    played(kind, records, schedule, scene)


@KINDS
@RECORDS
@pytest.mark.parametrize("by", ["id", "consumer", "session"])
@few
@given(schedule=SCHEDULES)
@example(schedule=LATE_PUT)
@example(schedule=LATE_SHEAF)
def test_what_is_erased_does_not_come_back(
    kind: str, records: int, by: str, schedule: list[Step]
) -> None:
    """Whenever the order falls among the workers' steps; one who died gives it again."""
    order = {
        "id": an_order(ERASE, 1),
        "consumer": an_order(ERASE, consumer="demo"),
        "session": an_order(ERASE, consumer="demo", session="s"),
    }[by]

    async def scene(play: Play) -> None:
        others = {"eraser": play.erase(order), "tap": play.send_again()}
        if "eraser" in await play.play(await play.workers() | others):
            await play.house.eraser().erase(an_order(ERASE, 1, name="o-2"))
        await play.recover()
        await nothing_left(play.house, LedgerState.ERASED)

    played(kind, records, schedule, scene)


@KINDS
@RECORDS
@few
@given(schedule=SCHEDULES)
@example(schedule=HALF_HELD)
def test_what_is_held_is_stored_held(kind: str, records: int, schedule: list[Step]) -> None:
    """Whenever the hold falls among the workers' steps, the record says so in the end."""
    order = an_order(HOLD, consumer="demo", name="h-1")

    async def scene(play: Play) -> None:
        others = {"holder": play.hold(order)}
        if "holder" in await play.play(await play.workers() | others):
            await play.house.holder().add(an_order(HOLD, consumer="demo", name="h-2"))
        await play.recover()
        await whole(play.house, held=True)

    played(kind, records, schedule, scene)


@KINDS
@RECORDS
@few
@given(schedule=SCHEDULES)
def test_what_is_over_goes_once(kind: str, records: int, schedule: list[Step]) -> None:
    """A sweep among redeliveries: no record stays, and the ledger says expired."""

    async def scene(play: Play) -> None:
        play.message = sealed(1, session="s", expires_at=LATER, records=records)
        await play.house.carry(play.message)
        play.house.clock.now += 100
        await play.play(await play.workers() | {"sweeper": play.sweep()})
        await play.recover()
        await nothing_left(play.house, LedgerState.EXPIRED)
        assert len((await play.house.entry(1)).amendments) == 1

    played(kind, records, schedule, scene)


@KINDS
@RECORDS
@few
@given(schedule=SCHEDULES)
def test_an_erasure_and_a_hold_at_once_leave_no_half(
    kind: str, records: int, schedule: list[Step]
) -> None:
    """Either it is stored and held, or it is gone and the ledger says so; who died comes again."""
    erase = an_order(ERASE, consumer="demo", name="o-1")
    hold = an_order(HOLD, consumer="demo", name="h-1")

    async def scene(play: Play) -> None:
        others = {"eraser": play.erase(erase), "holder": play.hold(hold)}
        dead = await play.play(await play.workers() | others)
        await play.recover()
        if "holder" in dead:
            await play.house.holder().add(an_order(HOLD, consumer="demo", name="h-2"))
        if await play.house.state(1) is LedgerState.ERASED:
            await nothing_left(play.house, LedgerState.ERASED)
        else:
            found = await play.house.stored(1)
            assert found is not None
            await whole(play.house, held=found.retention.hold)

    played(kind, records, schedule, scene)
