"""Blobs in Azure Blob Storage.

The law: a blob is created and never written again (`If-None-Match: *`), its container is made by
nobody here, and every call ends: within `timeout` seconds, and for a body within as many for each
few blocks, so that a large one on a slow line arrives. Bodies go up and come down in blocks: beside
a body only a few of them are in memory, and what fails is tried again for one block. The SDK does
that twice, within seconds; an outage is for the caller to wait out.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypedDict

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob.aio import BlobServiceClient, ContainerClient, LinearRetry

from audit.errors import BlobMissing, SettingInvalid
from storage.blobs.azure_errors import ALREADY_THERE, error_code, translated
from storage.blobs.port import BlobRef, is_blob_name

__all__ = ["AzureAccess", "AzureBlobs", "service_client"]

# aiohttp sends a block without letting others run; and of each that comes down the SDK leaves
# circular garbage, of which larger blocks would hold several bodies' worth until it is collected.
_BLOCK = 1 << 20
_BLOCKS_AT_ONCE = 4
_MOST_TO_CONNECT = 10.0


@dataclass(frozen=True, slots=True)
class AzureAccess:
    """How to reach a container: by connection string, or by account and credential.

    `timeout` is in seconds, for one call; a body's blocks are some calls.
    """

    container: str
    timeout: float = 60.0
    account: str | None = None
    connection_string: str | None = field(default=None, repr=False)
    credential: AsyncTokenCredential | None = field(default=None, repr=False)


class AzureBlobs:
    """Implements `Blobs`. What the credential may not do fails when it is done."""

    def __init__(self, service: BlobServiceClient, access: AzureAccess) -> None:
        self._service = service
        self._container: ContainerClient = service.get_container_client(access.container)
        self._timeout = access.timeout
        self._where = f"{self._container.primary_hostname}, container {access.container}"

    @classmethod
    async def open(cls, access: AzureAccess) -> AzureBlobs:
        """Make the client; the service is not asked yet. Raises `SettingInvalid`."""
        return cls(service_client(access), access)

    async def put(self, name: str, body: bytes) -> None:
        """Keep a body; what is there already stays."""
        if not is_blob_name(name):
            raise ValueError("no blob can have this name")
        turns = -(-len(body) // (_BLOCK * _BLOCKS_AT_ONCE))
        async with self._call(max(1, turns)):
            try:
                await self._container.upload_blob(
                    name,
                    body,
                    length=len(body),
                    overwrite=False,
                    max_concurrency=_BLOCKS_AT_ONCE,
                )
            except ResourceExistsError as error:
                if error_code(error) != ALREADY_THERE:
                    raise

    async def get(self, name: str, most: int | None = None) -> bytes:
        """Give a body."""
        if not is_blob_name(name):
            raise BlobMissing
        body = io.BytesIO()
        async with self._call():
            download = await self._container.download_blob(name)
        blocks = download.chunks()
        while most is None or body.tell() < most:
            async with self._call():
                block = await anext(blocks, None)
            if block is None:
                break
            body.write(block)
        # Gives the buffer itself: a copy would double a large body.
        return body.getvalue()[:most]

    async def listing(self, prefix: str) -> AsyncIterator[BlobRef]:
        """Every blob whose name starts with `prefix`; each page is a call."""
        pages = self._container.list_blobs(name_starts_with=prefix).by_page()
        while True:
            async with self._call():
                page = await anext(pages, None)
                blobs = None if page is None else [each async for each in page]
            if blobs is None:
                return
            for each in blobs:
                yield BlobRef(each.name, each.size, each.last_modified.timestamp())

    async def remove(self, name: str) -> bool:
        """Remove a blob."""
        try:
            async with self._call():
                if not is_blob_name(name):
                    return False
                await self._container.delete_blob(name)
        except BlobMissing:
            return False
        return True

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        await self._service.close()

    @asynccontextmanager
    async def _call(self, turns: int = 1) -> AsyncIterator[None]:
        with translated(self._where):
            async with asyncio.timeout(self._timeout * turns):
                yield


class _Options(TypedDict):
    max_block_size: int
    max_single_put_size: int
    max_single_get_size: int
    max_chunk_get_size: int
    connection_timeout: float
    read_timeout: float
    retry_policy: LinearRetry


def service_client(access: AzureAccess) -> BlobServiceClient:
    """The account's client, with every limit stated. Raises `SettingInvalid`."""
    options = _Options(
        max_block_size=_BLOCK,
        max_single_put_size=_BLOCK,
        max_single_get_size=_BLOCK,
        max_chunk_get_size=_BLOCK,
        connection_timeout=min(access.timeout, _MOST_TO_CONNECT),
        read_timeout=access.timeout,
        # The SDK's own policy would sleep 15 seconds before it tries again.
        retry_policy=LinearRetry(backoff=1, random_jitter_range=1, retry_total=2),
    )
    if access.connection_string is None:
        if access.account is None:
            raise SettingInvalid("blobs.account: give it, or blobs.connection_string")
        return BlobServiceClient(access.account, access.credential, **options)
    try:
        return BlobServiceClient.from_connection_string(access.connection_string, **options)
    except ValueError:
        # Its message may repeat the string.
        raise SettingInvalid(
            "blobs.connection_string: is not one; it looks like"
            " DefaultEndpointsProtocol=https;AccountName=...;AccountKey=..."
        ) from None
