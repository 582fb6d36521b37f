"""The record store, the ledger and the order book on Cosmos DB, opened together.

Three of the containers that `cosmos_provision` makes in one database. Records are spread by
consumer, day and id, so that no consumer and no day outgrows a partition; the ledger by tap, boot
and entry, for the same reason. Each record's text is kept verbatim; what it is found by stands
beside it.
Nothing here is transactional: the ledger is changed first, and only as it was seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from azure.cosmos.aio import CosmosClient

from audit.telemetry import Count, NoCount
from storage.blobs.port import Blobs
from storage.records.cosmos_bodies import Bodies, sweep
from storage.records.cosmos_client import Container, CosmosAccess, open_client, open_container
from storage.records.cosmos_keeper import CosmosFinder, CosmosKeeper
from storage.records.cosmos_ledger import CosmosLedger
from storage.records.cosmos_orders import CosmosOrderBook
from storage.records.cosmos_provision import LEDGER, ORDERS, RECORDS
from storage.records.cosmos_records import CosmosRecordReader, CosmosRecordWriter

__all__ = ["CosmosAccess", "CosmosStore", "open_cosmos"]


@dataclass(frozen=True, slots=True)
class CosmosStore:
    """Every door of one store. `close` closes the connection that they share."""

    writer: CosmosRecordWriter
    reader: CosmosRecordReader
    ledger: CosmosLedger
    keeper: CosmosKeeper
    finder: CosmosFinder
    orders: CosmosOrderBook
    client: CosmosClient
    records: Container

    async def sweep_blobs(self, blobs: Blobs, now: float) -> int:
        """Remove blobs of records that have no item any more; gives how many."""
        return await sweep(self.records, blobs, now)

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        await self.client.close()


async def open_cosmos(
    access: CosmosAccess,
    *,
    blobs: Blobs | None = None,
    count: Count | None = None,
    budget: float = 10.0,
    units: float = 5_000.0,
    clock: Callable[[], float] = time.time,
) -> CosmosStore:
    """Sign in, and see that the containers are there.

    `blobs` take the text of records too large for an item; a search takes at most `budget`
    seconds and some `units` request units; all of these are told to `count`. Raises
    `StoreUnavailable`, which names `store.key` or `auditstream provision` where that is what is
    missing, and `SettingInvalid`.
    """
    client = await open_client(access)
    try:
        records, ledger, orders = [
            await open_container(client, access, name, count or NoCount())
            for name in (RECORDS, LEDGER, ORDERS)
        ]
    except BaseException:
        await client.close()
        raise
    bodies, entries = Bodies(records, blobs), CosmosLedger(ledger)
    reader = CosmosRecordReader(records, bodies, budget, units, full_text=access.full_text)
    return CosmosStore(
        writer=CosmosRecordWriter(records, entries, bodies, clock),
        reader=reader,
        ledger=entries,
        keeper=CosmosKeeper(records, entries, bodies, reader, clock),
        finder=CosmosFinder(records, ledger, bodies),
        orders=CosmosOrderBook(orders),
        client=client,
        records=records,
    )
