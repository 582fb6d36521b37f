"""Many sweeps at once, or one with much to do: what they share, and how often they ask."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Collection, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
import pytest

from audit.ids import timestamp
from audit.ledger import LedgerEntry
from audit.orders import Order, OrderKind
from audit.value import to_json
from storage.database import Database
from storage.records.keeper import Keeper
from storage.records.memory import MemoryLedger, MemoryRecords
from storage.records.memory_keeper import MemoryFinder, MemoryOrderBook
from storage.records.port import StoredDocument
from tests.contract.samples import record_id
from tests.unit.workers.house import House, an_order, in_memory, on_disk, sealed
from tests.unit.workers.parts import NOW_NS, SIGNER, TRUST
from workers.custody import signed_order
from workers.sweeper import OLDEST, OVERDUE, Sweeper, Swept

T = TypeVar("T")


def after(seconds: float) -> str:
    """An instant so long after a house's clock began."""
    return timestamp(NOW_NS + round(seconds * 1e9))


class Asked:
    """A port whose calls are counted, each of which takes a turn of the loop."""

    def __init__(self, port: object, calls: Counter[str]) -> None:
        self._port = port
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if not asyncio.iscoroutinefunction(method):
            return method

        async def call(*arguments: object, **named: object) -> object:
            self._calls[name] += 1
            await asyncio.sleep(0)
            return await method(*arguments, **named)

        return call


def asked(port: T, calls: Counter[str]) -> T:
    """The port, counted."""
    return cast("T", Asked(port, calls))


class States:
    """Keeps states as they were told."""

    def __init__(self) -> None:
        self.told: dict[str, float] = {}

    def add(self, metric: str, amount: float = 1, **labels: str) -> None:
        """Nothing is counted here."""

    def state(self, metric: str, value: float) -> None:
        """Keep it."""
        self.told[metric] = value


def a_sweeper(
    house: House,
    *,
    start: Sequence[float] = (0.0,),
    interval: float = 0.0,
    states: States | None = None,
) -> Sweeper:
    """One over the house's parts that begins so far on the way, each time where it is told."""
    starts = cycle(start)
    return Sweeper(
        finder=house.finder,
        keeper=house.keeper,
        ledger=house.ledger,
        custody=house.custody(),
        trust=TRUST,
        interval=interval,
        draw=lambda: next(starts),
        count=states,
    )


async def counted(records: int) -> tuple[House, Counter[str]]:
    """A house whose ports are counted, with so many records that are over, one a second."""
    house, calls = in_memory(), Counter[str]()
    await house.carry(*[sealed(seq, expires_at=after(seq)) for seq in range(1, records + 1)])
    house.clock.now += records + 1
    for name in ("finder", "keeper", "ledger", "book"):
        setattr(house, name, asked(getattr(house, name), calls))
    return house, calls


async def test_workers_share_what_is_over() -> None:
    """Four at once find different ones; together they ask little more often than one alone."""
    house, calls = await counted(400)
    sweepers = [a_sweeper(house, start=[share]) for share in (0.0, 0.25, 0.5, 0.75)]
    swept = await asyncio.gather(*(each.sweep() for each in sweepers))
    assert sum(each.expired for each in swept) == 400
    assert all(each.expired >= 50 for each in swept)
    assert not any(each.refused for each in swept)
    assert calls["entry"] < 2 * 400


async def test_workers_that_meet_begin_elsewhere() -> None:
    """Side by side they would do everything as often as they are: they part after one batch."""
    house, calls = await counted(400)
    starts = [[0.0, *[share] * 99] for share in (0.0, 0.25, 0.5, 0.75)]
    swept = await asyncio.gather(*(a_sweeper(house, start=each).sweep() for each in starts))
    assert sum(each.expired for each in swept) == 400
    assert calls["entry"] < 3 * 400


async def test_orders_are_asked_for_once_a_batch() -> None:
    """And an entry by its number, never by a search."""
    house, calls = await counted(120)
    assert await a_sweeper(house).sweep() == Swept(expired=120)
    assert (calls["about_any"], calls["remove"]) == (3, 3)
    assert calls["about"] == calls["entry_of"] == 0
    assert calls["entry"] == 120


