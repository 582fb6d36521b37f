"""The spool's folder: whether it can be written, how long a sync takes, and how much has room.

An opening is synced within `spool.sync_interval` by group commit, and waits `spool.open_timeout`
for the disk at most: a disk that takes longer than that makes openings fail.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median

from audit.preflight import Finding, failed, passed
from audit.settings import Settings
from cli.places import Places
from storage.sight import nearest

__all__ = ["spool"]

_SYNCS = 9
_PROBE = b"x" * 4096


async def spool(settings: Settings) -> AsyncIterator[Finding]:
    """Write and sync a file beside the spool, and take it away again."""
    folder = nearest(Places(settings.data).spool(settings.tap.name))
    try:
        syncs = await asyncio.to_thread(_synced, folder)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        why = (error.strerror or "cannot be used").lower()
        advice = f"set data to a folder that user id {os.getuid()} may write"
        yield failed("spool", f"{folder} cannot be written ({why})", advice)
        return
    yield passed("spool", f"{settings.data} can be written")
    yield _latency(syncs, settings)
    yield _room(folder, free, settings)


def _latency(syncs: list[float], settings: Settings) -> Finding:
    told = f"median {median(syncs) * 1000:.1f} ms, longest {max(syncs) * 1000:.1f} ms"
    if median(syncs) > settings.spool.open_timeout:
        advice = "use a faster disk for data, or raise spool.open_timeout"
        return failed("spool: sync", f"{told}: openings would fail", advice)
    return passed("spool: sync", told)


def _room(folder: Path, free: int, settings: Settings) -> Finding:
    wanted = settings.spool.max_bytes
    told = f"{free >> 20} MiB are free, and the spool may take {wanted >> 20}"
    if free < wanted:
        advice = "free some, or lower spool.max_bytes"
        return failed("spool: room", f"{folder}: {told}", advice)
    return passed("spool: room", told)


def _synced(folder: Path) -> list[float]:
    """How long each sync of a little more took, in seconds."""
    name = folder / f".preflight-{os.getpid()}"
    descriptor = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        return [_sync(descriptor) for _ in range(_SYNCS)]
    finally:
        os.close(descriptor)
        name.unlink()


def _sync(descriptor: int) -> float:
    os.write(descriptor, _PROBE)
    begun = time.perf_counter()
    os.fsync(descriptor)
    return time.perf_counter() - begun
