"""Where a queue is drained: in a data folder, or between the emulators of Azure's services.

The emulators run on the same machine and take their share of its cores: what is drained through
them in a second is theirs as much as the worker's. What the worker itself computes is its own.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from audit.engine_settings import QueueSettings, StoreSettings
from audit.settings import Settings
from audit.signing import Role
from cli.places import prepare
from storage.records.cosmos_provision import provision
from tests.emulators.cosmos import running_cosmos
from tests.emulators.service_bus import QueueRules
from tests.emulators.service_bus.running import service_bus_process

__all__ = ["broker", "embedded", "emulated"]

_QUEUE = "auditstream"


@asynccontextmanager
async def embedded(folder: str) -> AsyncIterator[Settings]:
    """Queue and store as files in a new folder below this one."""
    with tempfile.TemporaryDirectory(prefix="bench-drain-", dir=folder) as scratch:
        settings = Settings(data=Path(scratch) / "data")
        await asyncio.to_thread(prepare, settings, may_open=True, signs=list(Role))
        yield settings


@asynccontextmanager
async def emulated(folder: str) -> AsyncIterator[Settings]:
    """A Service Bus queue and a Cosmos DB database, both empty."""
    with running_cosmos() as cosmos:
        async with embedded(folder) as settings, broker(settings.data) as queue:
            await provision(cosmos.access(_QUEUE))
            store = StoreSettings(
                engine="cosmos",
                endpoint=cosmos.endpoint,
                key=SecretStr(cosmos.key),
                database=_QUEUE,
                ca=cosmos.ca,
            )
            yield settings.model_copy(update={"queue": queue, "store": store})


@asynccontextmanager
async def broker(folder: Path) -> AsyncIterator[QueueSettings]:
    """The settings of a queue of a broker that runs as a process of its own."""
    rules = {_QUEUE: QueueRules()}
    async with service_bus_process(folder / "broker", rules) as running:
        yield QueueSettings(
            engine="servicebus",
            connection_string=SecretStr(running.connection_string),
            name=_QUEUE,
        )
