"""The sweep: what is over goes, what is held or not vouched for stays."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from audit.errors import StoreUnavailable
from audit.ids import timestamp
from audit.ledger import LedgerEntry, LedgerState
from audit.orders import OrderKind
from audit.signing import Role, entry_statement
from tests.contract.samples import record_id
from tests.harness.wait import until
from tests.unit.workers.house import NOW, House, an_order, in_memory, on_disk, sealed
from tests.unit.workers.parts import NOW_NS, SIGNER, TRUST, KeptLog
from workers.carrier import Carried
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


async def test_a_hold_that_died_before_its_records_keeps_them(house: House) -> None:
    """The order stands and the record does not say so yet: it does not expire."""
    await house.carry(sealed(1, expires_at=SOON))
    order = an_order(OrderKind.HOLD, consumer="demo", name="h-1")
    await house.book.enter(signed_order(order, SIGNER))
    house.clock.now += 10
    assert await house.sweeper().sweep() == Swept(refused=1)
    assert await house.stored(1) is not None


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE ledger SET amendments = 'none' WHERE seq = 1",
        "UPDATE records SET json = CAST(x'ff' AS TEXT) WHERE seq = 1",
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
