"""The store on Cosmos DB, what is too large for an item in blobs, and who looked beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from audit.errors import SettingInvalid
from audit.settings import Settings
from audit.telemetry import Count
from cli.credentials import identity_unless
from cli.engines import Desk, Store, StoreView
from cli.engines_blobs import blobs_of
from storage.access.cosmos import CosmosDesk, open_cosmos_desk
from storage.access.port import AccessLog
from storage.blobs.port import Blobs
from storage.records.cosmos import CosmosAccess, CosmosStore, open_cosmos
from storage.records.cosmos_provision import ACCESS
from storage.records.facts_walk import WalkingFacts, WalkingTotals

__all__ = [
    "cosmos_access",
    "desk_of",
    "log_place",
    "log_view_of",
    "store_of",
    "store_place",
    "store_view_of",
]


def store_place(settings: Settings) -> str:
    """The account and the database."""
    return f"{settings.store.endpoint}/{settings.store.database}"


@asynccontextmanager
async def store_of(settings: Settings, count: Count) -> AsyncIterator[Store]:
    """Open every door; `count` is told of request units."""
    async with blobs_of(settings) as blobs, _opened(settings, blobs, count) as store:
        yield Store(
            records=store.writer,
            ledger=store.ledger,
            keeper=store.keeper,
            finder=store.finder,
            orders=store.orders,
            sweep=lambda now: store.sweep_blobs(blobs, now),
        )


@asynccontextmanager
async def store_view_of(settings: Settings, *, make: bool) -> AsyncIterator[StoreView]:
    """Open what readers see; the containers are made by `auditstream provision`, never here."""
    del make
    async with blobs_of(settings) as blobs, _opened(settings, blobs, None) as store:
        yield StoreView(
            records=store.reader,
            ledger=store.ledger,
            orders=store.orders,
            lookup=store.ledger,
            facts=WalkingFacts(
                store.reader,
                settings.console.max_seconds,
                settings.console.max_request_units,
            ),
            totals=WalkingTotals(store.ledger),
        )


def log_place(settings: Settings) -> str:
    """The access log's container. Raises `SettingInvalid` where the settings name a file too."""
    if settings.console.access_log is not None:
        raise SettingInvalid(
            "setting console.access_log: names a file, but where records are in Cosmos DB the"
            f" access log is the container {ACCESS} beside them; take the setting out"
        )
    return f"{store_place(settings)}/{ACCESS}"


@asynccontextmanager
async def desk_of(settings: Settings) -> AsyncIterator[Desk]:
    """Open the containers of the access log and of readers; neither is made here."""
    async with _desk(settings) as desk:
        yield Desk(desk.log, desk.saved, desk.ended)


@asynccontextmanager
async def log_view_of(settings: Settings) -> AsyncIterator[AccessLog]:
    """Open the log; whether it may be changed by whoever asks, their role says."""
    async with _desk(settings) as desk:
        yield desk.log


@asynccontextmanager
async def _desk(settings: Settings) -> AsyncIterator[CosmosDesk]:
    log_place(settings)  # refuses a file
    async with cosmos_access(settings) as access:
        desk = await open_cosmos_desk(access)
        try:
            yield desk
        finally:
            await desk.close()


@asynccontextmanager
async def cosmos_access(settings: Settings) -> AsyncIterator[CosmosAccess]:
    """How to reach the database, with the identity where one is needed."""
    given = settings.store.key
    async with identity_unless(given is not None) as credential:
        yield CosmosAccess(
            endpoint=settings.store.endpoint or "",
            database=settings.store.database,
            key=None if given is None else given.get_secret_value(),
            credential=credential,
            ca=settings.store.ca,
            timeout=settings.store.timeout,
            full_text=settings.store.full_text,
        )


@asynccontextmanager
async def _opened(
    settings: Settings, blobs: Blobs, count: Count | None
) -> AsyncIterator[CosmosStore]:
    async with cosmos_access(settings) as access:
        reading = settings.console
        store = await open_cosmos(
            access,
            blobs=blobs,
            count=count,
            budget=reading.max_seconds,
            units=reading.max_request_units,
        )
        try:
            yield store
        finally:
            await store.close()
