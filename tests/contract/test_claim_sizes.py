"""Bodies of every size through queue and blobs: whole, and with little beside them in memory."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from storage.blobs.azure import AzureAccess, AzureBlobs, service_client
from storage.blobs.folder import FolderBlobs
from storage.blobs.port import Blobs
from storage.queue.claim_check import ClaimCheckInbox, ClaimCheckOutbox
from storage.queue.memory import MemoryQueue
from storage.queue.sqlite import SqliteQueue
from tests.contract.samples import a_message
from tests.emulators.azurite import Azurite, azurite, require_azurite
from tests.unit.claims.measured import CONTAINER, body_of

ROOT = Path(__file__).parents[2]
LIMIT = 254 * 1024
SIZES = [1_000, 200_000, 2_000_000, 30_000_000]
LARGEST = SIZES[-1]
AT_ONCE = 4


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def emulator() -> AsyncIterator[Azurite]:
    """One emulator, with a container."""
    require_azurite()
    async with azurite() as running:
        access = AzureAccess(container=CONTAINER, connection_string=running.connection_string)
        async with service_client(access) as service:
            await service.create_container(CONTAINER)
        yield running


@pytest.fixture(params=["folder", "azurite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where blobs are: a folder, or the connection string of the emulator."""
    if request.param == "folder":
        return str(tmp_path / "blobs")
    running: Azurite = request.getfixturevalue("emulator")
    return running.connection_string


@pytest.fixture
async def blobs(place: str) -> AsyncIterator[Blobs]:
    """The adapter for the place."""
    if "=" not in place:
        yield FolderBlobs(Path(place))
        return
    store = await AzureBlobs.open(AzureAccess(container=CONTAINER, connection_string=place))
    yield store
    await store.close()


@pytest.fixture(params=["memory", "sqlite"])
async def queue(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[MemoryQueue | SqliteQueue]:
    """Each queue, empty."""
    if request.param == "memory":
        yield MemoryQueue(lease=60.0, clock=lambda: 1e9)
        return
    held = await SqliteQueue.open(tmp_path / "queue.db")
    yield held
    await held.close()


async def test_bodies_of_every_size_arrive_whole(
    queue: MemoryQueue | SqliteQueue, blobs: Blobs
) -> None:
    """From a kilobyte to thirty million bytes, in their order, and nothing is left behind."""
    outbox = ClaimCheckOutbox(queue, blobs, lambda: LIMIT)
    inbox = ClaimCheckInbox(queue, blobs)
    sent = [a_message(seq, body_of(size)) for seq, size in enumerate(SIZES, 1)]
    await outbox.send(sent)
    deliveries = await inbox.receive(len(SIZES), 0)
    assert all(len(each.message.body) <= LIMIT for each in deliveries)
    for delivery, message in zip(deliveries, sent, strict=True):
        async with inbox.room(delivery.message):
            whole = await inbox.fetch(delivery.message)
        assert (whole.id, whole.kind, whole.number) == (message.id, message.kind, message.number)
        assert hashlib.sha256(whole.body).digest() == hashlib.sha256(message.body).digest()
        assert await inbox.complete(delivery)
    assert [each.name async for each in blobs.listing("")] == []


@pytest.mark.parametrize(("side", "most"), [("send", 0.5), ("fetch", 2.5)])
async def test_memory_stays_flat_beyond_the_bodies_own_size(
    place: str, side: str, most: float
) -> None:
    """Four of thirty million bytes, sent or held at once: blocks beside one body, not four.

    Of two that follow each other the second may come before the first is let go.
    """
    assert await peak(side, place) < most * LARGEST


async def peak(side: str, place: str) -> int:
    """What a process took at most for all of them, in bytes."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.unit.claims.measured", side, place, str(LARGEST), str(AT_ONCE)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    return int(said)
