"""The sweep: what is over goes, what is held or not vouched for stays."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from audit.errors import StoreUnavailable
from audit.ids import timestamp
from audit.ledger import LedgerEntry, LedgerState
from audit.orders import OrderKind
from audit.record import RedactedRecord
from audit.signing import Role, entry_statement
from audit.value import to_json
from storage.records.memory import MemoryLedger, MemoryRecords
from tests.contract.samples import record_id
from tests.harness.wait import until
from tests.unit.workers.house import NOW, House, an_order, in_memory, on_disk, sealed
from tests.unit.workers.parts import NOW_NS, SIGNER, TRUST, KeptLog
from workers.carrier import Carried
from workers.changes import with_hold
from workers.custody import signed_order
from workers.sweeper import EXPIRED, Sweeper, Swept

SOON = timestamp(NOW_NS + 10 * 10**9)


async def test_a_record_goes_when_its_time_is_over(house: House) -> None:
    """Not before; then the ledger says expired, signed, and keeps the commitment."""
    await house.carry(sealed(1, expires_at=SOON), sealed(2))
    assert await house.sweeper().sweep() == Swept()
    house.clock.now += 10
    assert await house.sweeper().sweep() == Swept(expired=1)
    entry = await house.entry(1)
    assert (entry.state, entry.commitment) == (LedgerState.EXPIRED, "c0ffee")
    assert entry.amendments[-1].kind == "expired"
    assert TRUST.bears_out(Role.WORKER, entry_statement(entry), entry.signature)
    assert await house.stored(1) is None
    assert await house.stored(2) is not None
    assert await house.sweeper().sweep() == Swept()


async def test_an_expired_one_that_comes_again_is_not_stored(house: House) -> None:
    """A redelivery after the sweep is completed without a record."""
    await house.carry(sealed(1, expires_at=SOON))
    house.clock.now += 10
    await house.sweeper().sweep()
    assert await house.carry(sealed(1, expires_at=SOON)) == [Carried.REMOVED_BEFORE]
    assert await house.stored(1) is None


async def test_what_is_over_when_it_arrives_is_not_stored(house: House) -> None:
    """It goes into the ledger as expired, once, and nowhere else."""
    assert await house.carry(sealed(1, expires_at=NOW)) == [Carried.EXPIRED]
    assert await house.carry(sealed(1, expires_at=NOW)) == [Carried.REMOVED_BEFORE]
    entry = await house.entry(1)
    assert (entry.state, entry.consumer) == (LedgerState.EXPIRED, "demo")
    assert await house.stored(1) is None


async def test_what_is_held_does_not_expire(house: House) -> None:
    """Stored before or after the hold; once released, it goes with the next sweep."""
    await house.carry(sealed(1, expires_at=SOON))
    await house.holder().add(an_order(OrderKind.HOLD, consumer="demo", name="h-1"))
    house.clock.now += 10
    assert await house.carry(sealed(2, expires_at=SOON)) == [Carried.STORED]
    assert await house.sweeper().sweep() == Swept()
    await house.holder().release("h-1", "over")
    assert await house.sweeper().sweep() == Swept(expired=2)


async def test_many_go_in_one_sweep(house: House) -> None:
    """More than one batch, each once."""
    await house.carry(*[sealed(seq, expires_at=SOON) for seq in range(1, 121)])
    house.clock.now += 10
    assert await house.sweeper().sweep() == Swept(expired=120)


async def test_two_sweeps_at_once_remove_each_record_once(house: House) -> None:
    """Several workers sweep without knowing each other, and no entry is made twice."""
    await house.carry(*[sealed(seq, expires_at=SOON) for seq in range(1, 31)])
    house.clock.now += 10
    swept = await asyncio.gather(house.sweeper().sweep(), house.sweeper().sweep())
    assert sum(each.expired for each in swept) == 30
    for seq in range(1, 31):
        assert len((await house.entry(seq)).amendments) == 1


async def erased(house: House) -> RedactedRecord:
    """A record as it was stored, which now is erased."""
    await house.carry(sealed(1))
    record = await house.stored(1)
    assert record is not None
    await house.eraser().erase(an_order(OrderKind.ERASE, 1))
    return record


def put_late(house: House, record: RedactedRecord) -> None:
    """What a worker does that had lost its lease and did not live to look at the ledger."""
    assert isinstance(house.writer, MemoryRecords)
    house.writer.documents[record.id] = to_json(record)


@pytest.mark.parametrize("held", [False, True])
async def test_what_comes_back_goes_again(held: bool) -> None:
    """By the next sweep, which says so; the entry stays as it was, and the next one is idle."""
    house = in_memory()
    put_late(house, with_hold(await erased(house), hold=held))
    before = await house.entry(1)
    assert await house.sweeper().sweep() == Swept(again=1)
    assert await house.stored(1) is None
    assert await house.entry(1) == before
    assert await house.sweeper().sweep() == Swept()


async def test_what_someone_called_erased_is_no_reason_to_remove() -> None:
    """Only a worker's signature is: without it the record stays, to be named by verify."""
    house = in_memory()
    await house.carry(sealed(1))
    entry = await house.entry(1)
    forged = msgspec.structs.replace(entry, state=LedgerState.ERASED)
    assert isinstance(house.ledger, MemoryLedger)
    assert await house.ledger.replace(forged, entry)
    assert await house.sweeper().sweep() == Swept(refused=1)
    assert await house.stored(1) is not None


