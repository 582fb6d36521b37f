"""Cosmos DB for tests: `@vercel/cosmosdb-server` from npm, over TLS, in memory.

What only the service can show, and no test here does:

- `FullTextContainsAll` and the index behind it (`store.full_text`); `CONTAINS` runs on both;
- query plans: which partitions a query's conditions leave, and the merging of what several
  physical partitions give in order; here one partition answers for all;
- items that go when their time to live is over; only the number is looked at;
- consistency between clients: here every reader sees every write;
- what an operation costs: here each costs one request unit;
- sign-in as an identity: here any key is good.

Throttling, outage and the limit on an item's size are in `tests.emulators.cosmos_faults`, which
stands in front of it.
"""

from __future__ import annotations

import base64
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from storage.records.cosmos import CosmosAccess, CosmosStore, open_cosmos
from storage.records.cosmos_provision import provision
from tests.emulators.certificates import loopback_certificate

__all__ = ["CosmosEmulator", "cosmos_emulator", "cosmos_store", "require_cosmos", "running_cosmos"]

_ROOT = Path(__file__).parents[2]
_PACKAGE = _ROOT / ".venv" / "node" / "node_modules" / "@vercel" / "cosmosdb-server"

_databases = count()


@dataclass(frozen=True, slots=True)
class CosmosEmulator:
    """What a client needs: any key is taken, and the certificate is that of `ca`."""

    endpoint: str
    ca: Path
    key: str = field(default=base64.b64encode(b"not a secret").decode(), repr=False)

    def access(self, database: str | None = None, **options: Any) -> CosmosAccess:
        """The way to a database, without a name to one that nobody has had."""
        name = database or f"test-{next(_databases)}"
        return CosmosAccess(self.endpoint, name, self.key, ca=self.ca, **options)


def require_cosmos() -> None:
    """Skip where the emulator is not installed; where `CI` is set that is a failure."""
    if _PACKAGE.exists():
        return
    missing = "@vercel/cosmosdb-server is missing: make .venv/.emulators"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@contextmanager
def running_cosmos() -> Iterator[CosmosEmulator]:
    """Run one on a free loopback port, for as many tests as like."""
    require_cosmos()
    with tempfile.TemporaryDirectory() as folder:
        pem = loopback_certificate(Path(folder) / "cosmos.pem")
        script = str(Path(__file__).with_name("cosmos_server.js"))
        with subprocess.Popen(
            ["node", script, str(_PACKAGE), str(pem)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            try:
                assert process.stdout is not None
                port = int(process.stdout.readline())
                yield CosmosEmulator(f"https://127.0.0.1:{port}", pem)
            finally:
                process.kill()


@asynccontextmanager
async def cosmos_emulator() -> AsyncIterator[CosmosEmulator]:
    """Run one for a single test."""
    with running_cosmos() as emulator:
        yield emulator


@asynccontextmanager
async def cosmos_store(access: CosmosAccess, **options: Any) -> AsyncIterator[CosmosStore]:
    """Open a store on a database made for it, which goes with it."""
    await provision(access)
    store = await open_cosmos(access, **options)
    try:
        yield store
    finally:
        await store.client.delete_database(access.database)
        await store.close()
