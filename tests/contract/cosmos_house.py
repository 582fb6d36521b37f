"""A store on Cosmos DB as its own tests have it: with a place for blobs, and what it told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from audit.digest import record_digest
from audit.record import Integrity, RedactedRecord
from cli.reference.words import LABELS
from storage.blobs.memory import MemoryBlobs
from storage.records.cosmos import CosmosStore
from storage.records.cosmos_items import item_id
from storage.records.port import StoredRef
from storage.records.query import parse
from tests.contract.samples import record_id

__all__ = ["AT", "LARGE", "NOW", "Charges", "House", "found", "references", "sealed"]

NOW = datetime.fromisoformat("2026-11-20T12:00:00Z").timestamp()

AT = "2026-11-21T10:00:00.000000Z"

LARGE = "grüße " * 350_000 + "unforgettable"


class Charges:
    """Counts what it is told, by operation."""

    def __init__(self) -> None:
        self.told: dict[str, float] = {}

    def add(self, metric: str, amount: float = 1, **labels: str) -> None:
        """Count up."""
        assert metric == "auditstream_store_request_units_total"
        (operation,) = labels.values()
        assert operation in LABELS[metric][1]
        self.told[operation] = self.told.get(operation, 0) + amount

    def state(self, metric: str, value: float) -> None:
        """Nothing is stated."""


@dataclass
class House:
    """A store with a place for blobs, and what it told."""

    store: CosmosStore
    blobs: MemoryBlobs
    charges: Charges

    async def item(self, seq: int) -> dict[str, Any]:
        """The item of a sample as it lies there."""
        name = item_id(record_id(seq))
        found = await self.store.records.read(name, ["demo", "2026-11-20", name])
        assert found is not None
        return found

    async def blob_names(self) -> list[str]:
        """All blobs there are."""
        return [blob.name async for blob in self.blobs.listing("")]


def sealed(record: RedactedRecord, **changes: Any) -> RedactedRecord:
    """The record with changes, and with the digest that it then has."""
    bare = msgspec.structs.replace(record, **changes)
    return msgspec.structs.replace(bare, integrity=Integrity(record_digest=record_digest(bare)))


async def found(house: House, text: str) -> list[str]:
    """The ids that a filter finds."""
    page = await house.store.reader.search(parse(text, 0), 10)
    return [document.id for document in page.documents]


async def references(house: House) -> list[StoredRef]:
    """What verification walks over."""
    return [each async for each in house.store.reader.references()]