@pytest.mark.parametrize(("pause", "again"), [(86_000, 1), (86_500, 0)])
async def test_the_first_sweep_looks_back_a_day(pause: int, again: int) -> None:
    """What came back when no worker was left goes; what is older is left for verify to name."""
    house = in_memory()
    put_late(house, await erased(house))
    house.clock.now += pause
    assert await house.sweeper().sweep() == Swept(again=again)


@pytest.mark.parametrize(("pause", "again"), [(3_500, 1), (3_700, 0)])
async def test_each_removal_is_looked_at_until_it_is_an_hour_old(pause: int, again: int) -> None:
    """However long two sweeps are apart; what comes later than that is left for verify to name."""
    house = in_memory()
    sweeper, record = house.sweeper(), await erased(house)
    house.clock.now += pause
    assert await sweeper.sweep() == Swept()
    put_late(house, record)
    house.clock.now += 86_500
    assert await sweeper.sweep() == Swept(again=again)


async def test_what_came_back_is_told() -> None:
    """Somebody may have read it meanwhile."""
    house, log, stop = in_memory(), KeptLog(), asyncio.Event()
    put_late(house, await erased(house))
    sweeper = Sweeper(
        finder=house.finder,
        keeper=house.keeper,
        ledger=house.ledger,
        custody=house.custody(),
        trust=TRUST,
        interval=0.0,
        log=log,
    )
    running = asyncio.create_task(sweeper.run(stop))
    await until(lambda: bool(log.events()), "the first sweep")
    stop.set()
    await running
    assert log.events() == ["worker.swept_again"]


_MOVED = "UPDATE records SET expires_at = '2020'"
_REWRITTEN = (
    'UPDATE records SET json = replace(json, \'"expires_at":null\', \'"expires_at":"2020"\')'
)
TAMPERINGS = [
    (_MOVED,),
    (_MOVED, _REWRITTEN),
    (_MOVED, "UPDATE ledger SET signature = NULL"),
    (_MOVED, "DELETE FROM ledger"),
    (_MOVED, "UPDATE records SET json = 'no json'"),
]


@pytest.mark.parametrize("statements", TAMPERINGS)
async def test_a_day_that_someone_moved_removes_nothing(
    tmp_path: Path, statements: tuple[str, ...]
) -> None:
    """A record that is not what a worker signed stays where it is, to be named by verify."""
    house = await on_disk(tmp_path)
    await house.carry(sealed(1))
    store = house.files[-1]
    for statement in statements:
        await store.write(lambda db, each=statement: db.execute(each).rowcount)  # type: ignore[attr-defined]  # the store's own file
    assert await house.sweeper().sweep() == Swept(refused=1)
    assert await house.reader.get(record_id(1)) is not None
    await house.close()


class Counts:
    """Counts what has expired."""

    def __init__(self) -> None:
        self.expired = 0.0

    def add(self, metric: str, amount: float = 1, **labels: str) -> None:
        """Count up."""
        assert (metric, labels) == (EXPIRED, {})
        self.expired += amount

    def state(self, metric: str, value: float) -> None:
        """Nothing of a sweep's is a state."""


async def test_a_store_that_fails_is_swept_again() -> None:
    """The sweeper says so, goes on, counts what went, and ends when it is told to."""
    house, log, counts, stop = in_memory(), KeptLog(), Counts(), asyncio.Event()
    await house.carry(sealed(1, expires_at=SOON))
    house.clock.now += 10
    failures = iter([StoreUnavailable(), StoreUnavailable()])
    remove = house.keeper.remove

    async def failing(entries: list[LedgerEntry]) -> int:
        if (failure := next(failures, None)) is not None:
            raise failure
        return await remove(entries)

    house.keeper.remove = failing  # type: ignore[method-assign, assignment]  # breaks it on purpose
    sweeper = Sweeper(
        finder=house.finder,
        keeper=house.keeper,
        ledger=house.ledger,
        custody=house.custody(),
        trust=TRUST,
        interval=0.0,
        log=log,
        count=counts,
    )
    running = asyncio.create_task(sweeper.run(stop))
    await until(lambda: counts.expired == 1, "the third sweep")
    stop.set()
    await running
    assert log.events() == ["worker.sweep_failed", "worker.sweep_failed", "worker.swept"]
    assert await house.state(1) is LedgerState.EXPIRED


