"""The text of records too large for an item: it lies in a blob, and the item keeps the head.

The law: a blob is there before the item that points to it, and goes before it. So no item ever
points to nothing except while it is being removed, and no crash leaves text behind that nothing
points to but what a crash between blob and item leaves; `sweep` removes that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from audit.errors import BlobMissing, RecordInvalid
from audit.record import RedactedRecord
from audit.value import to_json
from storage.blobs.port import BlobRef, Blobs
from storage.records.cosmos_client import Container
from storage.records.cosmos_items import (
    MAX_ITEM,
    Item,
    blob_name,
    head_item,
    record_item,
    record_key,
    size_of,
)

__all__ = ["PREFIX", "Bodies", "sweep"]

PREFIX = "records/"

# An item is put within this time of its blob, whatever the network does in between.
_SETTLED = 86_400.0


class Bodies:
    """Makes items of records and gives records' text back, wherever it lies."""

    def __init__(self, records: Container, blobs: Blobs | None) -> None:
        self._records = records
        self._blobs = blobs

    async def item_of(self, record: RedactedRecord, now: float) -> Item:
        """The item to put; where the record is too large for one, its text is in a blob now.

        Raises `RecordInvalid` where it needs a blob and there is no place for blobs, or where
        even its head is too large; `BlobsUnavailable`.
        """
        item = record_item(record, now)
        if size_of(item) <= MAX_ITEM:
            return item
        json = to_json(record)
        head = head_item(record, now, blob_name(record.id, json))
        if self._blobs is None or size_of(head) > MAX_ITEM:
            raise RecordInvalid(
                "the record is larger than the store takes, and has no blob to lie in"
            )
        await self._blobs.put(head["blob"], json)
        return head

    async def text_of(self, item: Item) -> bytes:
        """A record's JSON. Raises `BlobMissing`, `BlobsUnavailable`."""
        if "blob" not in item:
            return str(item.get("json", "")).encode()
        if self._blobs is None:
            raise BlobMissing("the record's text is in a blob, and no blob store is configured")
        return await self._blobs.get(item["blob"])

    async def current_text_of(self, item: Item) -> bytes | None:
        """As `text_of`, for an item that may have been removed or replaced since it was read."""
        try:
            return await self.text_of(item)
        except BlobMissing:
            there = await self._records.read(item["id"], record_key(item))
            if there is None:
                return None
            if there.get("blob") == item.get("blob"):
                raise
            return await self.text_of(there)

    async def forget(self, item: Item) -> None:
        """Remove an item's blob, if it has one."""
        if "blob" in item and self._blobs is not None:
            await self._blobs.remove(item["blob"])


async def sweep(records: Container, blobs: Blobs, now: float) -> int:
    """Remove the blobs of records that no item points to; gives how many.

    What was written within the last day is left alone: its item may be on the way. This is what
    follows where the service itself removed an item whose time was over.
    """
    removed = 0
    async for blob in _settled(blobs, now):
        name = blob.name.removeprefix(PREFIX).partition("/")[0]
        pointing = records.query(
            "SELECT c.id FROM c WHERE c.id = @id AND c.blob = @blob",
            [{"name": "@id", "value": name}, {"name": "@blob", "value": blob.name}],
        )
        if await anext(pointing, None) is None:
            removed += await blobs.remove(blob.name)
    return removed


async def _settled(blobs: Blobs, now: float) -> AsyncIterator[BlobRef]:
    async for blob in blobs.listing(PREFIX):
        if blob.written_at < now - _SETTLED:
            yield blob
