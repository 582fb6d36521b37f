"""The contract of blobs: what every adapter promises to those who put down and fetch."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from audit.errors import BlobMissing
from storage.blobs.azure import AzureAccess, AzureBlobs, service_client
from storage.blobs.folder import FolderBlobs
from storage.blobs.memory import MemoryBlobs
from storage.blobs.port import BlobRef, Blobs
from tests.emulators.azurite import Azurite, azurite, require_azurite

SMALL, SEVERAL_BLOCKS = 1_000, 9 * (1 << 20) + 17

NO_NAMES = [
    "",
    "/",
    "a/",
    "/a",
    "a//b",
    "..",
    "a/../b",
    ".hidden",
    "a b",
    "a/b/c/d/e",
    "é",
    "a" * 201,
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def emulator() -> AsyncIterator[Azurite]:
    """One emulator for all tests here; each has a container of its own."""
    require_azurite()
    async with azurite() as running:
        yield running


@pytest.fixture(params=["memory", "folder", "azurite"])
def kept_in(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs | Azurite:
    """Each adapter, empty, or the emulator that it is to speak to."""
    if request.param == "memory":
        return MemoryBlobs()
    if request.param == "folder":
        return FolderBlobs(tmp_path / "blobs")
    running: Azurite = request.getfixturevalue("emulator")
    return running


@pytest.fixture
async def blobs(kept_in: Blobs | Azurite) -> AsyncIterator[Blobs]:
    """Each adapter, empty."""
    if not isinstance(kept_in, Azurite):
        yield kept_in
        return
    access = AzureAccess(
        container=f"c{secrets.token_hex(8)}", connection_string=kept_in.connection_string
    )
    async with service_client(access) as service:
        await service.create_container(access.container)
    store = await AzureBlobs.open(access)
    yield store
    await store.close()


async def listed(blobs: Blobs, prefix: str = "") -> dict[str, BlobRef]:
    """What is listed, by name; nothing twice."""
    refs = [each async for each in blobs.listing(prefix)]
    assert len({each.name for each in refs}) == len(refs)
    return {each.name: each for each in refs}


@pytest.mark.parametrize("size", [0, SMALL, SEVERAL_BLOCKS])
async def test_a_body_comes_back_whole(blobs: Blobs, size: int) -> None:
    """What was put is given, byte for byte, whether it is nothing or many blocks."""
    body = secrets.token_bytes(size)
    await blobs.put("claims.tap/0199-0001/1.id.ab", body)
    assert await blobs.get("claims.tap/0199-0001/1.id.ab") == body


@pytest.mark.parametrize("size", [SMALL, SEVERAL_BLOCKS])
async def test_a_name_that_is_taken_stays_with_its_body(blobs: Blobs, size: int) -> None:
    """A second put under a name succeeds and changes nothing."""
    first = secrets.token_bytes(size)
    await blobs.put("a/b", first)
    await blobs.put("a/b", secrets.token_bytes(size))
    assert await blobs.get("a/b") == first


async def test_puts_of_one_name_at_once_leave_one_whole_body(blobs: Blobs) -> None:
    """However many put at the same time, one of their bodies is there, whole, and stays."""
    bodies = [bytes([n]) * 50_000 for n in range(8)]
    await asyncio.gather(*(blobs.put("a/b", body) for body in bodies))
    there = await blobs.get("a/b")
    assert there in bodies
    await blobs.put("a/b", b"later")
    assert await blobs.get("a/b") == there


@pytest.mark.parametrize("most", [1, SMALL - 1, SMALL, SMALL + 1])
async def test_no_more_is_given_than_asked_for(blobs: Blobs, most: int) -> None:
    """Whoever says how much it can hold is given that much from the beginning."""
    body = secrets.token_bytes(SMALL)
    await blobs.put("a", body)
    assert await blobs.get("a", most) == body[:most]


async def test_of_many_blocks_no_more_is_given_than_asked_for(blobs: Blobs) -> None:
    """A limit that lies behind the first block holds too."""
    body = secrets.token_bytes(SEVERAL_BLOCKS)
    await blobs.put("a", body)
    assert await blobs.get("a", 5 << 20) == body[: 5 << 20]


async def test_what_is_not_there_is_missing(blobs: Blobs) -> None:
    """A name that nobody put, and one of a folder, have no body."""
    await blobs.put("a/b", b"body")
    for name in ("a", "a/c", "a/b/c", "b"):
        with pytest.raises(BlobMissing):
            await blobs.get(name)


async def test_a_removed_blob_is_gone(blobs: Blobs) -> None:
    """It is not given, not listed, and a second removal says that there was none."""
    await blobs.put("a/b", b"body")
    assert await blobs.remove("a/b")
    assert not await blobs.remove("a/b")
    assert await listed(blobs) == {}
    with pytest.raises(BlobMissing):
        await blobs.get("a/b")


async def test_a_removed_name_may_be_used_again(blobs: Blobs) -> None:
    """A body that is sent again after it was removed is there again."""
    await blobs.put("a/b", b"first")
    await blobs.remove("a/b")
    await blobs.put("a/b", b"second")
    assert await blobs.get("a/b") == b"second"


async def test_what_was_put_is_listed_with_its_size_and_time(blobs: Blobs) -> None:
    """Each blob once, with its bytes counted, and written about now."""
    before = time.time()
    await blobs.put("a/b", b"12345")
    await blobs.put("c", b"")
    refs = await listed(blobs)
    assert {name: each.size for name, each in refs.items()} == {"a/b": 5, "c": 0}
    assert all(before - 60 < each.written_at < time.time() + 60 for each in refs.values())


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("a", {"a/b/1", "a/b/2", "a/bc/1", "ab"}),
        ("a/", {"a/b/1", "a/b/2", "a/bc/1"}),
        ("a/b", {"a/b/1", "a/b/2", "a/bc/1"}),
        ("a/b/", {"a/b/1", "a/b/2"}),
        ("a/b/1", {"a/b/1"}),
        ("x", set()),
        ("a/b/1/", set()),
    ],
)
async def test_a_listing_has_what_begins_with_the_prefix(
    blobs: Blobs, prefix: str, names: set[str]
) -> None:
    """A prefix is a beginning of names, wherever in them it ends."""
    for name in ("a/b/1", "a/b/2", "a/bc/1", "ab", "b"):
        await blobs.put(name, b"body")
    assert set(await listed(blobs, prefix)) == names


@pytest.mark.parametrize("name", NO_NAMES)
async def test_what_cannot_be_a_name_names_nothing(blobs: Blobs, name: str) -> None:
    """Putting under it is a mistake; it is missing to whoever asks, and nothing is removed."""
    with pytest.raises(ValueError, match="name"):
        await blobs.put(name, b"body")
    with pytest.raises(BlobMissing):
        await blobs.get(name)
    assert not await blobs.remove(name)
    assert await listed(blobs) == {}
