"""The blob container: what it must be, made or held against the account.

The law: `provision` makes a container that is missing, closed to the public, and changes none that
is there. `check` leaves nothing behind but, where it may not remove it, one probe of a few bytes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.blob.aio import BlobServiceClient

from storage.blobs.azure import AzureAccess, service_client
from storage.blobs.azure_errors import translated

__all__ = ["Flaw", "account_url", "check", "provision"]


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that is not as it should be: what was expected, what was found, what to do."""

    name: str
    expected: str
    found: str
    advice: str


async def provision(access: AzureAccess) -> list[str]:
    """Make the container where it is missing, and say so. Raises `BlobsUnavailable`."""
    async with service_client(access) as service:
        with translated(_where(service, access)):
            try:
                async with asyncio.timeout(access.timeout):
                    await service.create_container(access.container)
            except ResourceExistsError:
                return []
    return [f"blob container {access.container} made"]


async def check(access: AzureAccess) -> list[Flaw]:
    """Hold container and account against what is needed. Raises `BlobsUnavailable`."""
    async with service_client(access) as service:
        with translated(_where(service, access)):
            async with asyncio.timeout(access.timeout):
                flaws = await _public(service, access)
                return flaws + await _kept(service)


def account_url(access: AzureAccess) -> str:
    """The account's URL, also where only a connection string names it. Raises `SettingInvalid`."""
    return str(service_client(access).url)


async def _public(service: BlobServiceClient, access: AzureAccess) -> list[Flaw]:
    container = service.get_container_client(access.container)
    public = (await container.get_container_properties()).public_access
    if public is None:
        return []
    advice = "set the container's access level to private"
    return [Flaw("container access", "private", f"open to the public ({public})", advice)]


async def _kept(service: BlobServiceClient) -> list[Flaw]:
    """What is erased must be gone. Whoever may only use blobs cannot ask, and need not."""
    try:
        found = await service.get_service_properties()
    except HttpResponseError as error:
        if error.status_code == 403:
            return []
        raise
    policy = found["delete_retention_policy"]
    if policy is None or not policy.enabled:
        return []
    kept = f"{policy.days} days after they were removed"
    return [Flaw("soft delete", "off", f"bodies are kept for {kept}", "disable it for blobs")]


def _where(service: BlobServiceClient, access: AzureAccess) -> str:
    return f"{service.primary_hostname}, container {access.container}"
