"""What many contract tests share: an emulator for the session, and a store that stands on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from audit.ledger import LedgerEntry
from storage.blobs.memory import MemoryBlobs
from storage.queue.memory import MemoryQueue
from storage.queue.port import QueueAdmin, QueueReader
from storage.queue.sqlite import SqliteQueue, SqliteQueueReader
from storage.queue.sqlite_admin import SqliteQueueAdmin
from storage.records.keeper_sqlite import SqliteFinder, SqliteKeeper
from storage.records.ledger_sqlite import SqliteLedger
from storage.records.memory import MemoryLedger, MemoryRecords
from storage.records.memory_keeper import MemoryFinder, MemoryKeeper, MemoryOrderBook
from storage.records.orders_sqlite import SqliteOrderBook
from storage.records.sqlite import SqliteRecordReader, SqliteRecordWriter
from storage.records.sqlite_file import open_store
from tests.contract.cosmos_house import NOW, Charges, House
from tests.contract.doors import Doors
from tests.contract.queue_ends import LEASE, BothEnds, Clock, a_broker_with
from tests.emulators.cosmos import CosmosEmulator, cosmos_store, running_cosmos


@pytest.fixture(scope="session")
def cosmos() -> Iterator[CosmosEmulator]:
    """Cosmos DB, in which each test makes a database of its own."""
    with running_cosmos() as emulator:
        yield emulator


@pytest.fixture
async def house(cosmos: CosmosEmulator) -> AsyncIterator[House]:
    """An empty store at noon."""
    blobs, charges = MemoryBlobs(clock=lambda: NOW), Charges()
    async with cosmos_store(
        cosmos.access(), blobs=blobs, count=charges, clock=lambda: NOW
    ) as store:
        yield House(store, blobs, charges)


@pytest.fixture(params=["sqlite", "memory", "cosmos"])
async def doors(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Doors]:
    """Each adapter in turn."""
    if request.param == "memory":
        ledger = MemoryLedger()
        records = MemoryRecords(ledger)
        keeper, finder = MemoryKeeper(records, ledger), MemoryFinder(records, ledger)
        yield Doors(records, records, ledger, keeper, finder, MemoryOrderBook(), _replacing(ledger))
        return
    if request.param == "cosmos":
        emulator: CosmosEmulator = request.getfixturevalue("cosmos")
        async with cosmos_store(emulator.access()) as cosmos:
            yield Doors(
                cosmos.writer,
                cosmos.reader,
                cosmos.ledger,
                cosmos.keeper,
                cosmos.finder,
                cosmos.orders,
                cosmos.ledger.stands,
            )
        return
    database = await open_store(tmp_path / "store.db")
    yield Doors(
        SqliteRecordWriter(database),
        SqliteRecordReader(database),
        SqliteLedger(database),
        SqliteKeeper(database),
        SqliteFinder(database),
        SqliteOrderBook(database),
    )
    await database.close()


def _replacing(ledger: MemoryLedger) -> Callable[[LedgerEntry], Awaitable[bool]]:
    async def stands(entry: LedgerEntry) -> bool:
        return await ledger.replace(entry, await ledger.entry(entry.number))

    return stands


@pytest.fixture
def clock() -> Clock:
    """The queue's clock."""
    return Clock()


@pytest.fixture(params=["sqlite", "memory", "servicebus"])
def engine(request: pytest.FixtureRequest) -> str:
    """Whose queue it is."""
    name: str = request.param
    return name


@pytest.fixture
async def ends(
    engine: str, tmp_path: Path, clock: Clock
) -> AsyncIterator[tuple[BothEnds, QueueReader, QueueAdmin]]:
    """Each adapter with its reader and what an operator may do."""
    if engine == "memory":
        memory = MemoryQueue(lease=LEASE, clock=clock)
        yield memory, memory, memory
        return
    if engine == "servicebus":
        async with a_broker_with(clock) as bus:
            yield bus
        return
    path = tmp_path / "queue.db"
    queue = await SqliteQueue.open(path, lease=LEASE, clock=clock)
    reader = await SqliteQueueReader.open(path, clock=clock)
    admin = await SqliteQueueAdmin.open(path, clock=clock)
    yield queue, reader, admin
    await admin.close()
    await reader.close()
    await queue.close()


@pytest.fixture
def queue(ends: tuple[BothEnds, QueueReader, QueueAdmin]) -> BothEnds:
    """The queue under test."""
    return ends[0]


@pytest.fixture
def reader(ends: tuple[BothEnds, QueueReader, QueueAdmin]) -> QueueReader:
    """The reader of the queue under test."""
    return ends[1]


@pytest.fixture
def admin(ends: tuple[BothEnds, QueueReader, QueueAdmin]) -> QueueAdmin:
    """What an operator may do to the queue under test."""
    return ends[2]
