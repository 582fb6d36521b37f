"""Who looks for blobs in another place than where the workers put them calls nothing erased."""

from __future__ import annotations

import msgspec
import pytest

from audit.errors import BlobMissing
from audit.ledger import LedgerState
from audit.orders import OrderKind
from storage.blobs.memory import MemoryBlobs
from storage.queue.memory import MemoryQueue
from storage.records.cosmos import CosmosStore, open_cosmos
from storage.records.signed_ledger import SigningLedger, signed_record
from tests.contract.cosmos_house import LARGE
from tests.contract.samples import a_record, number, record_id
from tests.emulators.cosmos import CosmosEmulator, cosmos_store
from tests.unit.workers.house import House, an_order
from tests.unit.workers.parts import SIGNER, Clock
from workers.changes import entry_of_records


def house_of(store: CosmosStore) -> House:
    """An operator's way to this store, beside an empty queue."""
    clock = Clock()
    queue = MemoryQueue(lease=60.0, clock=clock)
    return House(
        queue,
        queue,
        queue,
        store.writer,
        store.reader,
        store.ledger,
        store.keeper,
        store.finder,
        store.orders,
        clock,
    )


@pytest.mark.parametrize("configured", [True, False])
async def test_a_blob_elsewhere_stays_whole_with_all_that_points_to_it(
    cosmos: CosmosEmulator, configured: bool
) -> None:
    """By consumer it is left and named, by its id refused; with the right settings it goes."""
    access, blobs = cosmos.access(), MemoryBlobs()
    async with cosmos_store(access, blobs=blobs) as store:
        for seq, prompt in ((1, LARGE), (2, "small")):
            record = signed_record(a_record(seq, prompt=prompt), SIGNER)
            await store.writer.put(record)
            await SigningLedger(store.ledger, SIGNER).enter(entry_of_records([record], at="2026"))
        misled = await open_cosmos(access, blobs=MemoryBlobs() if configured else None)
        try:
            eraser = house_of(misled).eraser()
            with pytest.raises(BlobMissing, match=record_id(1)):
                await eraser.erase(an_order(OrderKind.ERASE, 1))
            whole = an_order(OrderKind.ERASE, consumer="demo", before="2999", name="e-2")
            erasure = await eraser.erase(whole)
        finally:
            await misled.close()
        assert [each.id for each in erasure.certificate.erased] == [record_id(2)]
        assert list(erasure.left) == [record_id(1)]
        assert len([each async for each in blobs.listing("")]) == 1
        entry = await store.ledger.entry(number(1))
        assert entry is not None
        assert entry.state is LedgerState.STORED
        again = msgspec.structs.replace(whole, id="e-3")
        assert not (await house_of(store).eraser().erase(again)).left
        assert not [each async for each in blobs.listing("")]
        assert not await store.keeper.documents(record_id(1))
