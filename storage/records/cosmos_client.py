"""One way to Cosmos DB: the client with its limits set, and a container's few operations.

The law: every operation ends within `timeout` seconds, whatever the SDK would still try; what it
cost is counted, also where it failed; and no exception of the SDK leaves this module. A conflict,
a failed precondition and an item that is not there are answers, not errors.

The SDK's own retries are kept short, so that a store that is down is known to be down: a refused
connection is tried once more, a throttled request three times, for as long as the service says
and 5 seconds in all (the SDK's defaults are 3, 9 and 30 s, with 65 s to read an answer). Then the
caller hears of it, with the service's `retry_after`. A 503 the SDK tries once in each region.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from azure.core import MatchConditions
from azure.core.async_paging import AsyncItemPaged
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import AioHttpTransport
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from audit.errors import SettingInvalid
from audit.telemetry import Count
from storage.records.cosmos_errors import charge_of, translated
from storage.records.cosmos_items import Item
from storage.records.query_cosmos import Parameter

__all__ = ["Allowance", "Container", "CosmosAccess", "Door", "open_client", "open_container"]

_CONNECT_SECONDS = 5.0

# 404 with this sub-status: not the item is missing but the container it should be in.
_NO_CONTAINER = 1003

# Items in one answer: a record may have 2 MB, and an answer has at most 4 MB anyway.
_PAGE = 100


@dataclass(frozen=True, slots=True)
class CosmosAccess:
    """Where the account is and how to sign in: with a key, else as the identity `credential`.

    `ca` is a file of certificates to believe in place of the system's. `full_text` says that the
    account has the service's full-text search and the containers were provisioned with it.
    """

    endpoint: str
    database: str
    key: str | None = field(default=None, repr=False)
    credential: AsyncTokenCredential | None = field(default=None, repr=False)
    ca: Path | None = None
    timeout: float = 30.0
    full_text: bool = False


class _Transport(AioHttpTransport):  # type: ignore[misc]  # azure-core imports it lazily, untyped
    """Checks every certificate, with one context for all connections.

    The SDK would check none on localhost, would fail on a CA file of its own (it hands over an
    empty client certificate with it), and a context for each request would share no connection.
    """

    async def send(self, request: Any, **config: Any) -> Any:
        """Send it over a connection whose certificate the session's context has checked."""
        config |= {"connection_verify": True, "connection_cert": None}
        return await super().send(request, **config)


async def open_client(access: CosmosAccess) -> CosmosClient:
    """Sign in and read the account. Raises `StoreUnavailable`, `SettingInvalid`."""
    if (credential := access.key or access.credential) is None:
        raise SettingInvalid("Cosmos DB needs store.key or an identity")
    client = CosmosClient(
        access.endpoint,
        credential,
        transport=_Transport(session=_session(access)),
        connection_timeout=min(_CONNECT_SECONDS, access.timeout),
        read_timeout=access.timeout,
        retry_total=1,
        retry_connect=1,
        retry_read=1,
        retry_status=1,
        retry_backoff_max=1,
        retry_backoff_factor=0.2,
        retry_throttle_total=3,
        retry_throttle_backoff_max=5,
        enable_compact_utf8_item_writes=True,
    )
    try:
        async with asyncio.timeout(access.timeout):
            await client.__aenter__()
    except (AzureError, TimeoutError, ValueError) as problem:
        await client.close()
        if isinstance(problem, ValueError):
            # A key that is no base64 fails while it signs.
            raise SettingInvalid("store.key is no key of a Cosmos DB account") from None
        raise translated(problem, access.endpoint, writing=False) from None
    except BaseException:
        await client.close()
        raise
    return client


def _session(access: CosmosAccess) -> aiohttp.ClientSession:
    """A session as the SDK makes its own, but for the certificates that it believes."""
    try:
        context = ssl.create_default_context(cafile=str(access.ca) if access.ca else None)
    except (OSError, ssl.SSLError):
        raise SettingInvalid(f"store.ca: {access.ca} holds no certificates") from None
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=True,
    )


@dataclass(slots=True)
class Allowance:
    """Request units that one query may take, and what it has taken.

    `cut` says that the query was ended because of that, and would have gone on.
    """

    units: float
    taken: float = 0.0
    cut: bool = False

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return self.taken >= self.units


class Door:
    """Lets one operation of the SDK through: bounded, counted, its errors translated.

    `where` names the place for people, `name` for the counts.
    """

    def __init__(self, where: str, name: str, timeout: float, count: Count) -> None:
        self._where = where
        self._name = name
        self._timeout = timeout
        self._count = count

    @asynccontextmanager
    async def through(self, operation: str, *, writing: bool = False) -> AsyncIterator[None]:
        """Raises `StoreUnavailable`, and `RecordInvalid` for a document that is refused."""
        try:
            async with asyncio.timeout(self._timeout):
                yield
        except CosmosHttpResponseError as problem:
            self.charge(operation, problem.headers)
            raise translated(problem, self._where, writing=writing) from None
        except (AzureError, TimeoutError) as problem:
            raise translated(problem, self._where, writing=writing) from None

    def charge(self, operation: str, headers: Mapping[str, str]) -> None:
        """Count what an answer cost."""
        self._count.add(
            "auditstream_store_request_units_total",
            charge_of(headers),
            operation=f"{self._name}.{operation}",
        )


