"""Blob Storage goes away under a running tree, and comes back: nothing is lost or set aside."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import secrets
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from storage.blobs.azure import AzureAccess, service_client
from tests.emulators.azurite import Azurite, azurite, require_azurite
from tests.emulators.service_bus.rules import QueueRules
from tests.emulators.service_bus.running import service_bus_process
from tests.harness import tree as harness
from tests.harness.load import CountingUpstream
from tests.harness.scripted_upstream import traced
from tests.harness.settling import settled
from tests.harness.tree import Tree, auditstream, records

pytestmark = pytest.mark.timeout(300)

QUEUE = CONTAINER = "auditstream"
LARGE, SMALL = 600_000, 100
# Other processes need the cores for what is being waited for.
_LOOK = 0.05


@dataclass
class Place:
    """A tree whose queue is a broker and whose blobs can be taken away."""

    tree: Tree
    folder: Path
    port: int
    blobs: AsyncExitStack

    async def take_away(self) -> None:
        """End Blob Storage; what it holds stays on its disk."""
        await self.blobs.aclose()

    async def bring_back(self) -> None:
        """Start it where it was."""
        await self.blobs.enter_async_context(azurite(self.folder, self.port))

    async def send(self, size: int) -> str:
        """Send an image that nothing squeezes; give the trace id."""
        trace, headers = traced()
        image = base64.b64encode(secrets.token_bytes(size)).decode()
        part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}}
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": [part]}]})
        async with (
            ClientSession(headers=headers | {"Content-Type": "application/json"}) as client,
            client.post(
                f"{self.tree.url}/v1/chat/completions", data=io.BytesIO(body.encode())
            ) as response,
        ):
            assert response.status == 200
        return trace

    async def told(self, event: str) -> None:
        """Wait until a part says that it misses the blobs."""
        async with asyncio.timeout(60):
            while not self._says(event):  # noqa: ASYNC110 - other processes write it
                await asyncio.sleep(_LOOK)

    def _says(self, event: str) -> bool:
        lines = self.tree.log.read_text().splitlines()
        return any(event in line and "code=blobs.unavailable" in line for line in lines)

    async def claims(self) -> list[str]:
        """The names of the bodies that lie in blobs."""
        access = AzureAccess(CONTAINER, connection_string=Azurite(self.port, 0).connection_string)
        async with service_client(access) as service:
            container = service.get_container_client(CONTAINER)
            return [each.name async for each in container.list_blobs()]

    async def stored(self) -> dict[str, dict[str, Any]]:
        """Wait until all is at rest; give the records by trace id."""
        await settled(self.tree)
        return {each["identity"]["trace_id"]: each for each in records(self.tree.data)}


@contextmanager
def engines(settings: dict[str, str]) -> Iterator[None]:
    """Tell whatever is started meanwhile."""
    harness.engine_settings.update(settings)
    try:
        yield
    finally:
        harness.engine_settings.clear()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """A broker, Blob Storage with its container, and a tree over both."""
    require_azurite()
    upstream = CountingUpstream()
    await upstream.start()
    async with (
        AsyncExitStack() as blobs,
        service_bus_process(
            tmp_path / "journal", {QUEUE: QueueRules(lock_duration=20.0, max_delivery_count=100)}
        ) as broker,
    ):
        running = await blobs.enter_async_context(azurite(tmp_path / "azurite"))
        access = AzureAccess(CONTAINER, connection_string=running.connection_string)
        async with service_client(access) as service:
            await service.create_container(CONTAINER)
        settings = {
            "AUDITSTREAM_QUEUE__ENGINE": "servicebus",
            "AUDITSTREAM_QUEUE__CONNECTION_STRING": broker.connection_string,
            "AUDITSTREAM_BLOBS__ENGINE": "azure",
            "AUDITSTREAM_BLOBS__CONNECTION_STRING": running.connection_string,
        }
        with engines(settings):
            tree = Tree(tmp_path / "data", upstream.url)
            await tree.start()
            yield Place(tree, tmp_path / "azurite", running.port, blobs)
            assert await tree.stop() == 0, tree.log.read_text()
    await upstream.stop()


async def test_blobs_that_are_gone_hold_up_and_lose_nothing(place: Place) -> None:
    """On the tap's side and on the worker's: each exchange is stored once when they are back."""
    await place.take_away()
    sent = [await place.send(LARGE), await place.send(SMALL)]
    await place.told("shipper.queue_unavailable")
    await place.bring_back()
    assert set(await place.stored()) == set(sent)
    # Now with the body in blobs, and the worker before it has fetched it.
    worker = (await place.tree.state())["pids"]["worker"]
    os.kill(worker, signal.SIGSTOP)
    try:
        sent.append(await place.send(LARGE))
        async with asyncio.timeout(30):
            while not await place.claims():  # noqa: ASYNC110 - another process puts it
                await asyncio.sleep(_LOOK)
        await place.take_away()
    finally:
        os.kill(worker, signal.SIGCONT)
    await place.told("worker.paused")
    await place.bring_back()
    assert set(await place.stored()) == set(sent)
    assert await place.claims() == []
    letters = auditstream("dead-letters", "list", "--data", str(place.tree.data), "--json")
    assert json.loads(letters.stdout) == []
    verified = auditstream("verify", "--data", str(place.tree.data), "--json")
    counts = json.loads(verified.stdout)["counts"]
    assert {what: n for what, n in counts.items() if n} == {"stored": len(sent)}
