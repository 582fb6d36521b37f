"""Records of removed exchanges: what a worker left that put one too late and died before it looked.

The law: what the ledger calls removed is asked for first, by when it was removed, and only then
which of it has a record. So a look costs one query over the ledger, in whose index the removed
entries are the only ones with an instant, and one over the records for each hundred that it
finds; how many records are stored does not matter. Nothing is removed here.
"""

from __future__ import annotations

from collections.abc import Sequence

from audit.errors import RecordInvalid
from audit.ledger import LedgerEntry
from storage.records.cosmos_client import Container
from storage.records.cosmos_items import Item, entry_of
from storage.records.query_cosmos import Parameter

__all__ = ["left_behind", "readable"]

_BETWEEN = (
    "SELECT * FROM c WHERE c.kind = 'entry' AND c.removed_at >= @since AND c.removed_at <= @until"
)

# Both this function and the equality of a field are served by the index of its values.
_THERE = "SELECT c.exchange FROM c WHERE ARRAY_CONTAINS(@exchanges, c.exchange)"

# Exchanges asked for in one query, each of which is looked up in the index of every partition.
_TOGETHER = 100


async def left_behind(
    records: Container, ledger: Container, since: str, until: str
) -> list[LedgerEntry]:
    """The entries erased or expired from `since` to `until` of which there is a record.

    Damaged entries are left out. Raises `StoreUnavailable`.
    """
    left: list[LedgerEntry] = []
    batch: list[LedgerEntry] = []
    span: list[Parameter] = [
        {"name": "@since", "value": since},
        {"name": "@until", "value": until},
    ]
    async for item in ledger.query(_BETWEEN, span):
        if (entry := readable(item)) is not None:
            batch.append(entry)
        if len(batch) == _TOGETHER:
            left += await _with_records(records, batch)
            batch = []
    return left + await _with_records(records, batch)


async def _with_records(records: Container, entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    if not entries:
        return []
    names = [each.id for each in entries]
    found = records.query(_THERE, [{"name": "@exchanges", "value": names}])
    there = {item["exchange"] async for item in found}
    return [each for each in entries if each.id in there]


def readable(item: Item) -> LedgerEntry | None:
    """The entry in an item; None for one that is damaged, which is `verify`'s to name."""
    try:
        return entry_of(item)
    except RecordInvalid:
        return None
