"""Where large bodies lie: a folder beside the data, or Blob Storage."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from audit.settings import Settings
from cli.credentials import identity_unless
from cli.places import Places
from storage.blobs.azure import AzureAccess, AzureBlobs
from storage.blobs.folder import FolderBlobs
from storage.blobs.port import Blobs

__all__ = ["azure_access", "blobs_of"]


@asynccontextmanager
async def blobs_of(settings: Settings) -> AsyncIterator[Blobs]:
    """Open them; nothing is asked of a service yet. Raises `SettingInvalid`."""
    if settings.blobs.engine == "folder":
        yield FolderBlobs(Places(settings.data).blobs)
        return
    async with azure_access(settings) as access:
        blobs = await AzureBlobs.open(access)
        try:
            yield blobs
        finally:
            await blobs.close()


@asynccontextmanager
async def azure_access(settings: Settings) -> AsyncIterator[AzureAccess]:
    """How to reach the container in Blob Storage, with the identity where one is needed."""
    given = settings.blobs.connection_string
    async with identity_unless(given is not None) as credential:
        yield AzureAccess(
            container=settings.blobs.container,
            timeout=settings.blobs.timeout,
            account=settings.blobs.account,
            connection_string=None if given is None else given.get_secret_value(),
            credential=credential,
        )
