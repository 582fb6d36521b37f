"""Blob Storage when it does not do what was asked: what a caller hears, and within which time."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest

from audit.errors import BlobMissing, BlobsUnavailable, SettingInvalid
from storage.blobs.azure import AzureAccess, AzureBlobs, service_client
from storage.blobs.azure_errors import REASONS
from tests.emulators.azurite import ACCOUNT, Azurite, azurite, require_azurite

CONTAINER = "claims"
KEY = base64.b64encode(b"k" * 32).decode()

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def access_to(url: str, *, key: str = KEY, timeout: float = 20.0) -> AzureAccess:
    """How to reach an account that somebody plays on this machine."""
    return AzureAccess(
        container=CONTAINER,
        timeout=timeout,
        connection_string=(
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};"
            f"BlobEndpoint={url};"
        ),
    )


@asynccontextmanager
async def blobs_at(access: AzureAccess) -> AsyncIterator[AzureBlobs]:
    """The adapter, closed in the end."""
    blobs = await AzureBlobs.open(access)
    try:
        yield blobs
    finally:
        await blobs.close()


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[str]:
    """Somebody who plays the service; yields the account's URL."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield f"http://127.0.0.1:{port}/{ACCOUNT}"


def always(head: str, seen: list[bytes] | None = None) -> Talk:
    """Answer each request with this head and no body."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.readline():
            if seen is not None:
                seen.append(request)
            while await reader.readline() not in (b"\r\n", b""):
                pass
            writer.write(f"HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()

    return talk


async def everything(blobs: AzureBlobs) -> list[str]:
    """Ask for each thing once; give what was said each time."""

    async def walk() -> None:
        async for _ in blobs.listing(""):
            pass

    said = []
    for asked in (blobs.get("a"), blobs.remove("a"), walk()):
        with pytest.raises(BlobsUnavailable) as refused:
            await asked
        said.append(str(refused.value))
    return said


async def make_container(running: Azurite) -> None:
    """What provisioning does."""
    access = AzureAccess(container=CONTAINER, connection_string=running.connection_string)
    async with service_client(access) as service:
        await service.create_container(CONTAINER)


@pytest.mark.parametrize("code", sorted(REASONS))
async def test_each_refusal_says_what_to_do(code: str) -> None:
    """Whatever is asked for, the sentence for the service's code is given with the place."""
    async with (
        server(always(f"403 No\r\nx-ms-error-code: {code}")) as url,
        blobs_at(access_to(url)) as blobs,
    ):
        for said in await everything(blobs):
            assert said.endswith(REASONS[code])
            assert CONTAINER in said


async def test_a_missing_container_is_no_missing_blob() -> None:
    """Nothing is taken for gone because nobody has run `auditstream provision`."""
    require_azurite()
    async with (
        azurite() as running,
        blobs_at(
            AzureAccess(container=CONTAINER, connection_string=running.connection_string)
        ) as blobs,
    ):
        for said in await everything(blobs):
            assert "the container is not there; run `auditstream provision`" in said
        with pytest.raises(BlobsUnavailable, match="auditstream provision"):
            await blobs.put("a", b"body")


async def test_a_wrong_key_is_named_and_not_shown() -> None:
    """The sentence names the setting; neither key nor the service's words are in it."""
    require_azurite()
    async with azurite() as running, blobs_at(access_to(running.url)) as blobs:
        for said in await everything(blobs):
            assert "blobs.connection_string" in said
            assert KEY not in said


async def test_a_service_that_asks_for_patience_is_heard() -> None:
    """A 503 is tried again twice and then told, with the pause that the service asks for."""
    seen: list[bytes] = []
    busy = always("503 Busy\r\nRetry-After: 17\r\nx-ms-error-code: ServerBusy", seen)
    async with server(busy) as url, blobs_at(access_to(url)) as blobs:
        with pytest.raises(BlobsUnavailable, match="is busy") as refused:
            await blobs.get("a")
    assert refused.value.retry_after == 17
    assert len(seen) == 3


async def test_a_service_that_never_answers_is_given_up() -> None:
    """Each call ends when its time is over."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with server(silent) as url, blobs_at(access_to(url, timeout=0.2)) as blobs:
        for said in await everything(blobs):
            assert "blobs.timeout" in said or "did not answer" in said
        with pytest.raises(BlobsUnavailable):
            await blobs.put("a", bytes(3 << 20))


async def test_a_service_that_answers_without_end_is_given_up() -> None:
    """A call is over when its time is, although bytes keep coming."""

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while not reader.at_eof():
            writer.write(b"X: x\r\n")
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.read(1 << 16), 0.02)

    async with server(endless) as url, blobs_at(access_to(url, timeout=0.3)) as blobs:
        for said in await everything(blobs):
            assert said.endswith("no answer within blobs.timeout")


async def test_a_large_body_on_a_slow_line_arrives() -> None:
    """The time of a call is for some blocks, not for a body whatever its size."""

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            length = 0
            while (line := await reader.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            await reader.readexactly(length)
            await asyncio.sleep(0.2)  # the fault itself: a line that takes so long for a block
            writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()

    async with server(slow) as url, blobs_at(access_to(url, timeout=1.5)) as blobs:
        await blobs.put("a", bytes(48 << 20))


async def test_an_answer_that_is_no_blob_storages_is_unavailability() -> None:
    """A proxy's page, or a connection that breaks off, is an outage and no missing blob."""
    async with server(always("404 Not Found")) as url, blobs_at(access_to(url)) as blobs:
        for said in await everything(blobs):
            assert "status 404" in said

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()

    async with server(cut) as url, blobs_at(access_to(url)) as blobs:
        with pytest.raises(BlobsUnavailable):
            await blobs.get("a")


async def test_an_outage_is_over_when_the_service_is_back(tmp_path: Path) -> None:
    """The same adapter says that the service is gone, and works again without a restart."""
    require_azurite()
    async with AsyncExitStack() as stack:
        async with azurite(tmp_path) as running:
            await make_container(running)
            access = AzureAccess(container=CONTAINER, connection_string=running.connection_string)
            blobs = await stack.enter_async_context(blobs_at(access))
            await blobs.put("a", b"body")
        for said in await everything(blobs):
            assert "could not be reached" in said
        await stack.enter_async_context(azurite(tmp_path, running.port))
        assert await blobs.get("a") == b"body"
        assert await blobs.remove("a")
        with pytest.raises(BlobMissing):
            await blobs.get("a")


@pytest.mark.parametrize("text", ["nonsense", "AccountKey=secret-of-mine"])
async def test_what_is_no_connection_string_is_not_repeated(text: str) -> None:
    """The message names the setting and shows how one looks."""
    with pytest.raises(SettingInvalid, match=r"blobs\.connection_string") as refused:
        await AzureBlobs.open(AzureAccess(container=CONTAINER, connection_string=text))
    assert text not in str(refused.value)


async def test_an_access_without_any_address_is_refused() -> None:
    """One of the two settings is needed."""
    with pytest.raises(SettingInvalid, match=r"blobs\.account"):
        await AzureBlobs.open(AzureAccess(container=CONTAINER))


def test_an_access_shows_no_secret() -> None:
    """Whoever logs it logs neither key nor credential."""
    assert KEY not in repr(access_to("http://127.0.0.1"))
