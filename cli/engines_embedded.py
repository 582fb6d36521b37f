"""The embedded engines: queue and store as SQLite files in the data folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from audit.settings import Settings
from audit.telemetry import Count
from cli.engines import QueueOffice, Receiving, Store, StoreView
from cli.places import Places
from storage.queue.port import Outbox, QueueReader
from storage.queue.sqlite import SqliteQueue, SqliteQueueReader
from storage.queue.sqlite_admin import SqliteQueueAdmin
from storage.records.keeper_sqlite import SqliteFinder, SqliteKeeper
from storage.records.ledger_sqlite import SqliteLedger
from storage.records.orders_sqlite import SqliteOrderBook
from storage.records.sqlite import SqliteRecordReader, SqliteRecordWriter
from storage.records.sqlite_file import open_store, open_store_for_reading

__all__ = [
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
    store = await open_store_for_reading(path)
    try:
        yield StoreView(
            records=SqliteRecordReader(store, settings.console.max_seconds),
            ledger=SqliteLedger(store),
            orders=SqliteOrderBook(store),
        )
    finally:
        await store.close()
