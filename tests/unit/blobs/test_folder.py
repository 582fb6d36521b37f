"""Blobs in a folder: whole or not there, whatever happens, and for their owner's eyes only."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import sys
import time
from pathlib import Path

import pytest

from audit.errors import BlobsUnavailable
from storage.blobs.folder import FolderBlobs
from storage.blobs.port import Blobs
from tests.unit.blobs.putting import body_of

ROOT = Path(__file__).parents[3]


async def names(blobs: Blobs) -> set[str]:
    """What is listed."""
    return {each.name async for each in blobs.listing("")}


def modes(folder: Path) -> dict[str, int]:
    """The modes of a folder and of all in it."""
    return {str(each): stat.S_IMODE(each.stat().st_mode) for each in [folder, *folder.rglob("*")]}


async def test_only_the_owner_can_read_what_is_kept(tmp_path: Path) -> None:
    """Every folder has mode 0700, every file 0600, whatever the process's mask is."""
    before = os.umask(0)
    try:
        await FolderBlobs(tmp_path / "blobs").put("a/b/c", b"body")
    finally:
        os.umask(before)
    found = modes(tmp_path / "blobs")
    assert {mode for name, mode in found.items() if name.endswith("c")} == {0o600}
    assert {mode for name, mode in found.items() if not name.endswith("c")} == {0o700}


async def test_a_process_that_is_killed_leaves_whole_blobs_only(tmp_path: Path) -> None:
    """What was said to be there is there after a `kill -9`, and nothing is there in part."""
    said = -1
    for last in (3, 5, 9):
        said = max(said, await killed_after(tmp_path / "blobs", last))
    blobs = FolderBlobs(tmp_path / "blobs")
    there = {int(name.rpartition("/")[2]): name for name in await names(blobs)}
    assert set(there) >= set(range(said + 1))
    for n, name in there.items():
        assert await blobs.get(name) == body_of(n)


async def killed_after(folder: Path, last: int) -> int:
    """Let a process put blobs, and kill it while it goes on; give the last that it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.unit.blobs.putting", str(folder)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    said = -1
    while said < last:
        said = int(await process.stdout.readline())
    process.kill()
    rest, _ = await process.communicate()
    whole = rest.decode().rpartition("\n")[0].split()
    return int(whole[-1]) if whole else said


@pytest.mark.parametrize("step", ["write", "fsync", "link"])
async def test_a_disk_that_refuses_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A put that failed says so, names the folder, and leaves neither a blob nor a file."""

    def refuse(*arguments: object, **keys: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    blobs = FolderBlobs(tmp_path / "blobs")
    monkeypatch.setattr(os, step, refuse)
    with pytest.raises(BlobsUnavailable, match=f"{tmp_path}/blobs: No space left on device"):
        await blobs.put("a/b", b"body")
    monkeypatch.undo()
    assert await names(blobs) == set()
    assert [each for each in (tmp_path / "blobs").rglob("*") if each.is_file()] == []
    await blobs.put("a/b", b"body")
    assert await blobs.get("a/b") == b"body"


async def test_a_name_is_durable_before_the_put_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes are synced before they have their name, every folder above it afterwards."""
    steps: list[str] = []
    sync, link = os.fsync, os.link

    def synced(descriptor: int) -> None:
        steps.append(str(Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(tmp_path)))
        sync(descriptor)

    def linked(source: str, target: str) -> None:
        steps.append("link")
        link(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "link", linked)
    blobs = FolderBlobs(tmp_path / "blobs")
    await blobs.put("a/b/c", b"body")
    assert steps[0].startswith("blobs/.new/")
    assert steps[1:] == ["link", "blobs/a/b", "blobs/a", "blobs", "."]
    del steps[:]
    await blobs.put("a/b/c", b"body")
    assert steps == ["blobs/a/b", "blobs/a", "blobs", "."]


async def test_what_a_crash_left_unfinished_goes_after_a_day(tmp_path: Path) -> None:
    """It is never listed; another process's unfinished file of today stays."""
    blobs = FolderBlobs(tmp_path / "blobs")
    await blobs.put("a", b"body")
    old, new = tmp_path / "blobs/.new/old", tmp_path / "blobs/.new/new"
    for each in (old, new):
        each.write_bytes(b"half")
    os.utime(old, (time.time() - 90_000,) * 2)
    assert await names(blobs) == {"a"}
    await blobs.put("b", b"body")
    assert (old.exists(), new.exists()) == (False, True)
    assert await names(blobs) == {"a", "b"}


async def test_a_folder_that_is_not_there_is_an_empty_one(tmp_path: Path) -> None:
    """Reading and removing make nothing and miss nothing."""
    blobs = FolderBlobs(tmp_path / "blobs")
    assert await names(blobs) == set()
    assert not await blobs.remove("a/b")
    assert not (tmp_path / "blobs").exists()


async def test_a_folder_that_cannot_be_used_is_unavailable(tmp_path: Path) -> None:
    """Where something else has its name, a put says so and may be tried again."""
    (tmp_path / "blobs").write_text("a file")
    with pytest.raises(BlobsUnavailable):
        await FolderBlobs(tmp_path / "blobs").put("a", b"body")


async def test_foreign_files_are_no_blobs(tmp_path: Path) -> None:
    """What cannot be a blob's name is neither listed nor touched."""
    blobs = FolderBlobs(tmp_path / "blobs")
    await blobs.put("a/b", b"body")
    (tmp_path / "blobs/a/.hidden").write_text("x")
    (tmp_path / "blobs/lost+found").mkdir()
    assert await names(blobs) == {"a/b"}