@pytest.mark.parametrize("start", [0.0, 0.4, 1.0])
async def test_a_sweep_reaches_everything_wherever_it_begins(start: float) -> None:
    """What cannot be vouched for is counted once, and all others go."""
    house = in_memory()
    await house.carry(*[sealed(seq, expires_at=after(seq)) for seq in range(1, 12)])
    house.clock.now += 11
    records = house.writer
    assert isinstance(records, MemoryRecords)
    for seq in (1, 5, 11):
        record = await house.stored(seq)
        assert record is not None
        other = msgspec.structs.replace(record, consumer="other")
        records.documents[record_id(seq)] = to_json(other)
    assert await a_sweeper(house, start=[start]).sweep() == Swept(expired=8, refused=3)


class Pages(MemoryFinder):
    """Gives what it found a page ago, as a remote store does."""

    async def expired(self, now: str, since: str = "") -> AsyncGenerator[StoredDocument, None]:
        """All on one page."""
        for each in [each async for each in super().expired(now, since)]:
            yield each


async def test_a_session_of_more_records_than_a_batch_expires_once() -> None:
    """However many batches its records come in, also when they are gone by then."""
    house = in_memory()
    assert isinstance(house.writer, MemoryRecords)
    assert isinstance(house.ledger, MemoryLedger)
    house.finder = Pages(house.writer, house.ledger)
    await house.carry(sealed(1, expires_at=after(1), records=120), sealed(2, expires_at=after(2)))
    house.clock.now += 3
    assert await a_sweeper(house).sweep() == Swept(expired=2)


async def test_a_record_that_stays_ends_no_other_and_no_sweep() -> None:
    """Its entry says that it is gone, and it is still there: it is left for verify to name."""
    house = in_memory()
    await house.carry(*[sealed(seq, expires_at=after(seq)) for seq in (1, 2, 3)])
    record = await house.stored(2)
    assert record is not None
    house.clock.now += 4
    documents, remove = cast("MemoryRecords", house.writer).documents, house.keeper.remove

    async def in_vain(entries: Sequence[LedgerEntry]) -> int:
        stood = await remove(entries)
        documents[record.id] = to_json(record)
        return stood

    house.keeper.remove = in_vain  # type: ignore[method-assign]  # as where a copy lies elsewhere
    assert await a_sweeper(house).sweep() == Swept(expired=3)
    assert await a_sweeper(house).sweep() == Swept(refused=1, again=1)


DEEP = '{"later":' + "[" * 1_200 + "]" * 1_200 + "}"


@pytest.mark.parametrize("damage", [None, "no json", DEEP])
async def test_a_bad_order_keeps_only_what_it_is_about(tmp_path: Path, damage: str | None) -> None:
    """Forged or damaged: nobody knows what it says of its consumer, and no other waits for it."""
    house = await on_disk(tmp_path)
    one = sealed(1, consumer="other", expires_at=after(1))
    await house.carry(one, sealed(2, expires_at=after(1)))
    order = an_order(OrderKind.HOLD, consumer="other")
    await house.book.enter(order if damage is None else signed_order(order, SIGNER))
    if damage is not None:
        store = house.files[-1]
        assert isinstance(store, Database)
        await store.write(lambda db: db.execute("UPDATE orders SET json = ?", (damage,)).rowcount)
    house.clock.now += 2
    assert await house.sweeper().sweep() == Swept(expired=1, refused=1)
    assert await house.stored(1) is not None
    await house.close()


class Heavy(Pages):
    """Gives documents of eight megabytes: what is added makes no other record of them."""

    async def expired(self, now: str, since: str = "") -> AsyncGenerator[StoredDocument, None]:
        """As they are, and much space behind each."""
        async for each in super().expired(now, since):
            yield StoredDocument(each.id, each.json + b" " * 8_000_000)


async def test_a_batch_ends_by_what_it_weighs() -> None:
    """And not only by number: two of these are one, however many are over."""
    house, calls = await counted(6)
    assert isinstance(house.writer, MemoryRecords)
    house.finder = Heavy(house.writer, cast("MemoryLedger", house.writer.ledger))
    assert await a_sweeper(house).sweep() == Swept(expired=6)
    assert calls["about_any"] == 3