class Container:
    """One container's items."""

    def __init__(self, proxy: ContainerProxy, door: Door) -> None:
        self._proxy = proxy
        self._door = door

    async def check(self) -> None:
        """See that it is there. Raises `StoreUnavailable`, which says what to do."""
        async with self._through("open"):
            await self._proxy.read(response_hook=self._hook("open"))

    async def create(self, item: Item) -> bool:
        """Put an item; false where one of its id is there in its partition."""
        async with self._through("create", writing=True):
            try:
                await self._proxy.create_item(
                    item, no_response=True, response_hook=self._hook("create")
                )
            except CosmosResourceExistsError as problem:
                self._door.charge("create", problem.headers)
                return False
            return True

    async def read(self, name: str, key: Sequence[str]) -> Item | None:
        """Get an item by id and whole partition key."""
        async with self._through("read"):
            try:
                return await self._proxy.read_item(
                    name, list(key), response_hook=self._hook("read")
                )
            except CosmosResourceNotFoundError as problem:
                self._item_missing("read", problem)
                return None

    async def replace(self, item: Item, etag: str) -> bool:
        """Put an item in place of the one with this etag; false where it changed or went."""
        async with self._through("replace", writing=True):
            try:
                await self._proxy.replace_item(
                    item["id"],
                    item,
                    etag=etag,
                    match_condition=MatchConditions.IfNotModified,
                    no_response=True,
                    response_hook=self._hook("replace"),
                )
            except CosmosAccessConditionFailedError as problem:
                self._door.charge("replace", problem.headers)
                return False
            except CosmosResourceNotFoundError as problem:
                self._item_missing("replace", problem)
                return False
            return True

    async def upsert(self, item: Item) -> None:
        """Put an item, in place of one of its id."""
        async with self._through("upsert", writing=True):
            await self._proxy.upsert_item(
                item, no_response=True, response_hook=self._hook("upsert")
            )

    async def delete(self, name: str, key: Sequence[str]) -> bool:
        """Remove an item; false where there was none."""
        async with self._through("delete"):
            try:
                await self._proxy.delete_item(name, list(key), response_hook=self._hook("delete"))
            except CosmosResourceNotFoundError as problem:
                self._item_missing("delete", problem)
                return False
            return True

    async def query(
        self,
        sql: str,
        parameters: Sequence[Parameter] = (),
        key: Sequence[str] = (),
        page_size: int = _PAGE,
        allowance: Allowance | None = None,
    ) -> AsyncGenerator[Item, None]:
        """Give what a query finds, page by page; each page has the time of one operation.

        It ends after the page with which its `allowance` was spent: what a page costs is known
        when it is there. A page that finds nothing costs too.

        `key` is the whole partition key or its first levels; without it, the partitions are those
        that the query's own conditions leave. A query with an order has no `key`: where its first
        levels lie in several physical partitions, the SDK asks one after the other and does not
        merge what they give (azure-cosmos 4.17, `__QueryFeed`).
        """
        if key and "ORDER BY" in sql:
            raise ValueError("a query with an order must not be given a key")
        options: dict[str, Any] = {"partition_key": list(key)} if key else {}
        found: AsyncItemPaged[Item] = self._proxy.query_items(
            query=sql,
            parameters=[dict(each) for each in parameters],
            max_item_count=page_size,
            response_hook=self._hook("query", allowance),
            **options,
        )
        pages: Any = found.by_page()  # typed as any iterator, while it is one with a token
        while True:
            async with self._through("query"):
                page = await anext(pages, None)
                items = None if page is None else [item async for item in page]
            if items is None:
                return
            for item in items:
                yield item
            if allowance is not None and allowance.spent:
                # Without a token the SDK would not ask again: that was the last page anyway.
                allowance.cut = pages.continuation_token is not None
                return

    def _through(
        self, operation: str, *, writing: bool = False
    ) -> AbstractAsyncContextManager[None]:
        return self._door.through(operation, writing=writing)

    def _hook(self, operation: str, allowance: Allowance | None = None) -> Any:
        def told(headers: Mapping[str, str], _: object) -> None:
            self._door.charge(operation, headers)
            if allowance is not None:
                allowance.taken += charge_of(headers)

        return told

    def _item_missing(self, operation: str, problem: CosmosResourceNotFoundError) -> None:
        """Tell a missing item, which is an answer, from a missing container."""
        if problem.sub_status == _NO_CONTAINER:
            raise problem
        self._door.charge(operation, problem.headers)


async def open_container(
    client: CosmosClient, access: CosmosAccess, name: str, count: Count
) -> Container:
    """A container of the database, once it is seen to be there. Raises `StoreUnavailable`."""
    door = Door(f"{access.endpoint}/{access.database}/{name}", name, access.timeout, count)
    proxy = client.get_database_client(access.database).get_container_client(name)
    container = Container(proxy, door)
    await container.check()
    return container