async def test_a_stop_waits_for_no_sweep() -> None:
    """However long a store takes: what was begun is there for the next one."""
    house, stop, entered = in_memory(), asyncio.Event(), asyncio.Event()
    await house.carry(sealed(1, expires_at=SOON))
    house.clock.now += 10
    remove = house.keeper.remove

    async def slow(entries: list[LedgerEntry]) -> int:
        entered.set()
        await asyncio.Event().wait()
        return await remove(entries)

    house.keeper.remove = slow  # type: ignore[method-assign, assignment]  # never answers
    running = asyncio.create_task(house.sweeper().run(stop))
    await entered.wait()
    stop.set()
    await until(running.done, "the sweeper's end")
    house.keeper.remove = remove  # type: ignore[method-assign]  # answers again
    assert (await house.sweeper().sweep()).expired == 1


async def test_a_hold_that_died_before_its_records_keeps_them(house: House) -> None:
    """The order stands and the record does not say so yet: it does not expire, and says so now."""
    await house.carry(sealed(1, expires_at=SOON))
    order = an_order(OrderKind.HOLD, consumer="demo", name="h-1")
    await house.book.enter(signed_order(order, SIGNER))
    house.clock.now += 10
    assert await house.sweeper().sweep() == Swept()
    record = await house.stored(1)
    assert record is not None
    assert record.retention.hold
    assert (await house.entry(1)).amendments[-1].order == "h-1"
    assert await house.sweeper().sweep() == Swept()


# A number that no column takes, and values nested more deeply than a reader follows.
_HUGE = f"replace(json, '\"seq\":1', '\"seq\":{2**63}')"
_NESTED = "[" * 1_200 + "]" * 1_200
_DEEP = f"'{{\"later\":{_NESTED},' || substr(json, 2)"


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE ledger SET amendments = 'none' WHERE seq = 1",
        "UPDATE records SET json = CAST(x'ff' AS TEXT) WHERE seq = 1",
        f"UPDATE records SET json = {_HUGE} WHERE seq = 1",  # noqa: S608 - the test's own
        f"UPDATE records SET json = {_DEEP} WHERE seq = 1",  # noqa: S608 - the test's own
        f"UPDATE ledger SET amendments = '[{{\"later\":{_NESTED}}}]' WHERE seq = 1",  # noqa: S608 - the test's own
    ],
)
async def test_one_damaged_row_does_not_keep_the_others(tmp_path: Path, damage: str) -> None:
    """It is left for verify to name, and the rest of what is over goes."""
    house = await on_disk(tmp_path)
    await house.carry(sealed(1, expires_at=SOON), sealed(2, expires_at=SOON))
    await house.files[-1].write(lambda db: db.execute(damage).rowcount)  # type: ignore[attr-defined]  # the store's own file
    house.clock.now += 10
    assert await house.sweeper().sweep() == Swept(expired=1, refused=1)
    assert await house.state(2) is LedgerState.EXPIRED
    await house.close()


async def test_one_that_does_not_go_does_not_keep_the_others(tmp_path: Path) -> None:
    """A session of which a column says that it is held, and no record does: all others go."""
    house = await on_disk(tmp_path)
    await house.carry(
        sealed(1, expires_at=SOON),
        sealed(2, expires_at=SOON, records=2),
        sealed(3, expires_at=SOON),
    )
    held = f"UPDATE records SET hold = 1 WHERE id = '{record_id(2)}/2'"  # noqa: S608 - the test's own
    assert await house.files[-1].write(lambda db: db.execute(held).rowcount) == 1  # type: ignore[attr-defined]  # the store's own file
    house.clock.now += 10
    assert await house.sweeper().sweep() == Swept(expired=2, refused=1)
    assert await house.state(2) is LedgerState.STORED
    await house.close()


async def test_a_day_before_all_days_does_not_keep_the_others(tmp_path: Path) -> None:
    """The record says when it expires, not the column beside it; no instant is made of that."""
    house = await on_disk(tmp_path)
    await house.carry(sealed(1, expires_at=SOON), sealed(2, expires_at=SOON))
    moved = "UPDATE records SET expires_at = '0001-01-01T00:00:00+14:00' WHERE seq = 1"
    await house.files[-1].write(lambda db: db.execute(moved).rowcount)  # type: ignore[attr-defined]  # the store's own file
    house.clock.now += 10
    assert await house.sweeper().sweep() == Swept(expired=2)
    await house.close()
