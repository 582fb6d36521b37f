"""The embedded engines: queue and store as SQLite files in the data folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from audit.settings import Settings
from audit.telemetry import Count
from cli.engines import Desk, QueueOffice, Receiving, Store, StoreView
from cli.places import Places
from storage.access.port import AccessLog
from storage.access.sqlite import (
    SqliteAccessLog,
    SqliteSavedSearches,
    open_access,
    open_access_for_reading,
)
from storage.queue.port import Outbox, QueueReader
from storage.queue.sqlite import SqliteQueue, SqliteQueueReader
from storage.queue.sqlite_admin import SqliteQueueAdmin
from storage.records.facts_sqlite import SqliteFacts
from storage.records.keeper_sqlite import SqliteFinder, SqliteKeeper
from storage.records.ledger_sqlite import SqliteLedger
from storage.records.orders_sqlite import SqliteOrderBook
from storage.records.sqlite import SqliteRecordReader, SqliteRecordWriter
from storage.records.sqlite_file import open_store, open_store_for_reading

__all__ = [
    "desk_of",
    "log_place",
    "log_view_of",
    "outbox_of",
    "queue_office_of",
    "queue_place",
    "queue_view_of",
    "receiving_of",
    "reclaim",
    "store_of",
    "store_place",
    "store_view_of",
]


def queue_place(settings: Settings) -> Path:
    """The queue's file."""
    return Places(settings.data).queue


def store_place(settings: Settings) -> Path:
    """The store's file."""
    return Places(settings.data).store


@asynccontextmanager
async def outbox_of(settings: Settings) -> AsyncIterator[Outbox]:
    """Open or make the queue's file."""
    queue = await SqliteQueue.open(queue_place(settings), lease=settings.worker.lease)
    try:
        yield queue
    finally:
        await queue.close()


@asynccontextmanager
async def receiving_of(settings: Settings) -> AsyncIterator[Receiving]:
    """Open or make the queue's file, once to receive and once to look."""
    queue = await SqliteQueue.open(queue_place(settings), lease=settings.worker.lease)
    try:
        async with queue_view_of(settings) as state:
            yield Receiving(queue, state)
    finally:
        await queue.close()


@asynccontextmanager
async def queue_view_of(settings: Settings) -> AsyncIterator[QueueReader]:
    """Open the queue's file, which must be there, so that nothing in it can be changed."""
    queue = await SqliteQueueReader.open(queue_place(settings))
    try:
        yield queue
    finally:
        await queue.close()


@asynccontextmanager
async def queue_office_of(settings: Settings) -> AsyncIterator[QueueOffice]:
    """Open or make the queue's file, once to change and once to look."""
    admin = await SqliteQueueAdmin.open(queue_place(settings))
    try:
        async with queue_view_of(settings) as state:
            yield QueueOffice(admin, state)
    finally:
        await admin.close()


async def reclaim(settings: Settings) -> None:
    """Give back everything that is leased: on one machine its parent knows who is gone."""
    queue = await SqliteQueue.open(queue_place(settings))
    try:
        await queue.reclaim()
    finally:
        await queue.close()


@asynccontextmanager
async def store_of(settings: Settings, count: Count) -> AsyncIterator[Store]:
    """Open or make the store's file; what a file costs is not counted."""
    del count
    store = await open_store(store_place(settings))
    try:
        yield Store(
            records=SqliteRecordWriter(store),
            ledger=SqliteLedger(store),
            keeper=SqliteKeeper(store),
            finder=SqliteFinder(store),
            orders=SqliteOrderBook(store),
        )
    finally:
        await store.close()


@asynccontextmanager
async def store_view_of(settings: Settings, *, make: bool) -> AsyncIterator[StoreView]:
    """Open the store's file, which must be there unless it may be made, for reading only."""
    path = store_place(settings)
    if make:
        await (await open_store(path)).close()
    async with AsyncExitStack() as stack:
        store = await open_store_for_reading(path)
        stack.push_async_callback(store.close)
        # On a thread of its own: whoever counts a month keeps nobody from reading.
        counting = await open_store_for_reading(path)
        stack.push_async_callback(counting.close)
        ledger, facts = SqliteLedger(store), SqliteFacts(counting, settings.console.max_seconds)
        yield StoreView(
            records=SqliteRecordReader(store, settings.console.max_seconds),
            ledger=ledger,
            orders=SqliteOrderBook(store),
            lookup=ledger,
            facts=facts,
            totals=facts,
        )


def log_place(settings: Settings) -> Path:
    """The access log's file, which may lie elsewhere."""
    return settings.console.access_log or Places(settings.data).access


@asynccontextmanager
async def desk_of(settings: Settings) -> AsyncIterator[Desk]:
    """Open or make the access log's file, which holds saved searches too."""
    database = await open_access(log_place(settings))
    try:
        yield Desk(SqliteAccessLog(database), SqliteSavedSearches(database))
    finally:
        await database.close()


@asynccontextmanager
async def log_view_of(settings: Settings) -> AsyncIterator[AccessLog]:
    """Open the file, which must be there, so that nothing in it can be changed."""
    database = await open_access_for_reading(log_place(settings))
    try:
        yield SqliteAccessLog(database)
    finally:
        await database.close()