class Crowd:
    """A keeper that sees how many ask for the records of a session at once."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._now = self.most = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._keeper, name)

    async def documents(self, exchange_id: str) -> Sequence[StoredDocument]:
        """As the keeper gives them, when all others have had a turn."""
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(0)
        self._now -= 1
        return await self._keeper.documents(exchange_id)


async def test_few_sessions_are_read_at_once() -> None:
    """Each may have hundreds of records, all of which are in memory then."""
    house = in_memory()
    await house.carry(*[sealed(seq, expires_at=after(seq), records=2) for seq in range(1, 21)])
    house.clock.now += 21
    crowd = Crowd(house.keeper)
    house.keeper = cast("Keeper", crowd)
    assert await a_sweeper(house).sweep() == Swept(expired=20)
    assert 1 < crowd.most <= 4


class Releasing(MemoryOrderBook):
    """Its first hold is released when it has just been told of, before anything follows of it."""

    house: House

    async def about_any(
        self, record_ids: Collection[str], consumers: Collection[str]
    ) -> Sequence[Order]:
        """As it was a moment ago."""
        told = await super().about_any(record_ids, consumers)
        if any(each.released is None for each in told):
            await self.house.holder().release("h-1", "over")
        return told


async def test_a_hold_that_is_released_while_it_is_carried_out_does_not_stay() -> None:
    """Whoever released it found nothing to lift: the sweep lifts it, and the next one removes."""
    house, book = in_memory(), Releasing()
    house.book, book.house = book, house
    await house.carry(sealed(1, expires_at=after(1)))
    await book.enter(signed_order(an_order(OrderKind.HOLD, consumer="demo", name="h-1"), SIGNER))
    house.clock.now += 2
    assert await a_sweeper(house).sweep() == Swept()
    record = await house.stored(1)
    assert record is not None
    assert not record.retention.hold
    assert await a_sweeper(house).sweep() == Swept(expired=1)


async def test_what_is_overdue_is_told() -> None:
    """How many records, and for how long the oldest of them; nothing once they are gone."""
    house, states = in_memory(), States()
    await house.carry(*[sealed(seq, expires_at=after(seq)) for seq in (1, 2, 3)])
    house.clock.now += 100
    await a_sweeper(house, states=states).sweep()
    assert states.told == {OVERDUE: 3.0, OLDEST: 99.0}
    await a_sweeper(house, states=states).sweep()
    assert states.told == {OVERDUE: 0.0, OLDEST: 0.0}


async def test_workers_look_back_for_one_another() -> None:
    """Who comes soon after another one does not look; a new worker goes on where others ended."""
    house, calls = await counted(0)
    for pause, looks in ((0, 3), (10, 0), (60, 3), (5, 0)):
        house.clock.now += pause
        calls.clear()
        await a_sweeper(house, interval=60.0).sweep()
        assert calls["left_behind"] == looks


async def seen_at(house: House, ages: Sequence[float]) -> list[int]:
    """How often what comes back after each of these is removed again, one worker each time."""
    again: list[int] = []
    await house.carry(sealed(1))
    record = await house.stored(1)
    assert record is not None
    await a_sweeper(house).sweep()
    await house.eraser().erase(an_order(OrderKind.ERASE, 1))
    assert isinstance(house.writer, MemoryRecords)
    for age in ages:
        house.clock.now += age
        house.writer.documents[record.id] = to_json(record)
        again.append((await a_sweeper(house).sweep()).again)
    return again


async def test_a_removal_is_looked_at_at_three_ages() -> None:
    """At once, ten minutes later and when it is an hour old; not in between, and not later."""
    ages = (30.0, 60.0, 520.0, 60.0, 2_940.0, 60.0)
    assert await seen_at(in_memory(), ages) == [1, 0, 1, 0, 1, 0]


NO_MARKS = ["", "x", "9", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", after(86_400.0)]


@pytest.mark.parametrize("mark", NO_MARKS)
async def test_a_mark_that_cannot_be_is_not_believed(mark: str) -> None:
    """It would end all looking: the look reaches back a day, as if there were none."""
    house = in_memory()
    await house.carry(sealed(1))
    record = await house.stored(1)
    assert record is not None
    await house.eraser().erase(an_order(OrderKind.ERASE, 1))
    assert isinstance(house.writer, MemoryRecords)
    house.writer.documents[record.id] = to_json(record)
    await house.keeper.look_back_done(mark)
    house.clock.now += 5_000
    assert (await a_sweeper(house, interval=60.0).sweep()).again == 1
    assert await house.keeper.looked_back() == house.custody().now()
