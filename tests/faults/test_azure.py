"""A service's fault is felt by whoever speaks to it through a real SDK, and ends when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from audit.errors import TransientError
from storage.blobs.azure import AzureAccess, AzureBlobs
from storage.queue.service_bus import ServiceBusAccess, open_service_bus
from storage.records.cosmos import open_cosmos
from tests.contract.samples import a_message, an_entry, record_id
from tests.faults.azure import Azure
from tests.faults.engines import Embedded, FaultUnknown
from tests.faults.schedule import Fault, Kind
from tests.harness.engines import QUEUE
from tests.harness.leaks import Search

pytestmark = pytest.mark.asyncio(loop_scope="module")

IN_MESSAGE, IN_BLOB = "it lies in the queue", "it lies in a blob"
# A second is long for a service on this machine that answers at all.
PATIENCE = 2.0

FELT = [
    Fault(0.0, Kind.QUEUE_KILLED, "broker"),
    Fault(0.0, Kind.QUEUE_SILENT, "broker"),
    Fault(0.0, Kind.QUEUE_REFUSES, "broker"),
    Fault(0.0, Kind.QUEUE_BUSY, "broker"),
    Fault(0.0, Kind.STORE_BUSY, "store"),
    Fault(0.0, Kind.STORE_REFUSES, "store"),
    Fault(0.0, Kind.STORE_CUTS, "store"),
    Fault(0.0, Kind.BLOBS_GONE, "blobs"),
]


@dataclass
class Place:
    """The services, and one call to each."""

    azure: Azure
    calls: dict[str, Callable[[], Awaitable[object]]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """All three, with our own adapters in front of the SDKs."""
    azure = Azure(tmp_path_factory.mktemp("azure"))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(azure.stop)
        await azure.start()
        bus = await open_service_bus(
            ServiceBusAccess(QUEUE, azure.broker.connection_string, timeout=PATIENCE)
        )
        stack.push_async_callback(bus.close)
        store = await open_cosmos(azure.way.emulator.access("auditstream", timeout=PATIENCE))
        stack.push_async_callback(store.close)
        given = azure.settings["AUDITSTREAM_BLOBS__CONNECTION_STRING"]
        blobs = await AzureBlobs.open(
            AzureAccess("auditstream", timeout=PATIENCE, connection_string=given)
        )
        stack.push_async_callback(blobs.close)
        message = a_message(1, IN_MESSAGE.encode())
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "broker": lambda: bus.outbox.send([message]),
            "store": lambda: store.ledger.enter(an_entry(1)),
            "blobs": lambda: blobs.put("claims.tap/boot/1", IN_BLOB.encode()),
        }
        yield Place(azure, calls)


@pytest.mark.parametrize("fault", FELT, ids=lambda fault: fault.kind.value)
async def test_a_call_fails_while_the_fault_lasts_and_not_after(place: Place, fault: Fault) -> None:
    """With the error that says: it may work later."""
    call = place.calls[fault.part]
    await call()
    await place.azure.begin(fault)
    try:
        with pytest.raises(TransientError):
            await call()
    finally:
        await place.azure.end(fault)
    async with asyncio.timeout(30):
        while True:
            try:
                await call()
            except TransientError:  # The SDK has yet to find its connection broken.
                continue
            break


async def test_two_faults_of_a_kind_are_over_with_the_last(place: Place) -> None:
    """Schedules may have them overlap; the first end mends nothing."""
    fault = Fault(0.0, Kind.STORE_REFUSES, "store")
    await place.azure.begin(fault)
    await place.azure.begin(fault)
    await place.azure.end(fault)
    with pytest.raises(TransientError):
        await place.calls["store"]()
    await place.azure.end(fault)
    await place.calls["store"]()


async def test_a_broker_that_comes_back_is_as_wrong_as_the_schedule_says(place: Place) -> None:
    """It forgets its faults when it dies; those that last still are told to it again."""
    killed, busy = (
        Fault(0.0, Kind.QUEUE_KILLED, "broker"),
        Fault(0.0, Kind.QUEUE_BUSY, "broker"),
    )
    await place.azure.begin(killed)
    await place.azure.begin(busy)
    await place.azure.end(killed)
    with pytest.raises(TransientError):
        await place.calls["broker"]()
    await place.azure.end(busy)
    await place.calls["broker"]()


async def test_whatever_a_service_holds_is_searched(place: Place, tmp_path: Path) -> None:
    """A value that lies in the broker's journal, in a blob or in an item is found there."""
    for call in place.calls.values():
        await call()
    planted = {"/journal/": IN_MESSAGE, "/azurite/": IN_BLOB, "cosmos/ledger": record_id(1)}
    hits = Search(planted.values()).hits_in(await place.azure.at_rest(tmp_path))
    for where, value in planted.items():
        assert any(repr(value) in hit and where in hit for hit in hits), where


async def test_files_do_not_go_wrong_by_themselves() -> None:
    """A service's fault on embedded engines is an error of the schedule, not one survived."""
    with pytest.raises(FaultUnknown):
        await Embedded().begin(FELT[0])
