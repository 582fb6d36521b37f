"""Blobs in a folder: a file for each, readable by its owner only.

The law: a file has its name only when all of it is synced, and a name that is taken stays with the
file that has it. So a body is written under a name of its own in `.new`, synced, and then linked
to where it belongs, which fails where something is already; the folders above are synced too,
since a power cut could unname the file. What a crash leaves in `.new` is nobody's body and goes
after a day. The bytes of what is removed are not overwritten: they are sealed, or the disk's
owner encrypts it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from audit.errors import BlobMissing, BlobsUnavailable
from storage.blobs.port import BlobRef, is_blob_name

__all__ = ["FolderBlobs"]

_T = TypeVar("_T")

# No blob can have it: it begins with a dot.
_UNFINISHED = ".new"
# No body takes a day to write.
_ABANDONED_SECONDS = 86_400.0
_NEW_FILE = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC


class FolderBlobs:
    """Implements `Blobs`. The folder is made with the first blob; any number of processes use it.

    Every call blocks on the disk and runs on a thread.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    async def put(self, name: str, body: bytes) -> None:
        """Keep a body."""
        if not is_blob_name(name):
            raise ValueError("no blob can have this name")
        await self._apart(partial(self._put, name, body))

    async def get(self, name: str, most: int | None = None) -> bytes:
        """Give a body."""
        if not is_blob_name(name):
            raise BlobMissing
        return await self._apart(partial(self._get, name, most))

    async def listing(self, prefix: str) -> AsyncIterator[BlobRef]:
        """Every blob whose name starts with `prefix`; holds one folder's entries at a time."""
        waiting = [""]
        while waiting:
            folders, blobs = await self._apart(partial(self._look, waiting.pop()))
            waiting += [each for each in folders if _may_lead_to(each, prefix)]
            for blob in blobs:
                if blob.name.startswith(prefix):
                    yield blob

    async def remove(self, name: str) -> bool:
        """Remove a body."""
        return is_blob_name(name) and await self._apart(partial(self._remove, name))

    async def _apart(self, call: Callable[[], _T]) -> _T:
        with _translated(self._path):
            return await asyncio.to_thread(call)

    def _put(self, name: str, body: bytes) -> None:
        file = self._path / name
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        above = [file.parents[at] for at in range(name.count("/"))]
        for folder in (*reversed(above), self._path / _UNFINISHED):
            folder.mkdir(mode=0o700, exist_ok=True)
        if not file.exists():
            self._write(file, body)
        # Also where it was there: whoever wrote it may have died before its name was durable.
        for folder in (*above, self._path, self._path.parent):
            _sync(folder)

    def _write(self, file: Path, body: bytes) -> None:
        self._clear_away()
        fresh = self._path / _UNFINISHED / secrets.token_hex(16)
        try:
            with os.fdopen(os.open(fresh, _NEW_FILE, 0o600), "wb", buffering=0) as stream:
                _write_all(stream.fileno(), body)
                os.fsync(stream.fileno())
            with suppress(FileExistsError):  # Another was first.
                file.hardlink_to(fresh)
        finally:
            fresh.unlink(missing_ok=True)

    def _clear_away(self) -> None:
        long_ago = time.time() - _ABANDONED_SECONDS
        for left in os.scandir(self._path / _UNFINISHED):
            with suppress(FileNotFoundError):
                if left.stat().st_mtime < long_ago:
                    Path(left).unlink()

    def _get(self, name: str, most: int | None) -> bytes:
        try:
            with (self._path / name).open("rb", buffering=0) as file:
                return file.read(-1 if most is None else most) or b""
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise BlobMissing from None

    def _remove(self, name: str) -> bool:
        file = self._path / name
        try:
            file.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return False
        _sync(file.parent)
        return True

    def _look(self, folder: str) -> tuple[list[str], list[BlobRef]]:
        """Give the folders and the blobs right under a folder, by their names from the top."""
        folders, blobs = list[str](), list[BlobRef]()
        with suppress(FileNotFoundError), os.scandir(self._path / folder) as entries:
            for entry in entries:
                name = f"{folder}/{entry.name}" if folder else entry.name
                if not is_blob_name(name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(name)
                else:
                    blobs += _ref(name, entry)
        return folders, blobs


def _ref(name: str, entry: os.DirEntry[str]) -> list[BlobRef]:
    with suppress(FileNotFoundError):  # Removed meanwhile.
        facts = entry.stat(follow_symlinks=False)
        return [BlobRef(name, facts.st_size, facts.st_mtime)]
    return []


def _may_lead_to(folder: str, prefix: str) -> bool:
    inside = f"{folder}/"
    return inside.startswith(prefix) or prefix.startswith(inside)


def _write_all(descriptor: int, body: bytes) -> None:
    rest = memoryview(body)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Say what the operating system says of the folder; it knows nothing of what is in a body."""
    try:
        yield
    except OSError as error:
        raise BlobsUnavailable(f"the blobs' folder {path}: {error.strerror}") from None
