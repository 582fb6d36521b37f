"""Who this process is in Azure, where no key or connection string says so.

`DefaultAzureCredential` takes the first of: what `AZURE_...` variables name, a workload identity, a
managed identity, and on a developer's machine whoever is signed in there. Nothing is asked before
a token is needed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

__all__ = ["identity_unless"]


@asynccontextmanager
async def identity_unless(given: bool) -> AsyncIterator[AsyncTokenCredential | None]:
    """Give the process's identity, or None where the settings have `given` something else."""
    if given:
        yield None
        return
    # Imported late: a tenth of a second that files, keys and connection strings need not pay.
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415 - see above

    async with DefaultAzureCredential() as credential:
        yield credential
