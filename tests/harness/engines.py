"""The engines that a running tree is put on: files in its folder, or emulators of Azure's services.

Each of Azure's services is spoken to by its real SDK over a real socket: the broker of
`tests.emulators.service_bus`, Azurite, and `@vercel/cosmosdb-server`. While a block of `on_engines`
lasts, every process that the harness starts is told of them by its environment, and of nothing
else of the tree: so the same test runs on both.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from audit.settings import Settings
from cli.config import load
from cli.engines_cosmos import cosmos_access
from storage.records.cosmos_client import open_client
from storage.records.cosmos_provision import definitions
from tests.emulators.azurite import Azurite, azurite, require_azurite
from tests.emulators.cosmos import CosmosEmulator, require_cosmos, running_cosmos
from tests.emulators.service_bus.rules import QueueRules
from tests.emulators.service_bus.running import BrokerProcess, service_bus_process
from tests.harness import tree
from tests.harness.tree import auditstream, clean_environment

__all__ = [
    "AZURE",
    "EMBEDDED",
    "ENGINES",
    "QUEUE",
    "cosmos_bytes",
    "emulators",
    "environment_here",
    "named",
    "on_engines",
    "settings_here",
]

EMBEDDED, AZURE = "embedded", "azure"
ENGINES = (EMBEDDED, AZURE)

QUEUE = "auditstream"


@asynccontextmanager
async def on_engines(name: str, folder: Path, lease: float = 60.0) -> AsyncIterator[None]:
    """Have whatever is started meanwhile run on these engines; they end with the block.

    `lease` is for how many seconds the broker lends a message, as `worker.lease` says it of the
    embedded queue.
    """
    if name == EMBEDDED:
        with _told({}):
            yield
        return
    async with emulators(folder, lease) as (settings, _):
        with _told(settings):
            made = auditstream("provision")
            assert made.returncode == 0, made.stdout + made.stderr
            yield


@contextmanager
def _told(settings: dict[str, str]) -> Iterator[None]:
    """What another block has started goes on, and is nothing to what is started in this one."""
    before = dict(tree.engine_settings)
    tree.engine_settings.clear()
    tree.engine_settings.update(settings)
    try:
        yield
    finally:
        tree.engine_settings.clear()
        tree.engine_settings.update(before)


@asynccontextmanager
async def emulators(
    folder: Path, lease: float = 60.0
) -> AsyncIterator[tuple[dict[str, str], BrokerProcess]]:
    """Start all three with nothing in them but the queue; give the settings that name them."""
    require_azurite()
    require_cosmos()
    rules = QueueRules(lock_duration=lease, max_delivery_count=100)
    with running_cosmos() as cosmos:
        async with (
            azurite(folder / "azurite") as blobs,
            service_bus_process(folder / "journal", {QUEUE: rules}) as broker,
        ):
            yield named(broker, blobs, cosmos), broker


def named(broker: BrokerProcess, blobs: Azurite, cosmos: CosmosEmulator) -> dict[str, str]:
    """The settings that name these three."""
    return {
        "AUDITSTREAM_QUEUE__ENGINE": "servicebus",
        "AUDITSTREAM_QUEUE__CONNECTION_STRING": broker.connection_string,
        "AUDITSTREAM_QUEUE__NAME": QUEUE,
        "AUDITSTREAM_BLOBS__ENGINE": "azure",
        "AUDITSTREAM_BLOBS__CONNECTION_STRING": blobs.connection_string,
        "AUDITSTREAM_STORE__ENGINE": "cosmos",
        "AUDITSTREAM_STORE__ENDPOINT": cosmos.endpoint,
        "AUDITSTREAM_STORE__KEY": cosmos.key,
        "AUDITSTREAM_STORE__CA": str(cosmos.ca),
    }


async def cosmos_bytes(data: Path) -> bytes:
    """Every item of every container of the block's store, as JSON."""
    async with cosmos_access(settings_here(data)) as access:
        client = await open_client(access)
        try:
            database = client.get_database_client(access.database)
            items = [
                item
                for each in definitions(full_text=False)
                async for item in database.get_container_client(each.name).read_all_items()
            ]
        finally:
            await client.close()
    return json.dumps(items, ensure_ascii=False).encode()


def settings_here(data: Path) -> Settings:
    """The settings of a tree on this folder, on the engines of the block that lasts."""
    with environment_here():
        return load({"data": str(data)})


@contextmanager
def environment_here() -> Iterator[None]:
    """Have this process be told what those are told that it starts."""
    before = dict(os.environ)
    wanted = clean_environment()
    os.environ.clear()
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
